//! Containers that run but are not ready.

use serde_json::Value;

use super::{Deployed, one_line};
use crate::deploy::ready::condition::condition;
use crate::deploy::ready::container::containers;
use crate::deploy::ready::fields::{list, text};
use crate::deploy::ready::{Permanence, Problem, ProblemKind};

/// Why `pod`, which runs, is not ready.
pub(super) fn diagnose(deployed: &Deployed<'_>, pod: &Value) -> Option<Problem> {
    if text(pod, "/status/phase") != "Running"
        || !condition(pod, "Ready").is_some_and(|ready| ready.is_false())
    {
        return None;
    }
    let containers = containers(pod);
    let waiting = containers
        .iter()
        .find(|container| container.is_running() && !container.is_ready() && !container.is_init);
    let Some(container) = waiting else { return of_gate(deployed, pod) };
    let (prefix, field) = if container.is_started() {
        ("Readiness probe ", "/readinessProbe")
    } else {
        ("Startup probe ", "/startupProbe")
    };
    let message = deployed
        .view
        .events(pod)
        .iter()
        .rev()
        .filter(|event| event.reason() == "Unhealthy" && event.is_about(container.name))
        .find_map(|event| event.message().strip_prefix(prefix))
        .map(|response| one_line(response.strip_prefix("failed: ").unwrap_or(response)));
    let probe = container.spec(field).map(|spec| describe(prefix.trim_end(), spec));
    let kind = ProblemKind::NotReady { probe, message };
    Some(deployed.container_problem(pod, container, kind, Permanence::Temporary).with_container_log(false))
}

/// A condition of the pod that another controller sets, such as that of a load balancer.
fn of_gate(deployed: &Deployed<'_>, pod: &Value) -> Option<Problem> {
    let gates = list(pod, "/spec/readinessGates").iter().map(|gate| text(gate, "/conditionType"));
    let mut unmet = gates.filter(|gate| !condition(pod, gate).is_some_and(|condition| condition.is_true()));
    let gate = unmet.next()?;
    let message = Some(format!("its readiness gate `{gate}` is not met"));
    let kind = ProblemKind::NotReady { probe: None, message };
    Some(deployed.pod_problem(pod, kind, Permanence::Temporary))
}

/// The probe in words: `readiness probe: GET :8080/healthz`.
fn describe(name: &str, probe: &Value) -> String {
    let port = |field: &str| match probe.pointer(&format!("{field}/port")) {
        Some(Value::String(port)) => port.clone(),
        Some(port) => port.to_string(),
        None => String::new(),
    };
    let name = name.to_lowercase();
    if let Some(http) = probe.pointer("/httpGet") {
        format!("{name}: GET :{}{}", port("/httpGet"), text(http, "/path"))
    } else if probe.pointer("/tcpSocket").is_some() {
        format!("{name}: TCP :{}", port("/tcpSocket"))
    } else if probe.pointer("/grpc").is_some() {
        format!("{name}: gRPC :{}", port("/grpc"))
    } else {
        let command: Vec<_> = list(probe, "/exec/command").iter().filter_map(Value::as_str).collect();
        format!("{name}: {}", command.join(" "))
    }
}
