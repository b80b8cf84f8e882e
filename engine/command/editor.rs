//! `windlass editor`.

use clap::{Args, Subcommand};

use super::exit_status::{ExitStatus, Failure};
use super::stdout::print;
use crate::script::definitions;

/// What `windlass editor` prints.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  windlass editor definitions > windlass.d.rhai     for the language server of Rhai")]
pub struct EditorArgs {
    /// What to print.
    #[command(subcommand)]
    pub what: EditorFile,
}

/// A file for editors.
#[derive(Debug, Subcommand)]
pub enum EditorFile {
    /// Print what scripts can call, as a Rhai definition file
    Definitions,
}

/// Prints a file for editors.
///
/// # Errors
/// When it cannot be written.
pub fn editor(args: &EditorArgs) -> Result<ExitStatus, Failure> {
    match args.what {
        EditorFile::Definitions => print(&definitions::text()),
    }
}
