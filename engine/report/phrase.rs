//! The wording of decisions, results and notices, identical in every mode.

use std::path::Path;

use super::text::elapsed;
use crate::event::{
    Decision, DeploymentDecision, DeploymentOutcome, DeploymentResult, ForwardChange, ImageResult, KeyHint,
    Level, ObjectChange, Outcome, SyncBatch, SyncChange,
};
use crate::plural::counted;

/// A line of the log of the container `name`: `web-1 | GET / 200`.
pub(super) fn log(name: &str, line: &str) -> String {
    format!("{name} | {line}")
}

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

/// The decision about a deployment and its reason: `deploying: 2 objects changed`.
pub(super) fn deployment_decision(decision: DeploymentDecision, reason: &str) -> String {
    let verb = match decision {
        DeploymentDecision::Deploy => "deploying",
        DeploymentDecision::Keep => "kept",
    };
    format!("{verb}: {reason}")
}

/// Changed files and the images that are built because of them: `changed: src/a.rs and 2 more -> api, web`.
pub(super) fn files_changed(files: &[String], images: &[String]) -> String {
    /// More names are counted.
    const SHOWN: usize = 3;
    let mut text = format!("changed: {}", files[..files.len().min(SHOWN)].join(", "));
    if files.len() > SHOWN {
        text += &format!(" and {} more", files.len() - SHOWN);
    }
    if !images.is_empty() {
        text += &format!(" -> {}", images.join(", "));
    }
    text
}

/// The watched files: `watching 12 files in 3 directories`.
pub(super) fn watching(files: usize, folders: usize) -> String {
    format!("watching {} in {}", counted(files as u64, "file"), counted(folders as u64, "directory"))
}

/// A changed object: `changed Deployment/web (namespace dev): image`.
pub(super) fn object(change: ObjectChange, object: &str, details: &str) -> String {
    let verb = match change {
        ObjectChange::Created => "created",
        ObjectChange::Changed => "changed",
        ObjectChange::Recreated => "recreated",
        ObjectChange::Deleted => "deleted",
        ObjectChange::Kept => "kept",
    };
    let details = if details.is_empty() { String::new() } else { format!(": {details}") };
    format!("{verb} {object}{details}")
}

/// An event of a synced directory: `3 uploaded, 1 deleted there in 20ms: src/a.rs, src/b.rs, ...`.
pub fn sync(change: &SyncChange) -> String {
    match change {
        SyncChange::Connected { container } => format!("connected to {container}"),
        SyncChange::Lost { reason } => format!("disconnected, trying again: {reason}"),
        SyncChange::Equal => "in sync".to_owned(),
        SyncChange::Ended => "ended".to_owned(),
        SyncChange::Conflict { path, outcome } => format!("conflict in {path}: {outcome}"),
        SyncChange::Halted { reason } => format!("halted: {reason}"),
        SyncChange::Batch(batch) => {
            let all: usize = counts(batch).iter().map(|(count, _)| count).sum();
            let more = if batch.paths.len() < all { ", ..." } else { "" };
            format!("{} in {}: {}{more}", done(batch), elapsed(batch.seconds), batch.paths.join(", "))
        }
    }
}

/// The changes of a batch: `3 uploaded, 1 deleted here`.
pub(super) fn done(batch: &SyncBatch) -> String {
    let counts = counts(batch).into_iter().filter(|(count, _)| *count > 0);
    let counts: Vec<_> = counts.map(|(count, what)| format!("{count} {what}")).collect();
    counts.join(", ")
}

fn counts(batch: &SyncBatch) -> [(usize, &'static str); 5] {
    [
        (batch.uploaded, "uploaded"),
        (batch.deleted_there, "deleted in the container"),
        (batch.modes, "modes set"),
        (batch.downloaded, "downloaded"),
        (batch.deleted_here, "deleted here"),
    ]
}

/// The keys and their effects: `b build, q end`.
pub(super) fn keys(keys: &[KeyHint]) -> String {
    let keys: Vec<_> = keys.iter().map(|hint| format!("{} {}", hint.key, hint.does)).collect();
    keys.join(", ")
}

/// A question with the keys that answer it.
pub(super) fn question(question: &str) -> String {
    format!("{question} Press y or n")
}

/// An event of a forwarded port: ``localhost:8080 -> port 80 of image `web` ``.
pub(super) fn forward(address: &str, to: &str, change: &ForwardChange) -> String {
    match change {
        ForwardChange::Opened => format!("{address} -> {to}"),
        ForwardChange::Connected { container } => format!("{address} -> {container}"),
        ForwardChange::Waiting => format!("{address} waits for a container"),
        ForwardChange::Closed => format!("{address} closed"),
    }
}

/// The result of a deployment: `deployed to dev in 1.2s: 2 objects changed`.
pub(super) fn deployment(result: &DeploymentResult) -> String {
    let time = elapsed(result.seconds);
    let reason = result.reason.lines().next().unwrap_or_default();
    // The line has the name already.
    let reason = reason.strip_prefix(&format!("cannot deploy {}: ", result.deployment)).unwrap_or(reason);
    let what = match (result.revision, result.applied) {
        (Some(revision), _) => format!(" revision {revision}"),
        (None, Some(applied)) => format!(" {}", counted(applied, "object")),
        (None, None) => String::new(),
    };
    match result.outcome {
        DeploymentOutcome::Deployed => {
            format!("deployed{what} to namespace {} in {time}: {reason}", result.namespace)
        }
        DeploymentOutcome::Kept => format!("kept: {reason}"),
        DeploymentOutcome::Deleted if result.deleted == 0 => reason.to_owned(),
        DeploymentOutcome::Deleted => {
            format!("deleted from namespace {} in {time}: {reason}", result.namespace)
        }
        DeploymentOutcome::Failed => format!("failed after {time}: {reason}"),
        DeploymentOutcome::Cancelled => format!("cancelled: {reason}"),
    }
}

/// The outcome of a deployment with the look of that of an image.
pub(super) fn outcome(outcome: DeploymentOutcome) -> Outcome {
    match outcome {
        DeploymentOutcome::Deployed | DeploymentOutcome::Deleted => Outcome::Built,
        DeploymentOutcome::Kept => Outcome::Skipped,
        DeploymentOutcome::Failed => Outcome::Failed,
        DeploymentOutcome::Cancelled => Outcome::Cancelled,
    }
}

/// The prefix of a notice, if any.
pub(super) fn level(level: Level) -> &'static str {
    match level {
        Level::Debug => "debug: ",
        Level::Info => "",
        Level::Warning => "warning: ",
    }
}
