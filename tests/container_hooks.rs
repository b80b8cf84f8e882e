//! Hooks and scripts that run commands in containers that a deploy started.

use crate::harness::{Cluster, Daemon, Project};

/// A project whose deployment `web` runs one pod, with `hooks` and `script`.
fn project(cluster: &Cluster, daemon: &Daemon, hooks: &str, script: &str) -> Project {
    let manifest = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  selector: {{matchLabels: {{app: web}}}}\n  \
         template:\n    metadata: {{labels: {{app: web}}}}\n    spec: {{terminationGracePeriodSeconds: 0, containers: [{{name: \
         c, image: '{}', imagePullPolicy: Never, command: [sh, -c, 'echo hello from the log; sleep 1000']}}]}}\n",
        daemon.base()
    );
    let config = format!(
        "version: v1beta11\ndeployments: [{{name: web, kubectl: {{manifests: [web.yaml]}}}}]\nhooks:\n{hooks}"
    );
    let project = Project::new()
        .file("devspace.yaml", config)
        .file("web.yaml", manifest)
        .file("windlass.rhai", script)
        .file("kubeconfig", cluster.kubeconfig("test"));
    let path = project.path("kubeconfig");
    project.env("KUBECONFIG", path)
}

#[test]
fn hooks_and_scripts_run_commands_in_containers_after_a_deploy() {
    let Some(cluster) = Cluster::with_node() else { return };
    let Some(daemon) = Daemon::acquire() else { return };
    let hooks = "- {events: ['after:deploy'], wait: {running: true, timeout: 60}, container: {labelSelector: {app: web}}}
- {events: ['after:deploy'], command: 'echo in $((40+2)) container', container: {labelSelector: {app: web}}}
- {events: ['after:deploy'], command: sh, args: [-c, 'echo once-$((1+1)) >> /log; cat /log'], container: {labelSelector: {app: web}, once: true}}
- {events: ['after:deploy'], logs: {tailLines: 5}, background: true, container: {labelSelector: {app: web}}}
- {events: ['before:deploy'], upload: {localPath: a}, container: {labelSelector: {app: web}}}
";
    let script = "import \"scripts/deploy\" as base;
fn after_deploy(project, results) {
    base::after_deploy(project, results);
    let result = exec_in(\"app=web\", [\"sh\", \"-c\", \"echo to stdout; echo to stderr >&2; exit 3\"], #{ check: false, container: \"c\" });
    print(`code ${result.code}, ${result.stdout}, ${result.stderr}`);
}
";
    let project = project(&cluster, &daemon, hooks, script);
    let output = project.run(["deploy"]);
    output.success().stderr_has("in 42 container").stderr_has("once-2");
    output.stderr_has("windlass does not support `upload` of hooks");
    let all = format!("{}{}", output.stdout, output.stderr);
    assert!(all.contains("code 3, to stdout, to stderr"), "{output}");
    // The mark in the container keeps the command from running again.
    project.run(["deploy"]).success().stderr_has("in 42 container").lacks("once-2");
    // A plan runs nothing.
    project.run(["plan", "deploy"]).success().lacks("in 42 container");

    let failing = "- {name: migrate, events: ['after:deploy'], command: 'echo no table; exit 4', container: {labelSelector: {app: web}}}\n";
    let config = project.read("devspace.yaml");
    let (before, _) = config.split_once("hooks:\n").expect("hooks");
    project.write("devspace.yaml", format!("{before}hooks:\n{failing}"));
    let output = project.run(["deploy"]);
    output
        .exits(1)
        .stderr_has("hook::failed")
        .stderr_says("hook `migrate` for `after:deploy` failed: exit code 4");
    output.stderr_says("no table");
    let absent = failing.replace("app: web}", "app: wep}, timeout: 1");
    project.write("devspace.yaml", format!("{before}hooks:\n{absent}"));
    project.run(["deploy"]).exits(1).stderr_says("no pod with the labels `app=wep`");
}
