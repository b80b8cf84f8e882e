//! The cost of uploading a context into a pod: only if the tests have a cluster with a node.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use serde_json::json;
use tempfile::{NamedTempFile, TempDir};

use super::corpus::Corpus;
use super::harness::{BuildCluster, wait_for};
use super::measure::{self, Cost};
use super::options::Options;
use super::settle;
use super::table::Table;
use super::windlass::{self, Windlass};

/// The pod in which `kubectl exec` unpacks.
const POD: &str = "unpacks";
/// The timeout for the start of that pod.
const START_LIMIT: Duration = Duration::from_secs(60);

/// The upload of the context of `corpus` into a pod of the kaniko builder, whose kaniko does nothing, compared with the
/// same files as one archive through `kubectl exec`.
pub fn upload(corpus: &Corpus, options: &Options, table: &mut Table) {
    eprintln!("{}: upload into a pod", corpus.kind());
    let Some(cluster) = BuildCluster::acquire() else { return };
    let home = TempDir::new().expect("a directory can be created");
    let kubeconfig = home.path().join("kubeconfig");
    fs::write(&kubeconfig, cluster.cluster.kubeconfig("bench")).expect("a file can be written");
    let archive = NamedTempFile::new_in("/var/tmp").expect("a file can be created");
    let folder = corpus.context();
    let packed =
        measure::command("tar", &["-cf", &archive.path().display().to_string(), "."], &folder).status();
    assert!(packed.is_ok_and(|status| status.success()), "the context can be packed");
    start_pod(&cluster);

    corpus.write_kaniko_config();
    let windlass = Windlass::new(corpus.root(), "unix:///none");
    let image = BuildCluster::executor();
    let settings = [
        ("KUBECONFIG", kubeconfig.display().to_string()),
        ("WINDLASS_KANIKO_IMAGE", image.clone()),
        ("WINDLASS_KANIKO_INIT_IMAGE", image),
    ];
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..options.rounds {
        for ours_now in [round % 2 == 0, round % 2 != 0] {
            settle();
            if ours_now {
                corpus.forget_state();
                ours.push(sending(&windlass, &settings));
            } else {
                theirs.push(exec(&kubeconfig, archive.path()));
            }
        }
    }
    cluster.cluster.delete::<Pod>(POD);
    let case = format!("`{}`, its context into a pod, kaniko", corpus.kind());
    table.add(&case, windlass::NAME, &ours, &[("`kubectl exec ... tar x`", &theirs)]);
}

/// A build, of which only the time from the first byte of the context to its arrival counts.
fn sending(windlass: &Windlass, settings: &[(&str, String)]) -> Cost {
    let (cost, events) = windlass.build_events(settings, &["--builder", "kaniko"]);
    let time = |step: &str| {
        let event = events.iter().find(|event| event["step"] == step).expect("windlass reports this step");
        let time = event["time"].as_str().expect("events have a time");
        time.parse::<jiff::Timestamp>().expect("it is a time")
    };
    let wall = time("starting kaniko").duration_since(time("sending context"));
    Cost { wall: wall.try_into().expect("steps follow each other"), ..cost }
}

/// `kubectl exec` with the archive.
fn exec(kubeconfig: &Path, archive: &Path) -> Cost {
    let size = archive.metadata().expect("the archive exists").len();
    // On a connection whose input cannot be closed separately, `tar` itself would wait for more.
    let unpack = format!("head -c {size} | tar -x -f - -C /context");
    in_pod(kubeconfig, "rm -rf /context/*", Stdio::null());
    let start = Instant::now();
    in_pod(kubeconfig, &unpack, File::open(archive).expect("the archive can be read").into());
    Cost { wall: start.elapsed(), ..Cost::default() }
}

/// Runs `script` in the pod.
fn in_pod(kubeconfig: &Path, script: &str, stdin: Stdio) {
    let words = ["exec", "--stdin", POD, "--", "sh", "-c", script];
    let mut command = measure::command("kubectl", &words, Path::new("."));
    command.env("KUBECONFIG", kubeconfig).stdin(stdin).stdout(Stdio::null());
    let ended = command.status().expect("the benchmark needs kubectl");
    assert!(ended.success(), "`{script}` succeeds");
}

fn start_pod(cluster: &BuildCluster) {
    cluster.cluster.create::<Pod>(json!({
        "metadata": { "name": POD },
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "volumes": [{ "name": "context", "emptyDir": {} }],
            "containers": [{
                "name": "unpacks",
                "image": BuildCluster::executor(),
                "imagePullPolicy": "Never",
                "command": ["sh", "-c", "sleep 3600"],
                "volumeMounts": [{ "name": "context", "mountPath": "/context" }],
            }],
        },
    }));
    wait_for("a running pod", START_LIMIT, || {
        let pod = cluster.cluster.find::<Pod>(POD)?;
        (pod.status?.phase.as_deref() == Some("Running")).then_some(())
    });
}
