//! Deploys to the cluster of the tests: manifests compared with kubectl, a chart compared with helm.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use k8s_openapi::api::core::v1::Pod;
use serde_json::json;
use tempfile::TempDir;

use super::harness::{Cluster, Signal};
use super::measure::{self, Cost};
use super::options::Options;
use super::table::Table;
use super::windlass::Windlass;

/// The call in the table.
const NAME: &str = "`windlass deploy`";
/// The arguments of a deploy.
const DEPLOY: [&str; 5] = ["deploy", "--skip-build", "--wait=false", "--progress", "plain"];
/// The objects of the manifests, and the files that they are in.
const OBJECTS: usize = 200;
const FILES: usize = 20;
/// The manifests for tag replacement.
const RENDERED: usize = 1000;
/// The objects of a large deployment.
const MANY: usize = 5000;

/// Adds the rows of first and repeated deploys.
pub fn deploy(options: &Options, table: &mut Table) {
    manifests(options, table);
    chart(options, table);
    render(options, table);
    trouble(options, table);
    if !options.is_short {
        many(table);
    }
}

fn manifests(options: &Options, table: &mut Table) {
    let Some(kubectl) = program("WINDLASS_TEST_KUBECTL") else { return };
    eprintln!("deploy: {OBJECTS} objects");
    let names = ["first", "again"];
    let (mut ours, mut theirs) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for _ in 0..options.rounds {
        let (Some(own), Some(other)) = (Cluster::acquire(), Cluster::acquire()) else { return };
        let project = project("  all: {kubectl: {manifests: [kube]}}\n");
        write_objects(project.path(), OBJECTS);
        let windlass = windlass(&project, &own);
        let kubeconfig = project.path().join("other");
        fs::write(&kubeconfig, other.kubeconfig("bench")).expect("a file can be written");
        for index in 0..names.len() {
            ours[index].push(windlass.cost(&DEPLOY));
            let words = ["apply", "--server-side", "--field-manager", "bench", "-f", "kube"];
            let mut command = measure::command(&kubectl, &words, project.path());
            command.env("KUBECONFIG", &kubeconfig);
            theirs[index].push(measure::cost(command));
        }
    }
    for (index, name) in ["for the first time", "nothing changed"].into_iter().enumerate() {
        let case = format!("{OBJECTS} objects in {FILES} files, {name}");
        table.add(&case, NAME, &ours[index], &[("`kubectl apply --server-side`", &theirs[index])]);
    }
}

/// A large deployment, once: it takes a minute or two.
fn many(table: &mut Table) {
    let Some(cluster) = Cluster::acquire() else { return };
    eprintln!("deploy: {MANY} objects");
    let project = project("  all: {kubectl: {manifests: [kube]}}\n");
    write_objects(project.path(), MANY);
    let windlass = windlass(&project, &cluster);
    for name in ["for the first time", "nothing changed"] {
        table.add(&format!("{MANY} objects, {name}"), NAME, &[windlass.cost(&DEPLOY)], &[]);
    }
    let purge = windlass.cost(&["purge", "--yes", "--progress", "plain"]);
    table.add(&format!("{MANY} objects, all deleted"), "`windlass purge`", &[purge], &[]);
}

fn chart(options: &Options, table: &mut Table) {
    let Some(helm) = program("WINDLASS_TEST_HELM3") else { return };
    eprintln!("deploy: a chart");
    let (mut ours, mut theirs, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    // Helm caches facts about the cluster, and windlass the version of helm: both have one home, and the first round,
    // which finds all that out, is not counted.
    let home = TempDir::with_prefix_in("windlass-bench-", "/var/tmp").expect("a directory can be created");
    for round in 0..=options.rounds {
        let (Some(own), Some(other)) = (Cluster::acquire(), Cluster::acquire()) else { return };
        let project = project("  shop: {helm: {chart: {name: ./chart}}}\n");
        let chart = project.path().join("chart");
        fs::create_dir_all(chart.join("templates")).expect("a directory can be created");
        write(&chart.join("Chart.yaml"), "apiVersion: v2\nname: shop\nversion: 0.1.0\n");
        (0..20).for_each(|index| write(&chart.join(format!("templates/{index}.yaml")), &object(index)));
        let kubeconfig = project.path().join("other");
        write(&kubeconfig, &other.kubeconfig("bench"));
        let windlass = windlass(&project, &own).with_env("WINDLASS_HELM", &helm);
        let windlass =
            windlass.with_env("HOME", home.path()).with_env("XDG_CACHE_HOME", home.path().join("cache"));
        for ours_now in [round % 2 == 0, round % 2 != 0] {
            let cost = if ours_now {
                windlass.cost(&DEPLOY)
            } else {
                let words = ["upgrade", "--install", "shop", "chart"];
                let mut command = measure::command(&helm, &words, project.path());
                command.env("KUBECONFIG", &kubeconfig).env("HOME", home.path());
                measure::cost(command)
            };
            if round > 0 {
                if ours_now { &mut ours } else { &mut theirs }.push(cost);
            }
        }
        kept.push(windlass.cost(&DEPLOY));
    }
    table.add("a chart, for the first time", NAME, &ours, &[("`helm upgrade --install`", &theirs)]);
    table.add("a chart, nothing changed", NAME, &kept, &[("`helm upgrade --install`", &theirs)]);
}

fn render(options: &Options, table: &mut Table) {
    eprintln!("deploy: {RENDERED} manifests rendered");
    let project = project("  all: {kubectl: {manifests: [kube]}}\n");
    write_objects(project.path(), RENDERED);
    let windlass = Windlass::new(project.path(), "unix:///none");
    let override_file = project.path().join("windlass.rhai");
    let (mut costs, mut differences) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds * 3 {
        let whole = windlass.cost(&["render", "--skip-build"]);
        write(&override_file, "fn replace_tags(deployment, content) { content }\n");
        let without = windlass.cost(&["render", "--skip-build"]);
        fs::remove_file(&override_file).expect("a file can be removed");
        let processor = whole.processor.zip(without.processor);
        differences.push(Cost {
            wall: whole.wall.saturating_sub(without.wall),
            processor: processor.map(|(whole, without)| whole.saturating_sub(without)),
            memory: None,
        });
        costs.push(whole);
    }
    table.add(&format!("{RENDERED} manifests"), "`windlass render`", &costs, &[]);
    table.add(
        &format!("{RENDERED} manifests, tag replacement alone"),
        "`windlass render`",
        &differences,
        &[],
    );
}

/// The time from the moment when the cluster learns of a problem until the deploy that waits shows it.
fn trouble(options: &Options, table: &mut Table) {
    eprintln!("deploy: a problem is shown");
    let mut costs = Vec::new();
    for _ in 0..options.rounds {
        let Some(cluster) = Cluster::acquire() else { return };
        // Only this benchmark reports about a pod of a node that does not exist.
        let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {nodeName: none, containers: [{name: c, image: \
                   other.example/web}]}\n";
        let config =
            "version: v2beta1\nname: bench\ndeployments:\n  web: {kubectl: {manifests: [pod.yaml]}}\n";
        let project = cluster.project().file("devspace.yaml", config).file("pod.yaml", pod);
        let running = project.spawn(["deploy"]);
        running.wait_for_text("waiting: web ");
        let waiting = json!({ "reason": "ErrImagePull", "message": "not found" });
        let container = json!({
            "name": "c", "image": "other.example/web", "imageID": "", "ready": false, "restartCount": 0,
            "state": { "waiting": waiting },
        });
        let start = Instant::now();
        cluster.patch_status::<Pod>("web", &json!({ "status": { "containerStatuses": [container] } }));
        running.wait_for_text("waiting: web not pulled");
        costs.push(Cost { wall: start.elapsed(), ..Cost::default() });
        running.signal(Signal::Interrupt);
        running.finish();
    }
    table.add("an image is not pulled, until it is shown", NAME, &costs, &[]);
}

/// The program that a variable names, if it does.
pub fn program(variable: &str) -> Option<String> {
    let program = std::env::var(variable).ok();
    if program.is_none() {
        eprintln!("left out what needs `{variable}`");
    }
    program
}

fn project(deployments: &str) -> TempDir {
    let project = TempDir::with_prefix_in("windlass-bench-", "/var/tmp").expect("a directory can be created");
    let config = format!(
        "version: v2beta1\nname: bench\nimages:\n  web: {{image: r.example/web}}\ndeployments:\n{deployments}"
    );
    write(&project.path().join("devspace.yaml"), &config);
    write(&project.path().join("Dockerfile"), "FROM scratch\nCOPY Dockerfile /\n");
    Windlass::new(project.path(), "unix:///none").cost(&["build", "--builder", "oci", "--skip-push"]);
    project
}

fn windlass(project: &TempDir, cluster: &Cluster) -> Windlass {
    let kubeconfig: PathBuf = project.path().join("own");
    write(&kubeconfig, &cluster.kubeconfig("bench"));
    Windlass::new(project.path(), "unix:///none").with_env("KUBECONFIG", kubeconfig)
}

/// Writes `count` objects into 20 files of the directory `kube`.
fn write_objects(project: &Path, count: usize) {
    let folder = project.join("kube");
    fs::create_dir_all(&folder).expect("a directory can be created");
    for file in 0..FILES {
        let mut text = String::new();
        for index in (0..count).filter(|index| index % FILES == file) {
            let _ = write!(text, "---\n{}", object(index));
        }
        write(&folder.join(format!("{file}.yaml")), &text);
    }
}

/// One of four kinds of objects.
fn object(index: usize) -> String {
    let labels = format!("labels: {{app: a{index}}}");
    match index % 4 {
        0 => format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: a{index}, {labels}}}\nspec:\n  replicas: 0\n  selector: \
             {{matchLabels: {{app: a{index}}}}}\n  template:\n    metadata: {{{labels}}}\n    spec: {{containers: [{{name: c, \
             image: 'r.example/web:1', ports: [{{containerPort: 80}}]}}]}}\n"
        ),
        1 => format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: a{index}, {labels}}}\nspec: {{selector: {{app: a{index}}}, ports: \
             [{{port: 80, protocol: TCP}}]}}\n"
        ),
        2 => format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a{index}, {labels}}}\ndata: {{a: '1', b: '2'}}\n"
        ),
        _ => format!("apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: a{index}, {labels}}}\n"),
    }
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("a file can be written");
}
