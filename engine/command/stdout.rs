//! Data for standard output.

use std::io::Write as _;

use serde::Serialize;

use super::exit_status::{ExitStatus, Failure};

/// Writes `text` to standard output.
///
/// # Errors
/// When it cannot be written; a reader that has seen enough is no error.
pub fn print(text: &str) -> Result<ExitStatus, Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::failed(Unwritten { reason: error.to_string() }))
        }
        _ => Ok(ExitStatus::Done),
    }
}

/// Writes `value` to standard output as JSON of several lines.
///
/// # Errors
/// When it cannot be written.
pub fn print_json(value: &impl Serialize) -> Result<ExitStatus, Failure> {
    match serde_json::to_string_pretty(value) {
        Ok(text) => print(&format!("{text}\n")),
        Err(error) => Err(Failure::failed(Unwritten { reason: error.to_string() })),
    }
}

/// Standard output takes nothing.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot write to standard output: {reason}")]
#[diagnostic(code(windlass::stdout))]
struct Unwritten {
    reason: String,
}
