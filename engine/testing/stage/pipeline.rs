//! The functions of pipelines, callable from tests.

use std::any::TypeId;
use std::fmt;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, Severity, SourceCode};
use rhai::{Dynamic, Engine, EvalAltResult, Position};

use super::bench;
use crate::error::StageError;
use crate::plan::{Built, Plan};
use crate::rollout::{Deployed, Deployment, Rollout};
use crate::run::{Image, Run};
use crate::script::stage::ScriptProject;
use crate::script::{Execution, RhaiResultOf, ScriptError};
use crate::testing::projects::ProjectOptions;
use crate::testing::test_context::{LoadedProject, TestContext};

/// Registers each function of the default pipeline, and of every override in the project directory, in `engine`. A call
/// goes to the pipeline of the project that its arguments belong to, or of the latest project.
pub(super) fn register(engine: &mut Engine, bench: &TestContext) {
    for (name, parameters) in bench.file.overrides.functions() {
        let types = vec![TypeId::of::<Dynamic>(); *parameters];
        let function = name.clone();
        engine.register_raw_fn(name, types, move |_, arguments: &mut [&mut Dynamic]| {
            call(&function, arguments.iter_mut().map(|argument| (**argument).clone()).collect())
        });
    }
}

/// Calls a function of the pipeline that `arguments` belong to.
fn call(function: &str, arguments: Vec<Dynamic>) -> RhaiResultOf<Dynamic> {
    let bench = bench()?;
    let loaded = match arguments.iter().find_map(run_of).and_then(|run| bench.project_of(&run)) {
        Some(loaded) => loaded,
        None => latest(&bench)?,
    };
    let Execution { pipeline, run, .. } = &*loaded.execution;
    let result = pipeline.call(&loaded.engine, function, arguments).inspect(|_| run.settle());
    result.map_err(|error| {
        if matches!(*error, ScriptError::Cancelled) && bench.cancel.is_cancelled() {
            return EvalAltResult::ErrorTerminated(Dynamic::UNIT, Position::NONE).into();
        }
        in_pipeline(error)
    })
}

/// An error of a pipeline as one of the test that called it.
pub(super) fn in_pipeline(error: Arc<ScriptError>) -> Box<EvalAltResult> {
    StageError::from(InPipeline(error)).into()
}

/// The latest project of the test; without one, the project as it is.
fn latest(bench: &TestContext) -> Result<LoadedProject, StageError> {
    match bench.projects().pop() {
        Some(latest) => Ok(latest),
        None => bench.load(&ProjectOptions::default()),
    }
}

/// The run that a value belongs to.
fn run_of(value: &Dynamic) -> Option<Arc<Run>> {
    if let Some(project) = value.read_lock::<ScriptProject>() {
        return Some(Arc::clone(&project.0.run));
    }
    if let Some(image) = value.read_lock::<Image>() {
        return Some(Arc::clone(image.run()));
    }
    if let Some(plan) = value.read_lock::<Plan>() {
        return Some(Arc::clone(plan.image().run()));
    }
    if let Some(built) = value.read_lock::<Built>() {
        return Some(Arc::clone(built.image().run()));
    }
    if let Some(deployment) = value.read_lock::<Deployment>() {
        return Some(Arc::clone(deployment.run()));
    }
    if let Some(rollout) = value.read_lock::<Rollout>() {
        return Some(Arc::clone(rollout.deployment().run()));
    }
    value.read_lock::<Deployed>().map(|deployed| Arc::clone(deployed.deployment().run()))
}

/// An error inside a pipeline, with its places there.
#[derive(Debug)]
struct InPipeline(Arc<ScriptError>);

impl fmt::Display for InPipeline {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl std::error::Error for InPipeline {}

impl Diagnostic for InPipeline {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0.code()
    }

    fn severity(&self) -> Option<Severity> {
        self.0.severity()
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0.help()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.0.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.0.labels()
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        self.0.related()
    }
}
