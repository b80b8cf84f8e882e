//! A dry run, for `plan` and `why`.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use indexmap::IndexMap;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::PipelineOptions;
use super::exit_status::{ExitStatus, Failure};
use super::interrupt::cancel_on_interrupt;
use super::load;
use super::pipeline_run::{Call, call_pipeline, host_options, new_runtime, print_failures};
use crate::command::cli::GlobalOptions;
use crate::config::Loaded;
use crate::dependency::{Tree, attach, foreign_base};
use crate::event::{Decision, Event, Events, ImageResult, Level};
use crate::host::Host;
use crate::host::planning::{Effect, Effects};
use crate::lock::lock;
use crate::plan::Plan;
use crate::run::{Run, RunOptions, Session};
use crate::script::{Pipeline, ScriptError};

/// A completed dry run and its planned effects.
pub(super) struct DryRun {
    /// The run of the selected project.
    pub(super) run: Arc<Run>,
    /// The pipeline that was called.
    pub(super) pipeline: String,
    /// The effects that a build would have, in order.
    pub(super) effects: Vec<Effect>,
    /// The reports about each image; an image of a dependency is named `auth.api`.
    pub(super) images: IndexMap<String, PlannedImage>,
    /// The plan for each image.
    pub(super) plans: IndexMap<String, Plan>,
    noted: Arc<Effects>,
    outcome: Result<(), Arc<ScriptError>>,
    runtime: Runtime,
}

/// One of the projects of a dry run.
pub(super) struct Part {
    /// Its name; `None` for the selected project.
    pub(super) name: Option<String>,
    /// Its run.
    pub(super) run: Arc<Run>,
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
    call: Call,
) -> Result<DryRun, Failure> {
    load::tell(&loaded.warnings, global);
    let files = options.scripts_of(&loaded.project)?;
    let pipeline = Pipeline::compile(files, &loaded.project.root).map_err(Failure::wrong_use)?;
    let tree = match options.skip_dependencies {
        true => Tree::default(),
        false => load::load_dependencies(global, &loaded)?,
    };
    let project = loaded.project;
    let selection = options.selection(&tree, &project, &call.images).map_err(Failure::wrong_use)?;
    let call = call.narrowed(&selection);
    let runtime = new_runtime()?;
    let effects: Arc<Effects> = Arc::default();
    let images: Arc<Mutex<IndexMap<String, PlannedImage>>> = Arc::default();
    let events = listen(global, &effects, &images);
    let cancel = CancellationToken::new();
    cancel_on_interrupt(runtime.handle(), &cancel, &events);
    let run_options = RunOptions {
        environment: loaded.environment,
        force: selection.force.iter().cloned().collect(),
        dry_run: true,
        keep_going: true,
        jobs: 1,
        ..options.run_options(selection.images.clone())
    };
    let host = Host::live(&events, &host_options(&project, &tree, &run_options));
    let host = if global.no_exec { host.without_exec() } else { host };
    let host = host.planning(&effects);
    let session = Session::new(host, &events, cancel, runtime.handle().clone());
    let run = Run::new(project, run_options, session).map_err(Failure::wrong_use)?;
    attach(&run, tree, &selection, global.no_warn).map_err(Failure::wrong_use_of)?;
    let name = call.pipeline.clone();
    let outcome = call_pipeline(&run, pipeline, call, global.no_warn);
    run.progress.results.finish_all(&events);
    let images = std::mem::take(&mut *lock(&images));
    let list = effects.list();
    let mut dry_run = DryRun {
        run,
        pipeline: name,
        effects: list,
        images,
        plans: IndexMap::new(),
        noted: effects,
        outcome,
        runtime,
    };
    for part in dry_run.parts() {
        let plans = part.run.take_plans().into_iter();
        dry_run.plans.extend(plans.map(|(image, plan)| (part.full(&image), plan)));
        // The arguments of commands may contain passwords.
        for effect in &mut dry_run.effects {
            effect.what = part.run.session.secrets.mask(&effect.what).into_owned();
        }
    }
    Ok(dry_run)
}

impl DryRun {
    /// The projects of the run: dependencies before the projects that need them.
    pub(super) fn parts(&self) -> Vec<Part> {
        let broke_off = self.outcome.is_err();
        let dependencies = self.run.kin().all_targets().into_iter().map(|dependency| Part {
            name: Some(dependency.name.clone()),
            run: Arc::clone(&dependency.run),
            broke_off: broke_off && !dependency.is_built(),
        });
        let own = Part { name: None, run: Arc::clone(&self.run), broke_off };
        dependencies.chain((self.pipeline != "dependencies").then_some(own)).collect()
    }

    /// The images of `part`, base images first: for `build` the selected ones, for another pipeline those that it uses.
    pub(super) fn images_of<'a>(&'a self, part: &'a Part) -> impl Iterator<Item = &'a String> {
        let is_build = ["build", "dependencies"].contains(&self.pipeline.as_str());
        let selected = part.run.selected().iter();
        selected.filter(move |image| is_build || self.images.contains_key(&part.full(image)))
    }

    /// The number of effects before the first one of `image`.
    pub(super) fn before(&self, image: &str) -> Option<usize> {
        self.noted.before(image)
    }

    /// The current time.
    pub(super) fn now(&self) -> jiff::Timestamp {
        self.run.session.host.clock.now()
    }

    /// Prints the failures and returns the status with which a real run would end.
    pub(super) fn end(self) -> ExitStatus {
        let status = match &self.outcome {
            Ok(()) => ExitStatus::Done,
            Err(error) => print_failures(&self.run, error),
        };
        self.runtime.shutdown_timeout(Duration::from_secs(2));
        status
    }
}

impl Part {
    /// The full name of one of its images: `auth.api`.
    pub(super) fn full(&self, image: &str) -> String {
        match &self.name {
            Some(name) => format!("{name}.{image}"),
            None => image.to_owned(),
        }
    }

    /// The base images of one of its images, including those of dependencies.
    pub(super) fn bases(&self, image: &str) -> Vec<String> {
        let own = self.run.needs(image).map(|need| self.full(need));
        let others = self.run.other_bases(image).iter();
        own.chain(others.filter_map(|base| Some(foreign_base(&self.run, base)?.name))).collect()
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
