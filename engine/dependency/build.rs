//! Builds the dependencies of a project.

use std::sync::Arc;

use rhai::Dynamic;

use super::jobs::{has_place, share_place};
use super::{Dependency, DependencyError};
use crate::error::{Cancelled, ErrorKind, StageError};
use crate::run::Run;
use crate::scope::Scope;
use crate::script::{ScriptError, new_engine, stage};

/// The stack size of a thread that runs a script.
const STACK: usize = 16 << 20;

/// Builds the dependencies of the project of `run` in parallel, each with its own pipeline and once per command. In a
/// dry run, builds them one by one, so that the effects have an order.
///
/// # Errors
/// [`DependencyError::Failed`] if some fail; each records its error.
pub fn build_all(run: &Run) -> Result<(), StageError> {
    let targets = &run.kin().targets;
    let is_shared = has_place();
    std::thread::scope(|scope| {
        let start = |target: &'_ Arc<Dependency>| {
            let target = Arc::clone(target);
            let body = move || {
                share_place(is_shared);
                target.build();
            };
            let thread = std::thread::Builder::new().name("dependency".to_owned()).stack_size(STACK);
            thread.spawn_scoped(scope, body)
        };
        for target in targets {
            match start(target) {
                Ok(thread) if run.options.dry_run => {
                    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                }
                Ok(_) => {}
                // If no thread can be started, it is built on this one.
                Err(_) => target.build(),
            }
        }
    });
    if run.session.cancel.is_cancelled() {
        return Err(Cancelled.into());
    }
    let failed = targets.iter().filter(|target| target.failure().is_some());
    let names: Vec<_> = failed.map(|target| target.name.clone()).collect();
    if names.is_empty() { Ok(()) } else { Err(DependencyError::Failed { names }.into()) }
}

impl Dependency {
    /// Calls its pipeline, or waits for the call by another project.
    fn build(&self) {
        self.outcome.get_or_init(|| {
            let run = &self.run;
            let jobs = run.kin().jobs.as_ref();
            let Some(pipeline) = run.pipeline() else { return Ok(()) };
            let _scope = Scope { project: Some(self.name.clone()), ..Scope::default() }.enter();
            let project = Dynamic::from(stage::Project(Arc::clone(run)));
            let outcome = pipeline.call(&new_engine(run), "build", vec![project]);
            if outcome.is_ok() {
                run.settle();
            }
            run.save();
            run.progress.results.finish_all(&run.session.events);
            if outcome.is_err() && !run.options.keep_going {
                jobs.inspect(|jobs| jobs.stop());
            }
            outcome.map(drop)
        });
    }

    /// Whether the error only summarizes those of images and dependencies.
    pub fn is_summary(error: &ScriptError) -> bool {
        error.stage().is_some_and(|stage| stage.kind() == ErrorKind::Summary)
            || matches!(error, ScriptError::Cancelled)
    }
}
