//! Helm is interrupted, not killed.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::fake_helm::FakeHelm;
use super::real::run;
use crate::deploy::chart::{ChartError, RenderOptions, template, upgrade};
use crate::process::Pipe;

/// Ends three seconds after SIGINT; SIGTERM ends it immediately.
const PATIENT: &str = r#"trap 'sleep 3; echo "marked as failed" >> "$PWD/log"; exit 1' INT
    echo begun; i=0; while [ $i -lt 300 ]; do sleep 0.1; i=$((i+1)); done"#;

#[tokio::test]
async fn an_interrupted_upgrade_finishes() {
    let fake = FakeHelm::new("v3.17.3", PATIENT);
    let cancel = CancellationToken::new();
    let mut request = fake.project.request();
    request.display_output = true;
    request.values = serde_json::json!({ "a": 1 });
    let mut on_line = |_: Pipe, line: &str| {
        if line == "begun" {
            cancel.cancel();
        }
    };
    let result = upgrade(&request, &mut on_line, run(&fake.helm, &cancel)).await;
    assert!(matches!(result, Err(ChartError::Cancelled)), "{result:?}");
    assert_eq!(fake.recorded("log"), "marked as failed\n");
    let calls = fake.recorded("calls");
    let values = calls.split_once("--values ").and_then(|(_, rest)| rest.split_whitespace().next());
    let values = std::path::Path::new(values.expect("a values file"));
    assert!(values.ends_with("values.json") && !values.exists());
}

#[tokio::test]
async fn a_dropped_upgrade_is_interrupted() {
    let fake = FakeHelm::new("v3.17.3", &PATIENT.replace("sleep 3", ":"));
    let cancel = CancellationToken::new();
    let request = fake.project.request();
    let mut on_line = |_: Pipe, _: &str| {};
    let call = upgrade(&request, &mut on_line, run(&fake.helm, &cancel));
    assert!(tokio::time::timeout(Duration::from_millis(500), call).await.is_err());
    let start = Instant::now();
    while fake.recorded("log").is_empty() && start.elapsed() < Duration::from_secs(10) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(fake.recorded("log"), "marked as failed\n");
}

#[tokio::test]
async fn rendering_is_killed_if_it_does_not_end() {
    let fake = FakeHelm::new("v3.17.3", "trap '' INT; exec sleep 60");
    let cancel = CancellationToken::new();
    let request = fake.project.request();
    let start = Instant::now();
    let cancelling = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        cancel.cancel();
    };
    let options = RenderOptions::default();
    let (result, ()) = tokio::join!(template(&request, &options, run(&fake.helm, &cancel)), cancelling);
    assert!(matches!(result, Err(ChartError::Cancelled)), "{result:?}");
    assert!(start.elapsed() < Duration::from_secs(20));
}
