//! One run of a pipeline, from the loaded project to the exit code.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rhai::Dynamic;
use tokio_util::sync::CancellationToken;

use super::PipelineOptions;
use super::exit_status::{ExitStatus, Failure, NoThreads, print_masked};
use super::image_failure::ImageFailure;
use super::interrupt::cancel_on_interrupt;
use super::load::load_dependencies;
use super::store_size::keep_store_small;
use super::unused_script::{UnusedScript, unused_scripts};
use crate::cluster::ClusterOptions;
use crate::command::cli::GlobalOptions;
use crate::config::{ImageConfig, Loaded, Outline, Project};
use crate::dependency::{Dependency, Selection, Tree, attach};
use crate::error::ErrorKind;
use crate::event::{Event, Level};
use crate::host::{Host, HostOptions};
use crate::report::{self, Report, ReportOptions};
use crate::run::{Run, RunOptions, Session};
use crate::script::{Pipeline, ScriptError, new_engine, stage};
use crate::secrets::Secrets;

/// The stack size of the thread that runs the pipeline.
const STACK: usize = 16 << 20;

/// The pipeline to call, and its arguments.
pub struct Call {
    /// The function.
    pub pipeline: String,
    /// The arguments after the project.
    pub arguments: Vec<Dynamic>,
    /// The selected images; without names, all.
    pub images: Vec<String>,
}

impl Call {
    /// A call of the pipeline `build` for `images`.
    pub fn build(images: Vec<String>) -> Self {
        Self { pipeline: "build".to_owned(), arguments: Vec::new(), images }
    }

    /// The call for the selected projects: if the project itself is not built, only its dependencies are.
    pub(super) fn narrowed(self, selection: &Selection) -> Self {
        let is_build = self.pipeline == "build";
        let pipeline =
            if is_build && !selection.builds_root { "dependencies".to_owned() } else { self.pipeline };
        Self { pipeline, ..self }
    }
}

/// Calls a pipeline of `loaded` and reports what happens.
///
/// # Errors
/// If a script or the command line is invalid. Failures of images are reported here.
pub fn run_pipeline(
    global: &GlobalOptions,
    options: &PipelineOptions,
    loaded: Loaded,
    call: Call,
) -> Result<ExitStatus, Failure> {
    let files = options.scripts_of(&loaded.project)?;
    let pipeline = Pipeline::compile(files, &loaded.project.root).map_err(Failure::wrong_use)?;
    let tree = if options.skip_dependencies { Tree::default() } else { load_dependencies(global, &loaded)? };
    let project = loaded.project;
    let selection = options.selection(&tree, &project, &call.images).map_err(Failure::wrong_use)?;
    let call = call.narrowed(&selection);
    if let Some(path) = &options.result {
        report::check_result(path).map_err(Failure::wrong_use)?;
    }
    let runtime = new_runtime()?;
    let report = Report::start(ReportOptions {
        progress: global.progress,
        silent: global.silent,
        debug: global.debug,
        log_directory: Some(project.root.join(".windlass").join("logs")),
        result: options.result.clone(),
        ..ReportOptions::default()
    });
    let events = report.events();
    let cancel = CancellationToken::new();
    cancel_on_interrupt(runtime.handle(), &cancel, &events);
    if !global.no_warn {
        for warning in loaded.warnings {
            let message = warning.in_one_line();
            events.emit(Event::Notice { image: None, level: Level::Warning, message });
        }
    }
    let run_options = RunOptions {
        environment: loaded.environment,
        force: selection.force.iter().cloned().collect(),
        ..options.run_options(selection.images.clone())
    };
    let host = Host::live(&events, &host_options(&project, &tree, &run_options));
    let host = if global.no_exec { host.without_exec() } else { host };
    let session = Session::new(host, &events, cancel, runtime.handle().clone());
    let run = Run::new(project, run_options, session).map_err(Failure::wrong_use)?;
    attach(&run, tree, &selection, global.no_warn).map_err(Failure::wrong_use_of)?;
    let started = Instant::now();
    let outcome = call_pipeline(&run, pipeline, call, global.no_warn);
    run.save();
    run.progress.results.finish_all(&events);
    keep_store_small(&events);
    events.emit(Event::RunFinished { seconds: started.elapsed().as_secs_f64(), success: outcome.is_ok() });
    let finished = report.finish();

    let status = match outcome {
        Ok(()) => ExitStatus::Done,
        Err(error) => print_failures(&run, &error),
    };
    runtime.shutdown_timeout(Duration::from_secs(2));
    finished.map_err(Failure::failed)?;
    Ok(status)
}

/// A warning for each script of `project` that is not read because of an apparent typing error in its name.
fn misnamed_scripts(project: &Project) -> Vec<String> {
    let active = &project.profiles;
    if unused_scripts(&project.root, active).is_empty() {
        return Vec::new();
    }
    // Inactive profiles matter only here: for most projects, a second read is not needed.
    let known = Outline::read(&project.root, Some(project.file.clone())).profiles;
    let known: Vec<_> = active.iter().cloned().chain(known).collect();
    unused_scripts(&project.root, &known).iter().filter_map(UnusedScript::warning).collect()
}

/// The images of a run, named as in its events.
fn images_of(run: &Run, pipeline: &str) -> Vec<String> {
    let is_default = ["build", "dependencies"].contains(&pipeline);
    let targets = if is_default { run.kin().all_targets() } else { Vec::new() };
    let below = targets.iter().flat_map(|target| {
        target.run.selected().iter().map(|image| format!("{}.{image}", target.name)).collect::<Vec<_>>()
    });
    let own = run.selected().iter().filter(|_| pipeline != "dependencies").cloned();
    below.chain(own).collect()
}

/// The threads that wait for daemons, registries and commands.
pub(super) fn new_runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("io")
        .thread_stack_size(STACK)
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(NoThreads { reason: error.to_string() }))
}

/// The host options from the command line and the project.
pub(super) fn host_options(project: &Project, tree: &Tree, options: &RunOptions) -> HostOptions {
    let dependencies = tree.nodes.iter().map(|node| &node.loaded.project);
    let images = std::iter::once(project).chain(dependencies).flat_map(|project| project.images.values());
    let insecure = images.filter(|image| image.kaniko.as_ref().is_some_and(|kaniko| kaniko.insecure));
    let docker = |image: &ImageConfig| image.docker.as_ref().and_then(|docker| docker.prefer_minikube);
    HostOptions {
        cluster: ClusterOptions {
            context: project.kube_context.clone(),
            namespace: project.namespace.clone(),
            environment: options.environment.clone(),
        },
        // A run uses one daemon: the one of minikube, unless an image sets `preferMinikube: false`.
        prefers_minikube: project.images.values().all(|image| docker(image) != Some(false)),
        insecure_registries: insecure.map(|image| image.repository.domain().to_owned()).collect(),
    }
}

/// Calls the pipeline on a separate thread, which can block and has a large stack.
pub(super) fn call_pipeline(
    run: &Arc<Run>,
    pipeline: Pipeline,
    call: Call,
    no_warn: bool,
) -> Result<(), Arc<ScriptError>> {
    let pipeline = Arc::new(pipeline);
    run.set_pipeline(Arc::clone(&pipeline));
    if !no_warn {
        for warning in pipeline.near_misses().into_iter().chain(misnamed_scripts(&run.project)) {
            run.session.notice(Level::Warning, warning);
        }
    }
    run.session.events.emit(Event::RunStarted {
        pipeline: call.pipeline.clone(),
        images: images_of(run, &call.pipeline),
        profiles: run.project.profiles.clone(),
    });
    let body = || {
        let project = Dynamic::from(stage::Project(Arc::clone(run)));
        let arguments = std::iter::once(project).chain(call.arguments).collect();
        drop(pipeline.call(&new_engine(run), &call.pipeline, arguments)?);
        run.settle();
        Ok(())
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("pipeline".to_owned()).stack_size(STACK);
        match thread.spawn_scoped(scope, body) {
            Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(error) => Err(Arc::new(ScriptError::of_stage(NoThreads { reason: error.to_string() }))),
        }
    })
}

/// Prints every failure of a run once, those of its dependencies first, and returns the exit status.
pub(super) fn print_failures(run: &Run, error: &ScriptError) -> ExitStatus {
    let mut failures: Vec<Failed> = Vec::new();
    for dependency in run.kin().all_targets() {
        failures.extend(dependency.run.progress.results.failures().into_iter().map(|(image, error)| {
            let name = format!("{}.{image}", dependency.name);
            let secrets = dependency.run.session.secrets.clone();
            Failed { name, folder: Some(dependency.folder.clone()), error, secrets }
        }));
        if let Some(error) = dependency.failure().filter(|error| !Dependency::is_summary(error)) {
            let (name, folder) = (dependency.name.clone(), Some(dependency.folder.clone()));
            let secrets = dependency.run.session.secrets.clone();
            failures.push(Failed { name, folder, error: Arc::clone(error), secrets });
        }
    }
    let own = run.progress.results.failures().into_iter();
    failures.extend(own.map(|(name, error)| Failed {
        name,
        folder: None,
        error,
        secrets: run.session.secrets.clone(),
    }));

    let mut told = HashSet::new();
    for Failed { name, folder, error, secrets } in &failures {
        // An unreachable daemon is reported once, even if several images need it.
        let is_shared = error.stage().is_some_and(|stage| stage.kind() == ErrorKind::DaemonUnreachable);
        if !is_shared {
            print_masked(&ImageFailure { image: name, folder: folder.as_deref(), error }, secrets);
        } else if told.insert(error.to_string()) {
            print_masked(&**error, secrets);
        }
    }
    if run.session.cancel.is_cancelled() {
        return ExitStatus::Interrupted;
    }
    let is_summary = error.stage().is_some_and(|stage| stage.kind() == ErrorKind::Summary);
    if !is_summary || failures.is_empty() {
        print_masked(error, &run.session.secrets);
    }
    let is_script = |error: &ScriptError| error.is_wrong_script();
    if is_script(error) || (!failures.is_empty() && failures.iter().all(|failed| is_script(&failed.error))) {
        ExitStatus::WrongUse
    } else {
        ExitStatus::Failed
    }
}

/// An image or dependency that failed.
struct Failed {
    name: String,
    folder: Option<String>,
    error: Arc<ScriptError>,
    /// The secrets to mask.
    secrets: Secrets,
}
