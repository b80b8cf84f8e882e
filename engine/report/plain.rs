//! Lines for logs and pipes.
//!
//! Every line starts with the name of its image, so that the lines of one image can be searched for; and lines of one
//! image stay together, so that the log is readable. While several images run, the output of each image is held back
//! until its step ends, or for a short time: CI systems show logs live and stop jobs without output. The output of a
//! single running image is shown immediately.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use indexmap::IndexMap;
use jiff::{SignedDuration, Timestamp};

use super::formatter::{Formatter, LineKind, OutputLine};
use super::phrase;
use super::style::Look;
use super::text::{amount, clean};
use super::view::View;
use crate::event::{Event, Level, Outcome};

/// The maximum time for which output is held back.
const HOLD: SignedDuration = SignedDuration::from_secs(5);

/// The maximum size of held-back output, in bytes per image.
const HELD: usize = 32 << 10;

/// The interval between lines of progress.
const PROGRESS: SignedDuration = SignedDuration::from_secs(10);

/// Writes lines prefixed with the image's name.
pub(super) struct Plain<W> {
    out: W,
    look: Look,
    silent: bool,
    narrator: Formatter,
    /// The running images.
    groups: IndexMap<String, Group>,
}

/// The held-back lines of one image.
struct Group {
    prefix: String,
    lines: String,
    /// The time of the first of them.
    since: Timestamp,
    /// The time of the last progress line, or of the start of the step.
    progress: Timestamp,
}

impl<W: Write> Plain<W> {
    /// Writes to `out`; only failures if `silent`.
    pub(super) fn new(out: W, look: Look, silent: bool, narrator: Formatter) -> Self {
        Self { out, look, silent, narrator, groups: IndexMap::new() }
    }

    fn prefix(&self, image: &str) -> String {
        let name = console::pad_str(image, self.narrator.name_width, console::Alignment::Left, None);
        format!("{} | ", self.look.name(name))
    }

    fn say(&mut self, remark: &OutputLine) -> io::Result<()> {
        let text = match remark.kind {
            LineKind::Step => format!("-- {}", remark.text),
            LineKind::Result(Outcome::Failed) => self.look.failure(&remark.text).to_string(),
            LineKind::Notice(Level::Warning) => self.look.warning(&remark.text).to_string(),
            _ => remark.text.clone(),
        };
        let prefix = remark.image.as_ref().map(|image| self.prefix(image)).unwrap_or_default();
        writeln!(self.out, "{prefix}{text}")
    }

    fn group(&mut self, image: &str, at: Timestamp) -> &mut Group {
        let index = match self.groups.get_index_of(image) {
            Some(index) => index,
            None => {
                let prefix = self.prefix(&clean(image));
                let group = Group { prefix, lines: String::new(), since: at, progress: at };
                self.groups.insert_full(image.to_owned(), group).0
            }
        };
        &mut self.groups[index]
    }

    fn release(&mut self, image: Option<&str>) -> io::Result<()> {
        image
            .and_then(|image| self.groups.get_mut(image))
            .map_or(Ok(()), |group| group.release(&mut self.out))
    }

    fn output(&mut self, at: Timestamp, image: &str, line: &str) -> io::Result<()> {
        let group = self.group(image, at);
        if group.lines.is_empty() {
            group.since = at;
        }
        let _ = writeln!(group.lines, "{}{}", group.prefix, clean(line));
        let alone = self.groups.len() == 1;
        let group = self.group(image, at);
        if alone || group.lines.len() > HELD {
            return self.release(Some(image));
        }
        Ok(())
    }
}

impl Group {
    fn release(&mut self, out: &mut impl Write) -> io::Result<()> {
        let written = out.write_all(self.lines.as_bytes());
        self.lines.clear();
        written
    }
}

impl<W: Write + Send> View for Plain<W> {
    fn receive(&mut self, at: Timestamp, event: &Event) -> io::Result<()> {
        match event {
            Event::Output { .. } | Event::Log { .. } | Event::StepProgress { .. } if self.silent => {
                return Ok(());
            }
            Event::Output { image: Some(image), line } => return self.output(at, image, line),
            Event::Output { image: None, line } => return writeln!(self.out, "{}", clean(line)),
            Event::Log { name, line, .. } => {
                return writeln!(self.out, "{}", clean(&phrase::log(name, line)));
            }
            Event::StepProgress { image, step, done, total } => {
                let group = self.group(image, at);
                if at.duration_since(group.progress) < PROGRESS {
                    return Ok(());
                }
                group.progress = at;
                return self.output(at, image, &format!("{step}: {}", amount(*done, *total)));
            }
            Event::StepStarted { image: Some(image), .. } => self.group(image, at).progress = at,
            _ => {}
        }
        let remarks = self.narrator.report(at, event);
        if !remarks.is_empty() {
            self.release(event.image())?;
        }
        for remark in &remarks {
            self.say(remark)?;
        }
        match event {
            Event::ImageFinished(result) => {
                self.release(Some(&result.image))?;
                self.groups.shift_remove(&result.image);
            }
            Event::RunFinished { .. } => self.groups.clear(),
            _ => {}
        }
        Ok(())
    }

    fn refresh(&mut self, now: Timestamp) -> io::Result<()> {
        let alone = self.groups.len() == 1;
        for group in self.groups.values_mut() {
            if alone || now.duration_since(group.since) >= HOLD {
                group.release(&mut self.out)?;
            }
        }
        self.out.flush()
    }

    fn wait(&self) -> Option<Duration> {
        let held = self.groups.values().any(|group| !group.lines.is_empty());
        held.then_some(Duration::from_secs(1))
    }

    fn close(&mut self, now: Timestamp) -> io::Result<()> {
        for group in self.groups.values_mut() {
            group.release(&mut self.out)?;
        }
        for remark in self.narrator.close(now) {
            self.say(&remark)?;
        }
        self.out.flush()
    }
}

#[cfg(test)]
mod tests;
