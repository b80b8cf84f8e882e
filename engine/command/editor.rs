//! `windlass editor`.

use clap::{Args, Subcommand};

use super::exit_status::{ExitStatus, Failure};
use super::stdout::{print, print_json};
use crate::config::schema;
use crate::script::definitions;

/// The options of `windlass editor`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  windlass editor definitions > windlass.d.rhai     for the Rhai language server
  windlass editor schema > devspace.schema.json     for the YAML language server")]
pub struct EditorArgs {
    /// The file to print.
    #[command(subcommand)]
    pub what: EditorFile,
}

/// A file for editors.
#[derive(Debug, Subcommand)]
pub enum EditorFile {
    /// Print the scripting API as a Rhai definition file
    Definitions,
    /// Print the JSON schema of devspace.yaml, for all versions
    Schema,
}

/// Prints a file for editors.
///
/// # Errors
/// If it cannot be written.
pub fn editor(args: &EditorArgs) -> Result<ExitStatus, Failure> {
    match args.what {
        EditorFile::Definitions => print(&definitions::text()),
        EditorFile::Schema => print_json(&schema::json_schema()),
    }
}
