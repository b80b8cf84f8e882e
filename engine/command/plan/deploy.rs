//! `windlass plan deploy`: what a deploy would change in the cluster, and why.

use std::ffi::OsString;
use std::fmt::Write as _;

use clap::Args;
use serde::Serialize;

use super::{PlanOptions, PlanView, parse};
use crate::command::deploy_options::DeployFlags;
use crate::command::dry_run::{DryRun, dry_run};
use crate::command::exit_status::{ExitStatus, Failure};
use crate::command::load::load_project;
use crate::command::pipeline_run::PipelineCall;
use crate::command::run::told;
use crate::command::stdout::{print, print_json};
use crate::event::{DeploymentDecision, ObjectChange};
use crate::rollout::{self, PlannedChange, Rollout};
use crate::script::ScriptError;

/// The options of `windlass plan deploy`.
#[derive(Debug, Args)]
#[command(
    override_usage = "windlass plan deploy [OPTIONS] [DEPLOYMENT]...",
    after_help = "\
The deployments are compared with the cluster by dry runs, which change nothing. Charts are
rendered by helm for this cluster. Images that a deploy would build have no tags yet: `#` is
a random character.

Examples:
  windlass plan deploy                 show for every deployment: deploy or keep, and why
  windlass plan deploy web --diff      show the changes of each object as text
  windlass plan deploy --skip-build    plan with the last builds"
)]
struct PlanDeployArgs {
    /// The word `deploy`.
    #[arg(value_name = "deploy", hide = true)]
    _word: String,

    #[command(flatten)]
    deploy: DeployFlags,

    /// Show the changes of each object as text
    #[arg(long)]
    diff: bool,

    #[command(flatten)]
    options: PlanOptions,
}

/// What a deploy would do. The fields are an interface for programs: new ones may be added, but none renamed.
#[derive(Serialize)]
pub(super) struct DeployView {
    #[serde(flatten)]
    build: PlanView,
    deployments: Vec<DeploymentView>,
}

/// The plan for one deployment.
#[derive(Serialize)]
struct DeploymentView {
    name: String,
    namespace: String,
    /// `deploy` or `keep`.
    decision: DeploymentDecision,
    reason: String,
    images: Vec<ImageChange>,
    objects: Vec<PlannedChange>,
}

/// A reference that is inserted.
#[derive(Serialize)]
struct ImageChange {
    /// Its place: `Deployment/web spec.template.spec.containers[0].image`.
    place: String,
    old: Option<String>,
    new: String,
}

/// Prints what a deploy would do; `words` is the command line.
///
/// # Errors
/// If the configuration, a script or the command line is invalid. Failures are reported here.
pub(super) fn plan_deploy(words: impl IntoIterator<Item = OsString>) -> Result<ExitStatus, Failure> {
    let parsed = parse::<PlanDeployArgs>(words, "Show what a deploy would do, without doing it");
    let (global, args) = match parsed {
        Ok(parsed) => parsed,
        Err(stop) => return Ok(told(&stop)),
    };
    let loaded = load_project(&global)?;
    let names = args.deploy.selected.names();
    rollout::selected(&loaded.project, &names).map_err(Failure::wrong_use)?;
    let call = PipelineCall {
        pipeline: "deploy".to_owned(),
        deployments: names,
        skip_build: args.deploy.selected.skip_build,
        deploy: args.deploy.options(),
        ..PipelineCall::build(Vec::new())
    };
    let dry_run = dry_run(&global, &args.options.pipeline, loaded, call)?;
    let view = DeployView::new(&dry_run).map_err(Failure::failed)?;
    if args.options.json { print_json(&view) } else { print(&view.text(args.diff)) }?;
    Ok(match dry_run.end() {
        ExitStatus::Done if args.options.exit_code && view.has_work() => ExitStatus::FoundWork,
        end => end,
    })
}

/// The deployments of all projects, those of dependencies first.
fn deployments(dry_run: &DryRun) -> Result<Vec<DeploymentView>, ScriptError> {
    let mut views = Vec::new();
    for part in dry_run.parts() {
        for rollout in part.execution.rollouts() {
            let view = DeploymentView::new(&part.full(rollout.deployment().name()), &rollout);
            views.push(view.map_err(ScriptError::of_stage_error)?);
        }
    }
    Ok(views)
}

impl DeploymentView {
    fn new(name: &str, rollout: &Rollout) -> Result<Self, crate::error::StageError> {
        let deployment = rollout.deployment();
        let (decision, reason) =
            deployment.decision().unwrap_or((DeploymentDecision::Keep, "not decided".to_owned()));
        let images = deployment.report().changes.into_iter();
        let images =
            images.map(|change| ImageChange { place: change.place, old: change.old, new: change.new });
        let objects = match decision {
            DeploymentDecision::Deploy => rollout.changes()?,
            DeploymentDecision::Keep => Vec::new(),
        };
        Ok(Self {
            name: name.to_owned(),
            namespace: deployment.namespace()?,
            decision,
            reason,
            images: images.collect(),
            objects,
        })
    }

    fn write(&self, text: &mut String, width: usize, shows_diff: bool) {
        let verb = match self.decision {
            DeploymentDecision::Deploy => "deploy",
            DeploymentDecision::Keep => "keep",
        };
        // Writing to a string cannot fail.
        let _ =
            writeln!(text, "{:width$} | {verb}: {} (namespace {})", self.name, self.reason, self.namespace);
        if self.decision == DeploymentDecision::Keep {
            return;
        }
        for ImageChange { place, old, new } in &self.images {
            let old = old.as_ref().map(|old| format!("{old} -> ")).unwrap_or_default();
            let _ = writeln!(text, "  image    {old}{new} ({place})");
        }
        for PlannedChange { object, change, details, diff } in &self.objects {
            let sign = match change {
                ObjectChange::Created => "+",
                ObjectChange::Changed => "~",
                ObjectChange::Recreated => "-/+",
                ObjectChange::Deleted => "-",
                ObjectChange::Kept => "kept",
            };
            let details = if details.is_empty() { String::new() } else { format!(": {details}") };
            let _ = writeln!(text, "  {sign:8} {object}{details}");
            if shows_diff {
                diff.lines().skip(2).for_each(|line| {
                    let _ = writeln!(text, "      {line}");
                });
            }
        }
    }
}

impl DeployView {
    /// What `dry_run` would build and deploy.
    ///
    /// # Errors
    /// If a deployment cannot be compared with the cluster.
    pub(super) fn new(dry_run: &DryRun) -> Result<Self, ScriptError> {
        Ok(Self { build: PlanView::new(dry_run), deployments: deployments(dry_run)? })
    }

    /// Whether something would be built or deployed.
    pub(super) fn has_work(&self) -> bool {
        let is_deployed = |deployment: &DeploymentView| deployment.decision == DeploymentDecision::Deploy;
        self.build.has_work() || self.deployments.iter().any(is_deployed)
    }

    /// The plan for people.
    pub(super) fn text(&self, shows_diff: bool) -> String {
        let mut text = self.build.text();
        if !text.is_empty() && !self.deployments.is_empty() {
            text.push('\n');
        }
        let width = self.deployments.iter().map(|deployment| deployment.name.chars().count()).max();
        for deployment in &self.deployments {
            deployment.write(&mut text, width.unwrap_or(0), shows_diff);
        }
        let count =
            |decision| self.deployments.iter().filter(|deployment| deployment.decision == decision).count();
        let counts = [
            (count(DeploymentDecision::Deploy), "to deploy"),
            (count(DeploymentDecision::Keep), "unchanged"),
        ];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts: Vec<_> = counts.map(|(count, words)| format!("{count} {words}")).collect();
        let counts = if counts.is_empty() { "no deployments".to_owned() } else { counts.join(", ") };
        let _ = writeln!(text, "{counts}");
        text
    }
}
