//! The record of a run: log files and the result.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use jiff::Timestamp;

use super::log_file::LogFile;
use super::phrase;
use super::run_result::RunResult;
use super::text::clean;
use super::trace::Trace;
use crate::event::{Decision, Event, Level, Outcome};

/// Writes log files and collects the result.
///
/// Runs in the emitting thread, so that logs are complete regardless of the speed of the terminal.
pub(super) struct Record {
    directory: Option<PathBuf>,
    run: ImageRecord,
    images: IndexMap<String, ImageRecord>,
    pub(super) result: RunResult,
    /// The trace, if it is written.
    pub(super) trace: Option<Trace>,
    /// Whether the last lines of the output of each image are kept.
    pub(super) keeps_output: bool,
}

/// How many of these lines are kept.
const LAST_LINES: usize = 20;

struct ImageRecord {
    log: Option<LogFile>,
    decision: Option<Decision>,
    last_lines: VecDeque<String>,
}

impl Record {
    /// A record that writes log files to `directory`, if any.
    pub(super) fn new(directory: Option<PathBuf>, now: Timestamp) -> Self {
        let run = ImageRecord::new(directory.as_deref(), None);
        Self {
            directory,
            run,
            images: IndexMap::new(),
            result: RunResult::new(now),
            trace: None,
            keeps_output: false,
        }
    }

    /// Records `event`.
    ///
    /// # Errors
    /// If the log file fails for the first time. The rest of the record is still complete.
    pub(super) fn receive(&mut self, at: Timestamp, event: &Event) -> io::Result<()> {
        self.result.receive(event);
        if let Some(trace) = &mut self.trace {
            trace.receive(at, event);
        }
        match event {
            Event::RunStarted { .. }
            | Event::StepProgress { .. }
            | Event::Watching { .. }
            | Event::Keys { .. }
            | Event::Question { question: None }
            | Event::TerminalTaken => Ok(()),
            Event::Question { question: Some(question) } => self.heading(at, event, question),
            Event::Forward { address, to, change } => {
                self.heading(at, event, &phrase::forward(address, to, change))
            }
            Event::FilesChanged { files, images } => {
                let text = phrase::files_changed(files, images);
                self.heading(at, event, &text)
            }
            Event::WatchPaused { reason } => self.heading(at, event, &format!("paused: {reason}")),
            Event::WatchResumed => self.heading(at, event, "resumed"),
            Event::Failure { message } => self.heading(at, event, message),
            Event::RunFinished { .. } => self.flush(),
            Event::Notice { level: Level::Debug, .. } => Ok(()),
            Event::DeploymentProgress { .. } => Ok(()),
            Event::DeploymentDecided { deployment, decision, reason } => {
                let text = phrase::deployment_decision(*decision, reason);
                self.heading(at, event, &format!("{deployment}: {text}"))
            }
            Event::ObjectChanged { deployment, object, change, details } => {
                let text = phrase::object(*change, object, details);
                self.heading(at, event, &format!("{deployment}: {text}"))
            }
            Event::DeploymentFinished(result) => {
                self.heading(at, event, &format!("{}: {}", result.deployment, phrase::deployment(result)))
            }
            Event::Sync { folder, change } => {
                self.heading(at, event, &format!("{folder}: {}", phrase::sync(change)))
            }
            Event::Log { name, line, .. } => {
                let log = &mut self.of(None).log;
                log.as_mut().map_or(Ok(()), |log| log.output(&phrase::log(name, line)))
            }
            Event::Output { line, .. } => {
                let keeps_output = self.keeps_output;
                let image = self.of(event.image());
                if keeps_output {
                    if image.last_lines.len() == LAST_LINES {
                        image.last_lines.pop_front();
                    }
                    image.last_lines.push_back(clean(line).into_owned());
                }
                let log = &mut image.log;
                log.as_mut().map_or(Ok(()), |log| log.output(line))
            }
            Event::ImageDecided { decision, reason, .. } => {
                let image = self.of(event.image());
                image.decision = Some(*decision);
                let Some(log) = &mut image.log else { return Ok(()) };
                log.heading(at, &phrase::decision(*decision, reason))?;
                if *decision == Decision::Skip { Ok(()) } else { log.open() }
            }
            Event::StepStarted { step, .. } => self.heading(at, event, step),
            Event::Notice { level, message, .. } => {
                self.heading(at, event, &format!("{}{message}", phrase::level(*level)))
            }
            Event::Pushed { reference, digest, .. } => {
                let digest = digest.as_ref().map(|digest| format!(" ({digest})")).unwrap_or_default();
                self.heading(at, event, &format!("pushed {reference}{digest}"))
            }
            Event::ImageFinished(result) => {
                let image = self.of(event.image());
                let text = phrase::result(result, image.decision, None);
                let Some(log) = &mut image.log else { return Ok(()) };
                log.heading(at, &text)?;
                if matches!(result.outcome, Outcome::Built | Outcome::Failed) {
                    log.open()?;
                }
                log.flush()
            }
        }
    }

    /// Flushes all log files to the operating system.
    ///
    /// # Errors
    /// The first error.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let records = std::iter::once(&mut self.run).chain(self.images.values_mut());
        let logs = records.filter_map(|record| record.log.as_mut());
        // All files are flushed, even if one fails.
        logs.map(LogFile::flush).reduce(Result::and).unwrap_or(Ok(()))
    }

    /// The image's log file, if it was created.
    pub(super) fn log_file(&self, image: &str) -> Option<&Path> {
        self.images.get(image)?.log.as_ref()?.path()
    }

    /// The last lines of the output of `image`, if they are kept.
    pub(super) fn last_lines(&self, image: &str) -> Vec<String> {
        self.images.get(image).map(|image| image.last_lines.iter().cloned().collect()).unwrap_or_default()
    }

    fn heading(&mut self, at: Timestamp, event: &Event, text: &str) -> io::Result<()> {
        self.of(event.image()).log.as_mut().map_or(Ok(()), |log| log.heading(at, text))
    }

    /// The record of `image`; without an image, the record of the whole run.
    fn of(&mut self, image: Option<&str>) -> &mut ImageRecord {
        let Some(name) = image else { return &mut self.run };
        let index = match self.images.get_index_of(name) {
            Some(index) => index,
            None => {
                let record = ImageRecord::new(self.directory.as_deref(), image);
                self.images.insert_full(name.to_owned(), record).0
            }
        };
        &mut self.images[index]
    }
}

impl ImageRecord {
    fn new(directory: Option<&Path>, image: Option<&str>) -> Self {
        let log = directory.map(|directory| LogFile::new(directory, image));
        Self { log, decision: None, last_lines: VecDeque::new() }
    }
}
