//! Converts events to lines of text; the view controls their style.

use std::collections::HashMap;
use std::path::PathBuf;

use jiff::Timestamp;

use super::phrase;
use super::summary::Summary;
use super::text::clean;
use crate::event::{
    Decision, DeploymentDecision, DeploymentOutcome, Event, ForwardChange, Level, Outcome, SyncChange,
};

/// Returns the log file of an image, if it has one.
pub(super) type LogOf = Box<dyn Fn(&str) -> Option<PathBuf> + Send>;

/// One line for people, without control characters.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OutputLine {
    /// The image or deployment of the line.
    pub(super) image: Option<String>,
    pub(super) kind: LineKind,
    pub(super) text: String,
}

/// The kind of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineKind {
    /// An image will be built or published.
    Intent,
    /// A step begins, or a part of it is done.
    Step,
    /// An image is finished. A skip is reported when it is decided.
    Result(Outcome),
    /// A warning or a hint.
    Notice(Level),
    /// The end of the run.
    Summary,
}

/// Converts events to remarks.
pub(super) struct Formatter {
    silent: bool,
    debug: bool,
    log_of: LogOf,
    decisions: HashMap<String, Decision>,
    summary: Summary,
    started: Option<Timestamp>,
    /// The width of the column for image names.
    pub(super) name_width: usize,
}

/// The maximum width of this column: longer names do not shift the text of the other lines.
const NAME_WIDTH: usize = 24;

impl Formatter {
    /// Reports only failures if `silent`, and debug notices only with `debug`.
    pub(super) fn new(silent: bool, debug: bool, log_of: LogOf) -> Self {
        Self {
            silent,
            debug,
            log_of,
            decisions: HashMap::new(),
            summary: Summary::default(),
            started: None,
            name_width: 0,
        }
    }

    /// The remarks for `event`; none for output and progress.
    pub(super) fn report(&mut self, at: Timestamp, event: &Event) -> Vec<OutputLine> {
        self.summary.receive(event);
        let mut remarks = self.remarks(at, event);
        if self.silent {
            remarks.retain(|remark| remark.kind == LineKind::Result(Outcome::Failed));
        }
        remarks
    }

    /// The remarks after the last event: none, unless the run stopped early.
    pub(super) fn close(&mut self, now: Timestamp) -> Vec<OutputLine> {
        let Some(started) = self.started.take() else { return Vec::new() };
        if self.silent || self.summary.is_empty() {
            return Vec::new();
        }
        let mut remarks = summary(&self.summary, now.duration_since(started).as_secs_f64());
        if let Some(first) = remarks.first_mut() {
            first.text.insert_str(0, "stopped early: ");
        }
        remarks
    }

    fn remarks(&mut self, at: Timestamp, event: &Event) -> Vec<OutputLine> {
        let (kind, text) = match event {
            Event::RunStarted { images, deployments, .. } => {
                self.started = Some(at);
                let names = images.iter().chain(deployments);
                let widths = names.map(|name| console::measure_text_width(&clean(name)));
                self.name_width = widths.max().unwrap_or(0).min(NAME_WIDTH);
                return Vec::new();
            }
            Event::ImageDecided { image, decision, reason, .. } => {
                self.decisions.insert(image.clone(), *decision);
                let skip = *decision == Decision::Skip;
                let kind = if skip { LineKind::Result(Outcome::Skipped) } else { LineKind::Intent };
                (kind, phrase::decision(*decision, reason))
            }
            Event::StepStarted { step, .. } => (LineKind::Step, step.clone()),
            Event::StepProgress { .. } | Event::Output { .. } | Event::Log { .. } => return Vec::new(),
            Event::Notice { level: Level::Debug, .. } if !self.debug => return Vec::new(),
            Event::Notice { level, message, .. } => {
                (LineKind::Notice(*level), format!("{}{message}", phrase::level(*level)))
            }
            Event::Pushed { reference, digest, .. } => {
                let digest = digest.as_ref().map(|digest| format!(" ({digest})")).unwrap_or_default();
                (LineKind::Step, format!("pushed {reference}{digest}"))
            }
            Event::ImageFinished(result) => {
                let decision = self.decisions.get(&result.image).copied();
                if (result.outcome, decision) == (Outcome::Skipped, Some(Decision::Skip)) {
                    return Vec::new();
                }
                let log = match result.outcome {
                    Outcome::Failed => (self.log_of)(&result.image),
                    _ => None,
                };
                (LineKind::Result(result.outcome), phrase::result(result, decision, log.as_deref()))
            }
            Event::DeploymentDecided { decision, reason, .. } => {
                let is_kept = *decision == DeploymentDecision::Keep;
                let kind = if is_kept { LineKind::Result(Outcome::Skipped) } else { LineKind::Intent };
                (kind, phrase::deployment_decision(*decision, reason))
            }
            Event::ObjectChanged { object, change, details, .. } => {
                (LineKind::Step, phrase::object(*change, object, details))
            }
            Event::Sync { folder, change } if *change != SyncChange::Ended => {
                let level = if change.is_warning() { Level::Warning } else { Level::Info };
                (LineKind::Notice(level), format!("{folder}: {}", phrase::sync(change)))
            }
            Event::DeploymentProgress { waiting, .. } => {
                (LineKind::Step, format!("waiting: {}", waiting.join("; ")))
            }
            // It was reported when it was decided.
            Event::DeploymentFinished(result) if result.outcome == DeploymentOutcome::Kept => {
                return Vec::new();
            }
            Event::DeploymentFinished(result) => {
                (LineKind::Result(phrase::outcome(result.outcome)), phrase::deployment(result))
            }
            Event::Watching { files, folders } => {
                (LineKind::Notice(Level::Info), phrase::watching(*files, *folders))
            }
            Event::FilesChanged { files, images } => {
                (LineKind::Notice(Level::Info), phrase::files_changed(files, images))
            }
            Event::WatchPaused { reason } => (LineKind::Notice(Level::Info), format!("paused: {reason}")),
            Event::WatchResumed => (LineKind::Notice(Level::Info), "resumed".to_owned()),
            Event::Forward { address, to, change: change @ ForwardChange::Opened } => {
                (LineKind::Notice(Level::Info), phrase::forward(address, to, change))
            }
            Event::Question { question: Some(question) } => {
                (LineKind::Notice(Level::Warning), phrase::question(question))
            }
            Event::Keys { keys } if !keys.is_empty() => {
                (LineKind::Notice(Level::Info), format!("keys: {}", phrase::keys(keys)))
            }
            Event::Sync { .. }
            | Event::Forward { .. }
            | Event::Question { .. }
            | Event::Keys { .. }
            | Event::TerminalTaken => return Vec::new(),
            Event::Failure { message } => (LineKind::Result(Outcome::Failed), message.clone()),
            Event::RunFinished { seconds, .. } => {
                self.started = None;
                // A run that watches has several parts, and each is summed up.
                let finished = std::mem::take(&mut self.summary);
                return summary(&finished, *seconds);
            }
        };
        let name = event.image().or(event.deployment());
        let image = name.map(|name| clean(name).into_owned());
        text.lines()
            .map(|line| OutputLine { image: image.clone(), kind, text: clean(line).into_owned() })
            .collect()
    }
}

fn summary(summary: &Summary, seconds: f64) -> Vec<OutputLine> {
    let lines = summary.lines(seconds).into_iter();
    lines
        .map(|line| OutputLine { image: None, kind: LineKind::Summary, text: clean(&line).into_owned() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::ImageResult;
    use crate::report::samples::*;

    fn report(narrator: &mut Formatter, event: Event) -> Vec<String> {
        narrator.report(at(0), &event).into_iter().map(|remark| remark.text).collect()
    }

    fn narrator(silent: bool) -> Formatter {
        Formatter::new(silent, false, Box::new(|image| Some(PathBuf::from(format!("logs/{image}.log")))))
    }

    #[test]
    fn results_have_the_outcome_of_the_image() {
        #[track_caller]
        fn check(decision: Decision, result: ImageResult, expected: &str) {
            let mut narrator = narrator(false);
            narrator.report(at(0), &decided("api", decision, "why"));
            assert_eq!(report(&mut narrator, Event::ImageFinished(result)), [expected]);
        }
        use Decision::{Build, Publish};
        check(Build, result("api", Outcome::Built, "why"), "built acme/api:1.4 in 3.2s: why");
        let pushed = ImageResult {
            pushed: true,
            tags: vec!["a".to_owned(), "b".to_owned()],
            ..result("api", Outcome::Built, "why")
        };
        check(Build, pushed.clone(), "built and pushed acme/api:a, b in 3.2s: why");
        check(Publish, pushed, "pushed acme/api:a, b in 3.2s: why");
        check(Publish, result("api", Outcome::Built, "new tag"), "tagged acme/api:1.4 in 3.2s: new tag");
        check(Build, result("api", Outcome::Failed, "x"), "failed after 3.2s: x (log: logs/api.log)");
        check(Build, result("api", Outcome::Cancelled, "base failed"), "cancelled: base failed");
    }

    #[test]
    fn skip_is_reported_once() {
        let mut narrator = narrator(false);
        assert_eq!(
            report(&mut narrator, decided("api", Decision::Skip, "unchanged")),
            ["skipped: unchanged"]
        );
        assert!(report(&mut narrator, finished("api", Outcome::Skipped, "unchanged")).is_empty());
        assert_eq!(
            report(&mut narrator, finished("web", Outcome::Skipped, "disabled")),
            ["skipped: disabled"]
        );
    }

    #[test]
    fn silent_tells_failures_only() {
        let mut narrator = narrator(true);
        let is_failure = |event: &Event| matches!(event, Event::Failure { .. });
        for event in every_event().into_iter().filter(|event| !is_failure(event)) {
            assert!(report(&mut narrator, event.clone()).is_empty(), "{event:?}");
        }
        assert_eq!(report(&mut narrator, finished("api", Outcome::Failed, "x")).len(), 1);
        assert!(report(&mut narrator, ended(1.0, false)).is_empty());
    }

    #[test]
    fn summary_counts_names_and_warns() {
        let mut narrator = narrator(false);
        narrator.report(at(0), &started(&["a", "b", "c", "d", "e", "f", "g"]));
        for (image, outcome) in [
            ("a", Outcome::Built),
            ("b", Outcome::Built),
            ("c", Outcome::Built),
            ("d", Outcome::Skipped),
            ("e", Outcome::Skipped),
            ("f", Outcome::Failed),
            ("g", Outcome::Cancelled),
        ] {
            narrator.report(at(0), &finished(image, outcome, "why"));
        }
        narrator.report(at(0), &notice(None, Level::Warning, "careful"));
        assert_eq!(
            report(&mut narrator, ended(4.2, false)),
            ["3 built, 2 skipped, 1 failed, 1 cancelled in 4.2s, 1 warning", "  failed: f", "  cancelled: g"]
        );
        assert!(narrator.close(at(0)).is_empty());
    }

    #[test]
    fn stopped_run_is_reported_as_stopped() {
        let mut narrator = narrator(false);
        narrator.report(at(0), &started(&["a", "b"]));
        narrator.report(at(0), &finished("a", Outcome::Built, "why"));
        let texts: Vec<_> = narrator.close(at(2500)).into_iter().map(|remark| remark.text).collect();
        assert_eq!(texts, ["stopped early: 1 built in 2.5s"]);
    }

    #[test]
    fn run_without_images_has_a_summary() {
        assert_eq!(report(&mut narrator(false), ended(0.012, true)), ["nothing to build in 12ms"]);
    }
}
