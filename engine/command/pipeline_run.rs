//! One run of a pipeline, from the loaded project to the exit code.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use miette::Diagnostic;
use rhai::Dynamic;
use tokio_util::sync::CancellationToken;

use super::PipelineOptions;
use super::annotate::{annotate, checkout, print_error};
use super::exit_status::{ExitStatus, Failure, NoThreads, masked, print_text};
use super::image_failure::ImageFailure;
use super::interrupt::cancel_on_interrupt;
use super::load::{load_dependencies, warn};
use super::store_size::keep_store_small;
use super::unused_script::{UnusedScript, unused_scripts};
use crate::command::cli::GlobalOptions;
use crate::config::{ImageConfig, Loaded, Outline, Project};
use crate::dependency::{ProjectSelection, Tree};
use crate::error::ErrorKind;
use crate::event::{Event, Events, Level};
use crate::host::planning::Effects;
use crate::host::{Host, HostOptions};
use crate::report::{self, Annotation, Report, ReportOptions};
use crate::rollout;
use crate::run::{DeployOptions, DevOptions, Run, RunOptions, Session};
use crate::script::{Execution, Pipeline, ScriptError, Setup};
use crate::state::KnownFunctions;

/// The stack size of the thread that runs the pipeline.
const STACK: usize = 16 << 20;

/// The pipeline to call, and its arguments.
pub struct PipelineCall {
    /// The function.
    pub pipeline: String,
    /// The arguments after the project.
    pub arguments: Vec<Dynamic>,
    /// The selected images; without names, all.
    pub images: Vec<String>,
    /// The selected deployments; without names, all.
    pub deployments: Vec<String>,
    /// Whether a deployment uses the last builds instead of building.
    pub skip_build: bool,
    /// The options for deployments.
    pub deploy: DeployOptions,
    /// The options for a dev session.
    pub dev: DevOptions,
}

impl PipelineCall {
    /// A call of the pipeline `build` for `images`.
    pub fn build(images: Vec<String>) -> Self {
        Self {
            pipeline: "build".to_owned(),
            arguments: Vec::new(),
            images,
            deployments: Vec::new(),
            skip_build: false,
            deploy: DeployOptions::default(),
            dev: DevOptions::default(),
        }
    }

    /// The call for the selected projects: if the project itself is not selected, only its dependencies are built or
    /// deployed.
    pub(super) fn narrowed(self, selection: &ProjectSelection) -> Self {
        let pipeline = match self.pipeline.as_str() {
            "build" if !selection.builds_root => "dependencies".to_owned(),
            "deploy" if !selection.builds_root => "deployed_dependencies".to_owned(),
            "purge" if !selection.builds_root => "purged_dependencies".to_owned(),
            _ => self.pipeline,
        };
        Self { pipeline, ..self }
    }
}

/// A loaded project with its scripts and dependencies, and the call.
pub(super) struct Prepared {
    pub(super) call: PipelineCall,
    project: Project,
    environment: Vec<(String, String)>,
    pipeline: Arc<Pipeline>,
    tree: Tree,
    selection: ProjectSelection,
    files: Vec<PathBuf>,
}

impl Prepared {
    /// Compiles the scripts of `loaded`, and loads and selects its dependencies.
    ///
    /// # Errors
    /// If a script, a dependency or the command line is invalid.
    pub(super) fn new(
        global: &GlobalOptions,
        options: &PipelineOptions,
        loaded: Loaded,
        call: PipelineCall,
    ) -> Result<Self, Failure> {
        let files = options.scripts_of(&loaded.project)?;
        let pipeline = Pipeline::compile(files, &loaded.project.root).map_err(Failure::wrong_use)?;
        let tree =
            if options.skip_dependencies { Tree::default() } else { load_dependencies(global, &loaded)? };
        let dependencies = tree.nodes.iter().flat_map(|node| &node.loaded.files);
        let files = loaded.files.iter().chain(dependencies).cloned().collect();
        let (project, environment) = (loaded.project, loaded.environment);
        let selection = options.selection(&tree, &project, &call.images).map_err(Failure::wrong_use)?;
        let call = call.narrowed(&selection);
        let pipeline = Arc::new(pipeline);
        Ok(Self { call, project, environment, pipeline, tree, selection, files })
    }

    /// The same project and scripts, for `call`.
    ///
    /// # Errors
    /// If the call selects an image, deployment or dependency that does not exist.
    pub(super) fn with_call(&self, options: &PipelineOptions, call: PipelineCall) -> Result<Self, Failure> {
        let selection = options.selection(&self.tree, &self.project, &call.images);
        let selection = selection.map_err(Failure::wrong_use)?;
        Ok(Self {
            call: call.narrowed(&selection),
            project: self.project.clone(),
            environment: self.environment.clone(),
            pipeline: Arc::clone(&self.pipeline),
            tree: self.tree.clone(),
            selection,
            files: self.files.clone(),
        })
    }

    /// The files of the configuration.
    pub(super) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The project.
    pub(super) fn project(&self) -> &Project {
        &self.project
    }

    /// The options of the run.
    pub(super) fn run_options(&self, options: &PipelineOptions) -> RunOptions {
        RunOptions {
            environment: self.environment.clone(),
            force: self.selection.force.iter().cloned().collect(),
            deployments: self.call.deployments.clone(),
            skip_build: self.call.skip_build,
            deploy: self.call.deploy.clone(),
            dev: self.call.dev,
            ..options.run_options(self.selection.images.clone())
        }
    }

    /// Sets up the run on the live host; with `effects`, only records its effects in them.
    ///
    /// # Errors
    /// If the images cannot be ordered, or the scripts of a dependency are invalid.
    pub(super) fn start(
        self,
        global: &GlobalOptions,
        options: RunOptions,
        events: &Events,
        runtime: &tokio::runtime::Runtime,
        effects: Option<&Arc<Effects>>,
    ) -> Result<(Arc<Execution>, PipelineCall), Failure> {
        let cancel = CancellationToken::new();
        cancel_on_interrupt(runtime.handle(), &cancel, events);
        self.start_until(global, options, events, runtime, effects, cancel)
    }

    /// Like [`Prepared::start`], for a run that ends when `cancel` is cancelled.
    ///
    /// # Errors
    /// Those of [`Prepared::start`].
    pub(super) fn start_until(
        self,
        global: &GlobalOptions,
        options: RunOptions,
        events: &Events,
        runtime: &tokio::runtime::Runtime,
        effects: Option<&Arc<Effects>>,
        cancel: CancellationToken,
    ) -> Result<(Arc<Execution>, PipelineCall), Failure> {
        let Self { call, project, pipeline, tree, selection, .. } = self;
        let options = RunOptions { keeps_plans: effects.is_some(), ..options };
        let host = Host::live(events, &host_options(&project, &tree, &options));
        let host = if global.no_exec { host.without_exec() } else { host };
        let host = match &global.copy {
            Some(copy) => host.of_copy(copy),
            None => host,
        };
        let host = match effects {
            Some(effects) => host.planning(effects),
            None => host,
        };
        let session = Session::new(host, events, cancel, runtime.handle().clone());
        let setup = Setup { project, pipeline, options, session, tree, selection, no_warn: global.no_warn };
        Ok((setup.start().map_err(Failure::wrong_use)?, call))
    }
}

/// Calls a pipeline of `loaded` and reports its events.
///
/// # Errors
/// If a script or the command line is invalid. Failures of images are reported here.
pub fn run_pipeline(
    global: &GlobalOptions,
    options: &PipelineOptions,
    loaded: Loaded,
    call: PipelineCall,
) -> Result<ExitStatus, Failure> {
    run_pipeline_then(global, options, loaded, call, |_| Ok(ExitStatus::Done))
}

/// Calls a pipeline of `loaded` and reports its events; `then` prints its output if it succeeded.
///
/// # Errors
/// As for [`run_pipeline`], and those of `then`.
pub fn run_pipeline_then(
    global: &GlobalOptions,
    options: &PipelineOptions,
    loaded: Loaded,
    call: PipelineCall,
    then: impl FnOnce(&Execution) -> Result<ExitStatus, Failure>,
) -> Result<ExitStatus, Failure> {
    run_pipeline_between(global, options, loaded, call, |_| Ok(()), then)
}

/// Like [`run_pipeline_then`]; `check` may refuse the run before it starts.
///
/// # Errors
/// As for [`run_pipeline`], and those of `check` and `then`.
pub fn run_pipeline_between(
    global: &GlobalOptions,
    options: &PipelineOptions,
    loaded: Loaded,
    call: PipelineCall,
    check: impl FnOnce(&Execution) -> Result<(), Failure>,
    then: impl FnOnce(&Execution) -> Result<ExitStatus, Failure>,
) -> Result<ExitStatus, Failure> {
    run_pipeline_heard(global, options, loaded, call, None, check, then)
}

/// Like [`run_pipeline_between`]; `hears` receives all events too.
///
/// # Errors
/// As for [`run_pipeline_between`].
pub(super) fn run_pipeline_heard(
    global: &GlobalOptions,
    options: &PipelineOptions,
    mut loaded: Loaded,
    call: PipelineCall,
    hears: Option<Events>,
    check: impl FnOnce(&Execution) -> Result<(), Failure>,
    then: impl FnOnce(&Execution) -> Result<ExitStatus, Failure>,
) -> Result<ExitStatus, Failure> {
    let warnings = std::mem::take(&mut loaded.warnings);
    let prepared = Prepared::new(global, options, loaded, call)?;
    check_files(options)?;
    let runtime = new_runtime()?;
    let report = start_report(global, options, &prepared.project);
    let events = match (hears, report.events()) {
        (Some(hears), shown) => Events::new(move |event| {
            hears.emit(event.clone());
            shown.emit(event);
        }),
        (None, shown) => shown,
    };
    let folders = [std::env::current_dir().unwrap_or_default(), prepared.project.root.clone()];
    let mut annotations = Vec::new();
    if !global.no_warn {
        for warning in warnings {
            events.notice(Level::Warning, warning.in_one_line());
            annotations.extend(Annotation::all_of(&warning, &folders, &checkout()));
        }
    }
    let run_options = prepared.run_options(options);
    let (execution, call) = prepared.start(global, run_options, &events, &runtime, None)?;
    check(&execution)?;
    if options.result.is_some() {
        report.set_origin(execution.run.project.name().unwrap_or_default(), execution.run.commit());
    }
    let started = Instant::now();
    let outcome = call_pipeline(&execution, call, global.no_warn);
    execution.run.save();
    execution.run.progress.results.finish_all(&events);
    keep_store_small(&events);
    events.emit(Event::RunFinished { seconds: started.elapsed().as_secs_f64(), success: outcome.is_ok() });
    let finished = report.finish();

    let status = match outcome {
        Ok(()) => then(&execution)?,
        Err(error) => {
            let Failures { texts, annotations: found, status } = failures(&execution, &error);
            texts.iter().for_each(|text| print_error(text, global));
            annotations.extend(found);
            status
        }
    };
    annotate(&annotations, &options.ci, global)?;
    runtime.shutdown_timeout(Duration::from_secs(2));
    execution.run.leak_files();
    execution.all_targets().iter().for_each(|target| target.run.leak_files());
    finished.map_err(Failure::failed)?;
    Ok(status)
}

/// Checks before a long run that its files can be written.
fn check_files(options: &PipelineOptions) -> Result<(), Failure> {
    let mut paths = options.result.iter().chain(&options.trace).chain(options.ci.paths());
    paths.try_for_each(|path| report::check_result(path)).map_err(Failure::wrong_use)
}

/// Starts to report a run of `project`.
fn start_report(global: &GlobalOptions, options: &PipelineOptions, project: &Project) -> Report {
    Report::start(ReportOptions {
        progress: global.progress,
        silent: global.silent,
        debug: global.debug,
        log_directory: Some(project.root.join(".windlass").join("logs")),
        result: options.result.clone(),
        trace: options.trace.clone(),
        files: options.ci.files(global),
        ..ReportOptions::default()
    })
}

/// Reports a run of `project` that has nothing to build, as `notice` explains.
///
/// # Errors
/// If a file of the report cannot be written.
pub(super) fn report_nothing(
    global: &GlobalOptions,
    options: &PipelineOptions,
    project: &Project,
    notice: &str,
) -> Result<ExitStatus, Failure> {
    check_files(options)?;
    let report = start_report(global, options, project);
    let events = report.events();
    events.emit(Event::RunStarted {
        pipeline: "build".to_owned(),
        images: Vec::new(),
        deployments: Vec::new(),
        profiles: project.profiles.clone(),
    });
    events.notice(Level::Info, notice);
    events.emit(Event::RunFinished { seconds: 0.0, success: true });
    report.finish().map_err(Failure::failed)?;
    Ok(ExitStatus::Done)
}

/// Sets up a run of `loaded`, without a pipeline, for `work`. Its notices go to standard error.
///
/// # Errors
/// If a script or the command line is invalid, and those of `work`.
pub(super) fn with_run(
    global: &GlobalOptions,
    options: &PipelineOptions,
    loaded: Loaded,
    call: PipelineCall,
    work: impl FnOnce(&Arc<Run>) -> Result<ExitStatus, Failure>,
) -> Result<ExitStatus, Failure> {
    let prepared = Prepared::new(global, options, loaded, call)?;
    let runtime = new_runtime()?;
    let told = global.clone();
    let events = Events::new(move |event| match event {
        Event::Notice { level: Level::Warning, message, .. } => warn(&message, &told),
        Event::Notice { level: Level::Info, message, .. } if !told.silent => eprintln!("{message}"),
        _ => {}
    });
    let run_options = prepared.run_options(options);
    let (execution, _) = prepared.start(global, run_options, &events, &runtime, None)?;
    let status = work(&execution.run);
    runtime.shutdown_timeout(Duration::from_secs(2));
    if execution.run.session.cancel.is_cancelled() {
        return Ok(ExitStatus::Interrupted);
    }
    status
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
    let is_default = (deploys(pipeline) || ["build", "dependencies", "render"].contains(&pipeline))
        && !run.options.skip_build;
    let targets = if is_default { run.links().all_targets() } else { Vec::new() };
    let below = targets.iter().flat_map(|target| {
        target.selected().iter().map(|image| target.links().full_name(image)).collect::<Vec<_>>()
    });
    let has_own = pipeline != "dependencies" && !run.options.skip_build;
    let own = run.selected().iter().filter(|_| has_own).cloned();
    below.chain(own).collect()
}

/// Whether a pipeline of windlass builds and deploys: that of `deploy`, and the passes of a dev session.
fn deploys(pipeline: &str) -> bool {
    ["deploy", "dev", "set_up", "first_pass", "reload", "deploy_all"].contains(&pipeline)
}

/// The deployments of a run, if its pipeline deploys them.
fn deployments_of(run: &Run, pipeline: &str) -> Vec<String> {
    if !deploys(pipeline) {
        return Vec::new();
    }
    let selected = rollout::selected(&run.project, &run.options.deployments).unwrap_or_default();
    selected.into_iter().map(|deployment| deployment.name.clone()).collect()
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
        cluster: options.cluster_of(project),
        // A run uses one daemon: the one of minikube, unless an image sets `preferMinikube: false`.
        prefers_minikube: project.images.values().all(|image| docker(image) != Some(false)),
        insecure_registries: insecure.map(|image| image.repository.domain().to_owned()).collect(),
    }
}

/// Calls the pipeline on a separate thread, which can block and has a large stack.
pub(super) fn call_pipeline(
    execution: &Arc<Execution>,
    call: PipelineCall,
    no_warn: bool,
) -> Result<(), Arc<ScriptError>> {
    let run = &execution.run;
    let known = run.memory.functions.read();
    if !no_warn {
        for warning in execution.pipeline.near_misses().into_iter().chain(misnamed_scripts(&run.project)) {
            run.session.notice(Level::Warning, warning);
        }
        for warning in execution.pipeline.new_overrides(&known) {
            run.session.notice(Level::Warning, warning);
        }
    }
    let signatures = execution.pipeline.default_signatures();
    if !matches!(&known, KnownFunctions::Recorded(known) if *known == signatures) {
        // If it cannot be written, the next run warns again.
        let _ = run.memory.functions.write(signatures);
    }
    run.session.events.emit(Event::RunStarted {
        pipeline: call.pipeline.clone(),
        images: images_of(run, &call.pipeline),
        deployments: deployments_of(run, &call.pipeline),
        profiles: run.project.profiles.clone(),
    });
    if call.pipeline == "deploy" || call.pipeline == "dev" && !deployments_of(run, "dev").is_empty() {
        rollout::announce(run).map_err(|error| Arc::new(ScriptError::of_stage_error(error)))?;
    }
    let body = || execution.call(&call.pipeline, call.arguments).map(drop);
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("pipeline".to_owned()).stack_size(STACK);
        match thread.spawn_scoped(scope, body) {
            Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(error) => Err(Arc::new(ScriptError::of_stage(NoThreads { reason: error.to_string() }))),
        }
    })
}

/// Prints every failure of a run once, those of its dependencies first, and returns the exit status.
pub(super) fn print_failures(execution: &Execution, error: &ScriptError) -> ExitStatus {
    let Failures { texts, status, .. } = failures(execution, error);
    texts.iter().for_each(|text| print_text(text));
    status
}

/// The failures of a run.
pub(super) struct Failures {
    /// Every failure once, rendered, those of its dependencies first.
    pub(super) texts: Vec<String>,
    /// The same for CI systems.
    pub(super) annotations: Vec<Annotation>,
    /// The exit status.
    pub(super) status: ExitStatus,
}

/// The failures of a run that ended with `error`.
pub(super) fn failures(execution: &Execution, error: &ScriptError) -> Failures {
    let mut failures: Vec<Failed> = Vec::new();
    for dependency in execution.all_targets() {
        let links = dependency.run.links();
        let failed = |name: String, error| Failed { name, folder: Some(dependency.folder.clone()), error };
        let images = dependency.failures().into_iter();
        failures.extend(images.map(|(image, error)| failed(links.full_name(&image), error)));
        if let Some(error) = dependency.failure().filter(|error| !error.is_summary()) {
            failures.push(failed(links.name.clone().unwrap_or_default(), Arc::clone(error)));
        }
    }
    let own = execution.failures().into_iter();
    failures.extend(own.map(|(name, error)| Failed { name, folder: None, error }));

    let secrets = &execution.run.session.secrets;
    let (here, checkout) = (std::env::current_dir().unwrap_or_default(), checkout());
    let annotations_of = |diagnostic: &dyn Diagnostic, folder: Option<&str>| {
        let folder = folder.map(|folder| here.join(folder));
        let folders: Vec<_> =
            folder.into_iter().chain([here.clone(), execution.run.project.root.clone()]).collect();
        let found = Annotation::all_of(diagnostic, &folders, &checkout).into_iter();
        found.map(|found| found.mapped(|text| secrets.mask(text).into_owned())).collect::<Vec<_>>()
    };
    let mut annotations = Vec::new();
    let mut texts = Vec::new();
    let mut told = HashSet::new();
    for Failed { name, folder, error } in &failures {
        // An unreachable daemon is reported once, even if several images need it.
        let is_shared = error.stage().is_some_and(|stage| stage.kind() == ErrorKind::DaemonUnreachable);
        if !is_shared {
            let failure = ImageFailure { image: name, folder: folder.as_deref(), error };
            texts.push(masked(&failure, secrets));
            annotations.extend(annotations_of(&failure, folder.as_deref()));
        } else if told.insert(error.to_string()) {
            texts.push(masked(&**error, secrets));
            annotations.extend(annotations_of(&**error, None));
        }
    }
    if execution.run.session.cancel.is_cancelled() {
        return Failures { texts, annotations, status: ExitStatus::Interrupted };
    }
    let is_summary = error.stage().is_some_and(|stage| stage.kind() == ErrorKind::Summary);
    if !is_summary || failures.is_empty() {
        texts.push(masked(error, secrets));
        annotations.extend(annotations_of(error, None));
    }
    let is_wrong_lock =
        |error: &ScriptError| error.stage().is_some_and(|stage| stage.kind() == ErrorKind::WrongLock);
    let is_script = |error: &ScriptError| error.is_wrong_script() || is_wrong_lock(error);
    if is_script(error) || (!failures.is_empty() && failures.iter().all(|failed| is_script(&failed.error))) {
        Failures { texts, annotations, status: ExitStatus::WrongUse }
    } else {
        Failures { texts, annotations, status: ExitStatus::Failed }
    }
}

/// An image or dependency that failed.
struct Failed {
    name: String,
    folder: Option<String>,
    error: Arc<ScriptError>,
}
