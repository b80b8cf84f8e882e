//! Output to standard output.

use std::io::Write as _;

use serde::Serialize;

use super::exit_status::{ExitStatus, Failure};

/// Writes `text` to standard output.
///
/// # Errors
/// If it cannot be written; a closed pipe is not an error.
pub fn print(text: &str) -> Result<ExitStatus, Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(unwritten(&error)),
        _ => Ok(ExitStatus::Done),
    }
}

/// Writes `value` to standard output as indented JSON.
///
/// # Errors
/// If it cannot be written.
pub fn print_json(value: &impl Serialize) -> Result<ExitStatus, Failure> {
    match serde_json::to_string_pretty(value) {
        Ok(text) => print(&format!("{text}\n")),
        Err(error) => Err(Failure::failed(Unwritten { reason: error.to_string() })),
    }
}

/// The failure of a write to standard output.
pub(super) fn unwritten(error: &std::io::Error) -> Failure {
    Failure::failed(Unwritten { reason: error.to_string() })
}

/// Writing to standard output failed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot write to standard output: {reason}")]
#[diagnostic(code(windlass::stdout))]
struct Unwritten {
    reason: String,
}
