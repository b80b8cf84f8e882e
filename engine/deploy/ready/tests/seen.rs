use serde_json::{Value, json};

use super::fixture::*;
use crate::deploy::ready::{Problem, SeenProblems};

fn problems(container: &Value) -> Vec<Problem> {
    Cluster::of_web(web_pod("Pending", container)).problems()
}

fn crash(restarts: i64) -> Vec<Problem> {
    problems(&merged(crash_loop(&json!({ "exitCode": 1 })), &json!({ "restartCount": restarts })))
}

/// Whether the observation of each of `problems` at its time ends the wait.
fn ends<const N: usize>(observations: [(i64, Vec<Problem>); N]) -> [bool; N] {
    let mut seen = SeenProblems::default();
    observations.map(|(seconds, problems)| !seen.observe(&problems, at(seconds)).is_empty())
}

#[test]
fn a_second_crash_ends_the_wait() {
    let running = problems(&json!({ "state": { "running": {} } }));
    assert_eq!(
        ends([(0, crash(1)), (1, crash(1)), (11, running), (12, crash(2))]),
        [false, false, false, true]
    );
}

#[test]
fn a_second_crash_may_have_another_cause() {
    let last = json!({ "exitCode": 137, "reason": "OOMKilled" });
    assert_eq!(ends([(0, crash(1)), (10, problems(&crash_loop(&last)))]), [false, true]);
}

#[test]
fn a_problem_of_15_seconds_ends_the_wait() {
    assert_eq!(ends([(0, crash(1)), (14, crash(1)), (15, crash(1))]), [false, false, true]);
    let missing = || problems(&waiting("CreateContainerConfigError", "secret \"db\" not found"));
    assert_eq!(ends([(0, missing()), (14, missing()), (15, missing())]), [false, false, true]);
    // It went away in between.
    assert_eq!(ends([(0, missing()), (5, Vec::new()), (15, missing()), (29, missing())]), [false; 4]);
}

#[test]
fn each_pod_has_its_own_problems() {
    let other = |restarts| {
        let mut problems = crash(restarts);
        problems[0].pod = Some("web-7d9-other".to_owned());
        problems
    };
    assert_eq!(ends([(0, crash(1)), (1, other(2)), (2, other(3))]), [false, false, true]);
}

#[test]
fn an_image_that_does_not_exist_ends_the_wait_at_the_second_sight() {
    let pull = |reason, message| problems(&waiting(reason, message));
    let not_found = "ghcr.io/shop/web:1.4: not found";
    let back_off = format!("Back-off pulling image: ErrImagePull: {not_found}");
    assert_eq!(
        ends([(0, pull("ErrImagePull", not_found)), (1, pull("ImagePullBackOff", &back_off))]),
        [false, true]
    );
    let refused = "dial tcp 10.0.0.1:443: connect: connection refused";
    let back_off = format!("Back-off pulling image: ErrImagePull: {refused}");
    assert_eq!(
        ends([
            (0, pull("ErrImagePull", refused)),
            (1, pull("ImagePullBackOff", &back_off)),
            (15, pull("ImagePullBackOff", &back_off)),
        ]),
        [false, false, true]
    );
}

#[test]
fn final_problems_end_the_wait_at_once_and_temporary_ones_never() {
    assert_eq!(ends([(0, problems(&waiting("InvalidImageName", "")))]), [true]);
    let unready = || {
        let pod = web_pod("Running", &json!({ "state": { "running": {} } }));
        Cluster::of_web(pod).problems()
    };
    assert_eq!(unready().len(), 1);
    assert_eq!(ends([(0, unready()), (500, unready())]), [false, false]);
}

#[test]
fn an_exceeded_deadline_is_reported_with_its_cause() {
    let exceeded = json!({ "conditions": [{
        "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded",
    }] });
    let mut cluster = Cluster::of_web(web_pod("Running", &json!({ "state": { "running": {} } })));
    cluster.objects[0] = deployment(&exceeded);
    let codes = |cluster: Cluster| {
        let problems = cluster.problems();
        let permanent = SeenProblems::default().observe(&problems, at(0)).into_iter().cloned();
        permanent.map(|problem| problem.code()).collect::<Vec<_>>()
    };
    assert_eq!(codes(cluster), ["deploy::not_ready"]);
    assert_eq!(codes(Cluster::new([deployment(&exceeded)])), ["deploy::too_slow"]);
}

#[test]
fn the_next_deadline_is_that_of_the_first_problem() {
    let mut seen = SeenProblems::default();
    assert_eq!(seen.next_deadline(), None);
    seen.observe(&crash(1), at(3));
    assert_eq!(seen.next_deadline(), Some(at(18)));
    seen.observe(&[], at(4));
    assert_eq!(seen.next_deadline(), None);
}
