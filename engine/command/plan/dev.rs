//! `windlass plan dev`: the images, deployments and connections of a dev session, and the files that it watches.

use std::ffi::OsString;

use clap::Args;
use serde::Serialize;

use super::changes::{ChangeView, changes};
use super::connected::ConnectedView;
use super::deploy::DeployView;
use super::parse;
use crate::command::dev::{DevArgs, WITHOUT_CLUSTER};
use crate::command::dry_run::dry_run;
use crate::command::exit_status::{ExitStatus, Failure};
use crate::command::load::{load_project, warn};
use crate::command::pipeline_run::print_failures;
use crate::command::run::told;
use crate::command::stdout::{print, print_json};
use crate::dev::FolderFiles;
use crate::lock::lock;

/// The options of `windlass plan dev`.
#[derive(Debug, Args)]
#[command(
    mut_arg("tags", |tags| tags.short(None)),
    override_usage = "windlass plan dev [OPTIONS] [COMMAND]...",
    after_help = "\
Shows what `windlass plan deploy` shows for the first pass, and then what a session connects:
ports, directories with the files that are synced, pages, and the terminal or logs. `change`
lines show what a saved file would do; a deployment that does not differ from the cluster is
kept all the same. Functions of your scripts such as `synced_folders` and `reloads` count. No
port is opened, and no container is contacted.

Examples:
  windlass plan dev              show what `windlass dev` would do
  windlass plan dev --watch      show it if every image follows its files
  windlass plan dev -x           show only what is connected
  windlass plan dev --json | jq '.folders[] | {local, files, bytes}'"
)]
struct PlanDevArgs {
    /// The word `dev`.
    #[arg(value_name = "dev", hide = true)]
    _word: String,

    #[command(flatten)]
    dev: DevArgs,

    /// Show the changes of each object as text
    #[arg(long)]
    diff: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,

    /// Exit with 3 if something would be built or deployed
    #[arg(long)]
    exit_code: bool,
}

/// The effects of a dev session. The fields are an interface for programs: new ones may be added, but none renamed.
#[derive(Serialize)]
struct DevView {
    /// The first pass.
    #[serde(flatten)]
    first: DeployView,
    /// The connections; none with `--exit-after-deploy`, and if the first pass fails.
    #[serde(flatten)]
    connected: Option<ConnectedView>,
    /// The effects of changed files.
    changes: Vec<ChangeView>,
    #[serde(skip)]
    connects: bool,
}

/// Prints the effects of a dev session; `words` is the command line.
///
/// # Errors
/// If the configuration, a script or the command line is invalid. Failures are reported here.
pub(super) fn plan_dev(words: impl IntoIterator<Item = OsString>) -> Result<ExitStatus, Failure> {
    let parsed = parse::<PlanDevArgs>(words, "Show what a dev session would do, without doing it");
    let (global, args) = match parsed {
        Ok(parsed) => parsed,
        Err(stop) => return Ok(told(&stop)),
    };
    let mut loaded = load_project(&global)?;
    if loaded.project.images.contains_key("dev") {
        warn("planning `windlass dev`, not the image `dev`: `windlass plan` shows all images", &global);
    }
    let is_without_cluster = args.dev.prepare(&mut loaded)?;
    if is_without_cluster {
        warn(WITHOUT_CLUSTER, &global);
    }
    let watches_all = args.dev.watches_all(&loaded.project);
    for notice in &loaded.project.dev.notices {
        warn(&notice.in_one_line(), &global);
    }
    let dry_run = dry_run(&global, &args.dev.options, loaded, args.dev.first_call())?;
    let mut view = DevView {
        first: DeployView::new(&dry_run).map_err(Failure::failed)?,
        connected: None,
        changes: Vec::new(),
        connects: !is_without_cluster,
    };
    // Nothing is connected before the first pass succeeds.
    if dry_run.succeeded() && !args.dev.exit_after_deploy {
        let wanted = lock(&dry_run.execution.wanted).clone();
        let root = &dry_run.execution.run.project.root;
        let folder_files: Vec<_> =
            wanted.folders.iter().map(|folder| FolderFiles::new(root, &wanted.folders, folder)).collect();
        view.changes = match changes(&dry_run, watches_all, &folder_files) {
            Ok(changes) => changes,
            Err(error) => return Ok(print_failures(&dry_run.execution, &error)),
        };
        view.connected = Some(ConnectedView::new(&wanted, folder_files, &args.dev.command));
    }
    if args.json { print_json(&view) } else { print(&view.text(&args)) }?;
    Ok(match dry_run.end() {
        ExitStatus::Done if args.exit_code && view.first.has_work() => ExitStatus::FoundWork,
        end => end,
    })
}

impl DevView {
    /// The plan for people.
    fn text(&self, args: &PlanDevArgs) -> String {
        let mut text = match args.dev.skip_pipeline {
            true => String::new(),
            false => self.first.text(args.diff),
        };
        if let Some(connected) = &self.connected {
            if !text.is_empty() {
                text.push('\n');
            }
            connected.write(&mut text);
        }
        self.changes.iter().for_each(|change| change.write(&mut text, self.connects));
        text
    }
}
