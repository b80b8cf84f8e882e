//! `windlass update`.

use super::exit_status::{ExitStatus, Failure};
use super::load;
use super::stdout::print;
use super::update_bases::{UpdateBasesArgs, update_bases};
use crate::command::cli::GlobalOptions;
use crate::dependency::{Fetch, FetchEvent};
use crate::git::Freshness;

/// The options of `windlass update`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  windlass update dependencies && windlass build\n  windlass update bases && git commit windlass.lock"
)]
pub struct UpdateArgs {
    /// The subject to update.
    #[command(subcommand)]
    pub subject: UpdateSubject,
}

/// The subjects that can be updated.
#[derive(Debug, clap::Subcommand)]
pub enum UpdateSubject {
    /// Fetch the current commits of the branches and tags of git dependencies
    #[command(after_help = "\
Builds use the existing checkouts without updating them. Manual changes in a checkout are lost.

Example:
  windlass update dependencies && windlass build")]
    Dependencies,

    /// Write the current digests of base images to windlass.lock
    Bases(UpdateBasesArgs),
}

/// Updates the checkouts of all dependencies, or the lock file of base images, and prints a line for each.
///
/// # Errors
/// If one of them cannot be fetched, or a configuration is invalid.
pub fn update(global: &GlobalOptions, args: &UpdateArgs) -> Result<ExitStatus, Failure> {
    match &args.subject {
        UpdateSubject::Dependencies => update_dependencies(global),
        UpdateSubject::Bases(args) => update_bases(global, args),
    }
}

fn update_dependencies(global: &GlobalOptions) -> Result<ExitStatus, Failure> {
    let loaded = load::load_project(global)?;
    load::report(&loaded.warnings, global);
    let mut lines = String::new();
    load::fetch_dependencies(global, &loaded, Fetch::Everything, &mut |news| {
        if let FetchEvent::Ready(source, freshness) = news {
            let what = match freshness {
                Freshness::Known => "unchanged".to_owned(),
                Freshness::Cloned => "cloned".to_owned(),
                Freshness::Updated { from, to } if from == to => "unchanged".to_owned(),
                Freshness::Updated { from, to } => format!("{} -> {}", short(from), short(to)),
            };
            lines.push_str(&format!("{source}: {what}\n"));
        }
    })?;
    if lines.is_empty() {
        lines.push_str("no dependencies from git\n");
    }
    print(&lines)
}

/// The abbreviated commit hash.
fn short(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}
