//! What can go wrong while a run is reported.

use std::io;
use std::path::PathBuf;

/// What keeps a report from being complete.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ReportError {
    /// The file of `--result` could not be written, or cannot be.
    #[error("cannot write the result of the run to `{}`: {source}", path.display())]
    #[diagnostic(
        code(report::result),
        help("give `--result` a file in a folder that exists and is writable")
    )]
    Result {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },

    /// The events of `--progress json` could not be written, all or some.
    #[error("cannot write the events of the run to standard output: {source}")]
    #[diagnostic(code(report::events), help("send them where there is room"))]
    Events {
        /// Why not.
        source: io::Error,
    },
}
