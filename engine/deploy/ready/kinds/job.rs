//! Jobs.

use serde_json::Value;

use crate::deploy::ready::condition::true_condition;
use crate::deploy::ready::fields::{number, text};
use crate::deploy::ready::{ClusterView, Readiness};

/// How far a Job is. It is current as soon as it has started, because it may take hours, and failed when the cluster
/// has given up. While all its pods are known to be pending, it has not started: their image might not exist.
pub(in crate::deploy::ready) fn readiness(job: &Value, view: &ClusterView<'_>) -> Readiness {
    let wanted = number(job, "/spec/completions").or_else(|| number(job, "/spec/parallelism")).unwrap_or(1);
    let succeeded = number(job, "/status/succeeded").unwrap_or(0);
    let failed = true_condition(job, "Failed").or_else(|| true_condition(job, "FailureTarget"));
    let readiness = if true_condition(job, "Complete").is_some() {
        Readiness::current("Complete", "completed")
    } else if let Some(failed) = failed {
        Readiness::failed("JobFailed", if failed.message.is_empty() { "failed" } else { failed.message })
    } else if true_condition(job, "Suspended").is_some() {
        Readiness::current("Suspended", "suspended")
    } else if text(job, "/status/startTime").is_empty() {
        Readiness::in_progress("JobNotStarted", "not started")
    } else if has_only_pending_pods(job, view) {
        Readiness::in_progress("PodsPending", "its pods are pending")
    } else {
        Readiness::current("Started", "running")
    };
    readiness.with_count(succeeded, wanted)
}

fn has_only_pending_pods(job: &Value, view: &ClusterView<'_>) -> bool {
    let pods = view.owned(job);
    !pods.is_empty() && pods.iter().all(|pod| text(pod, "/status/phase") == "Pending")
}
