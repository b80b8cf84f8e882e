//! Images that cannot be pulled.

use serde_json::Value;

use super::{Deployed, cause};
use crate::deploy::ready::container::Container;
use crate::deploy::ready::{Permanence, Problem, ProblemKind, PullFailure};

/// The failure to pull the image of `container`.
pub(super) fn diagnose(deployed: &Deployed<'_>, pod: &Value, container: &Container<'_>) -> Option<Problem> {
    let (reason, message) = container.waiting()?;
    let is_failure = matches!(
        reason,
        "ErrImagePull"
            | "ImagePullBackOff"
            | "InvalidImageName"
            | "ErrImageNeverPull"
            | "ImageInspectError"
            | "RegistryUnavailable"
            | "SignatureValidationFailed"
    );
    if !is_failure {
        return None;
    }
    let message = detailed(deployed, pod, container, reason, message);
    let mut failure = PullFailure::new(reason, container.image, &message);
    let is_absent = !matches!(failure, PullFailure::InvalidName { .. } | PullFailure::NeverPulled);
    if is_absent && deployed.view.is_unpushed(container.image) {
        failure = PullFailure::NotPushed;
    }
    let message = match failure {
        // Runtimes wrap this in four nested errors that each repeat the reference.
        PullFailure::NotFound => "not found".to_owned(),
        _ => short(&cause(&message)),
    };
    let image = container.image.to_owned();
    let permanence = match failure {
        PullFailure::InvalidName { .. } => Permanence::Final,
        _ => Permanence::Repeated,
    };
    // The same failure in the next state is the second sight of it, unless the next attempt may succeed.
    let occurrence = if failure.may_pass() { "" } else { reason };
    let kind = ProblemKind::ImagePull { image, cause: failure, message };
    Some(deployed.container_problem(pod, container, kind, permanence).with_occurrence(occurrence))
}

/// The message with the cause: while the node waits for the next attempt, only the event of the last one has it.
fn detailed(
    deployed: &Deployed<'_>,
    pod: &Value,
    container: &Container<'_>,
    reason: &str,
    message: &str,
) -> String {
    let has_cause =
        !message.is_empty() && (reason != "ImagePullBackOff" || message.contains("ErrImagePull:"));
    if has_cause {
        return message.to_owned();
    }
    let events = deployed.view.events(pod);
    let attempt = events.iter().rev().find(|event| {
        event.reason() == "Failed"
            && event.is_about(container.name)
            && event.message().starts_with("Failed to pull")
    });
    attempt.map_or(message, |event| event.message()).to_owned()
}

/// The innermost error of a chain that repeats the reference: `…: failed to do request: …: dial tcp: …`.
fn short(message: &str) -> String {
    const MARKS: [&str; 4] =
        ["failed to resolve reference ", "failed to do request: ", "failed to fetch ", "failed to copy: "];
    let Some(at) = MARKS.iter().filter_map(|mark| message.rfind(mark).map(|at| at + mark.len())).max() else {
        return message.to_owned();
    };
    let rest = &message[at..];
    // A mark may be followed by the quoted reference.
    let rest = rest.strip_prefix('"').and_then(|rest| rest.split_once("\": ")).map_or(rest, |(_, rest)| rest);
    rest.to_owned()
}
