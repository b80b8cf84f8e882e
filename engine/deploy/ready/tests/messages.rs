use std::time::Duration;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};
use serde_json::json;

use super::fixture::*;
use crate::deploy::ready::{RolloutError, RolloutTimeout, Summary};

fn rendered(diagnostic: &dyn Diagnostic) -> String {
    let mut text = String::new();
    let handler =
        GraphicalReportHandler::new_themed(GraphicalTheme::none()).with_width(100).with_links(false);
    handler.render_report(&mut text, diagnostic).expect("a report");
    text.trim_end().to_owned()
}

fn crash() -> RolloutError {
    let pod = web_pod("Running", &crash_loop(&json!({ "exitCode": 1, "reason": "Error" })));
    RolloutError::new("web", Cluster::of_web(pod).problems().remove(0))
}

#[test]
fn a_problem_is_printed_with_its_log_and_hints() {
    let error = crash()
        .with_log(&["starting", "panic: DATABASE_URL is not set", ""])
        .with_hint("release `shop` is at revision 7, failed: `helm rollback shop 6 -n dev`");
    assert_eq!(
        error.message(),
        "cannot deploy web: container `web` of Deployment/web (namespace dev) failed with exit code 1, 3 times"
    );
    insta::assert_snapshot!(rendered(&error), @r"
    deploy::crash

      x cannot deploy web: container `web` of Deployment/web (namespace dev) failed with exit code 1,
      | 3 times
      |   starting
      |   panic: DATABASE_URL is not set
      help: release `shop` is at revision 7, failed: `helm rollback shop 6 -n dev`; `kubectl -n dev
            describe pod web-7d9-x2k`
    ");
}

#[test]
fn the_log_reveals_the_wrong_platform() {
    let error = crash().with_log(&["exec /app/server: exec format error"]);
    assert_eq!(error.code().map(|code| code.to_string()).as_deref(), Some("deploy::wrong_platform"));
}

#[test]
fn only_the_last_lines_of_a_log_are_printed() {
    let lines: Vec<_> = (0..30).map(|line| line.to_string()).collect();
    let error = crash().with_log(&lines);
    assert_eq!((error.log.len(), error.log[0].as_str(), error.log[9].as_str()), (10, "20", "29"));
}

#[test]
fn a_temporary_problem_at_the_timeout_names_it() {
    let pod = web_pod("Running", &json!({ "started": true, "state": { "running": {} } }));
    let problem = Cluster::of_web(pod).problems().remove(0);
    let error = RolloutError::new("web", problem).after(Duration::from_secs(600));
    insta::assert_snapshot!(rendered(&error), @r"
    deploy::not_ready

      x cannot deploy web within 600 seconds: container `web` of Deployment/web (namespace dev) is not
      | ready (readiness probe: GET :8080/healthz)
      help: correct the probe, or what it tests; `kubectl -n dev describe pod web-7d9-x2k`
    ");
}

#[test]
fn a_timeout_lists_objects_that_are_not_ready() {
    let cluster = Cluster::of_web(web_pod("Pending", &waiting("ContainerCreating", "")));
    let waiting = |count| RolloutTimeout {
        deployment: "web".to_owned(),
        timeout: Duration::from_secs(600),
        waiting: vec![Summary::new(&cluster.objects[0], &cluster.view()); count],
    };
    insta::assert_snapshot!(rendered(&waiting(1)), @r"
    deploy::timeout

      x cannot deploy web within 600 seconds: 1 object is not ready
      |   Deployment/web (namespace dev): 0 of 3 ready, 1 creating (web-7d9-x2k)
      help: raise `--timeout`, or set `--wait=false`
    ");
    assert!(
        waiting(2).to_string().starts_with("cannot deploy web within 600 seconds: 2 objects are not ready\n")
    );
}
