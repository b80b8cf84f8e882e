//! `windlass plan deploy`: the changes that a deploy would make in the cluster, with reasons.

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
use crate::deploy::objects::UNQUERIED;
use crate::error::StageError;
use crate::event::{DeploymentDecision, ObjectChange};
use crate::rollout::{self, PlannedChange, Rollout};
use crate::script::ScriptError;

/// The options of `windlass plan deploy`.
#[derive(Debug, Args)]
#[command(
    override_usage = "windlass plan deploy [OPTIONS] [DEPLOYMENT]...",
    after_help = "\
The deployments are compared with the cluster by dry runs, which change nothing. Charts are
rendered by helm for this cluster. Without a cluster, the plan shows the rendered objects, and
says that their changes are unknown. Images that a deploy would build have no tags yet: `#`
is a random character.

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

/// The effects of a deploy. The fields are an interface for programs: new ones may be added, but none renamed.
#[derive(Serialize)]
pub(super) struct DeployView {
    #[serde(flatten)]
    build: PlanView,
    deployments: Vec<DeploymentView>,
    /// Why the cluster was not queried; `null` if it was, or if no query was needed.
    cluster_problem: Option<ClusterProblem>,
    /// Whether the pipeline ran to its end, so that these are all deployments.
    #[serde(skip)]
    is_complete: bool,
}

/// The plan for one deployment.
#[derive(Serialize)]
struct DeploymentView {
    name: String,
    namespace: String,
    decision: Planned,
    reason: String,
    images: Vec<ImageChange>,
    objects: Vec<PlannedChange>,
}

/// The decision about a deployment.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Planned {
    Deploy,
    Keep,
    /// The cluster was not queried.
    Unknown,
}

/// Why the cluster was not queried.
#[derive(Serialize)]
struct ClusterProblem {
    code: String,
    message: String,
    help: String,
}

/// A reference that is inserted.
#[derive(Serialize)]
struct ImageChange {
    /// Its place: `Deployment/web spec.template.spec.containers[0].image`.
    place: String,
    old: Option<String>,
    new: String,
}

/// Prints the effects of a deploy; `words` is the command line.
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

impl ClusterProblem {
    fn new(error: &StageError) -> Self {
        Self { code: error.code(), message: error.message(), help: error.help() }
    }
}

impl DeploymentView {
    fn new(name: &str, rollout: &Rollout) -> Result<Self, StageError> {
        let deployment = rollout.deployment();
        let (decision, reason) =
            deployment.decision().unwrap_or((DeploymentDecision::Keep, "not decided".to_owned()));
        let images = deployment.report().changes.into_iter();
        let images =
            images.map(|change| ImageChange { place: change.place, old: change.old, new: change.new });
        let decision = match decision {
            DeploymentDecision::Keep => Planned::Keep,
            DeploymentDecision::Deploy if rollout.unqueried()?.is_some() => Planned::Unknown,
            DeploymentDecision::Deploy => Planned::Deploy,
        };
        let objects = if decision == Planned::Keep { Vec::new() } else { rollout.changes()? };
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
            Planned::Deploy => "deploy",
            Planned::Keep => "keep",
            Planned::Unknown => "unknown",
        };
        // Writing to a string cannot fail.
        let _ =
            writeln!(text, "{:width$} | {verb}: {} (namespace {})", self.name, self.reason, self.namespace);
        if self.decision == Planned::Keep {
            return;
        }
        for ImageChange { place, old, new } in &self.images {
            let old = old.as_ref().map(|old| format!("{old} -> ")).unwrap_or_default();
            let _ = writeln!(text, "  image    {old}{new} ({place})");
        }
        for PlannedChange { object, change, details, diff } in &self.objects {
            let sign = match change {
                Some(ObjectChange::Created) => "+",
                Some(ObjectChange::Changed) => "~",
                Some(ObjectChange::Recreated) => "-/+",
                Some(ObjectChange::Deleted) => "-",
                Some(ObjectChange::Kept) => "kept",
                None => "?",
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
    /// The images and deployments that `dry_run` would build and deploy.
    ///
    /// # Errors
    /// If a deployment cannot be compared with the cluster.
    pub(super) fn new(dry_run: &DryRun) -> Result<Self, ScriptError> {
        let mut view = Self {
            build: PlanView::new(dry_run),
            deployments: Vec::new(),
            cluster_problem: None,
            is_complete: dry_run.succeeded(),
        };
        for part in dry_run.parts() {
            for rollout in part.execution.rollouts() {
                let name = part.full(rollout.deployment().name());
                view.add(&name, &rollout).map_err(ScriptError::of_stage_error)?;
            }
        }
        Ok(view)
    }

    fn add(&mut self, name: &str, rollout: &Rollout) -> Result<(), StageError> {
        self.deployments.push(DeploymentView::new(name, rollout)?);
        if let Some(error) = rollout.unqueried()? {
            self.cluster_problem.get_or_insert_with(|| ClusterProblem::new(error));
        }
        Ok(())
    }

    /// Whether something would be built or deployed, if that is known.
    pub(super) fn has_work(&self) -> bool {
        let is_kept = |deployment: &DeploymentView| deployment.decision == Planned::Keep;
        self.build.has_work() || !self.deployments.iter().all(is_kept)
    }

    /// The plan for people.
    pub(super) fn text(&self, shows_diff: bool) -> String {
        let mut text = self.build.text();
        if !text.is_empty() && !self.deployments.is_empty() {
            text.push('\n');
        }
        if let Some(ClusterProblem { message, help, .. }) = &self.cluster_problem {
            let _ = writeln!(
                text,
                "{UNQUERIED}, so the changes there are unknown: {message}\n  help: {help}\nthe rendered objects:"
            );
        }
        let width = self.deployments.iter().map(|deployment| deployment.name.chars().count()).max();
        for deployment in &self.deployments {
            deployment.write(&mut text, width.unwrap_or(0), shows_diff);
        }
        let count =
            |decision| self.deployments.iter().filter(|deployment| deployment.decision == decision).count();
        let counts = [
            (count(Planned::Deploy), "to deploy"),
            (count(Planned::Keep), "unchanged"),
            (count(Planned::Unknown), "unknown"),
        ];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts: Vec<_> = counts.map(|(count, words)| format!("{count} {words}")).collect();
        match counts.as_slice() {
            [] if self.is_complete => text.push_str("no deployments\n"),
            [] => {}
            counts => _ = writeln!(text, "{}", counts.join(", ")),
        }
        text
    }
}
