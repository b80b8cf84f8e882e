//! `windlass why`: which inputs changed since the last build, and which images a file affects.

mod change;
mod impact_report;

use std::path::{Path, PathBuf};

use clap::Args;
use clap_complete::engine::ArgValueCandidates;

use super::dry_run::dry_run;
use super::exit_status::{ExitStatus, Failure};
use super::load::load_project;
use super::pipeline_run::PipelineCall;
use super::stdout::{print, print_json};
use super::{PipelineOptions, completions};
use crate::command::cli::GlobalOptions;

/// The options of `windlass why`.
#[derive(Debug, Args)]
#[command(after_help = "\
`+` marks an input that was added since the last build, `-` a removed one, `~` a changed
one. For build arguments, only the names are shown. `not covered` lists inputs of the image
whose changes windlass cannot detect.

Examples:
  windlass why api                        show what changed, and the last build
  windlass why auth.api                   show the same for the dependency `auth`
  windlass why --if go.mod                show which images a change of go.mod rebuilds
  windlass why api --if README.md docs/   show why a change there does not rebuild `api`")]
pub struct WhyArgs {
    /// Images to explain [default: all]
    #[arg(value_name = "IMAGE", add = ArgValueCandidates::new(completions::images))]
    pub images: Vec<String>,

    /// Show which images would be built if only these files changed
    #[arg(long = "if", value_name = "FILE", num_args = 1..)]
    pub files: Vec<PathBuf>,

    /// Skip all dependencies
    #[arg(long)]
    pub skip_dependencies: bool,

    /// Apply this script of overrides last (repeatable)
    #[arg(long = "script", value_name = "FILE")]
    pub scripts: Vec<PathBuf>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Prints the changes, or the effect of a change.
///
/// # Errors
/// If the configuration, a script or the command line is invalid. Images that cannot be planned are reported here.
pub fn why(global: &GlobalOptions, args: &WhyArgs) -> Result<ExitStatus, Failure> {
    let loaded = load_project(global)?;
    let options = PipelineOptions {
        scripts: args.scripts.clone(),
        skip_dependencies: args.skip_dependencies,
        skip_push_local_kube: true,
        ..PipelineOptions::default()
    };
    let dry_run = dry_run(global, &options, loaded, PipelineCall::build(args.images.clone()))?;
    let is_asked = |name: &str| args.images.is_empty() || args.images.iter().any(|asked| asked == name);
    if args.files.is_empty() {
        let images = change::explain(&dry_run, &is_asked)?;
        if args.json { print_json(&images) } else { print(&change::text(&images, dry_run.now())) }?;
    } else {
        let files: Vec<_> = args.files.iter().map(|file| absolute(file)).collect();
        let answers = impact_report::answers(&dry_run, &files, &is_asked);
        if args.json { print_json(&answers) } else { print(&impact_report::text(&answers)) }?;
    }
    Ok(dry_run.end())
}

/// The path of a file that need not exist, with symbolic links in its parent directories resolved.
fn absolute(file: &Path) -> PathBuf {
    let path = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    if let Ok(path) = path.canonicalize() {
        return path;
    }
    match (path.parent().and_then(|folder| folder.canonicalize().ok()), path.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => path,
    }
}
