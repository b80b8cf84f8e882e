//! One run of a pipeline: its compiled scripts, those of its dependencies, and the results of their calls.

use std::sync::{Arc, Mutex, OnceLock};

use indexmap::IndexMap;
use rhai::Dynamic;

use super::{Pipeline, ScriptError, new_engine, stage};
use crate::dev::Wanted;
use crate::event::Outcome;
use crate::lock::lock;
use crate::passes::Questions;
use crate::plan::{Plan, WatchedInputs};
use crate::rollout::Rollout;
use crate::run::{Run, each_once};

/// One run of a pipeline, as its scripts see it. Shared by all its threads.
pub struct Execution {
    /// The run.
    pub run: Arc<Run>,
    /// The compiled scripts.
    pub pipeline: Arc<Pipeline>,
    /// The directory of a dependency, for display; empty for the user's project.
    pub folder: String,
    /// Its dependencies, by their names in this project.
    pub dependencies: Vec<(String, Arc<Self>)>,
    /// The dependencies that its pipeline builds first.
    pub targets: Vec<Arc<Self>>,
    /// For a dependency: the result of its pipeline, after its call.
    pub(super) outcome: OnceLock<Result<(), Arc<ScriptError>>>,
    pub(super) failures: Mutex<Vec<(String, Arc<ScriptError>)>>,
    /// The latest plan of each image.
    pub(super) plans: Mutex<IndexMap<String, Plan>>,
    /// The inputs of the last plan of each image.
    pub(super) reaches: Mutex<IndexMap<String, WatchedInputs>>,
    /// The connections that the scripts of a dev session request.
    pub wanted: Mutex<Wanted>,
    /// The questions that its scripts may ask.
    pub questions: OnceLock<Questions>,
    /// The planned rollout of each deployment, for output.
    pub(super) rollouts: Mutex<Vec<Rollout>>,
}

impl Execution {
    /// A run of `pipeline` without dependencies.
    pub fn new(run: Arc<Run>, pipeline: Arc<Pipeline>) -> Self {
        Self {
            run,
            pipeline,
            folder: String::new(),
            dependencies: Vec::new(),
            targets: Vec::new(),
            outcome: OnceLock::new(),
            failures: Mutex::default(),
            plans: Mutex::default(),
            reaches: Mutex::default(),
            wanted: Mutex::default(),
            questions: OnceLock::new(),
            rollouts: Mutex::default(),
        }
    }

    /// Calls the function `name` of the pipeline with the project and `arguments`.
    ///
    /// # Errors
    /// The error that stopped the script, with the places of the call chain.
    pub fn call(self: &Arc<Self>, name: &str, arguments: Vec<Dynamic>) -> Result<Dynamic, Arc<ScriptError>> {
        let project = Dynamic::from(stage::ScriptProject(Arc::clone(self)));
        let arguments = std::iter::once(project).chain(arguments).collect();
        let value = self.pipeline.call(&new_engine(self), name, arguments)?;
        self.run.settle();
        Ok(value)
    }

    /// Calls the function `name` of the pipeline with `arguments`.
    ///
    /// # Errors
    /// As for [`Execution::call`].
    pub fn call_function(
        self: &Arc<Self>,
        name: &str,
        arguments: Vec<Dynamic>,
    ) -> Result<Dynamic, Arc<ScriptError>> {
        self.pipeline.call(&new_engine(self), name, arguments)
    }

    /// Records that the work on `image` failed.
    pub fn fail(&self, image: &str, error: ScriptError) {
        let (outcome, reason) = match &error {
            ScriptError::Cancelled => (Outcome::Cancelled, "stopped".to_owned()),
            error => (Outcome::Failed, error.to_string()),
        };
        let results = &self.run.progress.results;
        results.break_off(image, outcome, &reason);
        if !matches!(error, ScriptError::Cancelled) {
            lock(&self.failures).push((image.to_owned(), Arc::new(error)));
        }
        results.finish(&self.run.session.events, image);
    }

    /// The failed images with their errors, in order of failure.
    pub fn failures(&self) -> Vec<(String, Arc<ScriptError>)> {
        lock(&self.failures).clone()
    }

    /// Whether its pipeline was called as that of a dependency, and succeeded.
    pub fn is_built(&self) -> bool {
        self.outcome.get().is_some_and(Result::is_ok)
    }

    /// The error of its pipeline, if it was called as that of a dependency and failed.
    pub fn failure(&self) -> Option<&Arc<ScriptError>> {
        self.outcome.get()?.as_ref().err()
    }

    /// All projects that are built before this one, each once, in dependency order.
    pub fn all_targets(&self) -> Vec<Arc<Self>> {
        each_once(self.targets.iter(), Self::all_targets)
    }

    /// Saves `plan`, of an image of this project or of a dependency, for explanations if the run keeps plans; if files
    /// are watched, saves only its inputs.
    pub(super) fn keep_plan(&self, plan: &Plan) {
        let owner = self.of(plan.image().run()).unwrap_or(self);
        let name = plan.image().name().to_owned();
        // A plan that is going to be built holds the lock of its image.
        if self.run.options.keeps_plans {
            lock(&owner.plans).insert(name, plan.clone());
        } else if self.run.options.is_watching {
            lock(&owner.reaches).insert(name, plan.reach());
        }
    }

    /// The inputs of the last plan of `image`.
    pub fn reach(&self, image: &str) -> Option<WatchedInputs> {
        lock(&self.reaches).get(image).cloned()
    }

    /// Removes and returns the inputs of the last plan of `image`, for a run that stays: they may be large.
    pub fn take_reach(&self, image: &str) -> Option<WatchedInputs> {
        lock(&self.reaches).swap_remove(image)
    }

    /// This project, and all that are built before it, dependencies first.
    pub fn parts(self: &Arc<Self>) -> Vec<Arc<Self>> {
        self.all_targets().into_iter().chain([Arc::clone(self)]).collect()
    }

    /// Removes and returns the saved plans.
    pub fn take_plans(&self) -> IndexMap<String, Plan> {
        std::mem::take(&mut *lock(&self.plans))
    }

    /// Adds a rollout to the output.
    pub(super) fn add_rollout(&self, rollout: Rollout) {
        lock(&self.rollouts).push(rollout);
    }

    /// The rollouts for the output, in the order in which they were added.
    pub fn rollouts(&self) -> Vec<Rollout> {
        lock(&self.rollouts).clone()
    }

    /// The project of `run`, this one or one below.
    fn of(&self, run: &Arc<Run>) -> Option<&Self> {
        if Arc::ptr_eq(&self.run, run) {
            return Some(self);
        }
        self.dependencies.iter().find_map(|(_, dependency)| dependency.of(run))
    }
}
