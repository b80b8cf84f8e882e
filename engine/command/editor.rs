//! `windlass editor`.

use clap::{Args, Subcommand};

use super::exit_status::{ExitStatus, Failure};
use super::stdout::{print, print_json};
use crate::config::schema;
use crate::script::definitions;

/// What `windlass editor` prints.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  windlass editor definitions > windlass.d.rhai     for the language server of Rhai
  windlass editor schema > devspace.schema.json     for the language server of YAML")]
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
    /// Print what devspace.yaml may hold in each version, as a JSON schema
    Schema,
}

/// Prints a file for editors.
///
/// # Errors
/// When it cannot be written.
pub fn editor(args: &EditorArgs) -> Result<ExitStatus, Failure> {
    match args.what {
        EditorFile::Definitions => print(&definitions::text()),
        EditorFile::Schema => print_json(&schema::json_schema()),
    }
}
