//! Parses the output of a classic build or the docker CLI: steps, output, the image, the failure.

use crate::builder::failure::{FailedStep, Failure};
use crate::builder::{BuildError, BuildRequest};
use crate::event::ImageEvents;
use crate::process::Tail;

/// The longest line that is buffered, in bytes; a longer one is split.
const LONGEST: usize = 64 * 1024;

/// The output of a build, read line by line.
#[derive(Default)]
pub(super) struct Transcript {
    rest: String,
    /// The steps seen so far. Those of BuildKit run in parallel; the classic builder runs the last one.
    steps: Vec<OutputStep>,
    /// The step that BuildKit reported as failed, and why.
    failed: Option<(usize, String)>,
    /// Output that belongs to no step.
    tail: Tail,
    /// The last line, in which a command reports why it failed.
    last: String,
    /// The image ID, once the build has printed it.
    pub(super) image_id: Option<String>,
}

struct OutputStep {
    /// Its number in BuildKit's output; the classic builder prints none.
    number: Option<u32>,
    name: String,
    tail: Tail,
}

/// The meaning of a line.
#[derive(Debug, PartialEq, Eq)]
enum Line<'a> {
    /// A step begins, or continues after the output of another.
    OutputStep { number: Option<u32>, name: &'a str },
    /// A step printed something.
    Output { number: Option<u32>, text: &'a str },
    /// A step failed.
    Failed { number: u32, reason: &'a str },
    /// A message about the builder's own work.
    Own,
    /// Nothing to report: an empty line, or the digest by which BuildKit identifies a step.
    Nothing,
}

impl Transcript {
    /// Handles a piece of output, which may contain several lines or part of one.
    pub(super) fn take(&mut self, piece: &str, events: &ImageEvents) {
        self.rest.push_str(piece);
        while let Some(end) = self.rest.find('\n') {
            let line: String = self.rest.drain(..=end).collect();
            self.line(line.trim_end_matches(['\n', '\r']), events);
        }
        if self.rest.len() > LONGEST {
            self.finish(events);
        }
    }

    /// Handles the rest of a line without its line feed.
    pub(super) fn finish(&mut self, events: &ImageEvents) {
        let rest = std::mem::take(&mut self.rest);
        if !rest.is_empty() {
            self.line(&rest, events);
        }
    }

    /// Handles one line, without its line feed.
    pub(super) fn line(&mut self, line: &str, events: &ImageEvents) {
        if !line.is_empty() {
            line.clone_into(&mut self.last);
        }
        match understand(line) {
            Line::OutputStep { number, name } => {
                if number.is_none() || self.step(number).is_none() {
                    events.step(name);
                    self.steps.push(OutputStep { number, name: name.to_owned(), tail: Tail::default() });
                }
            }
            // After a failure, BuildKit repeats the output of the step that failed.
            Line::Output { .. } if self.failed.is_some() => {}
            Line::Output { number, text } => {
                events.output(text);
                match self.step(number) {
                    Some(step) => self.steps[step].tail.push(text),
                    None => self.tail.push(text),
                }
            }
            Line::Failed { number, reason } => {
                events.output(line);
                let step = self.step(Some(number));
                self.failed = self.failed.take().or_else(|| Some((step?, reason.to_owned())));
            }
            Line::Own => events.output(line),
            Line::Nothing => {}
        }
    }

    /// The index of the step that output with `number` comes from.
    fn step(&self, number: Option<u32>) -> Option<usize> {
        self.steps.iter().rposition(|step| step.number == number)
    }

    /// The error for a command that failed with `exit_code`.
    pub(super) fn command_failure(self, request: &BuildRequest, program: &str, exit_code: i32) -> BuildError {
        if self.failed.is_some() || self.step(None).is_some() {
            let reason = self.last.clone();
            return self.failure(request, reason);
        }
        BuildError::CommandFailed {
            image: request.image.clone(),
            program: format!("{program} build"),
            exit_code,
            output: self.tail.into_help(),
        }
    }

    /// The error for a build that failed with `reason`: that of the current step, otherwise that of the image.
    pub(super) fn failure(mut self, request: &BuildRequest, reason: String) -> BuildError {
        let failed = self.failed.take().or_else(|| Some((self.step(None)?, reason.clone())));
        let step = failed.map(|(index, error)| {
            let OutputStep { name, tail, .. } = self.steps.swap_remove(index);
            let mut output = tail.into_lines();
            // The docker CLI prints the error where the step's output goes.
            output.pop_if(|last| *last == error);
            FailedStep { name, error, output }
        });
        Failure { reason, step }.into_error(request)
    }
}

/// Parses `Step 3/7 : RUN make` and the lines after it from the classic builder, and `#5 [2/3] RUN make`,
/// `#5 0.213 text`, `#5 ERROR: reason` from BuildKit's plain progress.
fn understand(line: &str) -> Line<'_> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_count = |text: &str| text.split_once('/').is_some_and(|(at, of)| is_number(at) && is_number(of));
    let classic = line.strip_prefix("Step ").and_then(|rest| rest.split_once(" : "));
    if classic.is_some_and(|(count, _)| is_count(count)) {
        return Line::OutputStep { number: None, name: line };
    }
    if line.is_empty() {
        return Line::Nothing;
    }
    if line.starts_with(" ---> ") || line.starts_with("Removing intermediate container ") {
        return Line::Own;
    }
    let numbered = line.strip_prefix('#').and_then(|rest| rest.split_once(' '));
    let Some((number, rest)) = numbered.and_then(|(number, rest)| Some((number.parse().ok()?, rest))) else {
        return Line::Output { number: None, text: line };
    };
    let place = rest.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    let is_step = place.and_then(|(place, _)| place.rsplit(' ').next()).is_some_and(is_count);
    if is_step {
        return Line::OutputStep { number: Some(number), name: rest };
    }
    if let Some(reason) = rest.strip_prefix("ERROR: ") {
        return Line::Failed { number, reason };
    }
    if rest.starts_with("sha256:") && !rest.contains(' ') {
        return Line::Nothing;
    }
    match rest.split_once(' ') {
        Some((seconds, text)) if seconds.parse::<f64>().is_ok() => {
            Line::Output { number: Some(number), text }
        }
        _ => Line::Own,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::event::{Event, Events};

    #[test]
    fn lines_are_understood() {
        let check = |line: &str, expected| assert_eq!(understand(line), expected, "{line}");
        let output = |number, text| Line::Output { number, text };
        check("Step 3/7 : RUN make", Line::OutputStep { number: None, name: "Step 3/7 : RUN make" });
        check("#5 [2/3] RUN make", Line::OutputStep { number: Some(5), name: "[2/3] RUN make" });
        check(
            "#5 [build 2/3] COPY . /x",
            Line::OutputStep { number: Some(5), name: "[build 2/3] COPY . /x" },
        );
        check("Step aside : please", output(None, "Step aside : please"));
        check("hello", output(None, "hello"));
        check("# make", output(None, "# make"));
        check("#x 1 y", output(None, "#x 1 y"));
        check("#7 0.213 cc -o x", output(Some(7), "cc -o x"));
        check("#5 0.2 [1/2] x", output(Some(5), "[1/2] x"));
        check("#7 ERROR: exit code: 1", Line::Failed { number: 7, reason: "exit code: 1" });
        for line in ["#5 [internal] load build context", "#7 DONE 0.3s", "#7 CACHED", " ---> Running in 12ab"]
        {
            check(line, Line::Own);
        }
        check("", Line::Nothing);
        check("#5 sha256:0abc", Line::Nothing);
    }

    /// The events for `pieces`, and the transcript after them.
    fn read(pieces: &[&str]) -> (Vec<String>, Transcript) {
        let told = Arc::new(Mutex::new(Vec::new()));
        let sink = told.clone();
        let events = Events::new(move |event| {
            sink.lock().unwrap().push(match event {
                Event::StepStarted { step, .. } => format!("> {step}"),
                Event::Output { line, .. } => line,
                _ => String::new(),
            });
        });
        let events = events.of_image("api");
        let mut transcript = Transcript::default();
        pieces.iter().for_each(|piece| transcript.take(piece, &events));
        transcript.finish(&events);
        let told = told.lock().unwrap().clone();
        (told, transcript)
    }

    #[test]
    fn pieces_become_lines_and_steps() {
        let pieces = ["Step 1/2 : FROM", " x\nold\nStep 2/2 : RUN y\n", " ---> Running in 1\none\r\ntw", "o"];
        let (told, mut transcript) = read(&pieces);
        assert_eq!(
            told,
            ["> Step 1/2 : FROM x", "old", "> Step 2/2 : RUN y", " ---> Running in 1", "one", "two"]
        );
        assert_eq!(transcript.steps.pop().unwrap().tail.into_lines(), ["one", "two"]);
    }

    #[test]
    fn steps_that_run_at_the_same_time_keep_their_output() {
        let text = "#5 [a 2/2] RUN a\n#5 0.1 one\n#6 [b 2/2] RUN b\n#6 0.1 other\n#5 [a 2/2] RUN a\n#5 0.2 two\n\
                    #5 ERROR: exit code: 3\n------\n > [a 2/2] RUN a:\n#5 0.1 one\n------\nfailed: exit code: 3\n";
        let (told, mut transcript) = read(&[text]);
        assert_eq!(told.iter().filter(|line| line.starts_with('>')).count(), 2, "{told:?}");
        assert_eq!(told.iter().filter(|line| *line == "failed: exit code: 3").count(), 0, "{told:?}");
        assert_eq!(transcript.failed, Some((0, "exit code: 3".to_owned())));
        assert_eq!(transcript.steps.swap_remove(0).tail.into_lines(), ["one", "two"]);
        assert_eq!(transcript.last, "failed: exit code: 3");
    }
}
