//! What a running `windlass dev` does when a file changes that is neither synced nor part of a build context.

use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;

use crate::harness::{Cluster, Project, Running, helms, wait_for};

/// How long to wait for a pass.
const LIMIT: Duration = Duration::from_secs(60);

/// Waits until the output has `part` `times` times; returns it.
#[track_caller]
fn wait_for_count(running: &Running, part: &str, times: usize) -> String {
    wait_for(&format!("{times} times {part:?}"), LIMIT, || {
        let (stdout, stderr) = running.output_so_far();
        let text = format!("{stdout}{stderr}");
        (text.matches(part).count() >= times).then_some(text)
    })
}

/// A project with a manifest, a chart with values, and a section `dev`.
fn deployments(cluster: &Cluster, dev: &str) -> Option<Project> {
    let helm = helms().into_iter().next()?;
    let map = |name: &str, value: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{size: \"{value}\"}}\n")
    };
    let config = format!(
        "version: v1beta9\ndeployments:\n- {{name: plain, kubectl: {{manifests: [kube/*.yaml]}}}}\n- {{name: chart, helm: \
         {{chart: {{name: ./chart}}, valuesFiles: [values.yaml]}}}}\n{dev}"
    );
    let project = Project::new()
        .file("devspace.yaml", config)
        .file("kube/plain.yaml", map("plain", "one"))
        .file("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0\n")
        .file("chart/templates/conf.yaml", map("chart", "{{ .Values.size }}"))
        .file("values.yaml", "size: one\n")
        .file("kubeconfig", cluster.kubeconfig("test"))
        .limit(Duration::from_secs(120));
    let path = project.path("kubeconfig");
    Some(project.env("KUBECONFIG", path).env("WINDLASS_HELM", helm))
}

#[track_caller]
fn wait_for_size(cluster: &Cluster, name: &str, expected: &str) {
    wait_for(&format!("{expected} of {name}"), LIMIT, || {
        let size = cluster.find::<ConfigMap>(name)?.data?.remove("size")?;
        (size == expected).then_some(())
    });
}

#[test]
fn saved_manifests_charts_and_values_are_deployed_if_auto_reload_names_them() {
    let Some(cluster) = Cluster::acquire() else { return };
    let dev = "dev: {autoReload: {deployments: [plain, chart], paths: [\"marks/**\"]}}\n";
    let Some(project) = deployments(&cluster, dev) else { return };
    let running = project.spawn(["dev"]);
    wait_for_size(&cluster, "plain", "one");
    wait_for_size(&cluster, "chart", "one");
    wait_for_count(&running, "watching", 1);
    project.write("kube/plain.yaml", project.read("kube/plain.yaml").replace("one", "two"));
    wait_for_size(&cluster, "plain", "two");
    project.write("values.yaml", "size: two\n");
    wait_for_size(&cluster, "chart", "two");
    let template = project.read("chart/templates/conf.yaml");
    project.write("chart/templates/conf.yaml", template.replace("{{ .Values.size }}", "three"));
    wait_for_size(&cluster, "chart", "three");
    // A manifest that was not there before.
    project.write("kube/more.yaml", project.read("kube/plain.yaml").replace("plain", "more"));
    wait_for_size(&cluster, "more", "two");
    // A path of `autoReload` is another pass.
    project.write("marks/now", "1");
    let text = wait_for_count(&running, "marks/now", 1);
    // Another file may have been saved before the pass for it ended.
    let is_named = |line: &str| line.starts_with("changed: ") && line.contains("values.yaml");
    assert!(text.lines().any(is_named), "{text}");
    assert!(!text.contains("stale"), "{text}");
    running.interrupt();
}

#[test]
fn saved_manifests_and_values_are_only_reported_otherwise() {
    let Some(cluster) = Cluster::acquire() else { return };
    let Some(project) = deployments(&cluster, "") else { return };
    let running = project.spawn(["dev"]);
    wait_for_count(&running, "watching", 1);
    project.write("kube/plain.yaml", project.read("kube/plain.yaml").replace("one", "two"));
    wait_for_count(&running, "plain is stale: kube/plain.yaml changed; b deploys it", 1);
    project.write("values.yaml", "size: two\n");
    wait_for_count(&running, "chart is stale: values.yaml changed; b deploys it", 1);
    wait_for_size(&cluster, "plain", "one");
    wait_for_size(&cluster, "chart", "one");
    let text = running.interrupt().all();
    assert!(!text.contains("no pod  "), "{text}");
    // With `--watch`, all are deployed.
    let running = project.spawn(["dev", "--watch"]);
    wait_for_size(&cluster, "plain", "two");
    wait_for_count(&running, "watching", 1);
    project.write("values.yaml", "size: three\n");
    wait_for_size(&cluster, "chart", "three");
    running.interrupt();
}

#[test]
fn imported_files_variables_and_scripts_of_profiles_take_effect_while_it_runs() {
    let config = "version: v2beta1\nname: shop\nimports: [{path: shared/more.yaml}]\nvars: {WORD: {source: env}}\nimages:\n  \
                  web: {image: registry.test/web, dockerfile: Dockerfile, buildArgs: {WORD: \"${WORD}\"}}\nprofiles: [{name: \
                  extra}]\n";
    let more = |name: &str| {
        format!(
            "version: v2beta1\nname: more\nimages:\n  {name}: {{image: registry.test/{name}, dockerfile: Dockerfile}}\n"
        )
    };
    let project = Project::new()
        .file("devspace.yaml", config)
        .file("shared/more.yaml", more("one"))
        .file(".env", "WORD=first\n")
        .file("Dockerfile", "FROM scratch\nARG WORD\nLABEL word=$WORD\nCOPY page /page\n")
        .file(".dockerignore", "*\n!page\n")
        .file("page", "one")
        .file("windlass.extra.rhai", "fn after_build(project, results) { print(\"script one\"); }\n");
    let running = project.spawn(["dev", "-p", "extra", "--skip-push", "--builder", "oci"]);
    let text = wait_for_count(&running, "watching", 1);
    assert!(text.contains("one | built") && text.contains("web | built"), "{text}");
    assert!(text.contains("script one"), "{text}");
    project.write("shared/more.yaml", more("two"));
    wait_for_count(&running, "two | built", 1);
    project.write(".env", "WORD=second\n");
    wait_for_count(&running, "web | built", 2);
    project.write("windlass.extra.rhai", "fn after_build(project, results) { print(\"script two\"); }\n");
    wait_for_count(&running, "script two", 1);
    let text = running.interrupt().all();
    for name in ["changed: shared/more.yaml", "changed: .env", "changed: windlass.extra.rhai"] {
        assert!(text.contains(name), "no {name}: {text}");
    }
}
