//! Why a pod does not run.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, Pod};
use serde_json::Value;
use tokio::time::Instant;

use super::TargetError;
use crate::cluster::ClusterAccess;
use crate::deploy::problem_log;
use crate::deploy::ready::{ClusterView, Problem, ProblemKind, SeenProblems, diagnose};

/// How often the events of a pod are read.
const PAUSE: Duration = Duration::from_secs(2);

/// The number of lines of a log that are shown.
const LINES: usize = 20;

/// Observes a pod that does not run.
#[derive(Default)]
pub(super) struct Diagnosis {
    seen: SeenProblems,
    observed: Option<Instant>,
    /// The most important problem that was seen last, which may go away.
    last: Option<Problem>,
}

impl Diagnosis {
    /// Looks at `pod`, every few seconds; returns the problem that waiting does not help against.
    pub(super) async fn observe(
        &mut self,
        access: &ClusterAccess,
        namespace: &str,
        pod: &Pod,
    ) -> Option<Problem> {
        if self.observed.is_some_and(|before| before.elapsed() < PAUSE) {
            return None;
        }
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        // Without the permission to list events, the pod alone must do.
        let events = access.pod_events(namespace, name).await.unwrap_or_default();
        let (pod, events) = (object(pod), events.iter().map(event).collect::<Vec<_>>());
        let now = Timestamp::now();
        let problems = diagnose(&pod, &ClusterView::new(now, [&pod], &events));
        self.observed = Some(Instant::now());
        self.last = problems.first().cloned();
        self.seen.observe(&problems, now).into_iter().next().cloned()
    }

    /// The most important problem that was seen last.
    pub(super) fn last(&self) -> Option<&Problem> {
        self.last.as_ref()
    }
}

/// The error that `problem` is, with the end of the log that explains it.
pub(super) async fn not_running(access: &ClusterAccess, problem: &Problem) -> TargetError {
    let log = problem_log(access, problem).await;
    let problem = problem.clone().with_log(&log);
    let mut help = problem.help();
    if matches!(problem.kind, ProblemKind::Crash { .. }) {
        let advice = "to look around in the container, let it wait: override `entrypoint` with `[\"sleep\", \"infinity\"]`";
        help = if help.is_empty() { advice.to_owned() } else { format!("{help}; {advice}") };
    }
    let log = log[log.len().saturating_sub(LINES)..].to_vec();
    TargetError::NotRunning { code: problem.code(), message: problem.message(), help, log }
}

fn object(pod: &Pod) -> Value {
    serde_json::to_value(pod).unwrap_or_default()
}

fn event(event: &Event) -> Value {
    serde_json::to_value(event).unwrap_or_default()
}
