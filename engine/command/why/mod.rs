//! `windlass why`: which inputs changed since the last build, which images a file affects, and why it is synced.

mod change;
mod impact_report;
mod sync_report;

use std::path::{Component, Path, PathBuf};

use clap::Args;
use clap_complete::engine::ArgValueCandidates;

use super::dry_run::dry_run;
use super::exit_status::{ExitStatus, Failure};
use super::load::load_project;
use super::pipeline_options::share_mode;
use super::pipeline_run::PipelineCall;
use super::stdout::{print, print_json};
use super::{PipelineOptions, completions};
use crate::command::cli::GlobalOptions;
use crate::config::Loaded;
use crate::run::{DevOptions, ShareMode};

pub(super) use change::Changes;

/// The options of `windlass why`.
#[derive(Debug, Args)]
#[command(after_help = "\
`+` marks an input that was added since the last build, `-` a removed one, `~` a changed
one. For build arguments, only the names are shown. `not covered` lists inputs of the image
whose changes windlass cannot detect.

If builds are shared, an image that was never built here is compared with the build in its
registry that its first fixed tag names. Files that only that machine had are counted.

With --sync: whether the entries of `dev.sync` (or of your `synced_folders`) upload and
download a file, to where, and which pattern of which file decides. No cluster is contacted:
`last sync` is what windlass recorded here.

Examples:
  windlass why api                        show what changed, and the last build
  windlass why auth.api                   show the same for the dependency `auth`
  windlass why api --share read           compare with the registry if never built here
  windlass why --if go.mod                show which images a change of go.mod rebuilds
  windlass why api --if README.md docs/   show why a change there does not rebuild `api`
  windlass why --sync src/debug.log       show why a file is not in the container")]
pub struct WhyArgs {
    /// Images to explain [default: all]
    #[arg(value_name = "IMAGE", add = ArgValueCandidates::new(completions::images))]
    pub images: Vec<String>,

    /// Show which images would be built if only these files changed
    #[arg(long = "if", value_name = "FILE", num_args = 1..)]
    pub files: Vec<PathBuf>,

    /// Show whether these files are synced, and why
    #[arg(long = "sync", value_name = "FILE", num_args = 1.., conflicts_with_all = ["files", "images"])]
    pub synced: Vec<PathBuf>,

    /// Skip all dependencies
    #[arg(long)]
    pub skip_dependencies: bool,

    /// Share builds through the registry: off, read or write
    #[arg(long, value_name = "MODE", value_parser = share_mode(), hide_possible_values = true)]
    pub share: Option<ShareMode>,

    /// Apply this script of overrides last (repeatable)
    #[arg(long = "script", value_name = "FILE")]
    pub scripts: Vec<PathBuf>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Prints the changes, or the effect of a change, or why files are synced.
///
/// # Errors
/// If the configuration, a script or the command line is invalid. Images that cannot be planned are reported here.
pub fn why(global: &GlobalOptions, args: &WhyArgs) -> Result<ExitStatus, Failure> {
    let loaded = load_project(global)?;
    let options = PipelineOptions {
        scripts: args.scripts.clone(),
        skip_dependencies: args.skip_dependencies,
        skip_push_local_kube: true,
        share: args.share,
        ..PipelineOptions::default()
    };
    if !args.synced.is_empty() {
        return why_synced(global, args, &options, loaded);
    }
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

/// Prints why files are synced. A dry run of a session determines the synced directories.
fn why_synced(
    global: &GlobalOptions,
    args: &WhyArgs,
    options: &PipelineOptions,
    loaded: Loaded,
) -> Result<ExitStatus, Failure> {
    loaded.project.dev.check(&loaded.project.file).map_err(Failure::wrong_use)?;
    let call = PipelineCall {
        pipeline: "set_up".to_owned(),
        skip_build: true,
        dev: DevOptions { skip_pipeline: true, ..DevOptions::default() },
        ..PipelineCall::build(Vec::new())
    };
    let dry_run = dry_run(global, options, loaded, call)?;
    if dry_run.succeeded() {
        let files: Vec<_> = args.synced.iter().map(|file| without_dots(file)).collect();
        let reports = sync_report::reports(&dry_run, &files);
        if args.json { print_json(&reports) } else { print(&sync_report::text(&reports, dry_run.now())) }?;
    }
    Ok(dry_run.end())
}

/// The absolute path of a file that need not exist, without `..`. Symbolic links stay: the sync may treat them as
/// links.
fn without_dots(file: &Path) -> PathBuf {
    let path = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let Some(last) =
        path.components().collect::<Vec<_>>().iter().rposition(|part| *part == Component::ParentDir)
    else {
        return path;
    };
    // The parent of a directory depends on the links to it.
    let above: PathBuf = path.components().take(last + 1).collect();
    let below: PathBuf = path.components().skip(last + 1).collect();
    above.canonicalize().map_or(path, |above| above.join(below))
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
