//! A complete report, from events to files and text.

use std::fs;
use std::path::Path;

use super::samples::*;
use super::*;
use crate::event::{Decision, ImageResult, Outcome};

/// A reader that tests can inspect and close.
#[derive(Clone, Default)]
struct Pipe {
    text: Arc<Mutex<Vec<u8>>>,
    broken: bool,
}

impl Pipe {
    fn text(&self) -> String {
        String::from_utf8(self.text.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.text.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A plain report into `pipe` with log files and a result in `directory`.
fn report(pipe: &Pipe, directory: &Path) -> Report {
    let record = Arc::new(Mutex::new(Record::new(Some(directory.join("logs")), at(0))));
    let narrator = Formatter::new(false, false, Box::new(|_| None));
    let view = Plain::new(BufWriter::new(pipe.clone()), Look::new(false, false), false, narrator);
    Report::with_view(Box::new(view), record, Some(directory.join("result.json")))
}

fn result_of(directory: &Path) -> serde_json::Value {
    serde_json::from_str(&fs::read_to_string(directory.join("result.json")).unwrap()).unwrap()
}

#[test]
fn result_names_every_image_and_its_end() {
    let directory = tempfile::tempdir().unwrap();
    let report = report(&Pipe::default(), directory.path());
    let events = report.events();
    events.emit(started(&["api", "web", "worker"]));
    events.emit(finished("web", Outcome::Failed, "broken"));
    events.emit(Event::ImageFinished(ImageResult {
        key: Some("9f86".to_owned()),
        pushed: true,
        digest: Some("sha256:2c26".to_owned()),
        ..result("api", Outcome::Built, "src changed")
    }));
    events.emit(ended(4.5, false));
    report.finish().unwrap();
    let mut actual = result_of(directory.path());
    let started = actual["started"].take();
    assert!(started.as_str().unwrap().parse::<Timestamp>().is_ok(), "{started}");
    let expected = serde_json::json!({
        "version": 2,
        "project": null,
        "commit": null,
        "dirty": null,
        "pipeline": "build",
        "profiles": [],
        "started": null,
        "seconds": 4.5,
        "success": false,
        "images": [
            {
                "image": "api", "repository": "acme/api", "outcome": "built", "reason": "src changed",
                "key": "9f86", "tags": ["1.4"], "image_id": null, "digest": "sha256:2c26", "pushed": true,
                "platforms": [], "share": null, "bases": [], "seconds": 3.2, "reference": "acme/api@sha256:2c26",
                "references": ["acme/api:1.4@sha256:2c26"]
            },
            {
                "image": "web", "repository": "acme/web", "outcome": "failed", "reason": "broken",
                "key": null, "tags": ["1.4"], "image_id": null, "digest": null, "pushed": false,
                "platforms": [], "share": null, "bases": [], "seconds": 3.2, "reference": null, "references": []
            }
        ],
        "deployments": [],
        "unfinished": ["worker"]
    });
    assert_eq!(actual, expected);
}

#[test]
fn dropped_report_still_writes_the_result() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = Pipe::default();
    let report = report(&pipe, directory.path());
    report.events().emit(started(&["api"]));
    report.events().emit(step("api", "building"));
    drop(report);
    assert_eq!(result_of(directory.path())["unfinished"], serde_json::json!(["api"]));
    assert_eq!(result_of(directory.path())["success"], false);
    assert_eq!(pipe.text(), "api | -- building\n");
}

#[test]
fn result_that_cannot_be_written_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("missing/result.json");
    let options = ReportOptions { silent: true, result: Some(path), ..ReportOptions::default() };
    let error = Report::start(options).finish().unwrap_err().to_string();
    assert!(error.starts_with("cannot write the result of the run to `"), "{error}");
}

#[test]
fn log_has_everything_and_a_skip_writes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = Pipe::default();
    let report = report(&pipe, directory.path());
    let events = report.events();
    events.emit(started(&["api", "web"]));
    events.emit(step("web", "context"));
    events.emit(decided("web", Decision::Skip, "unchanged"));
    events.emit(finished("web", Outcome::Skipped, "unchanged"));
    assert!(!directory.path().join("logs").exists());
    events.emit(step("api", "context"));
    events.emit(decided("api", Decision::Build, "new"));
    events.emit(output("api", "\x1b[32mdone\x1b[0m"));
    events.emit(notice(Some("api"), Level::Warning, "large"));
    events.emit(finished("api", Outcome::Failed, "broken"));
    report.finish().unwrap();
    let log = fs::read_to_string(directory.path().join("logs/api.log")).unwrap();
    // Without the times of the headings.
    let lines: Vec<_> = log
        .lines()
        .map(|line| {
            line.strip_prefix("== ").and_then(|rest| rest.split_once(' ')).map_or(line, |(_, text)| text)
        })
        .collect();
    assert_eq!(lines, ["context", "building: new", "done", "warning: large", "failed after 3.2s: broken"]);
    assert_eq!(fs::read_dir(directory.path().join("logs")).unwrap().count(), 1);
}

#[test]
fn broken_pipe_ends_the_text_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = Pipe { broken: true, ..Pipe::default() };
    let report = report(&pipe, directory.path());
    let events = report.events();
    for line in 0..50_000 {
        events.emit(output("api", &format!("line {line}")));
    }
    events.emit(ended(1.0, true));
    report.finish().unwrap();
    assert_eq!(result_of(directory.path())["success"], true);
    let log = fs::read_to_string(directory.path().join("logs/api.log")).unwrap();
    assert_eq!(log.lines().count(), 50_000);
}

#[test]
fn flood_from_several_threads_arrives_whole_and_in_order() {
    const LINES: usize = 100_000;
    let directory = tempfile::tempdir().unwrap();
    let pipe = Pipe::default();
    let report = report(&pipe, directory.path());
    let images = ["a", "b", "c"];
    thread::scope(|scope| {
        for image in images {
            let events = report.events();
            scope.spawn(move || {
                for line in 0..LINES {
                    events.emit(output(image, &line.to_string()));
                }
            });
        }
    });
    report.finish().unwrap();
    let text = pipe.text();
    for image in images {
        let prefix = format!("{image} | ");
        let lines = text.lines().filter_map(|line| line.strip_prefix(&prefix));
        let log = fs::read_to_string(directory.path().join(format!("logs/{image}.log"))).unwrap();
        assert!(lines.eq(log.lines()), "{image}");
        assert!(log.lines().map(str::to_owned).eq((0..LINES).map(|line| line.to_string())), "{image}");
    }
}

#[test]
fn log_that_cannot_be_written_is_reported_and_does_not_stop_the_run() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("logs"), "a file").unwrap();
    let pipe = Pipe::default();
    let report = report(&pipe, directory.path());
    report.events().emit(output("api", "one"));
    report.events().emit(output("api", "two"));
    report.finish().unwrap();
    let text = pipe.text();
    let warnings = text.matches("warning: cannot write the log file").count();
    assert!(warnings == 1 && text.contains("one") && text.contains("two"), "{text}");
}

#[test]
fn events_after_the_end_are_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = Pipe::default();
    let report = report(&pipe, directory.path());
    let events = report.events();
    report.finish().unwrap();
    events.emit(notice(None, Level::Info, "late"));
    assert_eq!(pipe.text(), "");
}
