//! `windlass deploy` and `windlass purge` with charts, by helm 3 and 4.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use serde_json::{Value, json};

use crate::harness::{
    ChartRepository, Cluster, Daemon, PASSWORD, Project, Registry, Signal, USER, helms, wait_for,
};

/// How long to wait for another program.
const LIMIT: Duration = Duration::from_secs(60);

/// A project for `cluster` and `helm` whose deployment `web` is a chart with one ConfigMap.
fn project(cluster: &Cluster, helm: &Path) -> Project {
    let config = "version: v2beta1\nname: shop\ndeployments:\n  web: {helm: {chart: {name: ./chart}, values: {size: 1}}}\n";
    let map =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf}\ndata: {size: \"{{ .Values.size }}\"}\n";
    let project = Project::new()
        .file("devspace.yaml", config)
        .file("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0\n")
        .file("chart/values.yaml", "size: 0\n")
        .file("chart/templates/conf.yaml", map)
        .file("kubeconfig", cluster.kubeconfig("test"));
    let path = project.path("kubeconfig");
    project.env("KUBECONFIG", path).env("WINDLASS_HELM", helm)
}

/// The value of the chart's ConfigMap.
fn size(cluster: &Cluster) -> Option<String> {
    cluster.find::<ConfigMap>("conf")?.data?.remove("size")
}

/// The name and the status of the newest revision.
fn newest(cluster: &Cluster) -> (String, String) {
    let secrets = cluster.list::<Secret>().into_iter().filter_map(|secret| {
        let labels = secret.metadata.labels?;
        let revision: u32 = labels.get("version")?.parse().ok()?;
        Some((revision, secret.metadata.name?, labels.get("status")?.clone()))
    });
    let newest = secrets.max_by_key(|(revision, ..)| *revision);
    newest.map(|(_, name, status)| (name, status)).expect("a release")
}

#[test]
fn a_chart_is_installed_kept_and_upgraded() {
    for helm in helms() {
        let Some(cluster) = Cluster::without_namespace() else { return };
        let project = project(&cluster, &helm);
        let deploy = |options: &[&str]| project.run([&["deploy"], options].concat());
        let output = deploy(&[]);
        output
            .success()
            .stderr_has("web | deploying: not deployed yet")
            .stderr_has("web | deployed revision 1");
        output.stderr_has(format!("created the namespace {}", cluster.namespace()));
        assert_eq!(size(&cluster).as_deref(), Some("1"));
        deploy(&[]).success().stderr_has("web | kept: unchanged (revision 1)").stderr_has("1 kept");
        project.write("devspace.yaml", project.read("devspace.yaml").replace("size: 1", "size: 2"));
        deploy(&[]).success().stderr_has("its values changed").stderr_has("web | deployed revision 2");
        assert_eq!(size(&cluster).as_deref(), Some("2"));
        deploy(&["-d"]).success().stderr_has("--force-deploy").stderr_has("web | deployed revision 3");

        // A rejected object makes the release a failed one, which is deployed again when the chart has its old content.
        let service = "apiVersion: v1\nkind: Service\nmetadata: {name: bad}\nspec: {ports: [{port: 99999, protocol: TCP}]}\n";
        project.write("chart/templates/bad.yaml", service);
        let output = deploy(&[]);
        output
            .exits(1)
            .stderr_has("the chart changed")
            .stderr_says("Service \"bad\" is invalid")
            .stderr_says("99999");
        assert_eq!(newest(&cluster).1, "failed");
        project.remove("chart/templates/bad.yaml");
        deploy(&[]).success().stderr_has("revision 4 is failed").stderr_has("web | deployed revision 5");
        deploy(&[]).success().stderr_has("kept: unchanged (revision 5)");

        project
            .run(["purge", "--yes"])
            .success()
            .stderr_has("deleted ConfigMap/conf")
            .stderr_has("release web was uninstalled")
            .stderr_has("1 deleted");
        assert_eq!(size(&cluster), None);
        let output = project.run(["purge", "--yes"]);
        output.success().stderr_has("web | nothing to delete: release web not found\n").lacks("Error");
    }
}

#[test]
fn tags_of_images_are_put_into_values() {
    for helm in helms() {
        let Some(cluster) = Cluster::acquire() else { return };
        let project = project(&cluster, &helm)
            .file("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")
            .file("chart/values.yaml", "size: 0\nimage: {repository: r.example/shop/api, tag: latest}\n")
            .file(
                "chart/templates/conf.yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf}\ndata: {size: \"{{ .Values.image.tag }}\"}\n",
            );
        let config = project.read("devspace.yaml");
        project.write("devspace.yaml", format!("{config}images:\n  api: {{image: r.example/shop/api}}\n"));
        // The registry does not exist.
        project.run(["build", "--builder", "oci", "--skip-push", "-t", "1.4"]).success();
        project.run(["deploy", "--skip-build"]).success();
        assert_eq!(size(&cluster).as_deref(), Some("1.4"));
    }
}

#[test]
fn a_chart_that_cannot_be_rendered_is_not_deployed() {
    for helm in helms() {
        let Some(cluster) = Cluster::acquire() else { return };
        let project = project(&cluster, &helm);
        project.run(["deploy"]).success();
        let check = |file: &str, text: &str, expected: &[&str]| {
            project.write(file, text);
            let output = project.run(["deploy"]);
            project.remove(file);
            output.exits(1);
            expected.iter().for_each(|expected| {
                output.stderr_says(expected);
            });
        };
        check(
            "chart/templates/bad.yaml",
            "kind: A\nname: {{ .Values.none.deep }}\n",
            &["deploy::template", "templates/bad.yaml:2:", "set `none` in the values"],
        );
        check(
            "chart/templates/bad.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: b: c}\n",
            &["deploy::rendered_yaml", "web/templates/bad.yaml (rendered):"],
        );
        check(
            "chart/values.schema.json",
            r#"{"type": "object", "properties": {"size": {"type": "string"}}}"#,
            &["deploy::values_schema", "`size`: ", "string"],
        );
        cluster.create::<ConfigMap>(json!({ "metadata": { "name": "mine" } }));
        check(
            "chart/templates/mine.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: mine}\n",
            &["deploy::ownership", "ConfigMap/mine (namespace", "belongs to no release", "--take-ownership"],
        );
        let chart = project.read("chart/Chart.yaml");
        let dependency =
            "dependencies: [{name: redis, version: 1.0.0, repository: 'http://127.0.0.1:1/x'}]\n";
        project.write("chart/Chart.yaml", format!("{chart}{dependency}"));
        let output = project.run(["deploy"]);
        output.exits(1).stderr_has("deploy::chart_dependency").stderr_says("lacks its dependency `redis`");
        let config = project.read("devspace.yaml");
        project.write("devspace.yaml", config.replace("./chart", "./chrat"));
        let output = project.run(["deploy"]);
        output
            .exits(1)
            .stderr_has("deploy::chart_not_found")
            .stderr_says("`./chrat`")
            .stderr_says("did you mean `chart`?");
        project.write(
            "devspace.yaml",
            config.replace("name: ./chart", "name: redis, repo: 'http://127.0.0.1:1/x'"),
        );
        let output = project.run(["deploy"]);
        output.exits(1).stderr_has("deploy::chart_unavailable").stderr_says("http://127.0.0.1:1/x");
        // The errors did not change the release.
        assert_eq!(size(&cluster).as_deref(), Some("1"));
    }
}

#[test]
fn a_missing_or_old_helm_is_named() {
    let Some(cluster) = Cluster::acquire() else { return };
    let project = project(&cluster, Path::new("./no-helm"));
    let output = project.run(["deploy"]);
    output.exits(1).stderr_has("deploy::helm_missing").stderr_says("WINDLASS_HELM");
    let project = project.executable("no-helm", "#!/bin/sh\necho v3.5.4\n");
    let output = project.run(["deploy"]);
    output
        .exits(1)
        .stderr_has("deploy::helm_version")
        .stderr_says("helm 3.5.4")
        .stderr_says("install helm 3.8 or newer");
}

/// A program that records its arguments and becomes the helm of `REAL_HELM`. Like helm, it contains its version.
const RECORDING_HELM: &str = r#"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
const char *version = "VERSION";
int main(int count, char **words) {
    FILE *calls = fopen("calls", "a");
    fprintf(calls, "%s %s\n", words[1], version);
    fclose(calls);
    words[0] = getenv("REAL_HELM");
    return execv(words[0], words);
}
"#;

#[test]
fn helm_is_queried_for_its_version_once() {
    for helm in helms() {
        let project = Project::new();
        let output = project.run_program(&helm, ["version", "--template", "{{.Version}}"]).success().clone();
        let version = output.stdout.trim();
        // Compiled first: a program that is just being written may still change.
        let compile = |folder: &str, content: &str| {
            project.write(format!("{folder}/helm.c"), content);
            let path = project.path(folder).join("helm");
            project
                .run_program("cc", ["-o".as_ref(), path.as_os_str(), path.with_extension("c").as_os_str()])
                .success();
            path
        };
        let source = RECORDING_HELM.replace("VERSION", version);
        let (program, newer) =
            (compile("bin", &source), compile("new", &format!("{source}int newer = 1;\n")));
        let Some(cluster) = Cluster::acquire() else { return };
        let project = self::project(&cluster, &program).env("REAL_HELM", &helm);
        let calls = |words: &[&str]| {
            project.run(words.iter().copied()).success();
            let calls = project.read("calls");
            project.remove("calls");
            calls.split_whitespace().step_by(2).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(calls(&["deploy"]), ["version", "upgrade"]);
        assert_eq!(calls(&["deploy", "-d"]), ["upgrade"]);
        assert_eq!(calls(&["render"]), ["template"]);
        std::fs::rename(newer, program).expect("replaced");
        assert_eq!(calls(&["render"]), ["version", "template"]);
        // Unless the file changed so recently that another change might have the same time.
        wait_for("the version", LIMIT, || (calls(&["render"]) == ["template"]).then_some(()));
    }
}

/// Leaves the revision `name` as helm does when it is killed during an upgrade.
fn make_pending(cluster: &Cluster, name: &str) {
    let secret: Secret = cluster.find(name).expect("it exists");
    let stored = STANDARD.decode(&secret.data.expect("data")["release"].0).expect("base64");
    let mut release: Value = serde_json::from_reader(GzDecoder::new(&stored[..])).expect("compressed JSON");
    release["info"]["status"] = "pending-upgrade".into();
    let mut compressed = GzEncoder::new(Vec::new(), Compression::fast());
    serde_json::to_writer(&mut compressed, &release).expect("it is written to memory");
    let stored = STANDARD.encode(compressed.finish().expect("it is written to memory"));
    let labels = json!({ "labels": { "status": "pending-upgrade" } });
    cluster.patch::<Secret>(
        name,
        &json!({ "metadata": labels, "data": { "release": STANDARD.encode(stored) } }),
    );
}

#[test]
fn a_release_with_an_operation_in_progress_is_not_touched() {
    for helm in helms() {
        let Some(cluster) = Cluster::acquire() else { return };
        let project = project(&cluster, &helm);
        project.run(["deploy"]).success();
        project.run(["deploy", "-d"]).success();
        let (name, _) = newest(&cluster);
        make_pending(&cluster, &name);
        let output = project.run(["deploy"]);
        output.exits(1).stderr_has("deploy::release_pending").stderr_says("(pending-upgrade since ");
        output.stderr_says("if it was killed, run `helm rollback web 1 -n");
        assert_eq!(newest(&cluster), (name, "pending-upgrade".to_owned()));
    }
}

/// A chart's hook: a Job with this script.
fn hook(image: &str, script: &str) -> String {
    format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: migrate, annotations: {{helm.sh/hook: 'pre-install,pre-upgrade'}}}}\n\
         spec: {{backoffLimit: 0, template: {{spec: {{restartPolicy: Never, terminationGracePeriodSeconds: 0, containers: \
         [{{name: m, image: '{image}', imagePullPolicy: Never, command: [sh, -c, '{script}']}}]}}}}}}\n"
    )
}

#[test]
fn a_script_rolls_a_chart_back() {
    for helm in helms() {
        let Some(cluster) = Cluster::acquire() else { return };
        let project = project(&cluster, &helm);
        let script =
            "fn after_deployment(deployment, result) { print(`rolled back: ${result.rollback()}`); }\n";
        project.write("windlass.rhai", script);
        // There is nothing to return to.
        project.run(["deploy"]).success().stderr_has("rolled back: \n").lacks("rolled back to");
        project.write("devspace.yaml", project.read("devspace.yaml").replace("size: 1", "size: 2"));
        let output = project.run(["deploy"]);
        output
            .success()
            .stderr_has("web: rolled back to revision 1, as revision 3")
            .stderr_has("rolled back: 3");
        assert_eq!(size(&cluster).as_deref(), Some("1"));
        assert_eq!(newest(&cluster).1, "deployed");
        // The next run deploys again.
        project.remove("windlass.rhai");
        project.run(["deploy"]).success().stderr_has("revision 3 was not deployed from here");
        assert_eq!(size(&cluster).as_deref(), Some("2"));
    }
}

/// The status of the newest revision, which helm stores in a ConfigMap.
fn newest_status(cluster: &Cluster) -> Option<String> {
    let statuses = cluster.list::<ConfigMap>().into_iter().filter_map(|map| {
        let mut labels = map.metadata.labels?;
        let revision: u32 = labels.remove("version")?.parse().ok()?;
        Some((revision, labels.remove("status")?))
    });
    statuses.max_by_key(|(revision, _)| *revision).map(|(_, status)| status)
}

#[test]
fn options_of_helm_take_effect() {
    for helm in helms() {
        let Some(cluster) = Cluster::acquire() else { return };
        let map = |name: &str, annotation: &str| {
            format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, annotations: {{{annotation}}}}}\n"
            )
        };
        let project = project(&cluster, &helm)
            .file("chart/templates/NOTES.txt", "the size is {{ .Values.size }}\n")
            .file("chart/templates/hook.yaml", map("hook", "helm.sh/hook: 'pre-install,pre-upgrade'"))
            .file("chart/templates/kept.yaml", map("kept", "helm.sh/resource-policy: keep"));
        let exists = |name: &str| cluster.find::<ConfigMap>(name).is_some();
        let deploy = |size: u32, more: &str| {
            let config = format!(
                "version: v1beta11\ndeployments:\n- name: web\n  helm:\n    chart: {{name: ./chart}}\n    values: {{size: \
                 {size}}}\n    driver: configmap\n    templateArgs: [--set, size=9]\n    deleteArgs: [--keep-history]\n    {more}\n"
            );
            project.write("devspace.yaml", config);
            project.run(["deploy"])
        };

        // The records of the release are ConfigMaps, and helm's output is shown once.
        let output = deploy(1, "disableHooks: true\n    displayOutput: true");
        output.success().stderr_has("web: STATUS: deployed").stderr_has("web: the size is 1");
        assert_eq!(output.stderr.matches("the size is 1").count(), 1, "{output}");
        assert_eq!((newest_status(&cluster).as_deref(), exists("hook")), (Some("deployed"), false));
        assert!(
            !cluster
                .list::<Secret>()
                .iter()
                .any(|secret| secret.type_.as_deref() == Some("helm.sh/release.v1"))
        );
        project.run(["render"]).success().stdout_has("size: \"9\"");

        // Fields that others add to an object are lost only when helm replaces the object.
        let mine = || cluster.find::<ConfigMap>("conf").and_then(|map| map.data?.remove("mine"));
        cluster.patch::<ConfigMap>("conf", &json!({ "data": { "mine": "1" } }));
        deploy(2, "").success().lacks("STATUS: deployed");
        assert_eq!(
            (size(&cluster).as_deref(), mine().as_deref(), exists("hook")),
            (Some("2"), Some("1"), true)
        );
        deploy(3, "force: true").success();
        assert_eq!((size(&cluster).as_deref(), mine()), (Some("3"), None));

        // A failed upgrade leaves the new objects, deletes them, or goes back to the revision before.
        let bad = "apiVersion: v1\nkind: Service\nmetadata: {name: bad}\nspec: {ports: [{port: 99999, protocol: TCP}]}\n";
        project.write("chart/templates/bad.yaml", bad);
        project.write("chart/templates/fresh.yaml", map("fresh", ""));
        deploy(4, "cleanupOnFail: true").exits(1);
        assert!(!exists("fresh"));
        deploy(5, "").exits(1);
        assert_eq!((newest_status(&cluster).as_deref(), exists("fresh")), (Some("failed"), true));
        deploy(6, "atomic: true").exits(1);
        assert_eq!(
            (newest_status(&cluster).as_deref(), size(&cluster).as_deref()),
            (Some("deployed"), Some("3"))
        );

        // A purge reports the deleted and kept objects, and `--keep-history` keeps the records.
        let purged = project.run(["purge", "--yes", "--json"]);
        let purged: Value = serde_json::from_str(&purged.success().stdout).expect("JSON");
        let named = |name: &str| format!("ConfigMap/{name} (namespace {})", cluster.namespace());
        let purged = &purged["deployments"][0];
        assert_eq!((&purged["outcome"], &purged["deleted"]), (&json!("deleted"), &json!([named("conf")])));
        assert_eq!(
            purged["kept"],
            json!([{"object": named("kept"), "reason": "`helm.sh/resource-policy: keep`"}])
        );
        assert_eq!((newest_status(&cluster).as_deref(), exists("conf")), (Some("uninstalled"), false));
        assert!(exists("kept"));
    }
}

#[test]
fn charts_of_registries_and_repositories_with_credentials_are_deployed() {
    let Some(registry) = Registry::with_login() else { return };
    for helm in helms() {
        let Some(cluster) = Cluster::acquire() else { return };
        let project = project(&cluster, &helm).file("registry.json", registry.docker_config());
        project.run_program(&helm, ["package", "chart"]).success();
        let oci = format!("oci://{}/charts", registry.address());
        let push = ["push", "web-0.1.0.tgz", &oci, "--plain-http", "--registry-config", "registry.json"];
        project.run_program(&helm, push).success();
        let archive = std::fs::read(project.path("web-0.1.0.tgz")).expect("it was packed");
        let repository = ChartRepository::serve("web", archive).url();
        project.remove("chart");
        // Real registries have TLS.
        let plain = "upgradeArgs: [--plain-http], templateArgs: [--plain-http]";
        let charts = [
            (format!("name: '{oci}/web'"), format!(", {plain}")),
            (format!("name: web, repo: '{repository}'"), String::new()),
        ];
        for (chart, more) in charts {
            let configure = |password: &str, size: u32| {
                let config = format!(
                    "version: v2beta1\nname: shop\ndeployments:\n  web: {{helm: {{chart: {{{chart}, version: 0.1.0, username: \
                     {USER}, password: {password}}}, values: {{size: {size}}}{more}}}}}\n"
                );
                project.write("devspace.yaml", config);
            };
            configure("wrong", 1);
            let output = project.run(["deploy"]);
            output.exits(1).stderr_has("deploy::chart_unavailable").stderr_says("401");
            configure(PASSWORD, 1);
            let planned = project.run(["plan", "deploy"]);
            planned.success().stdout_has("+        ConfigMap/conf").lacks("helm template").lacks(PASSWORD);
            let output = project.run(["deploy"]);
            output.success().stderr_has("web | deployed revision 1").lacks(PASSWORD);
            assert_eq!(size(&cluster).as_deref(), Some("1"));
            project.run(["deploy"]).success().stderr_has("kept: unchanged (revision 1)");
            configure(PASSWORD, 2);
            project.run(["deploy"]).success().stderr_has("web | deployed revision 2");
            assert_eq!(size(&cluster).as_deref(), Some("2"));
            project.run(["purge", "--yes"]).success();
            assert_eq!(size(&cluster), None);
        }
    }
}

#[test]
fn a_plan_without_a_response_of_the_cluster_reports_it() {
    for helm in helms() {
        let Some(cluster) = Cluster::without_namespace() else { return };
        let project = project(&cluster, &helm);
        let plan = || project.run(["plan", "deploy"]);
        // The namespace does not exist yet, but helm can query the cluster.
        plan().success().stdout_has("ConfigMap/conf").lacks("helm template");
        let custom = "apiVersion: none.acme.io/v1\nkind: Thing\nmetadata: {name: it}\n";
        project.write("chart/templates/thing.yaml", custom);
        let output = plan();
        output.success().stdout_has("Thing/it");
        output.stderr_has(
            "warning: web: the changes are those of `helm template`, which does not query the cluster: ",
        );
        assert!(cluster.namespace_object().is_none(), "a plan changes nothing");
    }
}

#[test]
fn a_hook_that_fails_is_shown_with_its_log() {
    for helm in helms() {
        let Some(cluster) = Cluster::with_node() else { return };
        let Some(daemon) = Daemon::acquire() else { return };
        let project = project(&cluster, &helm);
        project.write("chart/templates/hook.yaml", hook(&daemon.base(), "echo no such table; exit 3"));
        let output = project.run(["deploy"]);
        output.exits(1).stderr_has("deploy::hook").stderr_says("pre-install hook of release `web` failed");
        output.stderr_has("no such table").stderr_says("logs job/migrate`");
        assert_eq!(size(&cluster), None);
    }
}

#[test]
fn an_interrupted_upgrade_ends_as_failed_and_a_second_run_waits_for_it() {
    for helm in helms() {
        let Some(cluster) = Cluster::with_node() else { return };
        let Some(daemon) = Daemon::acquire() else { return };
        let project = project(&cluster, &helm);
        project.run(["deploy"]).success();
        project.write("chart/templates/hook.yaml", hook(&daemon.base(), "sleep 1000"));
        let first = project.spawn(["deploy"]);
        wait_for("the hook", LIMIT, || (!cluster.list::<Pod>().is_empty()).then_some(()));
        assert_eq!(newest(&cluster).1, "pending-upgrade");
        // The same project in another directory without the hook.
        let other = self::project(&cluster, &helm);
        let second = other.spawn(["deploy"]);
        second.wait_for_text(&format!("(process {}), who has been working on it since", first.pid()));
        first.signal(Signal::Interrupt);
        first.finish().exits(130).stderr_has("web | cancelled");
        second.finish().success().stderr_has("web | deployed revision 3");
        let statuses: Vec<_> = cluster
            .list::<Secret>()
            .into_iter()
            .filter_map(|secret| secret.metadata.labels?.remove("status"))
            .collect();
        assert!(statuses.iter().any(|status| status == "failed"), "{statuses:?}");
        assert!(!statuses.iter().any(|status| status.starts_with("pending")), "{statuses:?}");
    }
}

#[test]
fn a_chart_whose_pods_crash_fails_until_it_runs() {
    // At the same time, because each waits for the cluster for half a minute.
    std::thread::scope(|scope| {
        for helm in helms() {
            scope.spawn(move || fails_until_it_runs(&helm));
        }
    });
}

/// Deploys a chart whose pods crash, and then one whose pods run.
fn fails_until_it_runs(helm: &Path) {
    let Some(cluster) = Cluster::with_node() else { return };
    let Some(daemon) = Daemon::acquire() else { return };
    let project = project(&cluster, helm);
    project.run(["deploy"]).success();
    let pods = |script: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  selector: {{matchLabels: {{app: \
                 web}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    spec: {{terminationGracePeriodSeconds: 0, \
                 containers: [{{name: c, image: '{}', imagePullPolicy: Never, command: [sh, -c, '{script}']}}]}}\n",
            daemon.base()
        )
    };
    project.write("chart/templates/web.yaml", pods("echo panic; exit 1"));
    let output = project.run(["deploy"]);
    output
        .exits(1)
        .stderr_has("web | deployed revision 2")
        .stderr_has("deploy::crash")
        .stderr_has("  panic\n");
    output.stderr_says("release web is at revision 2: `helm rollback web 1 -n");
    // It is kept, but not ready yet.
    let output = project.run(["deploy", "--timeout", "2"]);
    output.exits(1).stderr_has("web | kept: unchanged (revision 2)").stderr_says("cannot deploy web");
    project.write("chart/templates/web.yaml", pods("sleep 1000"));
    project.run(["deploy"]).success().stderr_has("web | deployed revision 3").stderr_has("1 deployed");
    project.run(["deploy"]).success().stderr_has("web | kept: unchanged (revision 3)").lacks("waiting");
}
