//! The last line of a run.

use std::fmt::Write as _;

use super::text::elapsed;
use crate::event::{DeploymentOutcome, Event, Level, Outcome};
use crate::plural::counted;

/// Counts the results of images.
#[derive(Debug, Default)]
pub(super) struct Summary {
    finished: Vec<(String, Outcome)>,
    deployed: Vec<(String, DeploymentOutcome)>,
    warnings: u64,
    has_failed: bool,
    /// Whether the run deletes deployments.
    deletes: bool,
}

impl Summary {
    /// Counts `event`.
    pub(super) fn receive(&mut self, event: &Event) {
        match event {
            Event::RunStarted { pipeline, .. } => self.deletes = pipeline.starts_with("purge"),
            Event::ImageFinished(result) => self.finished.push((result.image.clone(), result.outcome)),
            Event::DeploymentFinished(result) => {
                // A deployment that does not become ready has two results.
                self.deployed.retain(|(name, _)| *name != result.deployment);
                self.deployed.push((result.deployment.clone(), result.outcome));
            }
            Event::Notice { level: Level::Warning, .. } => self.warnings += 1,
            Event::RunFinished { success, .. } => self.has_failed = !success,
            _ => {}
        }
    }

    /// Whether no image or deployment is finished yet.
    pub(super) fn is_empty(&self) -> bool {
        self.finished.is_empty() && self.deployed.is_empty()
    }

    /// The summary, then a line with the names of the images for each outcome other than success.
    pub(super) fn lines(&self, seconds: f64) -> Vec<String> {
        let outcomes = [
            (Outcome::Built, "built"),
            (Outcome::Skipped, "skipped"),
            (Outcome::Failed, "failed"),
            (Outcome::Cancelled, "cancelled"),
        ];
        let deployments = [
            (DeploymentOutcome::Deployed, "deployed"),
            (DeploymentOutcome::Kept, "kept"),
            (DeploymentOutcome::Deleted, "deleted"),
            (DeploymentOutcome::Failed, if self.deletes { "failed to delete" } else { "failed to deploy" }),
            (DeploymentOutcome::Cancelled, if self.deletes { "not deleted" } else { "not deployed" }),
        ];
        let images = outcomes.iter().map(|(outcome, word)| (self.names(*outcome).count(), word));
        let deployed = deployments.iter().map(|(outcome, word)| (self.deployments(*outcome).count(), word));
        let counts: Vec<_> = images
            .chain(deployed)
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        let counts = match counts.as_slice() {
            [] if self.has_failed => "failed".to_owned(),
            [] => "nothing to build".to_owned(),
            counts => counts.join(", "),
        };
        let mut first = format!("{counts} in {}", elapsed(seconds));
        if self.warnings > 0 {
            let _ = write!(first, ", {}", counted(self.warnings, "warning"));
        }
        let mut lines = vec![first];
        for (outcome, word) in &outcomes[2..] {
            let names: Vec<_> = self.names(*outcome).collect();
            if !names.is_empty() {
                lines.push(format!("  {word}: {}", names.join(", ")));
            }
        }
        for (outcome, word) in &deployments[3..] {
            let names: Vec<_> = self.deployments(*outcome).collect();
            if !names.is_empty() {
                lines.push(format!("  {word}: {}", names.join(", ")));
            }
        }
        lines
    }

    fn deployments(&self, wanted: DeploymentOutcome) -> impl Iterator<Item = &str> {
        self.deployed.iter().filter(move |(_, outcome)| *outcome == wanted).map(|(name, _)| name.as_str())
    }

    fn names(&self, wanted: Outcome) -> impl Iterator<Item = &str> {
        self.finished.iter().filter(move |(_, outcome)| *outcome == wanted).map(|(name, _)| name.as_str())
    }
}
