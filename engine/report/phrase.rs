//! The wording of decisions, results and notices, identical in every mode.

use std::path::Path;

use super::text::elapsed;
use crate::event::{Decision, ImageResult, Level, Outcome};

/// The decision about an image and its reason: `building: src/main.go changed`.
pub(super) fn decision(decision: Decision, reason: &str) -> String {
    let verb = match decision {
        Decision::Build => "building",
        Decision::Skip => "skipped",
        Decision::Publish => "publishing",
        Decision::Finish => "finishing",
    };
    format!("{verb}: {reason}")
}

/// The result of an image: `built acme/api:1.4 in 4.2s: src/main.go changed`.
///
/// `decision` is the earlier decision about it; `log` its log file.
pub(super) fn result(result: &ImageResult, decision: Option<Decision>, log: Option<&Path>) -> String {
    let time = elapsed(result.seconds);
    // The diagnostic contains the rest of a long reason.
    let reason = result.reason.lines().next().unwrap_or_default();
    let verb = match (result.outcome, decision) {
        (Outcome::Failed, _) => {
            let log = log.map(|path| format!(" (log: {})", path.display())).unwrap_or_default();
            return format!("failed after {time}: {reason}{log}");
        }
        (Outcome::Cancelled, _) => return format!("cancelled: {reason}"),
        (_, Some(Decision::Publish)) if result.pushed => "pushed",
        (Outcome::Skipped, Some(Decision::Finish)) if result.pushed => "finished and pushed",
        (Outcome::Skipped, Some(Decision::Finish)) => "finished",
        (_, Some(Decision::Publish)) => "tagged",
        (Outcome::Skipped, _) => return format!("skipped: {reason}"),
        (Outcome::Built, _) if result.pushed => "built and pushed",
        (Outcome::Built, _) => "built",
    };
    let tags = match result.tags.as_slice() {
        [] => result.repository.clone(),
        tags => format!("{}:{}", result.repository, tags.join(", ")),
    };
    format!("{verb} {tags} in {time}: {reason}")
}

/// The prefix of a notice, if any.
pub(super) fn level(level: Level) -> &'static str {
    match level {
        Level::Debug => "debug: ",
        Level::Info => "",
        Level::Warning => "warning: ",
    }
}
