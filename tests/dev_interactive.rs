//! `windlass dev` in interactive mode, on a real node.

use std::time::Duration;

use crate::harness::{Cluster, Daemon, Project};

/// The configuration with `dev` as its last section.
fn config(repository: &str, dev: &str) -> String {
    format!(
        "version: v1beta9\nimages: {{web: {{image: {repository}}}}}\ndeployments: [{{name: web, kubectl: {{manifests: \
         [web.yaml]}}}}]\n{dev}"
    )
}

/// Runs `dev` with `options` in a terminal, and asserts that the container runs `program`, and that the exit code of the
/// shell is that of the session.
#[track_caller]
fn runs(project: &Project, options: &[&str], program: &str) {
    let mut terminal = project.terminal(["dev", "--skip-push"].iter().chain(options));
    terminal.wait_for_text("# ");
    terminal.type_text("tr '\\0' ' ' </proc/1/cmdline; exit $((3+4))\n");
    let (status, screen) = terminal.finish();
    assert!(screen.contains(program), "{program}: {screen}");
    assert_eq!(status.exit_code(), 7, "{screen}");
}

#[test]
fn images_wait_and_a_terminal_opens_until_its_shell_ends() {
    let Some(cluster) = Cluster::with_node() else { return };
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("registry.test", "web");
    let name = repository.name();
    let manifest = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  selector: {{matchLabels: {{app: \
         web}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    spec:\n      \
         terminationGracePeriodSeconds: 0\n      containers: [{{name: web, image: {name}}}]\n"
    );
    let project = Project::new()
        .daemon(&daemon)
        .file("devspace.yaml", config(name, ""))
        .file("web.yaml", manifest)
        .file("Dockerfile", format!("FROM {}\nCMD [\"sleep\", \"100000\"]\n", daemon.base()))
        .file("kubeconfig", cluster.kubeconfig("test"))
        .limit(Duration::from_secs(120));
    let kubeconfig = project.path("kubeconfig");
    let project = project.env("KUBECONFIG", kubeconfig);

    // Without a section, the only image waits.
    runs(&project, &["-i"], "sleep 999999999");
    // With one, the image has its entrypoint, and `-i` may be the default.
    let section = "dev: {interactive: {defaultEnabled: true, images: [{name: web, entrypoint: [sleep], cmd: ['4242']}]}}\n";
    project.write("devspace.yaml", config(name, section));
    runs(&project, &[], "sleep 4242");
    // `-t` opens a terminal in the image as it is.
    runs(&project, &["-t"], "sleep 100000");
}
