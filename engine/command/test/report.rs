//! The results of tests, for people and for programs.

use std::fmt::Write as _;

use console::style;
use serde_json::{Value, json};

use crate::command::exit_status::render;
use crate::command::image_failure::ImageFailure;
use crate::error::ErrorKind;
use crate::script::ScriptError;
use crate::testing::{TestOutcome, TestVerdict, Tested};

/// The maximum number of calls that are shown for a failed test.
const SHOWN_CALLS: usize = 30;

/// A line for each test by file, then the errors of failed tests, then the totals.
pub fn text(outcome: &TestOutcome) -> String {
    let mut text = String::new();
    for of_file in outcome.tests.chunk_by(|one, other| one.file == other.file) {
        let _ = writeln!(text, "{}", of_file[0].file);
        for test in of_file {
            let _ =
                writeln!(text, "  {} {} {}", mark(&test.verdict), test.test, style(milliseconds(test)).dim());
        }
    }
    for test in outcome
        .tests
        .iter()
        .filter(|test| !matches!(test.verdict, TestVerdict::Passed | TestVerdict::Cancelled))
    {
        let _ = write!(
            text,
            "\n{} {}::{}\n{}",
            style("FAILED").red().bold(),
            test.file,
            test.test,
            failure(test)
        );
    }
    let _ = writeln!(text, "\n{}", numbers(outcome));
    if !outcome.untested.is_empty() {
        let _ = writeln!(text, "no test calls {}", outcome.untested.join(", "));
    }
    text
}

/// The same as JSON.
pub fn json(outcome: &TestOutcome) -> Value {
    let tests = outcome.tests.iter().map(|test| {
        json!({
            "file": test.file,
            "test": test.test,
            "outcome": name(&test.verdict),
            "milliseconds": test.time.as_secs_f64() * 1000.0,
            "message": message(&test.verdict),
            "report": match &test.verdict {
                TestVerdict::Failed { .. } => Some(console::strip_ansi_codes(&failure(test)).into_owned()),
                _ => None,
            },
            "calls": test.calls,
            "printed": test.printed,
        })
    });
    json!({
        "passed": count(outcome, |verdict| matches!(verdict, TestVerdict::Passed)),
        "failed": count(outcome, is_failed),
        "untested": outcome.untested,
        "tests": tests.collect::<Vec<_>>(),
    })
}

fn count(outcome: &TestOutcome, is_meant: impl Fn(&TestVerdict) -> bool) -> usize {
    outcome.tests.iter().filter(|test| is_meant(&test.verdict)).count()
}

fn is_failed(verdict: &TestVerdict) -> bool {
    matches!(verdict, TestVerdict::Failed { .. } | TestVerdict::TimedOut)
}

fn mark(verdict: &TestVerdict) -> String {
    match verdict {
        TestVerdict::Passed => style("ok    ").green().to_string(),
        TestVerdict::Failed { .. } => style("FAILED").red().bold().to_string(),
        TestVerdict::TimedOut => style("LATE  ").red().bold().to_string(),
        TestVerdict::Cancelled => style("      ").to_string(),
    }
}

fn name(verdict: &TestVerdict) -> &'static str {
    match verdict {
        TestVerdict::Passed => "passed",
        TestVerdict::Failed { .. } => "failed",
        TestVerdict::TimedOut => "timed-out",
        TestVerdict::Cancelled => "cancelled",
    }
}

fn milliseconds(test: &Tested) -> String {
    format!("{} ms", test.time.as_millis())
}

fn message(verdict: &TestVerdict) -> Option<String> {
    match verdict {
        TestVerdict::Failed { error, .. } => Some(error.to_string()),
        TestVerdict::TimedOut => Some("timed out".to_owned()),
        TestVerdict::Passed | TestVerdict::Cancelled => None,
    }
}

/// The error, and the calls before it.
fn failure(test: &Tested) -> String {
    let mut text = match &test.verdict {
        TestVerdict::Failed { error, images } => errors(error, images),
        TestVerdict::TimedOut => "  timed out; set a longer `--timeout`\n".to_owned(),
        TestVerdict::Passed | TestVerdict::Cancelled => String::new(),
    };
    text += &list("calls", &test.calls);
    text += &list("printed", &test.printed);
    text
}

fn errors(error: &ScriptError, images: &[(String, std::sync::Arc<ScriptError>)]) -> String {
    let is_summary = error.stage().is_some_and(|stage| stage.kind() == ErrorKind::Summary);
    let images = images.iter().filter(|_| is_summary);
    let images: String =
        images.map(|(image, error)| render(&ImageFailure { image, folder: None, error })).collect();
    format!("{}{images}", render(error))
}

fn list(title: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let left_out = lines.len().saturating_sub(SHOWN_CALLS);
    let mut text = format!("  {title}:\n");
    if left_out > 0 {
        let _ = writeln!(text, "    ({left_out} earlier ones omitted)");
    }
    for line in lines.iter().skip(left_out) {
        let _ = writeln!(text, "    {line}");
    }
    text
}

fn numbers(outcome: &TestOutcome) -> String {
    let passed = count(outcome, |verdict| matches!(verdict, TestVerdict::Passed));
    let failed = count(outcome, is_failed);
    let all: std::time::Duration = outcome.tests.iter().map(|test| test.time).max().unwrap_or_default();
    let failed = match failed {
        0 => String::new(),
        failed => format!(", {}", style(format!("{failed} failed")).red()),
    };
    format!("{passed} passed{failed}; the slowest took {} ms", all.as_millis())
}
