//! `windlass status`.

use std::fmt::Write as _;
use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use serde::Serialize;

use super::deploy_options::all_names;
use super::exit_status::{ExitStatus, Failure};
use super::load::{load_project, report};
use super::pipeline_run::{PipelineCall, with_run};
use super::stdout::{print, print_json};
use super::{PipelineOptions, completions};
use crate::command::cli::GlobalOptions;
use crate::deploy::ready::{RolloutError, Summary};
use crate::deploy::wait::WaitLimits;
use crate::plural::counted;
use crate::rollout::{self, Deployment, DeploymentStatus};
use crate::run::DeployOptions;
use crate::script::ScriptError;

/// The options of `windlass status`.
#[derive(Debug, Args)]
#[command(after_help = "\
Shows for each deployment whether its objects run, and why not: the cause, the last lines
of the log, and what to do. Exits with 1 if something does not run.

Examples:
  windlass status             show everything that the project deployed
  windlass status web         show one deployment
  windlass status --wait      wait first until everything runs or cannot run")]
pub struct StatusArgs {
    /// Deployments to show [default: all]
    #[arg(value_name = "DEPLOYMENT", add = ArgValueCandidates::new(completions::deployments))]
    pub names: Vec<String>,

    /// Wait first until everything runs, or cannot run
    #[arg(long)]
    pub wait: bool,

    /// Seconds to wait
    #[arg(long, value_name = "SECONDS", default_value_t = DeployOptions::TIMEOUT.as_secs())]
    pub timeout: u64,

    /// Wait until the timeout, also for objects that cannot run
    #[arg(long)]
    pub patient: bool,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// One deployment. The fields are an interface for programs: new ones may be added, but none renamed.
#[derive(Serialize)]
struct StatusView {
    name: String,
    namespace: String,
    /// `ready`, `not ready`, `not deployed`, or the status of a release that is not `deployed`.
    status: String,
    healthy: bool,
    revision: Option<u64>,
    objects: Vec<ObjectView>,
    problems: Vec<ProblemView>,
}

/// An object that was observed.
#[derive(Serialize)]
pub(super) struct ObjectView {
    /// `Deployment/web`.
    object: String,
    namespace: String,
    pub(super) ready: bool,
    /// How far it is: `web 2/3 ready, 1 pulling`.
    state: String,
}

/// Why an object does not run.
#[derive(Serialize)]
pub(super) struct ProblemView {
    code: &'static str,
    message: String,
    help: String,
    /// The last lines of the log of its container.
    log: Vec<String>,
}

/// Prints how the deployments of the project are doing.
///
/// # Errors
/// If the configuration or the command line is invalid, or the cluster does not respond.
pub fn status(global: &GlobalOptions, args: &StatusArgs) -> Result<ExitStatus, Failure> {
    let names = all_names(&args.names, &[]);
    let loaded = load_project(global)?;
    rollout::selected(&loaded.project, &names).map_err(Failure::wrong_use)?;
    report(&loaded.warnings, global);
    let limits = args
        .wait
        .then(|| WaitLimits { timeout: Duration::from_secs(args.timeout), is_patient: args.patient });
    let call = PipelineCall { deployments: names, skip_build: true, ..PipelineCall::build(Vec::new()) };
    with_run(global, &PipelineOptions::default(), loaded, call, |run| {
        let selected =
            rollout::selected(&run.project, &run.options.deployments).map_err(Failure::wrong_use)?;
        let deployments: Vec<_> = selected.into_iter().map(|config| Deployment::new(run, config)).collect();
        let statuses = rollout::status(run, &deployments, limits);
        let statuses = statuses.map_err(|error| Failure::failed(ScriptError::of_stage_error(error)))?;
        let views: Vec<_> = statuses.iter().map(StatusView::new).collect();
        if args.json { print_json(&views) } else { print(&text(&views)) }?;
        let is_healthy = views.iter().all(|view| view.healthy);
        Ok(if is_healthy { ExitStatus::Done } else { ExitStatus::Failed })
    })
}

impl StatusView {
    fn new(status: &DeploymentStatus) -> Self {
        Self {
            name: status.deployment.name().to_owned(),
            namespace: status.namespace.clone(),
            status: status.word().to_owned(),
            healthy: status.is_healthy(),
            revision: status.release.as_ref().map(|(revision, _)| *revision),
            objects: status.observed.objects.iter().map(ObjectView::new).collect(),
            problems: status.observed.problems.iter().map(ProblemView::new).collect(),
        }
    }
}

impl ObjectView {
    pub(super) fn new(summary: &Summary) -> Self {
        Self {
            object: summary.object.to_string(),
            namespace: summary.object.namespace.clone(),
            ready: summary.readiness.is_current(),
            state: summary.to_string(),
        }
    }

    /// The line for people.
    pub(super) fn write(&self, text: &mut String) {
        let mark = if self.ready { "  " } else { "! " };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {mark}{}: {}", self.object, self.state);
    }
}

impl ProblemView {
    pub(super) fn new(error: &RolloutError) -> Self {
        Self {
            code: error.problem.code(),
            message: error.problem.message(),
            help: error.problem.help(),
            log: error.log.clone(),
        }
    }

    /// The lines for people.
    pub(super) fn write(&self, text: &mut String) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  x {}", self.message);
        self.log.iter().for_each(|line| _ = writeln!(text, "      {line}"));
        let _ = writeln!(text, "    help: {}", self.help);
    }
}

/// The statuses for people.
fn text(views: &[StatusView]) -> String {
    let mut text = String::new();
    let width = views.iter().map(|view| view.name.chars().count()).max().unwrap_or(0);
    for view in views {
        let objects = match view.objects.len() {
            0 => String::new(),
            count => format!(", {}", counted(count, "object")),
        };
        let revision = view.revision.map(|revision| format!(", revision {revision}")).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:width$} | {} in namespace {}{revision}{objects}",
            view.name, view.status, view.namespace
        );
        view.objects.iter().for_each(|object| object.write(&mut text));
        view.problems.iter().for_each(|problem| problem.write(&mut text));
    }
    if views.is_empty() {
        text.push_str("the project has no deployments\n");
    }
    text
}
