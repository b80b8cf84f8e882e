//! A run that changes nothing: for `plan` and `why`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indexmap::IndexMap;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::exit_status::{ExitStatus, Failure};
use super::interrupt::cancel_on_interrupt;
use super::load;
use super::pipeline_options::scripts;
use super::pipeline_run::{Call, call_pipeline, host_options, new_runtime, print_failures};
use crate::cli::GlobalOptions;
use crate::config::Loaded;
use crate::event::{Decision, Event, Events, ImageResult, Level};
use crate::host::Host;
use crate::host::planning::{Effect, Effects};
use crate::plan::Plan;
use crate::run::{Run, RunOptions, lock};
use crate::script::{Pipeline, ScriptError};

/// A run that changed nothing, and what it would have done.
pub(super) struct DryRun {
    /// The run.
    pub(super) run: Arc<Run>,
    /// What it would have done, in order.
    pub(super) effects: Vec<Effect>,
    /// What it told about each image.
    pub(super) images: IndexMap<String, Told>,
    /// What it planned for each image.
    pub(super) plans: IndexMap<String, Plan>,
    outcome: Result<(), Arc<ScriptError>>,
    runtime: Runtime,
}

/// What a run told about an image.
#[derive(Default, Clone)]
pub(super) struct Told {
    /// The first line about it: what happens, and why.
    pub(super) decision: Option<(Decision, String)>,
    /// What may be worth knowing.
    pub(super) notes: Vec<String>,
    /// How it ended.
    pub(super) result: Option<ImageResult>,
}

/// Calls a pipeline of `loaded` in a world that is only asked. Images are worked on one after another.
///
/// # Errors
/// When a script or the command line is wrong. What goes wrong with images is left to [`DryRun::end`].
pub(super) fn dry_run(
    global: &GlobalOptions,
    loaded: Loaded,
    more_scripts: &[PathBuf],
    options: RunOptions,
    call: Call,
) -> Result<DryRun, Failure> {
    load::tell(&loaded.warnings, global);
    let project = loaded.project;
    if !project.dependencies.is_empty() {
        let names: Vec<_> = project.dependencies.keys().map(|name| format!("`{name}`")).collect();
        let names = names.join(", ");
        load::warn(
            &format!("the projects that this one depends on are left out: {names}; ask in their folders"),
            global,
        );
    }
    let files = scripts(&project, more_scripts)?;
    let pipeline = Pipeline::compile(files, &project.root).map_err(Failure::wrong_use)?;
    let runtime = new_runtime()?;
    let effects: Arc<Effects> = Arc::default();
    let images: Arc<Mutex<IndexMap<String, Told>>> = Arc::default();
    let events = listen(global, &effects, &images);
    let cancel = CancellationToken::new();
    cancel_on_interrupt(runtime.handle(), &cancel, &events);
    let options = RunOptions {
        images: call.images.clone(),
        environment: loaded.environment,
        dry_run: true,
        keep_going: true,
        jobs: 1,
        ..options
    };
    let host = Host::live(&events, &host_options(&project, &options));
    let host = if global.no_exec { host.without_exec() } else { host };
    let host = host.planning(&effects);
    let run = Run::new(project, options, host, events.clone(), cancel, runtime.handle().clone())
        .map_err(Failure::wrong_use)?;
    let outcome = call_pipeline(&run, pipeline, call, global.no_warn);
    run.results.finish_all(&events);
    let images = std::mem::take(&mut *lock(&images));
    let plans = run.take_plans();
    Ok(DryRun { run, effects: effects.list(), images, plans, outcome, runtime })
}

impl DryRun {
    /// The time.
    pub(super) fn now(&self) -> jiff::Timestamp {
        self.run.host.clock.now()
    }

    /// Whether the pipeline broke off.
    pub(super) fn broke_off(&self) -> bool {
        self.outcome.is_err()
    }

    /// Prints what went wrong; the status is the one that the run would have ended with.
    pub(super) fn end(self) -> ExitStatus {
        let status = match &self.outcome {
            Ok(()) => ExitStatus::Done,
            Err(error) => print_failures(&self.run, error),
        };
        self.runtime.shutdown_timeout(Duration::from_secs(2));
        status
    }
}

/// Keeps what is told about images, and tells the rest on standard error.
fn listen(
    global: &GlobalOptions,
    effects: &Arc<Effects>,
    images: &Arc<Mutex<IndexMap<String, Told>>>,
) -> Events {
    let (effects, images, global) = (Arc::clone(effects), Arc::clone(images), global.clone());
    Events::new(move |event| {
        let mut images = lock(&images);
        match event {
            Event::ImageDecided { image, decision, reason, .. } => {
                effects.work_on(Some(&image));
                images.entry(image).or_default().decision = Some((decision, reason));
            }
            Event::ImageFinished(result) => {
                effects.work_on(None);
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
