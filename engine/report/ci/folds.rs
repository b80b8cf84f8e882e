//! Lines for the logs of CI systems: what happened at once, and the output of each image as one fold at its end,
//! because folds cannot overlap.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use indexmap::IndexMap;
use jiff::Timestamp;

use super::CiSystem;
use crate::event::{Event, Outcome};
use crate::report::formatter::{Formatter, LineKind, OutputLine};
use crate::report::phrase;
use crate::report::text::clean;
use crate::report::view::View;

/// The maximum size of an unfinished fold in bytes: more output begins another fold.
const HELD: usize = 1 << 20;

/// Writes lines for a CI system.
pub(in crate::report) struct Folds<W> {
    out: W,
    system: CiSystem,
    silent: bool,
    narrator: Formatter,
    /// The output of the running images.
    blocks: IndexMap<String, Block>,
    /// The number of folds so far.
    count: usize,
}

/// The output of an image.
#[derive(Default)]
struct Block {
    text: String,
    /// Whether it has more than the names of steps.
    has_output: bool,
}

impl<W: Write> Folds<W> {
    /// Writes to `out`; only failures if `silent`.
    pub(in crate::report) fn new(out: W, system: CiSystem, silent: bool, narrator: Formatter) -> Self {
        Self { out, system, silent, narrator, blocks: IndexMap::new(), count: 0 }
    }

    /// A line about the run or an image.
    fn line(&self, remark: &OutputLine) -> String {
        let text = match remark.kind {
            LineKind::Step => format!("-- {}", remark.text),
            _ => remark.text.clone(),
        };
        match &remark.image {
            Some(image) => {
                let width = self.narrator.name_width;
                format!("{} | {text}", console::pad_str(image, width, console::Alignment::Left, None))
            }
            None => text,
        }
    }

    fn say(&mut self, line: &str) -> io::Result<()> {
        self.out.write_all(self.system.guarded_line(line).as_bytes())
    }

    fn output(&mut self, at: Timestamp, image: &str, line: &str) -> io::Result<()> {
        let block = self.blocks.entry(image.to_owned()).or_default();
        let _ = writeln!(block.text, "{}", clean(line));
        block.has_output = true;
        if block.text.len() < HELD {
            return Ok(());
        }
        let text = std::mem::take(&mut block.text);
        self.fold(at, &format!("{}: output", clean(image)), &text)
    }

    fn fold(&mut self, at: Timestamp, title: &str, text: &str) -> io::Result<()> {
        self.count += 1;
        self.out.write_all(self.system.folded(title, text, self.count, at).as_bytes())
    }

    /// The end of an image: its output is folded under the line about it, unless it failed.
    fn finish(&mut self, at: Timestamp, image: &str, outcome: Outcome, lines: &[String]) -> io::Result<()> {
        let block =
            self.blocks.shift_remove(image).filter(|block| block.has_output && !block.text.is_empty());
        let Some(Block { text, .. }) = block else { return lines.iter().try_for_each(|line| self.say(line)) };
        if outcome == Outcome::Failed {
            lines.iter().try_for_each(|line| self.say(line))?;
            return self.out.write_all(self.system.guarded(&text).as_bytes());
        }
        let title = lines.first().cloned().unwrap_or_else(|| clean(image).into_owned());
        self.fold(at, &title, &text)
    }
}

impl<W: Write + Send> View for Folds<W> {
    fn receive(&mut self, at: Timestamp, event: &Event) -> io::Result<()> {
        match event {
            Event::StepProgress { .. } => return Ok(()),
            // A failed image shows its output, even if only failures are shown.
            Event::Output { image: Some(image), line } => return self.output(at, image, line),
            Event::Output { .. } | Event::Log { .. } if self.silent => return Ok(()),
            Event::Output { image: None, line } => return self.say(&clean(line)),
            Event::Log { name, line, .. } => return self.say(&clean(&phrase::log(name, line))),
            Event::StepStarted { image: Some(image), step } => {
                let block = self.blocks.entry(image.clone()).or_default();
                let _ = writeln!(block.text, "-- {}", clean(step));
            }
            _ => {}
        }
        let remarks = self.narrator.report(at, event);
        let lines: Vec<_> = remarks.iter().map(|remark| self.line(remark)).collect();
        match event {
            Event::ImageFinished(result) if self.silent && result.outcome != Outcome::Failed => {
                self.blocks.shift_remove(&result.image);
                Ok(())
            }
            Event::ImageFinished(result) => self.finish(at, &result.image, result.outcome, &lines),
            _ => lines.iter().try_for_each(|line| self.say(line)),
        }
    }

    fn refresh(&mut self, _: Timestamp) -> io::Result<()> {
        self.out.flush()
    }

    fn wait(&self) -> Option<Duration> {
        None
    }

    fn close(&mut self, now: Timestamp) -> io::Result<()> {
        // Images that were stopped.
        for (_, block) in std::mem::take(&mut self.blocks) {
            if block.has_output && !self.silent {
                self.out.write_all(self.system.guarded(&block.text).as_bytes())?;
            }
        }
        for remark in self.narrator.close(now) {
            let line = self.line(&remark);
            self.say(&line)?;
        }
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Decision, Level};
    use crate::report::samples::*;

    fn show(system: CiSystem, events: &[Event]) -> String {
        let mut out = Vec::new();
        let mut view = Folds::new(&mut out, system, false, Formatter::new(false, false, Box::new(|_| None)));
        events.iter().for_each(|event| view.receive(at(0), event).unwrap());
        view.close(at(1000)).unwrap();
        let text = String::from_utf8(out).unwrap();
        let token = text.split("::stop-commands::").nth(1).and_then(|rest| rest.lines().next());
        // The token of each fold is another one.
        let tokens: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("::stop-commands::")).collect();
        assert!(tokens.iter().all(|token| text.matches(token).count() == 2), "{token:?}");
        tokens.iter().fold(text.clone(), |text, token| text.replace(token, "TOKEN"))
    }

    #[test]
    fn output_is_folded_at_the_end_of_its_image() {
        let events = [
            started(&["api", "web"]),
            decided("api", Decision::Build, "new"),
            decided("web", Decision::Build, "100% new"),
            step("api", "building"),
            output("api", "::endgroup::"),
            output("web", "w1"),
            output("api", "##[error]x"),
            finished("api", Outcome::Built, "new"),
            notice(Some("web"), Level::Warning, "slow"),
            finished("web", Outcome::Failed, "100% broken"),
            ended(4.2, false),
        ];
        assert_eq!(
            show(CiSystem::Github, &events),
            "\
api | building: new
web | building: 100% new
api | -- building
::group::api | built acme/api:1.4 in 3.2s: new
::stop-commands::TOKEN
-- building
::endgroup::
##[error]x
::TOKEN::
::endgroup::
web | warning: slow
web | failed after 3.2s: 100% broken
::stop-commands::TOKEN
w1
::TOKEN::
1 built, 1 failed in 4.2s, 1 warning
  failed: web
"
        );
    }

    #[test]
    fn gitlab_has_sections() {
        let events = [started(&["api"]), output("api", "a"), finished("api", Outcome::Built, "new")];
        assert_eq!(
            show(CiSystem::Gitlab, &events[..]).lines().take(3).collect::<Vec<_>>(),
            [
                "\x1b[0Ksection_start:0:windlass_1[collapsed=true]\r\x1b[0Kapi | built acme/api:1.4 in 3.2s: new",
                "a",
                "\x1b[0Ksection_end:0:windlass_1\r\x1b[0K",
            ]
        );
    }

    #[test]
    fn long_output_has_several_folds() {
        let line = "x".repeat(HELD / 2);
        let mut events = vec![started(&["api"])];
        events.extend([output("api", &line), output("api", &line), output("api", "end")]);
        events.push(finished("api", Outcome::Built, "new"));
        let text = show(CiSystem::Github, &events);
        let groups: Vec<_> = text.lines().filter(|line| line.starts_with("::group::")).collect();
        assert_eq!(groups, ["::group::api: output", "::group::api | built acme/api:1.4 in 3.2s: new"]);
    }
}
