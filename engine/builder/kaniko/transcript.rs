//! Parses the output of kaniko: steps, output, noise, the failure.

use super::error::KanikoError;
use crate::builder::BuildRequest;
use crate::builder::failure::{FailedStep, Failure};
use crate::event::ImageEvents;
use crate::image::Dockerfile;
use crate::process::Tail;

/// Messages of kaniko about its own work, which do not help the user.
const NOISE: [&str; 4] = [
    "Taking snapshot of full filesystem...",
    "Taking snapshot of files...",
    "No files changed in this command, skipping snapshotting.",
    "No matching credentials were found, falling back on anonymous",
];

/// The output of kaniko, read line by line.
pub(super) struct Transcript<'a> {
    dockerfile: &'a Dockerfile,
    events: &'a ImageEvents,
    /// The instruction that kaniko is executing.
    step: Option<String>,
    /// The last lines: of the step, once there is one.
    tail: Tail,
    /// Why kaniko failed.
    reason: Option<String>,
}

impl<'a> Transcript<'a> {
    /// The output of a build of `dockerfile`.
    pub(super) fn new(dockerfile: &'a Dockerfile, events: &'a ImageEvents) -> Self {
        Self { dockerfile, events, step: None, tail: Tail::default(), reason: None }
    }

    /// Handles one line, without its line feed.
    pub(super) fn line(&mut self, line: &str) {
        let text = console::strip_ansi_codes(line);
        let own = message(&text);
        if text.is_empty() || is_noise(own.unwrap_or(&text)) {
            return;
        }
        if let Some(own) = own
            && is_instruction(own)
            && self.dockerfile.find_step(own).is_some()
        {
            self.step = Some(own.to_owned());
            self.tail = Tail::default();
            self.events.step(own);
            return;
        }
        self.events.output(line);
        if text.starts_with("error building image: ") || text.starts_with("error pushing image: ") {
            self.reason = Some(text.into_owned());
        } else if own.is_none() || self.step.is_none() {
            // Messages of kaniko about its own work are not part of the output of a step.
            self.tail.push(line);
        }
    }

    /// The error for kaniko failing with `exit_code`.
    pub(super) fn failure(self, request: &BuildRequest, exit_code: i32) -> KanikoError {
        let reason = self.reason.unwrap_or_else(|| format!("it failed with exit code {exit_code}"));
        let is_of_step = reason.starts_with("error building image: error building stage");
        match self.step.filter(|_| is_of_step) {
            Some(name) => {
                let step = FailedStep { name, error: reason.clone(), output: self.tail.into_lines() };
                Failure { reason, step: Some(step) }.into_error(request).into()
            }
            None => {
                let reason = reason.strip_prefix("error building image: ").unwrap_or(&reason).to_owned();
                let help = help(&reason).map(str::to_owned);
                let output = self.tail.into_help().into_iter().chain(help).collect::<Vec<_>>();
                let output = (!output.is_empty()).then(|| output.join("\n"));
                KanikoError::Failed { image: request.image.clone(), reason, output }
            }
        }
    }
}

/// The message in a log line of kaniko: `INFO[0003] RUN make`, `time="..." level=info msg="RUN make"`.
fn message(line: &str) -> Option<&str> {
    if let Some((_, message)) = line.split_once(" msg=").filter(|_| line.starts_with("time=")) {
        return Some(message.trim_matches('"'));
    }
    let levels = ["INFO[", "WARN[", "DEBU[", "ERRO[", "TRAC["];
    let rest = levels.iter().find_map(|level| line.strip_prefix(level))?;
    let (seconds, message) = rest.split_once(']')?;
    seconds.bytes().all(|byte| byte.is_ascii_digit()).then(|| message.trim_start())
}

fn is_noise(message: &str) -> bool {
    NOISE.contains(&message.trim_end())
        || message.ends_with("because it was changed.")
        || message.starts_with("ERROR: logging before flag.Parse:")
        || message.contains("Error while retrieving image from cache: getting file info")
}

/// Whether `message` begins with a word in capitals, as instructions do.
fn is_instruction(message: &str) -> bool {
    let word = message.split_whitespace().next().unwrap_or_default();
    word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// The hint for `reason`.
fn help(reason: &str) -> Option<&'static str> {
    let reason = reason.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    if says(&["unauthorized", "denied", "403 forbidden", "authentication required"]) {
        return Some(
            "log in to the registry with `windlass login REGISTRY`, or set `kaniko.pullSecret` to a secret with \
             credentials",
        );
    }
    if says(&["x509:", "server gave http response to https client"]) {
        return Some(
            "set `kaniko.insecure: true` for a registry without TLS, or with a self-signed certificate",
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::builder::BuildError;
    use crate::builder::kaniko::pod::tests::request;
    use crate::event::{Event, Events};

    fn read(lines: &[&str]) -> (Vec<String>, KanikoError) {
        let told = Arc::new(Mutex::new(Vec::new()));
        let sink = told.clone();
        let events = Events::new(move |event| {
            sink.lock().expect("no panic").push(match event {
                Event::StepStarted { step, .. } => format!("> {step}"),
                Event::Output { line, .. } => line,
                _ => String::new(),
            });
        });
        let events = events.of_image("api");
        let mut request = request();
        let dockerfile =
            Dockerfile::parse("Dockerfile", "FROM busybox\nRUN make\nCOPY a /\n").expect("a Dockerfile");
        request.dockerfile = Arc::new(dockerfile);
        let mut transcript = Transcript::new(&request.dockerfile, &events);
        lines.iter().for_each(|line| transcript.line(line));
        let error = transcript.failure(&request, 1);
        let told = told.lock().expect("no panic").clone();
        (told, error)
    }

    #[test]
    fn steps_are_reported_and_noise_is_not() {
        let (told, error) = read(&[
            "\u{1b}[36mINFO\u{1b}[0m[0000] Retrieving image manifest busybox",
            "\u{1b}[36mINFO\u{1b}[0m[0001] RUN make",
            "INFO[0001] Running: [/bin/sh -c make]",
            "cc -o x",
            "it does not compile",
            "INFO[0002] Taking snapshot of full filesystem...",
            "error building image: error building stage: failed to execute command: exit status 2",
        ]);
        assert_eq!(told.len(), 6, "{told:?}");
        assert_eq!(told[1], "> RUN make");
        let KanikoError::Build(error) = error else { panic!("{error:?}") };
        match *error {
            BuildError::StepFailed { step, exit_code, output, instruction, .. } => {
                assert_eq!((step.as_str(), exit_code), ("RUN make", Some(2)));
                assert_eq!(output.as_deref(), Some("the end of its output:\ncc -o x\nit does not compile"));
                assert_eq!(instruction.map(|span| (span.offset(), span.len())), Some((13, 8)));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_rejected_push_is_not_a_failure_of_a_step() {
        let (_, error) = read(&[
            "INFO[0001] RUN make",
            "error pushing image: failed to push to destination r.io/a:1: UNAUTHORIZED: authentication required",
        ]);
        match error {
            KanikoError::Failed { reason, output, .. } => {
                assert!(reason.starts_with("error pushing image: failed to push"), "{reason}");
                assert!(output.expect("help").contains("windlass login"));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn lines_of_both_formats_are_understood() {
        assert_eq!(message("INFO[0012] COPY a /"), Some("COPY a /"));
        assert_eq!(message("time=\"2024-01-01T00:00:00Z\" level=info msg=\"RUN make\""), Some("RUN make"));
        assert_eq!(message("INFO[x] hello"), None);
        assert_eq!(message("hello"), None);
        assert!(is_noise("Deleting /x because it was changed."));
    }
}
