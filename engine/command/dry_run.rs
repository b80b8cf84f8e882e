//! A dry run, for `plan` and `why`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indexmap::IndexMap;
use tokio::runtime::Runtime;

use super::PipelineOptions;
use super::exit_status::{ExitStatus, Failure};
use super::load;
use super::pipeline_run::{PipelineCall, Prepared, call_pipeline, new_runtime, print_failures};
use crate::command::cli::GlobalOptions;
use crate::config::Loaded;
use crate::event::{Decision, Event, Events, ImageResult, Level};
use crate::host::planning::{Effect, Effects};
use crate::lock::lock;
use crate::plan::Plan;
use crate::run::{Run, RunOptions};
use crate::script::{Execution, ScriptError, bases};

/// A completed dry run and its planned effects.
pub(super) struct DryRun {
    /// The run of the selected project.
    pub(super) execution: Arc<Execution>,
    /// The pipeline that was called.
    pub(super) pipeline: String,
    /// The effects that a build would have, in order.
    pub(super) effects: Vec<Effect>,
    /// The reports about each image; an image of a dependency is named `auth.api`.
    pub(super) images: IndexMap<String, PlannedImage>,
    /// The plan for each image.
    pub(super) plans: IndexMap<String, Plan>,
    /// The files of the configuration.
    pub(super) files: Vec<PathBuf>,
    noted: Arc<Effects>,
    outcome: Result<(), Arc<ScriptError>>,
    runtime: Runtime,
}

/// One of the projects of a dry run.
pub(super) struct Part {
    /// Its run.
    pub(super) execution: Arc<Execution>,
    /// Whether its pipeline stopped early.
    pub(super) broke_off: bool,
}

/// The reports of a run about an image.
#[derive(Default, Clone)]
pub(super) struct PlannedImage {
    /// The decision and its reason.
    pub(super) decision: Option<(Decision, String)>,
    /// Informational notices.
    pub(super) notes: Vec<String>,
    /// The result.
    pub(super) result: Option<ImageResult>,
}

/// Calls a pipeline of `loaded` as a dry run. Images are processed one after another.
///
/// # Errors
/// If a script or the command line is invalid. [`DryRun::end`] prints the failures of images.
pub(super) fn dry_run(
    global: &GlobalOptions,
    options: &PipelineOptions,
    loaded: Loaded,
    call: PipelineCall,
) -> Result<DryRun, Failure> {
    load::report(&loaded.warnings, global);
    let prepared = Prepared::new(global, options, loaded, call)?;
    let runtime = new_runtime()?;
    let effects: Arc<Effects> = Arc::default();
    let images: Arc<Mutex<IndexMap<String, PlannedImage>>> = Arc::default();
    let events = listen(global, &effects, &images);
    let files = prepared.files().to_vec();
    let run_options = RunOptions { keep_going: true, jobs: 1, ..prepared.run_options(options) };
    let (execution, call) = prepared.start(global, run_options, &events, &runtime, Some(&effects))?;
    let name = call.pipeline.clone();
    let outcome = call_pipeline(&execution, call, global.no_warn);
    execution.run.progress.results.finish_all(&events);
    let images = std::mem::take(&mut *lock(&images));
    let mut list = effects.list();
    for effect in &mut list {
        // The arguments of commands may contain passwords.
        effect.what = execution.run.session.secrets.mask(&effect.what).into_owned();
    }
    let mut dry_run = DryRun {
        execution,
        pipeline: name,
        effects: list,
        images,
        plans: IndexMap::new(),
        files,
        noted: effects,
        outcome,
        runtime,
    };
    for part in dry_run.parts() {
        let plans = part.execution.take_plans().into_iter();
        dry_run.plans.extend(plans.map(|(image, plan)| (part.full(&image), plan)));
    }
    Ok(dry_run)
}

impl DryRun {
    /// The projects of the run: dependencies before the projects that need them.
    pub(super) fn parts(&self) -> Vec<Part> {
        let broke_off = self.outcome.is_err();
        let dependencies = self
            .execution
            .all_targets()
            .into_iter()
            .map(|dependency| Part { broke_off: broke_off && !dependency.is_built(), execution: dependency });
        let own = Part { execution: Arc::clone(&self.execution), broke_off };
        dependencies.chain((self.pipeline != "dependencies").then_some(own)).collect()
    }

    /// The images of `part`, base images first: for `build` the selected ones, for another pipeline those that it uses.
    pub(super) fn images_of<'a>(&'a self, part: &'a Part) -> impl Iterator<Item = &'a String> {
        let is_build = ["build", "dependencies"].contains(&self.pipeline.as_str());
        let selected = part.run().selected().iter();
        selected.filter(move |image| is_build || self.images.contains_key(&part.full(image)))
    }

    /// The number of effects before the first one of `image`.
    pub(super) fn before(&self, image: &str) -> Option<usize> {
        self.noted.before(image)
    }

    /// The current time.
    pub(super) fn now(&self) -> jiff::Timestamp {
        self.execution.run.session.host.clock.now()
    }

    /// Whether the pipeline ran to its end.
    pub(super) fn succeeded(&self) -> bool {
        self.outcome.is_ok()
    }

    /// Ends it without printing its failures.
    pub(super) fn end_silently(self) {
        self.runtime.shutdown_timeout(Duration::from_secs(2));
    }

    /// Prints the failures and returns the status with which a real run would end.
    pub(super) fn end(self) -> ExitStatus {
        let status = match &self.outcome {
            Ok(()) => ExitStatus::Done,
            Err(error) => print_failures(&self.execution, error),
        };
        self.runtime.shutdown_timeout(Duration::from_secs(2));
        status
    }
}

impl Part {
    /// Its name; `None` for the selected project.
    pub(super) fn name(&self) -> Option<&str> {
        self.run().links().name.as_deref()
    }

    /// Its run.
    pub(super) fn run(&self) -> &Run {
        &self.execution.run
    }

    /// The full name of one of its images: `auth.api`.
    pub(super) fn full(&self, image: &str) -> String {
        self.run().links().full_name(image)
    }

    /// The base images of one of its images, including those of dependencies.
    pub(super) fn bases(&self, image: &str) -> Vec<String> {
        bases(self.run(), image)
    }
}

/// Records the events about images, and prints the others to standard error.
fn listen(
    global: &GlobalOptions,
    effects: &Arc<Effects>,
    images: &Arc<Mutex<IndexMap<String, PlannedImage>>>,
) -> Events {
    let (effects, images, global) = (Arc::clone(effects), Arc::clone(images), global.clone());
    Events::new(move |event| {
        let mut images = lock(&images);
        match event {
            Event::ImageDecided { image, decision, reason, .. } => {
                effects.begin(&image);
                images.entry(image).or_default().decision = Some((decision, reason));
            }
            Event::ImageFinished(result) => {
                let image = result.image.clone();
                images.entry(image).or_default().result = Some(result);
            }
            Event::Notice { image: Some(image), level: Level::Info, message } => {
                images.entry(image).or_default().notes.push(message);
            }
            Event::Notice { level: Level::Warning, message, .. } => load::warn(&message, &global),
            Event::Notice { level: Level::Info, message, .. } if !global.silent => eprintln!("{message}"),
            _ => {}
        }
    })
}
