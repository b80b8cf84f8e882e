//! Builds, deploys or purges the dependencies of a project.

use std::sync::Arc;

use super::Execution;
use crate::dependency::{DependencyError, has_place, share_place};
use crate::error::{Cancelled, StageError};
use crate::scope::Scope;

/// The stack size of a thread that runs a script.
const STACK: usize = 16 << 20;

/// Builds the dependencies of the project of `execution` in parallel, each with its own pipeline and once per command. With
/// one job, builds them one by one, so that the effects have an order.
///
/// # Errors
/// [`DependencyError::Failed`] if some fail; each records its error.
pub(super) fn build_all(execution: &Execution) -> Result<(), StageError> {
    call_all(execution, "build")
}

/// Like [`build_all`], but deploys them: each with its own `deploy`.
///
/// # Errors
/// [`DependencyError::Failed`] if some fail; each records its error.
pub(super) fn deploy_all(execution: &Execution) -> Result<(), StageError> {
    call_all(execution, "deploy")
}

/// Like [`build_all`], but purges them: each with its own `purge`.
///
/// # Errors
/// [`DependencyError::Failed`] if some fail; each records its error.
pub(super) fn purge_all(execution: &Execution) -> Result<(), StageError> {
    call_all(execution, "purge")
}

fn call_all(execution: &Execution, function: &'static str) -> Result<(), StageError> {
    let (run, targets) = (&execution.run, &execution.targets);
    let is_shared = has_place();
    std::thread::scope(|scope| {
        let start = |target: &'_ Arc<Execution>| {
            let target = Arc::clone(target);
            let body = move || {
                share_place(is_shared);
                target.call_once(function);
            };
            let thread = std::thread::Builder::new().name("dependency".to_owned()).stack_size(STACK);
            thread.spawn_scoped(scope, body)
        };
        for target in targets {
            match start(target) {
                Ok(thread) if run.options.jobs == 1 => {
                    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                }
                Ok(_) => {}
                // If no thread can be started, it is built on this one.
                Err(_) => target.call_once(function),
            }
        }
    });
    if run.session.cancel.is_cancelled() {
        return Err(Cancelled.into());
    }
    let failed = targets.iter().filter(|target| target.failure().is_some());
    let names: Vec<_> = failed.filter_map(|target| target.run.links().name.clone()).collect();
    if names.is_empty() { Ok(()) } else { Err(DependencyError::Failed { names }.into()) }
}

impl Execution {
    /// Calls the function of its pipeline, or waits for the call by another project.
    fn call_once(self: &Arc<Self>, function: &str) {
        self.outcome.get_or_init(|| {
            let (run, links) = (&self.run, self.run.links());
            let _scope = Scope { project: links.name.clone(), ..Scope::default() }.enter();
            let outcome = self.call(function, Vec::new());
            run.save();
            run.progress.results.finish_all(&run.session.events);
            if outcome.is_err() && !run.options.keep_going {
                links.jobs.as_ref().inspect(|jobs| jobs.stop());
            }
            outcome.map(drop)
        });
    }
}
