//! The last line of a run.

use std::fmt::Write as _;

use super::text::elapsed;
use crate::event::{Event, Level, Outcome};
use crate::plural::counted;

/// Counts the results of images.
#[derive(Debug, Default)]
pub(super) struct Summary {
    finished: Vec<(String, Outcome)>,
    warnings: u64,
    has_failed: bool,
}

impl Summary {
    /// Counts `event`.
    pub(super) fn receive(&mut self, event: &Event) {
        match event {
            Event::ImageFinished(result) => self.finished.push((result.image.clone(), result.outcome)),
            Event::Notice { level: Level::Warning, .. } => self.warnings += 1,
            Event::RunFinished { success, .. } => self.has_failed = !success,
            _ => {}
        }
    }

    /// Whether no image is finished yet.
    pub(super) fn is_empty(&self) -> bool {
        self.finished.is_empty()
    }

    /// The summary, then a line with the names of the images for each outcome other than success.
    pub(super) fn lines(&self, seconds: f64) -> Vec<String> {
        let outcomes = [
            (Outcome::Built, "built"),
            (Outcome::Skipped, "skipped"),
            (Outcome::Failed, "failed"),
            (Outcome::Cancelled, "cancelled"),
        ];
        let counts: Vec<_> = outcomes
            .iter()
            .map(|(outcome, word)| (self.names(*outcome).count(), word))
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
        lines
    }

    fn names(&self, wanted: Outcome) -> impl Iterator<Item = &str> {
        self.finished.iter().filter(move |(_, outcome)| *outcome == wanted).map(|(name, _)| name.as_str())
    }
}
