//! Commands that connect to running containers.

use std::io::IsTerminal as _;
use std::sync::Arc;

use inquire::{InquireError, Select};
use tokio_util::sync::CancellationToken;

use super::exit_status::{ExitStatus, Failure};
use super::load::{load_if_any, notices, report};
use super::pipeline_run::{PipelineCall, with_run};
use super::run_until_interrupt::run_until_interrupt;
use super::{PipelineOptions, SelectorArgs};
use crate::cluster::{ClusterAccess, ClusterError, ClusterOptions};
use crate::command::cli::GlobalOptions;
use crate::config::{ContainerSelection, Dev, Loaded, Project};
use crate::connect::{TargetSelector, all_containers};
use crate::event::Events;
use crate::rollout::{SelectionError, image_match, project_images, target_selector};
use crate::run::Run;

/// The inputs of a command that connects to containers.
pub(super) struct Connected {
    /// The cluster.
    pub(super) access: ClusterAccess,
    /// The project, if there is one.
    pub(super) project: Option<Project>,
    /// The selectors of the command line; without any, those of the section `dev`, the images of the project, or every
    /// pod.
    pub(super) selectors: Vec<TargetSelector>,
    /// Receives notices.
    pub(super) events: Events,
    /// Cancelled by Ctrl-C.
    pub(super) cancel: CancellationToken,
}

/// `--pick` needs a terminal.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot ask for the container: {reason}")]
#[diagnostic(code(connect::cannot_pick), help("omit `--pick`, and name it: `--pod NAME --container NAME`"))]
struct CannotPick {
    reason: String,
}

/// There is nothing to pick from.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("no pod matches")]
#[diagnostic(code(connect::nothing_to_pick), help("deploy first, or choose another namespace with `-n`"))]
struct NothingToPick;

/// Runs `work` with the containers that the command line selects. Without such a selection, `of_dev` returns those of
/// the section `dev`. Ctrl-C cancels `work`, without a notice.
///
/// # Errors
/// If the configuration or the command line is invalid, and those of `work`.
pub(super) fn with_containers<W>(
    global: &GlobalOptions,
    args: &SelectorArgs,
    of_dev: impl FnOnce(&Dev) -> Vec<ContainerSelection>,
    work: W,
) -> Result<ExitStatus, Failure>
where
    W: AsyncFnOnce(Connected) -> Result<ExitStatus, Failure>,
{
    // Without a project, the command line must have the whole selection.
    let loaded = load_if_any(global, args.names_a_pod() && args.image.is_none())?;
    let project = loaded.as_ref().map(|loaded| loaded.project.clone());
    let access = cluster_of(global, loaded.as_ref());
    if let Some(loaded) = &loaded {
        report(&loaded.warnings, global);
    }
    let selectors = match loaded {
        Some(loaded) if args.image.is_some() || !args.names_a_pod() => {
            selectors_of_project(global, args, of_dev, loaded)?
        }
        _ => vec![args.selector(None).map_err(Failure::wrong_use)?],
    };
    let cancel = CancellationToken::new();
    let connected = Connected { access, project, selectors, events: notices(global), cancel: cancel.clone() };
    let status = run_until_interrupt(&cancel, async {
        let connected = if args.pick { pick(connected).await? } else { connected };
        work(connected).await
    })?;
    if cancel.is_cancelled() { Ok(ExitStatus::Interrupted) } else { status }
}

/// The cluster that the command line, otherwise the project selects.
pub(super) fn cluster_of(global: &GlobalOptions, loaded: Option<&Loaded>) -> ClusterAccess {
    let project = loaded.map(|loaded| &loaded.project);
    ClusterAccess::new(ClusterOptions {
        context: global.kube_context.clone().or_else(|| project?.kube_context.clone()),
        namespace: global.namespace.clone().or_else(|| project?.namespace.clone()),
        environment: loaded.map(|loaded| loaded.environment.clone()).unwrap_or_default(),
    })
}

/// The selectors of the command line; without any, those of the section `dev` or of the images of the project.
fn selectors_of_project(
    global: &GlobalOptions,
    args: &SelectorArgs,
    of_dev: impl FnOnce(&Dev) -> Vec<ContainerSelection>,
    loaded: Loaded,
) -> Result<Vec<TargetSelector>, Failure> {
    let selections = of_dev(&loaded.project.dev);
    let needs_dependencies = |image: &String| image.contains('.');
    let is_of_dependency = args.image.as_ref().is_some_and(needs_dependencies)
        || selections.iter().filter_map(|selection| selection.image.as_ref()).any(needs_dependencies);
    let options = PipelineOptions { skip_dependencies: !is_of_dependency, ..PipelineOptions::default() };
    let mut selectors = Vec::new();
    let call = PipelineCall { skip_build: true, ..PipelineCall::build(Vec::new()) };
    with_run(global, &options, loaded, call, |run| {
        selectors = if args.names_a_pod() {
            let image = args.image.as_deref().map(|name| image_match(run, name)).transpose();
            vec![args.selector(image.map_err(Failure::wrong_use)?).map_err(Failure::wrong_use)?]
        } else {
            defaults(run, &selections, args).map_err(Failure::wrong_use)?
        };
        Ok(ExitStatus::Done)
    })?;
    Ok(selectors)
}

fn defaults(
    run: &Arc<Run>,
    selections: &[ContainerSelection],
    args: &SelectorArgs,
) -> Result<Vec<TargetSelector>, SelectionError> {
    let mut selectors =
        selections.iter().map(|selection| target_selector(run, selection)).collect::<Result<Vec<_>, _>>()?;
    if selectors.is_empty() {
        let images = project_images(run);
        selectors.push(TargetSelector { images, is_default: true, ..TargetSelector::default() });
    }
    if let Some(container) = &args.container {
        for selector in &mut selectors {
            selector.container = Some(container.clone());
        }
    }
    Ok(selectors)
}

/// `connected` with the container that the user picks.
async fn pick(connected: Connected) -> Result<Connected, Failure> {
    let context = connected.access.context().map_err(Failure::failed)?;
    let context = context.ok_or_else(|| Failure::failed(ClusterError::NoCluster))?;
    let mut choices = Vec::new();
    for selector in &connected.selectors {
        let namespace = selector.namespace.as_deref().unwrap_or(&context.namespace);
        let labels = selector.labels.as_deref().unwrap_or_default();
        let pods = connected.access.pods(namespace, labels).await.map_err(Failure::failed)?;
        let pods: Vec<_> = pods.into_iter().map(Arc::new).collect();
        for candidate in all_containers(&pods, selector) {
            let text = format!("{}:{}", candidate.pod_name(), candidate.container);
            let picked = TargetSelector {
                namespace: Some(namespace.to_owned()),
                pod: Some(candidate.pod_name().to_owned()),
                container: Some(candidate.container.clone()),
                ..TargetSelector::default()
            };
            if !choices.iter().any(|(_, known)| *known == picked) {
                choices.push((text, picked));
            }
        }
    }
    let chosen = match choices.len() {
        0 => return Err(Failure::failed(NothingToPick)),
        1 => 0,
        _ => ask(&choices.iter().map(|(text, _)| text.clone()).collect::<Vec<_>>())?,
    };
    Ok(Connected { selectors: vec![choices.swap_remove(chosen).1], ..connected })
}

fn ask(choices: &[String]) -> Result<usize, Failure> {
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return Err(Failure::wrong_use(CannotPick { reason: "not a terminal".to_owned() }));
    }
    let choice = Select::new("Which container?", choices.to_vec()).raw_prompt();
    choice.map(|choice| choice.index).map_err(|error| match error {
        InquireError::OperationCanceled | InquireError::OperationInterrupted => {
            Failure::interrupted(CannotPick { reason: "cancelled".to_owned() })
        }
        other => Failure::wrong_use(CannotPick { reason: other.to_string() }),
    })
}
