//! Live lines for people.
//!
//! Finished images and notices scroll up; below them is one line for each running image, and below these, if the run
//! watches, the [status](super::status) of everything. Live lines and results are truncated to the width of the
//! terminal; notices and the summary are not, since nothing repeats them.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use console::{pad_str, truncate_str};
use indexmap::IndexMap;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::{SignedDuration, Timestamp};

use super::formatter::{Formatter, LineKind, OutputLine};
use super::phrase;
use super::status::Status;
use super::style::Look;
use super::text::{amount, clean, elapsed, one_line};
use super::view::View;
use crate::event::{Decision, DeploymentDecision, DeploymentResult, Event, Level};

/// Images that finish in less time are never drawn: a run that skips everything draws no live lines.
const DELAY: SignedDuration = SignedDuration::from_millis(200);

/// The time between two frames.
const FRAME: Duration = Duration::from_millis(100);

/// How often indicatif may draw in a second: more often than we do, since a frame that it skips may be the last one.
pub(super) const FRAMES: u8 = 60;

/// The terminal.
pub(super) trait Screen: Write + Send {
    /// The target for live lines.
    fn target(&self) -> ProgressDrawTarget;
    /// Rows and columns.
    fn size(&self) -> (u16, u16);
}

/// Draws live lines on `screen`.
pub(super) struct Terminal<S> {
    screen: S,
    look: Look,
    narrator: Formatter,
    running: IndexMap<String, Running>,
    /// The step of the whole run, until images start.
    step: Option<Running>,
    /// Lines to be printed above the live lines.
    above: String,
    /// One bar with a line for each image; indicatif redraws it as a whole.
    bar: Option<ProgressBar>,
    drawn: Timestamp,
    status: Status,
    /// The live lines drawn last.
    shown: String,
    /// Whether the live lines differ from the lines that were drawn last.
    is_stale: bool,
    /// The title of the terminal, if it was changed.
    title: Option<String>,
}

/// The content of a live line.
struct Running {
    since: Timestamp,
    step: String,
    progress: Option<(String, u64, Option<u64>)>,
    last: String,
}

impl Running {
    fn new(since: Timestamp) -> Self {
        Self { since, step: String::new(), progress: None, last: String::new() }
    }

    fn begin(&mut self, step: &str) {
        self.step = one_line(step);
        self.progress = None;
        self.last.clear();
    }
}

impl<S: Screen> Terminal<S> {
    /// Draws nothing until a step takes some time.
    pub(super) fn new(screen: S, look: Look, narrator: Formatter, status: Status) -> Self {
        Self {
            screen,
            look,
            narrator,
            running: IndexMap::new(),
            step: None,
            above: String::new(),
            bar: None,
            drawn: Timestamp::UNIX_EPOCH,
            status,
            shown: String::new(),
            is_stale: false,
            title: None,
        }
    }

    fn running(&mut self, image: &str, at: Timestamp) -> &mut Running {
        let index = match self.running.get_index_of(image) {
            Some(index) => index,
            None => self.running.insert_full(image.to_owned(), Running::new(at)).0,
        };
        &mut self.running[index]
    }

    fn name(&self, image: &str) -> String {
        let name = pad_str(image, self.narrator.name_width, console::Alignment::Left, None);
        self.look.name(name).to_string()
    }

    fn say(&mut self, remark: &OutputLine) {
        let text = match remark.kind {
            // The live line shows it.
            LineKind::Intent | LineKind::Step => return,
            LineKind::Result(crate::event::Outcome::Failed) => self.look.failure(&remark.text).to_string(),
            LineKind::Notice(Level::Warning) => self.look.warning(&remark.text).to_string(),
            _ => remark.text.clone(),
        };
        let name = remark.image.as_ref().map(|image| format!("{}  ", self.name(image))).unwrap_or_default();
        let line = match remark.kind {
            // It belongs to the whole run: a message that is shown as it is.
            LineKind::Result(_) if remark.image.is_none() => text,
            LineKind::Result(outcome) => {
                let line = format!("{} {name}{text}", self.look.mark(outcome)).replace('\t', " ");
                truncate_str(&line, self.width(), self.look.ellipsis()).into_owned()
            }
            _ if remark.image.is_some() => format!("  {name}{text}"),
            _ => text,
        };
        self.above.push_str(&line);
        self.above.push('\n');
    }

    /// The columns of a line. The last column stays empty: some consoles wrap as soon as it is written.
    fn width(&self) -> usize {
        usize::from(self.screen.size().1).saturating_sub(1).max(1)
    }

    /// The lines of the status that fit on the screen: at least half of the screen is for lines that scroll.
    fn status(&self) -> Vec<String> {
        self.status.lines(usize::from(self.screen.size().0) / 2)
    }

    /// The live lines that fit on the screen, including those of running steps if `with_running`.
    fn live(&self, now: Timestamp, with_running: bool) -> String {
        let status = self.status();
        let height = usize::from(self.screen.size().0).saturating_sub(1 + status.len()).max(1);
        let width = self.width();
        let shown = if !with_running {
            0
        } else if self.running.len() > height {
            height - 1
        } else {
            self.running.len()
        };
        let frame = usize::try_from(now.as_millisecond() / FRAME.as_millis() as i64).unwrap_or(0);
        let mut text = String::new();
        let mut push = |line: &str| {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&truncate_str(line, width, self.look.ellipsis()));
        };
        for (image, running) in self.running.iter().take(shown) {
            push(&self.live_line(&clean(image), running, frame, now));
        }
        if with_running && self.running.len() > shown {
            push(&format!("  +{} more", self.running.len() - shown));
        }
        if let (true, true, Some(step)) = (with_running, self.running.is_empty(), &self.step) {
            push(&self.live_line("", step, frame, now));
        }
        status.iter().for_each(|line| push(line));
        text
    }

    fn live_line(&self, image: &str, running: &Running, frame: usize, now: Timestamp) -> String {
        let time = elapsed(now.duration_since(running.since).as_secs_f64());
        let mut line = format!("{} {}  {time:>6}  ", self.look.spinner(frame), self.name(image));
        match &running.progress {
            Some((what, done, total)) => {
                let _ = write!(line, "{what}: {}", amount(*done, *total));
            }
            None => line.push_str(&running.step),
        }
        if !running.last.is_empty() {
            let _ = write!(line, "  {}", self.look.dim(&running.last));
        }
        line
    }

    /// Prints a line of output above the live lines, with the next ones.
    fn print_line(&mut self, line: &str) {
        self.above.push_str(&clean(line));
        self.above.push('\n');
    }

    fn print_above(&mut self) -> io::Result<()> {
        if self.above.is_empty() {
            return Ok(());
        }
        let screen = &mut self.screen;
        let above = self.above.as_bytes();
        let mut print = || screen.write_all(above).and_then(|()| screen.flush());
        let printed = match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        };
        self.above.clear();
        printed
    }

    fn clear(&mut self) -> io::Result<()> {
        self.is_stale = false;
        self.shown.clear();
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        self.set_title(None)
    }

    /// Sets the title of the terminal; `None` restores the one before the first.
    fn set_title(&mut self, title: Option<String>) -> io::Result<()> {
        /// The terminal keeps its title on a stack (XTWINOPS 22 and 23), and gets another one (OSC 0).
        const PUSH: &str = "\x1b[22;0t";
        const POP: &str = "\x1b[23;0t";
        if self.title == title {
            return Ok(());
        }
        let sequence = match (&self.title, &title) {
            (None, Some(title)) => format!("{PUSH}\x1b]0;{title}\x07"),
            (Some(_), Some(title)) => format!("\x1b]0;{title}\x07"),
            (_, None) => POP.to_owned(),
        };
        self.title = title;
        self.screen.write_all(sequence.as_bytes())?;
        self.screen.flush()
    }
}

impl<S: Screen> View for Terminal<S> {
    fn receive(&mut self, at: Timestamp, event: &Event) -> io::Result<()> {
        match event {
            Event::ImageDecided { image, decision: Decision::Skip, .. } => {
                self.running.shift_remove(image);
            }
            Event::ImageDecided { image, decision, reason, .. } => {
                self.step = None;
                self.running(image, at).begin(&phrase::decision(*decision, reason));
            }
            Event::StepStarted { image: Some(image), step } => self.running(image, at).begin(step),
            Event::StepStarted { image: None, step } => {
                self.step.insert(Running::new(at)).begin(step);
            }
            Event::StepProgress { image, step, done, total } => {
                let progress = &mut self.running(image, at).progress;
                match progress {
                    Some((what, so_far, of)) if what == step => (*so_far, *of) = (*done, *total),
                    _ => *progress = Some((one_line(step), *done, *total)),
                }
            }
            Event::Output { image: Some(image), line } => {
                let running = self.running(image, at);
                let line = clean(line);
                if !line.trim().is_empty() {
                    running.progress = None;
                    running.last = one_line(line.trim());
                }
            }
            Event::Output { image: None, line } => self.print_line(line),
            Event::Log { name, line, .. } => self.print_line(&phrase::log(name, line)),
            Event::ImageFinished(result) => {
                self.running.shift_remove(&result.image);
            }
            Event::DeploymentDecided { deployment, decision: DeploymentDecision::Deploy, reason } => {
                self.step = None;
                self.running(deployment, at)
                    .begin(&phrase::deployment_decision(DeploymentDecision::Deploy, reason));
            }
            Event::ObjectChanged { deployment, object, change, details } => {
                let running = self.running(deployment, at);
                running.last = one_line(&phrase::object(*change, object, details));
            }
            Event::DeploymentProgress { deployment, waiting } => {
                let (running, text) = (self.running(deployment, at), one_line(&waiting.join("; ")));
                if running.step != text {
                    running.begin(&text);
                }
            }
            Event::DeploymentDecided { deployment, .. }
            | Event::DeploymentFinished(DeploymentResult { deployment, .. }) => {
                self.running.shift_remove(deployment);
            }
            Event::RunFinished { .. } => {
                self.running.clear();
                self.step = None;
            }
            Event::RunStarted { .. }
            | Event::Notice { .. }
            | Event::Pushed { .. }
            | Event::Watching { .. }
            | Event::FilesChanged { .. }
            | Event::WatchPaused { .. }
            | Event::WatchResumed
            | Event::Sync { .. }
            | Event::Forward { .. }
            | Event::Keys { .. }
            | Event::Question { .. }
            | Event::TerminalTaken
            | Event::Failure { .. } => {}
        }
        self.status.receive(at, event);
        let remarks = self.narrator.report(at, event);
        // The status shows the keys all the time.
        if !(matches!(event, Event::Keys { .. }) && self.status.is_shown()) {
            remarks.iter().for_each(|remark| self.say(remark));
        }
        Ok(())
    }

    fn refresh(&mut self, now: Timestamp) -> io::Result<()> {
        let oldest = self.running.values().chain(&self.step).map(|running| running.since).min();
        let has_status = self.status.is_shown();
        if oldest.is_none() && !has_status {
            self.clear()?;
            return self.print_above();
        }
        self.print_above()?;
        self.set_title(has_status.then(|| self.status.title()))?;
        let is_slow = oldest.is_some_and(|oldest| now.duration_since(oldest) >= DELAY);
        // Above a status, quick steps would only flicker.
        let with_running = is_slow || (self.bar.is_some() && !has_status);
        if !with_running && !has_status {
            return Ok(());
        }
        let live = self.live(now, with_running);
        self.is_stale = live != self.shown;
        if self.is_stale && now.duration_since(self.drawn) >= SignedDuration::from_millis(50) {
            (self.drawn, self.is_stale) = (now, false);
            self.shown.clone_from(&live);
            let bar = self.bar.get_or_insert_with(|| {
                let bar = ProgressBar::with_draw_target(None, self.screen.target());
                let style = ProgressStyle::with_template("{msg}");
                bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
            });
            bar.set_message(live);
        }
        Ok(())
    }

    fn wait(&self) -> Option<Duration> {
        (!self.running.is_empty() || self.step.is_some() || self.is_stale).then_some(FRAME)
    }

    fn close(&mut self, now: Timestamp) -> io::Result<()> {
        self.running.clear();
        self.step = None;
        self.status.hide();
        for remark in self.narrator.close(now) {
            self.say(&remark);
        }
        self.refresh(now)
    }
}

#[cfg(test)]
mod tests;
