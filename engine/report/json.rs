//! Events as JSON lines, for programs.
//!
//! One object per line, on stdout. Each has `version` (incremented by a change that breaks readers, but not by new
//! fields and new types), `time` (of the event, RFC 3339 in UTC), `type`, and the fields of its [`Event`]. Fields
//! without a value are `null`; output may contain terminal colors. Debug notices require `--debug`.
//!
//! An example of every type:
//!
//! ```json
//! {"version":1,"time":"2026-11-23T15:04:05.000Z","type":"run_started","pipeline":"build","images":["api","web"],"deployments":["shop"],"profiles":["dev"]}
//! {"version":1,"time":"2026-11-23T15:04:05.000Z","type":"image_decided","image":"api","decision":"build","reason":"src/main.go changed","key":"9f86d081"}
//! {"version":1,"time":"2026-11-23T15:04:05.000Z","type":"step_started","image":"api","step":"building with docker"}
//! {"version":1,"time":"2026-11-23T15:04:05.000Z","type":"step_progress","image":"api","step":"sending context","done":1024,"total":4096}
//! {"version":1,"time":"2026-11-23T15:04:05.000Z","type":"output","image":"api","line":"Step 1/3 : FROM busybox"}
//! {"version":1,"time":"2026-11-23T15:04:05.000Z","type":"log","namespace":"dev","pod":"web-1","container":"app","written":"2026-11-23T15:04:04.812Z","line":"GET / 200"}
//! {"version":1,"time":"2026-11-23T15:04:05.000Z","type":"notice","image":null,"level":"warning","message":"`tag()` overrides no function"}
//! {"version":1,"time":"2026-11-23T15:04:05.000Z","type":"pushed","image":"api","reference":"acme/api:1.4","digest":"sha256:2c26b46b"}
//! {"version":1,"time":"2026-11-23T15:04:05.000Z","type":"image_finished","image":"api","repository":"acme/api","outcome":"built","reason":"src/main.go changed","key":"9f86d081","tags":["1.4"],"image_id":"sha256:fcde2b2e","digest":"sha256:2c26b46b","pushed":true,"platforms":["linux/amd64"],"share":null,"bases":[{"reference":"alpine:3.20","digest":"sha256:beefdbd8","asked":"2026-11-23T15:04:02Z"}],"seconds":4.2}
//! {"version":1,"time":"2026-11-23T15:04:05.000Z","type":"deployment_decided","deployment":"shop","decision":"deploy","reason":"1 object changed"}
//! {"version":1,"time":"2026-11-23T15:04:05.000Z","type":"object_changed","deployment":"shop","object":"Deployment/web (namespace dev)","change":"changed","details":"image"}
//! {"version":1,"time":"2026-11-23T15:04:05.000Z","type":"deployment_progress","deployment":"shop","waiting":["web 2/3 ready, 1 pulling"]}
//! {"version":1,"time":"2026-11-23T15:04:05.000Z","type":"deployment_finished","deployment":"shop","namespace":"dev","outcome":"deployed","reason":"1 object changed","revision":null,"applied":1,"deleted":0,"seconds":1.5}
//! {"version":1,"time":"2026-11-23T15:04:05.000Z","type":"sync","folder":"src -> /app","change":{"kind":"batch","uploaded":1,"downloaded":0,"deleted_there":0,"deleted_here":0,"modes":0,"bytes":512,"paths":["main.go"],"seconds":0.02}}
//! {"version":1,"time":"2026-11-23T15:04:05.000Z","type":"run_finished","seconds":4.2,"success":true}
//! {"version":1,"time":"2026-11-23T15:04:05.000Z","type":"watching","files":12,"folders":3}
//! {"version":1,"time":"2026-11-23T15:04:05.000Z","type":"files_changed","files":["src/main.go"],"images":["api"]}
//! {"version":1,"time":"2026-11-23T15:04:05.000Z","type":"watch_paused","reason":"press p to resume"}
//! {"version":1,"time":"2026-11-23T15:04:05.000Z","type":"watch_resumed"}
//! {"version":1,"time":"2026-11-23T15:04:05.000Z","type":"failure","message":"cannot build `api`"}
//! {"version":1,"time":"2026-11-23T15:04:05.000Z","type":"forward","address":"localhost:8080","to":"port 80 of image `web`","change":{"kind":"connected","container":"web-1/app"}}
//! {"version":1,"time":"2026-11-23T15:04:05.000Z","type":"keys","keys":[{"key":"b","does":"build"}]}
//! {"version":1,"time":"2026-11-23T15:04:05.000Z","type":"question","question":"delete 300 files?"}
//! {"version":1,"time":"2026-11-23T15:04:05.000Z","type":"terminal_taken"}
//! ```
//!
//! The last nine types appear with `dev` and `--watch`, where several runs follow each other; `log` with `dev` and `logs`,
//! `forward` also with `windlass forward`.
//!
//! `decision` of an image is `build`, `skip`, `publish` or `finish`, that of a deployment `deploy` or `keep`; `outcome`
//! of an image is `built`, `skipped`, `failed` or `cancelled`, that of a deployment `deployed`, `kept`,
//! `deleted`, `failed` or `cancelled`; `change` is `created`, `changed`, `recreated`, `deleted` or `kept`; `level` is `debug`, `info` or
//! `warning`; times are in seconds, sizes in bytes.

use std::io::{self, Write};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::view::View;
use crate::event::{Event, Level};

/// Writes one JSON object per line.
pub(super) struct Json<W> {
    out: W,
    debug: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    version: u32,
    time: String,
    #[serde(flatten)]
    event: &'a Event,
}

impl<'a> Line<'a> {
    fn new(at: Timestamp, event: &'a Event) -> Self {
        Self { version: 1, time: format!("{at:.3}"), event }
    }
}

/// The line for `event`, which happens now, for commands without a report.
pub fn json_line(event: &Event) -> String {
    let line = serde_json::to_string(&Line::new(Timestamp::now(), event)).unwrap_or_default();
    line + "\n"
}

impl<W: Write> Json<W> {
    /// Writes to `out`; debug notices only with `debug`.
    pub(super) fn new(out: W, debug: bool) -> Self {
        Self { out, debug }
    }
}

impl<W: Write + Send> View for Json<W> {
    fn receive(&mut self, at: Timestamp, event: &Event) -> io::Result<()> {
        if !self.debug && matches!(event, Event::Notice { level: Level::Debug, .. }) {
            return Ok(());
        }
        serde_json::to_writer(&mut self.out, &Line::new(at, event))?;
        self.out.write_all(b"\n")
    }

    fn refresh(&mut self, _: Timestamp) -> io::Result<()> {
        self.out.flush()
    }

    fn is_data(&self) -> bool {
        true
    }

    fn wait(&self) -> Option<Duration> {
        None
    }

    fn close(&mut self, now: Timestamp) -> io::Result<()> {
        self.refresh(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn documentation_shows_every_event_exactly() {
        let documented: String = include_str!("json.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("//! "))
            .filter(|line| line.starts_with('{'))
            .map(|line| format!("{line}\n"))
            .collect();
        let mut out = Vec::new();
        let mut json = Json::new(&mut out, false);
        let at = "2026-11-23T15:04:05Z".parse().unwrap();
        for event in samples::every_event() {
            json.receive(at, &event).unwrap();
        }
        let out = String::from_utf8(out).unwrap();
        assert_eq!(documented, out);
        for line in out.lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(value["version"], 1, "{line}");
        }
    }

    #[test]
    fn debug_notices_need_debug() {
        let notice = samples::notice(Some("api"), Level::Debug, "cache index read");
        for (debug, lines) in [(false, 0), (true, 1)] {
            let mut out = Vec::new();
            Json::new(&mut out, debug).receive(Timestamp::UNIX_EPOCH, &notice).unwrap();
            assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), lines);
        }
    }
}
