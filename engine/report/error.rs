//! Errors while reporting a run.

use std::io;
use std::path::PathBuf;

/// An error that makes a report incomplete.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ReportError {
    /// The file of `--result` cannot be written.
    #[error("cannot write the result of the run to `{}`: {source}", path.display())]
    #[diagnostic(code(report::result), help("pass a file in an existing, writable directory to `--result`"))]
    Result {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },

    /// The file of `--trace` cannot be written.
    #[error("cannot write the trace of the run to `{}`: {source}", path.display())]
    #[diagnostic(code(report::trace), help("pass a file in an existing, writable directory to `--trace`"))]
    Trace {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },

    /// A file for later steps cannot be written.
    #[error("cannot write to `{}`: {source}", path.display())]
    #[diagnostic(code(report::file), help("pass a file in an existing, writable directory"))]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },

    /// At least one event of `--progress json` could not be written.
    #[error("cannot write the events of the run to standard output: {source}")]
    #[diagnostic(code(report::events), help("check that the destination of standard output has free space"))]
    Events {
        /// The cause.
        source: io::Error,
    },
}
