//! Containers that exit, or cannot be started.

use serde_json::Value;

use super::{Deployed, cause, one_line};
use crate::deploy::ready::container::{Container, Ended};
use crate::deploy::ready::fields::text;
use crate::deploy::ready::{Permanence, Problem, ProblemKind};

/// The crash of `container`, or the reason why it cannot be started.
pub(super) fn diagnose(deployed: &Deployed<'_>, pod: &Value, container: &Container<'_>) -> Option<Problem> {
    let waiting = container.waiting();
    // The pods of a job may fail: the job itself has a limit.
    let is_limited = text(deployed.object, "/kind") == "Job";
    let permanence = |permanence| if is_limited { Permanence::Temporary } else { permanence };
    let problem = |kind, permanence| {
        deployed
            .container_problem(pod, container, kind, permanence)
            .with_occurrence(container.starts().to_string())
    };
    let (ended, wanted, previous) = match waiting {
        Some(("CrashLoopBackOff", message)) => match container.ended_before() {
            Some(ended) => (ended, Permanence::Repeated, true),
            None => {
                let kind = ProblemKind::ContainerStart { message: cause(message) };
                return Some(problem(kind, permanence(Permanence::Repeated)));
            }
        },
        Some((
            "RunContainerError"
            | "CreateContainerError"
            | "StartError"
            | "ContainerCannotRun"
            | "PostStartHookError",
            message,
        )) => {
            let kind = not_started(deployed, pod, message);
            return Some(problem(kind, permanence(Permanence::Repeated)));
        }
        Some(_) => return None,
        None => (container.failed(pod)?, ended_permanence(pod, container), false),
    };
    let kind = kind(deployed, pod, container, &ended);
    let has_run = !matches!(kind, ProblemKind::ContainerStart { .. });
    let problem = problem(kind, permanence(wanted));
    Some(if has_run { problem.with_container_log(previous) } else { problem })
}

/// The permanence of the end of `container`, which the cluster has not reacted to yet.
fn ended_permanence(pod: &Value, container: &Container<'_>) -> Permanence {
    if text(pod, "/spec/restartPolicy") == "Never" {
        Permanence::Final
    } else if container.starts() > 1 {
        Permanence::Repeated
    } else {
        // After the first time, it is restarted immediately.
        Permanence::Temporary
    }
}

fn kind(deployed: &Deployed<'_>, pod: &Value, container: &Container<'_>, ended: &Ended<'_>) -> ProblemKind {
    let times = container.starts();
    // Nodes do not always notice that the memory was exhausted.
    let was_out_of_memory = || container.ended_before().is_some_and(|before| before.is_out_of_memory());
    match ended.reason {
        _ if ended.is_out_of_memory() || (ended.exit_code == 137 && was_out_of_memory()) => {
            let limit = container.spec("/resources/limits/memory").and_then(Value::as_str);
            ProblemKind::OutOfMemory { limit: limit.map(str::to_owned), times }
        }
        "StartError" | "ContainerCannotRun" => not_started(deployed, pod, ended.message),
        _ if ended.message.contains("exec format error") => not_started(deployed, pod, ended.message),
        _ => {
            let probe =
                failed_probe(deployed, pod, container).filter(|_| matches!(ended.exit_code, 137 | 143));
            let message = cause(ended.message);
            ProblemKind::Crash { exit_code: ended.exit_code, times, probe, message }
        }
    }
}

fn not_started(deployed: &Deployed<'_>, pod: &Value, message: &str) -> ProblemKind {
    if message.contains("exec format error") {
        return ProblemKind::WrongPlatform { node: platform(deployed, pod) };
    }
    ProblemKind::ContainerStart { message: cause(message) }
}

/// The platform of the node of `pod`, if the node is known.
fn platform(deployed: &Deployed<'_>, pod: &Value) -> Option<String> {
    let node = deployed.view.object("Node", "", text(pod, "/spec/nodeName"))?;
    let (os, architecture) =
        (text(node, "/status/nodeInfo/operatingSystem"), text(node, "/status/nodeInfo/architecture"));
    (!architecture.is_empty()).then(|| format!("{}/{architecture}", if os.is_empty() { "linux" } else { os }))
}

/// The response of the probe because of which the node stopped the container: `liveness probe failed: …`.
fn failed_probe(deployed: &Deployed<'_>, pod: &Value, container: &Container<'_>) -> Option<String> {
    let events = deployed.view.events(pod);
    let own = || events.iter().rev().filter(|event| event.is_about(container.name));
    for (name, killing) in [("Liveness", "failed liveness probe"), ("Startup", "failed startup probe")] {
        let prefix = format!("{name} probe failed");
        let response = own()
            .filter(|event| event.reason() == "Unhealthy")
            .find_map(|event| event.message().strip_prefix(&prefix))
            .map(|response| format!("{}{}", prefix.to_lowercase(), one_line(response)));
        let is_stopped =
            || own().any(|event| event.reason() == "Killing" && event.message().contains(killing));
        // Without the Normal events, the response must suffice.
        if let Some(probe) = response.or_else(|| is_stopped().then(|| prefix.to_lowercase())) {
            return Some(probe);
        }
    }
    None
}
