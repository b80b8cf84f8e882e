//! `windlass plan`: what a build would do, without doing it.

mod view;

use std::path::PathBuf;

use clap::Args;
use clap_complete::engine::ArgValueCandidates;

use super::completions;
use super::dry_run::dry_run;
use super::exit_status::{ExitStatus, Failure};
use super::load::load_project;
use super::pipeline_run::Call;
use super::stdout::{print, print_json};
use crate::cli::GlobalOptions;
use crate::image::TagTemplate;
use crate::run::RunOptions;
use view::PlanView;

/// The options of `windlass plan`.
#[derive(Debug, Args)]
#[command(after_help = "\
The pipeline runs as in `windlass build`, with your overrides, and decides the same.
Nothing is built, pushed, written or remembered: commands, hooks and requests are
listed and count as done, without output. Run for real are only commands that find
something out: git facts, and those that a script marks `#{ pure: true }`. Daemon and
registries are asked only where a decision depends on what they have. `#` in a tag
stands for a random character that the build chooses.

Examples:
  windlass plan                   every image: build or skip, and why
  windlass plan api -p staging    one image, and those it is built from
  windlass plan --json | jq -r '.images[] | select(.decision == \"build\").name'")]
pub struct PlanArgs {
    /// Images to plan, with those they are built from [default: all]
    #[arg(value_name = "IMAGE", add = ArgValueCandidates::new(completions::images))]
    pub images: Vec<String>,

    /// As if every image had changed
    #[arg(short = 'b', long)]
    pub force_build: bool,

    /// As if this image had changed; repeat it for several
    #[arg(long, value_name = "IMAGE", add = ArgValueCandidates::new(completions::images))]
    pub force: Vec<String>,

    /// As if nothing were to be pushed
    #[arg(long)]
    pub skip_push: bool,

    /// Ask the registry whether pushed images are still there
    #[arg(long)]
    pub verify: bool,

    /// Use this tag for every image; `#` is a random character
    #[arg(short, long = "tag", value_name = "TAG", value_delimiter = ',')]
    pub tags: Vec<TagTemplate>,

    /// Apply this script of overrides last; repeat it for several
    #[arg(long = "script", value_name = "FILE")]
    pub scripts: Vec<PathBuf>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Prints what a build would do.
///
/// # Errors
/// When the configuration, a script or the command line is wrong. An image that cannot be planned is reported here.
pub fn plan(global: &GlobalOptions, args: &PlanArgs) -> Result<ExitStatus, Failure> {
    let options = RunOptions {
        force_build: args.force_build,
        force: args.force.iter().cloned().collect(),
        skip_push: args.skip_push,
        verify: args.verify,
        tags: args.tags.clone(),
        ..RunOptions::default()
    };
    let call = Call { pipeline: "build".to_owned(), arguments: Vec::new(), images: args.images.clone() };
    let dry_run = dry_run(global, load_project(global)?, &args.scripts, options, call)?;
    let view = PlanView::new(&dry_run);
    if args.json { print_json(&view) } else { print(&view.text()) }?;
    Ok(dry_run.end())
}
