//! What took how long, in the Trace Event Format, which `chrome://tracing`, Perfetto and Speedscope display.

use std::io::{self, Write as _};
use std::path::Path;

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::run_result::beside;
use crate::event::{Event, Level};

/// The maximum number of entries: a session that runs for days must not fill the memory.
const LIMIT: usize = 100_000;

/// The row of the run itself; images and deployments have the following ones.
const RUN: &str = "run";

/// The spans of a run, collected from its events.
#[derive(Debug)]
pub(super) struct Trace {
    start: Timestamp,
    entries: Vec<Entry>,
    rows: IndexMap<String, Row>,
}

/// The work on an image or a deployment that is not finished.
#[derive(Debug, Default)]
struct Row {
    /// When the work began: at its first step or at the decision.
    since: Option<Timestamp>,
    args: Map<String, Value>,
    step: Option<Step>,
}

/// The current step of an image.
#[derive(Debug)]
struct Step {
    name: String,
    start: Timestamp,
}

/// An entry of the file. Its fields are those of the format: times are microseconds since the start of the trace.
#[derive(Debug, Serialize)]
struct Entry {
    name: String,
    cat: &'static str,
    /// `X`: a span. `i`: a moment.
    ph: &'static str,
    ts: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    dur: Option<i64>,
    /// The scope of a moment: `t`, its row.
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<&'static str>,
    pid: u32,
    /// The row.
    tid: usize,
    #[serde(skip_serializing_if = "Map::is_empty")]
    args: Map<String, Value>,
}

impl Trace {
    /// A trace that starts at `now`.
    pub(super) fn new(now: Timestamp) -> Self {
        Self { start: now, entries: Vec::new(), rows: IndexMap::from([(RUN.to_owned(), Row::default())]) }
    }

    /// Adds `event`, which happened at `at`.
    pub(super) fn receive(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::RunStarted { pipeline, profiles, .. } => {
                self.begin(at, RUN, fields(json!({ "pipeline": pipeline, "profiles": profiles })));
            }
            Event::ImageDecided { image, decision, reason, key } => {
                let args = fields(json!({ "decision": decision, "reason": reason, "key": key }));
                self.begin(at, image, args);
            }
            Event::DeploymentDecided { deployment, decision, reason } => {
                let args = fields(json!({ "decision": decision, "reason": reason }));
                self.begin(at, &deployment_row(deployment), args);
            }
            Event::StepStarted { image, step } => {
                let name = image.as_deref().unwrap_or(RUN);
                self.end_step(at, name);
                self.begin(at, name, Map::new());
                self.row(name).step = Some(Step { name: step.clone(), start: at });
            }
            Event::Pushed { image, reference, digest } => {
                self.moment(at, image, format!("pushed {reference}"), fields(json!({ "digest": digest })));
            }
            Event::ObjectChanged { deployment, object, change, .. } => {
                let args = fields(json!({ "change": change }));
                self.moment(at, &deployment_row(deployment), object.clone(), args);
            }
            Event::Notice { image, level: Level::Warning, message } => {
                self.moment(at, image.as_deref().unwrap_or(RUN), format!("warning: {message}"), Map::new());
            }
            Event::Failure { message } => {
                self.moment(at, RUN, format!("failed: {message}"), Map::new());
            }
            Event::ImageFinished(result) => {
                let args = fields(
                    json!({ "outcome": result.outcome, "digest": result.digest, "tags": result.tags }),
                );
                self.end(at, &result.image, args);
            }
            Event::DeploymentFinished(result) => {
                let args = fields(json!({ "outcome": result.outcome, "revision": result.revision }));
                self.end(at, &deployment_row(&result.deployment), args);
            }
            Event::RunFinished { success, .. } => {
                self.end(at, RUN, fields(json!({ "success": success })));
            }
            _ => {}
        }
    }

    /// Writes the trace to `path` atomically, as of `now`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(super) fn write(&mut self, path: &Path, now: Timestamp) -> io::Result<()> {
        let names: Vec<_> = self.rows.keys().cloned().collect();
        names.iter().for_each(|name| self.end(now, name, Map::new()));
        let rows = names.iter().enumerate().map(|(tid, name)| {
            json!({ "name": "thread_name", "ph": "M", "pid": 1, "tid": tid, "args": { "name": name } })
        });
        let process = json!({ "name": "process_name", "ph": "M", "pid": 1, "args": { "name": "windlass" } });
        let metadata: Vec<_> = std::iter::once(process).chain(rows).collect();
        let mut file = io::BufWriter::new(beside(path)?);
        file.write_all(b"{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n")?;
        for entry in &metadata {
            serde_json::to_writer(&mut file, entry)?;
            file.write_all(b",\n")?;
        }
        for (number, entry) in self.entries.iter().enumerate() {
            if number > 0 {
                file.write_all(b",\n")?;
            }
            serde_json::to_writer(&mut file, entry)?;
        }
        file.write_all(b"\n]}\n")?;
        file.into_inner()?.persist(path)?;
        Ok(())
    }

    fn row(&mut self, name: &str) -> &mut Row {
        self.rows.entry(name.to_owned()).or_default()
    }

    /// Begins the work of `row`, unless it goes on.
    fn begin(&mut self, at: Timestamp, row: &str, args: Map<String, Value>) {
        let row = self.row(row);
        row.since.get_or_insert(at);
        row.args.extend(args);
    }

    /// Ends the work of `row`, if it began.
    fn end(&mut self, at: Timestamp, row: &str, args: Map<String, Value>) {
        self.end_step(at, row);
        let Row { since, args: mut known, .. } = std::mem::take(self.row(row));
        if let Some(since) = since {
            known.extend(args);
            self.span((since, at), row, row.to_owned(), "work", known);
        }
    }

    fn end_step(&mut self, at: Timestamp, row: &str) {
        if let Some(Step { name, start }) = self.row(row).step.take() {
            self.span((start, at), row, name, "step", Map::new());
        }
    }

    fn span(
        &mut self,
        (start, end): (Timestamp, Timestamp),
        row: &str,
        name: String,
        cat: &'static str,
        args: Map<String, Value>,
    ) {
        let (ts, tid) = (self.micros(start), self.rows.get_index_of(row).unwrap_or_default());
        let dur = Some((self.micros(end) - ts).max(0));
        self.push(Entry { name, cat, ph: "X", ts, dur, s: None, pid: 1, tid, args });
    }

    fn moment(&mut self, at: Timestamp, row: &str, name: String, args: Map<String, Value>) {
        self.row(row);
        let (ts, tid) = (self.micros(at), self.rows.get_index_of(row).unwrap_or_default());
        self.push(Entry { name, cat: "moment", ph: "i", ts, dur: None, s: Some("t"), pid: 1, tid, args });
    }

    fn push(&mut self, entry: Entry) {
        if self.entries.len() < LIMIT {
            self.entries.push(entry);
        }
    }

    fn micros(&self, at: Timestamp) -> i64 {
        at.duration_since(self.start).as_micros().try_into().unwrap_or(i64::MAX)
    }
}

/// The row of a deployment, which may have the name of an image.
fn deployment_row(name: &str) -> String {
    format!("deploy {name}")
}

/// The fields of `value` that are known.
fn fields(value: Value) -> Map<String, Value> {
    let Value::Object(mut fields) = value else { return Map::new() };
    fields.retain(|_, value| !value.is_null());
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Decision, Outcome};
    use crate::report::samples::finished;

    /// The entries for `events`, each a second after the one before it, as `row name ts+dur`.
    fn traced(events: Vec<Event>) -> Vec<String> {
        let mut trace = Trace::new(Timestamp::UNIX_EPOCH);
        let second = |number: usize| Timestamp::from_second(number as i64).unwrap();
        let count = events.len();
        events.iter().enumerate().for_each(|(number, event)| trace.receive(second(number), event));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.json");
        trace.write(&path, second(count)).unwrap();
        let written: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let entries = written["traceEvents"].as_array().unwrap();
        let row = |entry: &Value| {
            let is_name = |other: &&Value| other["name"] == "thread_name" && other["tid"] == entry["tid"];
            entries.iter().find(is_name).unwrap()["args"]["name"].as_str().unwrap().to_owned()
        };
        let shown = |entry: &Value| {
            let seconds = |key: &str| entry[key].as_i64().map(|micros| micros / 1_000_000);
            let end = seconds("dur").map(|dur| format!("+{dur}")).unwrap_or_default();
            format!("{}: {} {}{end}", row(entry), entry["name"].as_str().unwrap(), seconds("ts").unwrap())
        };
        entries.iter().filter(|entry| entry["ph"] != "M").map(shown).collect()
    }

    fn step(image: Option<&str>, step: &str) -> Event {
        Event::StepStarted { image: image.map(str::to_owned), step: step.to_owned() }
    }

    #[test]
    fn steps_lie_within_the_work_of_their_image() {
        let (pipeline, key, reason) = ("build".to_owned(), Some("5c1f".to_owned()), "changed".to_owned());
        let decided = Event::ImageDecided { image: "api".to_owned(), decision: Decision::Build, reason, key };
        let traced = traced(vec![
            Event::RunStarted { pipeline, images: Vec::new(), deployments: Vec::new(), profiles: Vec::new() },
            step(Some("api"), "reading"),
            decided,
            step(Some("api"), "building"),
            step(None, "hook"),
            step(Some("api"), "pushing"),
            finished("api", Outcome::Built, "changed"),
            Event::RunFinished { seconds: 7.0, success: true },
        ]);
        let expected = [
            "api: reading 1+2",
            "run: hook 4+3",
            "api: building 3+2",
            "api: pushing 5+1",
            "api: api 1+5",
            "run: run 0+7",
        ];
        let sorted = |lines: Vec<String>| std::collections::BTreeSet::from_iter(lines);
        assert_eq!(sorted(traced), sorted(expected.map(str::to_owned).into()));
    }

    #[test]
    fn unfinished_work_ends_with_the_trace() {
        let traced = traced(vec![step(Some("api"), "building"), step(Some("api"), "pushing")]);
        assert_eq!(traced, ["api: building 0+1", "api: pushing 1+1", "api: api 0+2"]);
    }
}
