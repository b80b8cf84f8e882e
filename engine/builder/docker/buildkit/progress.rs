//! Turns the daemon's updates about the steps of a build into events, and records the lines that explain a failure.

use std::collections::{HashMap, HashSet};

use bollard_buildkit_proto::moby::buildkit::v1::{StatusResponse, Vertex};

use super::warning;
use crate::builder::failure::FailedStep;
use crate::event::{ImageEvents, Level};
use crate::image::Dockerfile;
use crate::process::Tail;

/// The longest line that is printed whole, in bytes.
const LINE_LIMIT: usize = 16 * 1024;

/// The state of the steps that have not finished.
pub(super) struct Progress<'a> {
    events: &'a ImageEvents,
    dockerfile: &'a Dockerfile,
    steps: HashMap<String, BuildStep>,
    /// The warnings that were reported.
    warned: HashSet<String>,
    failed: Option<FailedStep>,
}

#[derive(Default)]
struct BuildStep {
    announced: bool,
    finished: bool,
    /// Output after the last line feed.
    rest: Vec<u8>,
    tail: Tail,
}

impl<'a> Progress<'a> {
    /// The progress of a build of `dockerfile`.
    pub(super) fn new(dockerfile: &'a Dockerfile, events: &'a ImageEvents) -> Self {
        Self { events, dockerfile, steps: HashMap::new(), warned: HashSet::new(), failed: None }
    }

    /// Handles an update, and reports it.
    pub(super) fn update(&mut self, status: StatusResponse) {
        let (finished, running): (Vec<_>, Vec<_>) =
            status.vertexes.into_iter().partition(|vertex| vertex.completed.is_some());
        for vertex in &running {
            self.announce(vertex);
        }
        for vertex in &finished {
            self.announce(vertex);
        }
        for log in status.logs {
            let step = self.steps.entry(log.vertex).or_default();
            step.rest.extend_from_slice(&log.msg);
            while let Some(line) = step.take_line(false) {
                step.keep(line, self.events);
            }
        }
        // The last output of a step arrives in the same update as its end.
        for vertex in finished {
            self.finish(vertex);
        }
        for warning in &status.warnings {
            // The daemon sends a warning several times.
            if let Some(message) = warning::message(warning, self.dockerfile)
                && self.warned.insert(message.clone())
            {
                self.events.notice(Level::Warning, message);
            }
        }
    }

    /// The step that failed, with the end of its output.
    pub(super) fn into_failed(self) -> Option<FailedStep> {
        self.failed
    }

    fn announce(&mut self, vertex: &Vertex) {
        if vertex.started.is_none() && !vertex.cached {
            return;
        }
        let step = self.steps.entry(vertex.digest.clone()).or_default();
        if std::mem::replace(&mut step.announced, true) {
            return;
        }
        // Internal steps of the daemon; their transfers are reported as progress.
        if vertex.name.starts_with("[internal] ") {
            return;
        }
        let cached = if vertex.cached { " (cached)" } else { "" };
        self.events.step(format!("{}{cached}", vertex.name));
    }

    fn finish(&mut self, vertex: Vertex) {
        let step = self.steps.entry(vertex.digest).or_default();
        if std::mem::replace(&mut step.finished, true) {
            return;
        }
        if let Some(line) = step.take_line(true) {
            step.keep(line, self.events);
        }
        let tail = std::mem::take(&mut step.tail);
        // A step that stopped because another one failed is not the cause.
        if self.failed.is_none() && !vertex.error.is_empty() && !vertex.error.ends_with("context canceled") {
            self.failed =
                Some(FailedStep { name: vertex.name, error: vertex.error, output: tail.into_lines() });
        }
    }
}

impl BuildStep {
    /// The next complete line of output; with `all`, also an incomplete last one.
    fn take_line(&mut self, all: bool) -> Option<String> {
        let (end, next) = match self.rest.iter().position(|byte| *byte == b'\n') {
            Some(feed) => (feed, feed + 1),
            None if self.rest.len() > LINE_LIMIT => (LINE_LIMIT, LINE_LIMIT),
            None if all && !self.rest.is_empty() => (self.rest.len(), self.rest.len()),
            None => return None,
        };
        let line = self.rest[..end].trim_ascii_end();
        // A carriage return restarts the line: only the last version of the line is printed.
        let shown = line.rsplit(|byte| *byte == b'\r').next().unwrap_or(line);
        let shown = String::from_utf8_lossy(shown).into_owned();
        self.rest.drain(..next);
        Some(shown)
    }

    fn keep(&mut self, line: String, events: &ImageEvents) {
        events.output(&line);
        self.tail.push(line);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use bollard_buildkit_proto::google::protobuf::Timestamp;
    use bollard_buildkit_proto::moby::buildkit::v1::{VertexLog, VertexWarning};

    use super::*;
    use crate::event::{Event, Events};

    fn vertex(name: &str, completed: bool, error: &str) -> Vertex {
        Vertex {
            digest: name.to_owned(),
            name: name.to_owned(),
            started: Some(Timestamp::default()),
            completed: completed.then(Timestamp::default),
            error: error.to_owned(),
            ..Vertex::default()
        }
    }

    fn log(vertex: &str, text: &str) -> VertexLog {
        VertexLog { vertex: vertex.to_owned(), msg: text.as_bytes().to_vec(), ..VertexLog::default() }
    }

    fn news(vertexes: Vec<Vertex>, logs: Vec<VertexLog>) -> StatusResponse {
        StatusResponse { vertexes, logs, ..StatusResponse::default() }
    }

    fn check(statuses: Vec<StatusResponse>, expected: &[&str]) -> Option<FailedStep> {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let events = Events::new({
            let seen = seen.clone();
            move |event| {
                let text = match event {
                    Event::StepStarted { step, .. } => format!("> {step}"),
                    Event::Output { line, .. } => line,
                    Event::Notice { level: Level::Warning, message, .. } => format!("! {message}"),
                    _ => return,
                };
                if let Ok(mut seen) = seen.lock() {
                    seen.push(text);
                }
            }
        })
        .of_image("api");
        let dockerfile = Dockerfile::parse("Dockerfile", "FROM a\n").expect("a Dockerfile");
        let mut progress = Progress::new(&dockerfile, &events);
        statuses.into_iter().for_each(|status| progress.update(status));
        let failed = progress.into_failed();
        assert_eq!(seen.lock().map(|seen| seen.clone()).unwrap_or_default(), expected);
        failed
    }

    #[test]
    fn steps_are_reported_once_and_output_by_the_line() {
        let failed = check(
            vec![
                news(vec![vertex("a", false, "")], vec![log("a", "one\ntw")]),
                news(vec![vertex("a", false, "")], vec![log("a", "o\r\n10%\r100%\n")]),
                news(vec![vertex("a", true, "")], vec![log("a", "end")]),
                news(vec![vertex("a", true, "")], vec![]),
            ],
            &["> a", "one", "two", "100%", "end"],
        );
        assert_eq!(failed, None);
    }

    #[test]
    fn cached_steps_say_so() {
        check(vec![news(vec![Vertex { cached: true, ..vertex("a", true, "") }], vec![])], &["> a (cached)"]);
    }

    #[test]
    fn bookkeeping_is_not_a_step() {
        check(vec![news(vec![vertex("[internal] load build context", true, "")], vec![])], &[]);
    }

    #[test]
    fn a_warning_is_reported_once() {
        let warning = VertexWarning { short: b"too old".to_vec(), ..VertexWarning::default() };
        let status = StatusResponse { warnings: vec![warning], ..StatusResponse::default() };
        check(vec![status.clone(), status], &["! Dockerfile: too old"]);
    }

    #[test]
    fn failed_step_keeps_its_last_lines() {
        let text: String = (0..30).map(|line| format!("{line}\n")).collect();
        let expected: Vec<String> = (0..30).map(|line| line.to_string()).collect();
        let mut shown = vec!["> a", "> b"];
        shown.extend(expected.iter().map(String::as_str));
        let failed = check(
            vec![news(
                vec![vertex("a", true, "x: context canceled"), vertex("b", true, "exit code: 1")],
                vec![log("b", &text)],
            )],
            &shown,
        );
        let output = expected[10..].to_vec();
        assert_eq!(failed, Some(FailedStep { name: "b".into(), error: "exit code: 1".into(), output }));
    }
}
