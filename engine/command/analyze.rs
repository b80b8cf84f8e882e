//! `windlass analyze`.

use std::time::Duration;

use clap::Args;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::connected::cluster_of;
use super::exit_status::{ExitStatus, Failure};
use super::load::{load_if_any, notices, report};
use super::run_until_interrupt::run_until_interrupt;
use super::status::{ObjectView, ProblemView};
use super::stdout::{print, print_json};
use crate::cluster::{ClusterAccess, ClusterError};
use crate::command::cli::GlobalOptions;
use crate::deploy::wait::{Observed, WaitLimits, WaitProgress, WaitTarget, observe, wait_until_ready};
use crate::deploy::workloads;
use crate::error::{Cancelled, StageError};
use crate::event::{Events, Level};
use crate::plural::counted;

/// The options of `windlass analyze`.
#[derive(Debug, Args)]
#[command(after_help = "\
Shows what is not running in the namespace, no matter who deployed it, with the cause, the
last lines of the log, and what to do. Waits first for what is starting. Exits with 1 if
something is not running. Works without a devspace.yaml too.

`windlass status` shows only what the project deployed, and all of it.

Examples:
  windlass analyze                 show the problems of the namespace
  windlass analyze -n shop         show those of another namespace
  windlass analyze --wait=false    show them as they are now")]
pub struct AnalyzeArgs {
    /// Wait first until everything runs, or cannot run [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", hide_default_value = true, action = clap::ArgAction::Set)]
    pub wait: bool,

    /// Seconds to wait
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub timeout: u64,

    /// Wait until the timeout, also for objects that cannot run
    #[arg(long)]
    pub patient: bool,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// A namespace. The fields are an interface for programs: new ones may be added, but none renamed.
#[derive(Serialize)]
struct NamespaceView {
    context: String,
    namespace: String,
    healthy: bool,
    objects: Vec<ObjectView>,
    problems: Vec<ProblemView>,
}

/// Prints the objects of the namespace that do not run.
///
/// # Errors
/// If the configuration or the command line is invalid, or the cluster does not respond.
pub fn analyze(global: &GlobalOptions, args: &AnalyzeArgs) -> Result<ExitStatus, Failure> {
    let loaded = load_if_any(global, true)?;
    if let Some(loaded) = &loaded {
        report(&loaded.warnings, global);
    }
    let access = cluster_of(global, loaded.as_ref());
    let context = access.context().map_err(Failure::failed)?;
    let context = context.ok_or_else(|| Failure::failed(ClusterError::NoCluster))?;
    let limits = args
        .wait
        .then(|| WaitLimits { timeout: Duration::from_secs(args.timeout), is_patient: args.patient });
    let events = notices(global);
    let cancel = CancellationToken::new();
    let found = run_until_interrupt(&cancel, async {
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(Cancelled.into()),
            found = look(&access, &context.namespace, limits, &events, &cancel) => found,
        }
    })?;
    if cancel.is_cancelled() {
        return Ok(ExitStatus::Interrupted);
    }
    let observed = found.map_err(Failure::of_stage)?;
    let view = NamespaceView {
        context: context.name.clone(),
        namespace: context.namespace.clone(),
        healthy: observed.is_healthy(),
        objects: observed.objects.iter().map(ObjectView::new).collect(),
        problems: observed.problems.iter().map(ProblemView::new).collect(),
    };
    if args.json { print_json(&view) } else { print(&view.text()) }?;
    Ok(if view.healthy { ExitStatus::Done } else { ExitStatus::Failed })
}

/// Observes everything that runs in `namespace`; with `limits`, waits first for objects that are starting.
async fn look(
    access: &ClusterAccess,
    namespace: &str,
    limits: Option<WaitLimits>,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<Observed, StageError> {
    let mut objects = workloads(access, namespace).await?;
    if let Some(limits) = limits {
        let target = WaitTarget { objects: objects.clone(), ..WaitTarget::default() };
        let mut on_progress = |progress: &WaitProgress| {
            let waiting: Vec<_> = progress.waiting.iter().map(ToString::to_string).collect();
            events.notice(Level::Info, format!("waiting: {}", waiting.join("; ")));
        };
        // `observe` below reports the objects that did not become ready.
        wait_until_ready(access, &[target], limits, &mut on_progress, cancel).await?;
        // Meanwhile, pods were replaced.
        objects = workloads(access, namespace).await?;
    }
    let target = WaitTarget { objects, ..WaitTarget::default() };
    Ok(observe(access, &[target]).await?.pop().unwrap_or_default())
}

impl NamespaceView {
    /// The view for people: the objects that do not run, and the causes.
    fn text(&self) -> String {
        let place = format!("namespace {} of {}", self.namespace, self.context);
        let waiting: Vec<_> = self.objects.iter().filter(|object| !object.ready).collect();
        if self.objects.is_empty() {
            return format!("nothing runs in {place}\n");
        }
        if self.healthy {
            let verb = if self.objects.len() == 1 { "runs" } else { "run" };
            return format!("no problems in {place}: {} {verb}\n", counted(self.objects.len(), "object"));
        }
        let mut text = format!(
            "{place}: {}, {} of {} not ready\n",
            counted(self.problems.len(), "problem"),
            waiting.len(),
            counted(self.objects.len(), "object")
        );
        for object in waiting {
            object.write(&mut text);
        }
        self.problems.iter().for_each(|problem| problem.write(&mut text));
        text
    }
}
