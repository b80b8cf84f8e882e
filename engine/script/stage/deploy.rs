//! The stages of a whole deploy: namespaces, the order of deployments, and the wait until they run.

use std::time::Duration;

use rhai::plugin::*;
use rhai::{Array, FnPtr};

use super::current;
use super::error::message_of;
use crate::error::{Cancelled, StageError};
use crate::event::{DeploymentDecision, DeploymentOutcome, Event};
use crate::lock::lock;
use crate::rollout::{self, Deployed, Deployment};
use crate::run::RunError;
use crate::scope::Scope;
use crate::script::{Execution, RhaiResultOf, ScriptError};

/// Stages for all deployments of a project.
#[export_module]
pub mod deploy {
    use std::time::Duration;

    use rhai::{Array, Dynamic, FnPtr};

    use super::super::{ScriptProject, current};
    use super::DeploymentEnd;
    use crate::error::StageError;
    use crate::event::Level;
    use crate::rollout::Deployment;
    use crate::script::RhaiResultOf;
    use crate::script::dependency_builds::{deploy_all, purge_all};

    /// The namespaces of the selected deployments, each once.
    ///
    /// # Errors
    /// `cluster::...` if the kubeconfig is invalid.
    ///
    /// # Example
    /// ```rhai
    /// fn namespaces(project) { for name in project.namespaces { ensure_namespace(name); } }
    /// ```
    #[rhai_fn(get = "namespaces", pure, return_raw)]
    pub fn namespaces(project: &mut ScriptProject) -> RhaiResultOf<Array> {
        let mut namespaces: Vec<String> = Vec::new();
        for deployment in super::deployments_of(&project.0)? {
            let namespace = deployment.namespace()?;
            if !namespaces.contains(&namespace) {
                namespaces.push(namespace);
            }
        }
        Ok(namespaces.into_iter().map(Dynamic::from).collect())
    }

    /// Whether a deploy waits until everything runs: not with `--wait=false`.
    #[rhai_fn(get = "waits", pure)]
    pub fn waits(project: &mut ScriptProject) -> bool {
        project.0.run.options.deploy.waits
    }

    /// Creates the namespace `name` in the cluster if it does not exist. Without the permission to read it, assumes
    /// that it exists.
    ///
    /// # Errors
    /// `cluster::no_namespace` without the permission to create it, `deploy::namespace_terminating`, `cluster::...`.
    ///
    /// # Example
    /// ```rhai
    /// fn namespaces(project) { ensure_namespace("shop"); }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn ensure_namespace(context: NativeCallContext, name: &str) -> RhaiResultOf<()> {
        let run = current::run(&context)?;
        run.session.cluster()?;
        let created = run.session.wait(run.session.host.deployer.create_namespace(name));
        if created.map_err(StageError::from)?? {
            run.session.notice(Level::Info, format!("created the namespace {name}"));
        }
        Ok(())
    }

    /// Deploys the dependencies of the project in parallel, each with its own `deploy` and once per run. Skips those
    /// that the command line excludes.
    ///
    /// # Errors
    /// `run::failed` if one fails; each failure is reported separately.
    ///
    /// # Example
    /// ```rhai
    /// fn deployed_dependencies(project) { deploy_dependencies(project); }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn deploy_dependencies(project: ScriptProject) -> RhaiResultOf<()> {
        Ok(deploy_all(&project.0)?)
    }

    /// Deletes the deployments of the project's dependencies, in parallel, each with its own `purge` and once per run.
    /// Those that the command line does not select are kept.
    ///
    /// # Errors
    /// `run::failed` if one fails; each failure is reported separately.
    ///
    /// # Example
    /// ```rhai
    /// fn purged_dependencies(project) { purge_dependencies(project); }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn purge_dependencies(project: ScriptProject) -> RhaiResultOf<()> {
        Ok(purge_all(&project.0)?)
    }

    /// Calls `work` with each of `deployments`, and returns the results: first, all that are `concurrent` in parallel,
    /// then the others one after another. A failure stops the others, unless `--keep-going` is set.
    ///
    /// # Errors
    /// `run::failed` if one fails; each failure is reported separately.
    ///
    /// # Example
    /// ```rhai
    /// fn deploy_all(project) { in_order(project.deployments, |deployment| deploy_one(deployment)) }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn in_order(context: NativeCallContext, deployments: Array, work: FnPtr) -> RhaiResultOf<Array> {
        super::run_in_order(&context, deployments, &work)
    }

    /// Calls `work` with each of `deployments`, the last one first, and returns the results. A failure does not stop
    /// the others.
    ///
    /// # Errors
    /// `run::failed` if one fails; each failure is reported separately.
    ///
    /// # Example
    /// ```rhai
    /// fn purge(project) { in_reverse(project.deployments, |deployment| purge_one(deployment)); }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn in_reverse(context: NativeCallContext, deployments: Array, work: FnPtr) -> RhaiResultOf<Array> {
        super::run_in_reverse(&context, deployments, &work)
    }

    /// Calls `work` and attributes its events and its result to `deployment`. `()` as the result of `work` means that
    /// nothing was deployed.
    ///
    /// # Errors
    /// Those of `work`.
    ///
    /// # Example
    /// ```rhai
    /// fn deploy_one(deployment) { working_on(deployment, || deploy_or_keep(deployment)) }
    /// ```
    #[rhai_fn(name = "working_on", return_raw)]
    pub fn working_on_deployment(
        context: NativeCallContext,
        deployment: Deployment,
        work: FnPtr,
    ) -> RhaiResultOf<Dynamic> {
        let end = DeploymentEnd::start(&deployment);
        let result = work.call_within_context::<Dynamic>(&context, ());
        end.report(&result);
        result
    }

    /// Waits until everything that was deployed runs, up to `--timeout` seconds. Ends with the first failure that does
    /// not go away by itself: an image that cannot be pulled, a container that crashes, a pod that fits on no node.
    ///
    /// # Errors
    /// `run::failed`; each deployment is reported separately, with the cause, the last lines of the log and a hint.
    ///
    /// # Example
    /// ```rhai
    /// fn wait(project, results) { if project.waits { wait_until_ready(results); } }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn wait_until_ready(context: NativeCallContext, results: Array) -> RhaiResultOf<()> {
        let timeout = current::run(&context)?.options.deploy.timeout;
        super::wait(&context, results, timeout)
    }

    /// Waits until everything that was deployed runs, up to `seconds`.
    ///
    /// # Errors
    /// As for `wait_until_ready(results)`.
    ///
    /// # Example
    /// ```rhai
    /// fn wait(project, results) { wait_until_ready(results, 1200); }
    /// ```
    #[rhai_fn(name = "wait_until_ready", return_raw)]
    pub fn wait_until_ready_for(
        context: NativeCallContext,
        results: Array,
        seconds: i64,
    ) -> RhaiResultOf<()> {
        super::wait(&context, results, Duration::from_secs(u64::try_from(seconds).unwrap_or_default()))
    }

    /// Deletes the objects of a deployment and waits until they no longer exist; a chart by `helm uninstall`. Objects
    /// of manifests are found by the record in the cluster, otherwise by the manifests. Keeps volume claims, namespaces
    /// and definitions, unless `--all` is set, and reports them. A deployment that does not exist is not an error.
    ///
    /// # Errors
    /// `deploy::not_deleted`, `cluster::...`.
    ///
    /// # Example
    /// ```rhai
    /// fn purge_one(deployment) { remove_deployment(deployment); }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn remove_deployment(deployment: Deployment) -> RhaiResultOf<()> {
        Ok(crate::rollout::remove(&deployment)?)
    }
}

/// The stack size of a thread that runs a script.
const STACK: usize = 16 << 20;

/// The selected deployments of a run.
pub(super) fn deployments_of(execution: &Execution) -> Result<Vec<Deployment>, StageError> {
    let run = &execution.run;
    let selected = rollout::selected(&run.project, &run.options.deployments)?;
    Ok(selected.into_iter().map(|config| Deployment::new(run, config)).collect())
}

/// Reports the end of the work on a deployment.
struct DeploymentEnd {
    deployment: Deployment,
    started: std::time::Instant,
}

impl DeploymentEnd {
    fn start(deployment: &Deployment) -> Self {
        Self { deployment: deployment.clone(), started: std::time::Instant::now() }
    }

    fn report(&self, result: &RhaiResultOf<Dynamic>) {
        let session = &self.deployment.run().session;
        let decided = self.deployment.decision();
        let reason = decided.as_ref().map(|(_, reason)| reason.clone()).unwrap_or_default();
        let mut finished =
            self.deployment.result(DeploymentOutcome::Deployed, reason, self.started.elapsed());
        match result {
            Ok(value) => {
                let Some(deployed) = value.read_lock::<Deployed>() else { return };
                if decided.is_some_and(|(decision, _)| decision == DeploymentDecision::Keep) {
                    finished.outcome = DeploymentOutcome::Kept;
                }
                finished.revision = deployed.revision();
                finished.applied = deployed.applied();
                finished.deleted = deployed.deleted();
            }
            Err(_) if session.cancel.is_cancelled() => {
                finished.outcome = DeploymentOutcome::Cancelled;
                finished.reason = "stopped".to_owned();
            }
            Err(error) => {
                finished.outcome = DeploymentOutcome::Failed;
                finished.reason = message_of(error);
            }
        }
        session.events.emit(Event::DeploymentFinished(finished));
    }
}

/// The deployments that are worked on one by one or in parallel, and how that ended.
struct InOrder<'a> {
    execution: &'a Execution,
    results: Vec<Option<Dynamic>>,
    failed: usize,
}

impl InOrder<'_> {
    /// Records how the work on the deployment `name`, the one at `index`, ended.
    fn end(&mut self, index: usize, name: &str, result: RhaiResultOf<Dynamic>) {
        match result {
            Ok(value) => self.results[index] = Some(value),
            Err(error) => {
                self.failed += 1;
                let error = ScriptError::of_call(&self.execution.pipeline, "", *error);
                self.execution.fail_deployment(name, error);
            }
        }
    }

    fn stops(&self) -> bool {
        let run = &self.execution.run;
        run.session.cancellation().is_cancelled() || (self.failed > 0 && !run.options.keep_going)
    }

    fn finish(self) -> RhaiResultOf<Array> {
        if self.execution.run.session.cancellation().is_cancelled() {
            return Err(StageError::from(Cancelled).into());
        }
        match self.failed {
            0 => Ok(self.results.into_iter().flatten().collect()),
            failed => {
                let all = self.results.len();
                Err(StageError::from(RunError::FailedDeployments { failed, all }).into())
            }
        }
    }
}

fn named(item: &Dynamic) -> (String, bool) {
    let deployment = item.read_lock::<Deployment>();
    deployment.map_or_else(
        || (String::new(), false),
        |deployment| (deployment.name().to_owned(), deployment.config().is_concurrent),
    )
}

#[expect(
    deprecated,
    reason = "storing a call context is not deprecated but may change; the version is pinned"
)]
fn run_in_order(context: &NativeCallContext<'_>, items: Array, work: &FnPtr) -> RhaiResultOf<Array> {
    let execution = current::execution(context)?;
    let names: Vec<_> = items.iter().map(named).collect();
    let mut order = InOrder { execution: &execution, results: vec![None; items.len()], failed: 0 };
    let concurrent: Vec<_> = (0..items.len()).filter(|index| names[*index].1).collect();
    let (stored, engine, outer) = (context.store_data(), context.engine(), Scope::current());
    let ended: Vec<_> = std::thread::scope(|scope| {
        let start = |&index: &usize| {
            let (item, stored, outer) = (items[index].clone(), &stored, outer.clone());
            let body = move || {
                let context = NativeCallContext::from_stored_data(engine, stored);
                let _scope = outer.enter();
                work.call_within_context::<Dynamic>(&context, (item,))
            };
            let thread = std::thread::Builder::new().name(format!("deploy-{index}")).stack_size(STACK);
            (index, thread.spawn_scoped(scope, body))
        };
        let started: Vec<_> = concurrent.iter().map(start).collect();
        let wait = |(index, thread): (usize, std::io::Result<std::thread::ScopedJoinHandle<'_, _>>)| {
            let ended = match thread {
                Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                Err(_) => work.call_within_context(context, (items[index].clone(),)),
            };
            (index, ended)
        };
        started.into_iter().map(wait).collect()
    });
    for (index, result) in ended {
        order.end(index, &names[index].0, result);
    }
    for (index, item) in items.iter().enumerate().filter(|(index, _)| !names[*index].1) {
        if order.stops() {
            if let Some(deployment) = item.read_lock::<Deployment>() {
                let is_cancelled = execution.run.session.cancellation().is_cancelled();
                let reason = if is_cancelled { "not started" } else { "another deployment failed" };
                let result =
                    deployment.result(DeploymentOutcome::Cancelled, reason.to_owned(), Duration::ZERO);
                execution.run.session.events.emit(Event::DeploymentFinished(result));
            }
            continue;
        }
        let result = work.call_within_context(context, (item.clone(),));
        order.end(index, &names[index].0, result);
    }
    order.finish()
}

fn run_in_reverse(context: &NativeCallContext<'_>, items: Array, work: &FnPtr) -> RhaiResultOf<Array> {
    let execution = current::execution(context)?;
    let mut order = InOrder { execution: &execution, results: vec![None; items.len()], failed: 0 };
    for (index, item) in items.iter().enumerate().rev() {
        if execution.run.session.cancellation().is_cancelled() {
            break;
        }
        let result = work.call_within_context(context, (item.clone(),));
        order.end(index, &named(item).0, result);
    }
    order.finish()
}

fn wait(context: &NativeCallContext<'_>, results: Array, timeout: Duration) -> RhaiResultOf<()> {
    let execution = current::execution(context)?;
    let run = &execution.run;
    let deployed: Vec<_> = results
        .iter()
        .filter_map(|result| result.read_lock::<Deployed>().map(|found| found.clone()))
        .collect();
    let started = std::time::Instant::now();
    let failed = rollout::wait_until_ready(run, &deployed, timeout)?;
    for failure in &failed {
        let own = deployed.iter().find(|deployed| deployed.deployment().name() == failure.deployment);
        if let Some(deployed) = own {
            let (outcome, reason) = (DeploymentOutcome::Failed, failure.error.message());
            let result = deployed.deployment().result(outcome, reason, started.elapsed());
            run.session.events.emit(Event::DeploymentFinished(result));
        }
        execution.fail_deployment(&failure.deployment, ScriptError::of_stage_error(failure.error.clone()));
    }
    match failed.len() {
        0 => Ok(()),
        failed => {
            let all = deployed.len();
            Err(StageError::from(RunError::FailedDeployments { failed, all }).into())
        }
    }
}

impl Execution {
    /// Records that the deployment `name` failed. Its error is printed at the end.
    fn fail_deployment(&self, name: &str, error: ScriptError) {
        if !matches!(error, ScriptError::Cancelled) {
            lock(&self.failures).push((name.to_owned(), std::sync::Arc::new(error)));
        }
    }
}
