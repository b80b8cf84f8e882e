//! What a classic build or the docker CLI prints, understood: steps, output, the image, the failure.

use std::collections::VecDeque;

use miette::{NamedSource, SourceSpan};

use crate::builder::{BuildError, BuildRequest};
use crate::event::ImageEvents;
use crate::image::Dockerfile;

/// How many lines of a failing step's output are shown again.
const TAIL: usize = 20;

/// The longest line that is waited for, in bytes; a longer one comes in pieces.
const LONGEST: usize = 64 * 1024;

/// The output of a build, read line by line.
#[derive(Default)]
pub(super) struct Transcript {
    rest: String,
    step: Option<String>,
    tail: VecDeque<String>,
    /// The last line of all, where a command line says why it failed.
    last: String,
    /// BuildKit repeats the output of a failed step after a ruler.
    is_summary: bool,
    /// The image ID, once the build has told it.
    pub(super) image_id: Option<String>,
}

impl Transcript {
    /// Takes a piece of output, which may hold several lines or part of one.
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

    /// Takes what is left of a line without its line feed.
    pub(super) fn finish(&mut self, events: &ImageEvents) {
        let rest = std::mem::take(&mut self.rest);
        if !rest.is_empty() {
            self.line(&rest, events);
        }
    }

    /// Takes one line, without its line feed.
    pub(super) fn line(&mut self, line: &str, events: &ImageEvents) {
        if is_step(line) {
            events.step(line);
            self.step = Some(line.to_owned());
            self.tail.clear();
            return;
        }
        events.output(line);
        if !line.is_empty() {
            line.clone_into(&mut self.last);
        }
        self.is_summary |= line == "------";
        if let Some(text) = output_text(line).filter(|_| !self.is_summary) {
            if self.tail.len() == TAIL {
                self.tail.pop_front();
            }
            self.tail.push_back(text.to_owned());
        }
    }

    /// The error for a command line that ended with `exit_code`.
    pub(super) fn command_failure(self, request: &BuildRequest, program: &str, exit_code: i32) -> BuildError {
        if self.step.is_some() {
            let reason = self.last.clone();
            return self.failure(request, reason);
        }
        BuildError::CommandFailed {
            image: request.image.clone(),
            program: program.to_owned(),
            exit_code,
            output: (!self.tail.is_empty()).then(|| Vec::from(self.tail).join("\n")),
        }
    }

    /// The error for a build that ended with `reason`: of the step it was in, else of the image.
    pub(super) fn failure(self, request: &BuildRequest, reason: String) -> BuildError {
        let space = reason.contains("no space left on device").then(|| {
            "the docker daemon's disk is full: `docker system df` shows what uses it, `docker image prune` frees some"
                .to_owned()
        });
        let Some(step) = self.step else {
            return BuildError::Refused { image: request.image.clone(), reason, help: space };
        };
        let dockerfile = &request.dockerfile;
        let lines: Vec<String> = self.tail.into();
        let tail = (!lines.is_empty()).then(|| lines.join("\n"));
        BuildError::StepFailed {
            exit_code: exit_code(&reason),
            output: match (tail, space) {
                (Some(tail), Some(space)) => Some(format!("{tail}\n{space}")),
                (tail, space) => tail.or(space),
            },
            reason,
            instruction: instruction_of(dockerfile, &step),
            step,
            dockerfile: NamedSource::new(dockerfile.name(), dockerfile.text().to_owned()),
        }
    }
}

/// `Step 3/7 : RUN make` of the classic builder, `#5 [2/3] RUN make` of BuildKit's plain progress.
fn is_step(line: &str) -> bool {
    instruction_text(line).is_some()
}

/// The instruction named by a step line.
fn instruction_text(line: &str) -> Option<&str> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_count = |text: &str| text.split_once('/').is_some_and(|(at, of)| is_number(at) && is_number(of));
    if let Some(rest) = line.strip_prefix("Step ") {
        let (count, text) = rest.split_once(" : ")?;
        return is_count(count).then_some(text);
    }
    let (number, rest) = line.strip_prefix('#')?.split_once(" [")?;
    let (place, text) = rest.split_once("] ")?;
    let count = place.rsplit(' ').next()?;
    (is_number(number) && is_count(count)).then_some(text)
}

/// What a step printed, without the builder's own words around it.
fn output_text(line: &str) -> Option<&str> {
    let is_own = |start: &&str| line.starts_with(*start);
    if line.is_empty() || [" ---> ", "Removing intermediate container "].iter().any(is_own) {
        return None;
    }
    let Some((number, rest)) = line.strip_prefix('#').and_then(|rest| rest.split_once(' ')) else {
        return Some(line);
    };
    if number.is_empty() || number.bytes().any(|byte| !byte.is_ascii_digit()) {
        return Some(line);
    }
    // BuildKit: `#7 0.213 text` is output, `#7 DONE 0.3s` and the like are its own.
    let (seconds, text) = rest.split_once(' ')?;
    seconds.parse::<f64>().is_ok().then_some(text)
}

/// The exit code in the words of the classic builder or BuildKit.
fn exit_code(reason: &str) -> Option<i64> {
    let after = ["returned a non-zero code: ", "did not complete successfully: exit code: ", "exit code: "];
    let rest = after.iter().find_map(|words| reason.split_once(words))?.1;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Where the instruction of `step` stands in the Dockerfile.
fn instruction_of(dockerfile: &Dockerfile, step: &str) -> Option<SourceSpan> {
    let text = instruction_text(step)?;
    let start = dockerfile.text().find(text)?;
    Some((start, text.len()).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Events};

    #[test]
    fn steps_are_recognised() {
        let check =
            |line: &str, expected: Option<&str>| assert_eq!(instruction_text(line), expected, "{line}");
        check("Step 3/7 : RUN make", Some("RUN make"));
        check("#5 [2/3] RUN make", Some("RUN make"));
        check("#5 [build 2/3] COPY . /x", Some("COPY . /x"));
        check("Step aside : please", None);
        check("#5 [internal] load build context", None);
        check("#5 0.2 [1/2] x", None);
        check("", None);
    }

    #[test]
    fn output_is_told_from_the_builders_words() {
        let check = |line: &str, expected: Option<&str>| assert_eq!(output_text(line), expected, "{line}");
        check("hello", Some("hello"));
        check("# make", Some("# make"));
        check("#7 0.213 cc -o x", Some("cc -o x"));
        check("#7 DONE 0.3s", None);
        check("#7 CACHED", None);
        check(" ---> Running in 12ab", None);
        check("", None);
    }

    #[test]
    fn exit_codes_are_read() {
        let check = |reason, expected| assert_eq!(exit_code(reason), expected, "{reason}");
        check("The command '/bin/sh -c make' returned a non-zero code: 2", Some(2));
        check("process \"/bin/sh -c false\" did not complete successfully: exit code: 1", Some(1));
        check("executor failed running [/bin/sh -c false]: exit code: 127: runc", Some(127));
        check("COPY failed: no such file", None);
    }

    #[test]
    fn pieces_become_lines_and_steps() {
        let events = Events::none().of_image("api");
        let mut transcript = Transcript::default();
        for piece in ["Step 1/2 : FROM", " x\nold\nStep 2/2 : RUN y\n", " ---> Running in 1\none\r\ntw", "o"]
        {
            transcript.take(piece, &events);
        }
        transcript.finish(&events);
        assert_eq!(transcript.step.as_deref(), Some("Step 2/2 : RUN y"));
        assert_eq!(transcript.tail, ["one", "two"]);
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let events = Events::none().of_image("api");
        let mut transcript = Transcript::default();
        for line in 0..30 {
            transcript.take(&format!("{line}\n"), &events);
        }
        assert_eq!((transcript.tail.len(), transcript.tail[0].as_str()), (TAIL, "10"));
    }

    #[test]
    fn steps_are_told_as_steps() {
        let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let sink = told.clone();
        let events = Events::new(move |event| {
            sink.lock().unwrap().push(match event {
                Event::StepStarted { step, .. } => format!("step {step}"),
                Event::Output { line, .. } => format!("line {line}"),
                _ => String::new(),
            });
        });
        Transcript::default().take("Step 1/1 : RUN x\nhi\n", &events.of_image("api"));
        assert_eq!(*told.lock().unwrap(), ["step Step 1/1 : RUN x", "line hi"]);
    }
}
