//! `windlass purge`.

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex};

use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use serde::Serialize;

use super::deploy_options::{NO_DEPLOYMENTS, all_names};
use super::exit_status::{ExitStatus, Failure};
use super::load::{load_project, warn};
use super::pipeline_run::{PipelineCall, run_pipeline_heard};
use super::stdout::print_json;
use super::{PipelineOptions, completions};
use crate::command::cli::GlobalOptions;
use crate::event::{DeploymentOutcome, DeploymentResult, Event, Events, ObjectChange};
use crate::lock::lock;
use crate::rollout;
use crate::run::DeployOptions;

/// The options of `windlass purge`.
#[derive(Debug, Args)]
#[command(after_help = "\
Releases of charts are uninstalled by helm. The objects of manifests are found by the
record in the cluster, otherwise by the manifests; volume claims, namespaces and custom
resource definitions among them are kept and reported, unless `--all` is set.

Examples:
  windlass purge              delete everything that the project deployed
  windlass purge web --yes    delete `web`, without a question
  windlass purge --dependencies
                              delete what the dependencies deployed too
  windlass purge --yes --json | jq -r '.deployments[].kept[].object'")]
pub struct PurgeArgs {
    /// Deployments to delete [default: all]
    #[arg(value_name = "DEPLOYMENT", add = ArgValueCandidates::new(completions::deployments))]
    pub names: Vec<String>,

    /// Deployments to delete, as in DevSpace
    #[arg(short = 'd', long, value_name = "NAMES", value_delimiter = ',', hide = true)]
    pub deployments: Vec<String>,

    /// Skip the prompt
    #[arg(short, long)]
    pub yes: bool,

    /// Delete volume claims, namespaces and custom resource definitions too
    #[arg(long)]
    pub all: bool,

    /// Delete the deployments of the dependencies too
    #[arg(long, conflicts_with = "dependency")]
    pub dependencies: bool,

    /// Delete only the deployments of this dependency (repeatable)
    #[arg(long, value_name = "NAME", add = ArgValueCandidates::new(completions::dependencies))]
    pub dependency: Vec<String>,

    /// Seconds to wait until everything is deleted
    #[arg(long, value_name = "SECONDS", default_value_t = DeployOptions::TIMEOUT.as_secs())]
    pub timeout: u64,

    /// Print JSON: the deleted and kept objects, with reasons
    #[arg(long)]
    pub json: bool,
}

/// The result of a purge. The fields are an interface for programs: new ones may be added, but none renamed.
#[derive(Debug, Default, Serialize)]
struct PurgeView {
    success: bool,
    deployments: Vec<PurgedView>,
}

/// The result of a purge for one deployment.
#[derive(Debug, Serialize)]
struct PurgedView {
    /// Its name; `auth.web` of a dependency.
    name: String,
    namespace: String,
    /// `deleted`, `failed` or `cancelled`; `null` while it is worked on.
    outcome: Option<DeploymentOutcome>,
    reason: String,
    deleted: Vec<String>,
    kept: Vec<KeptView>,
}

/// An object that was kept.
#[derive(Debug, Serialize)]
struct KeptView {
    object: String,
    reason: String,
}

/// The user did not confirm.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("nothing was deleted")]
#[diagnostic(code(purge::not_confirmed), help("confirm with `y`, or pass `--yes`"))]
struct NotConfirmed;

/// Runs the function `purge` of the project's pipeline.
///
/// # Errors
/// If the configuration, a script or the command line is invalid, or the user does not confirm.
pub fn purge(global: &GlobalOptions, args: &PurgeArgs) -> Result<ExitStatus, Failure> {
    let names = all_names(&args.names, &args.deployments);
    let loaded = load_project(global)?;
    let selected = rollout::selected(&loaded.project, &names).map_err(Failure::wrong_use)?;
    let mut shown: Vec<_> = selected.iter().map(|deployment| deployment.name.clone()).collect();
    if !args.dependency.is_empty() {
        shown = args.dependency.iter().map(|name| format!("the dependency {name}")).collect();
    } else if args.dependencies {
        shown.push("all dependencies".to_owned());
    }
    if shown.is_empty() {
        warn(NO_DEPLOYMENTS, global);
        return if args.json {
            print_json(&PurgeView { success: true, ..PurgeView::default() })
        } else {
            Ok(ExitStatus::Done)
        };
    }
    if !args.yes && !confirm(&shown.join(", ")) {
        return Err(Failure::wrong_use(NotConfirmed));
    }
    let call = PipelineCall {
        pipeline: "purge".to_owned(),
        deployments: names,
        skip_build: true,
        deploy: DeployOptions {
            timeout: std::time::Duration::from_secs(args.timeout),
            purges_all: args.all,
            ..DeployOptions::default()
        },
        ..PipelineCall::build(Vec::new())
    };
    let options = PipelineOptions {
        dependencies: args.dependency.clone(),
        skip_dependencies: !args.dependencies && args.dependency.is_empty(),
        ..PipelineOptions::default()
    };
    let view: Arc<Mutex<PurgeView>> = Arc::default();
    let heard = Arc::clone(&view);
    let hears = args.json.then(|| Events::new(move |event| lock(&heard).receive(event)));
    let done = |_: &_| Ok(ExitStatus::Done);
    let status = run_pipeline_heard(global, &options, loaded, call, hears, |_| Ok(()), done)?;
    if args.json {
        print_json(&*lock(&view))?;
    }
    Ok(status)
}

impl PurgeView {
    fn receive(&mut self, event: Event) {
        match event {
            Event::ObjectChanged { deployment, object, change: ObjectChange::Deleted, .. } => {
                self.of(&deployment).deleted.push(object);
            }
            Event::ObjectChanged { deployment, object, change: ObjectChange::Kept, details } => {
                self.of(&deployment).kept.push(KeptView { object, reason: details });
            }
            Event::DeploymentFinished(DeploymentResult {
                deployment, namespace, outcome, reason, ..
            }) => {
                let purged = self.of(&deployment);
                (purged.namespace, purged.outcome, purged.reason) = (namespace, Some(outcome), reason);
            }
            Event::RunFinished { success, .. } => self.success = success,
            _ => {}
        }
    }

    /// The entry of the deployment `name`.
    fn of(&mut self, name: &str) -> &mut PurgedView {
        let index = self.deployments.iter().position(|purged| purged.name == name).unwrap_or_else(|| {
            self.deployments.push(PurgedView {
                name: name.to_owned(),
                namespace: String::new(),
                outcome: None,
                reason: String::new(),
                deleted: Vec::new(),
                kept: Vec::new(),
            });
            self.deployments.len() - 1
        });
        &mut self.deployments[index]
    }
}

/// Asks on the terminal; without one, the answer is no.
fn confirm(names: &str) -> bool {
    if !std::io::stdin().is_terminal() {
        return false;
    }
    let mut stderr = std::io::stderr();
    let asked = write!(stderr, "delete {names} from the cluster? [y/N] ");
    let mut answer = String::new();
    asked.and_then(|()| stderr.flush()).and_then(|()| std::io::stdin().read_line(&mut answer)).is_ok()
        && ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}
