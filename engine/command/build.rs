//! `windlass build`.

use std::collections::HashSet;
use std::io::IsTerminal;
use std::sync::Arc;

use rhai::Dynamic;
use tokio_util::sync::CancellationToken;

use super::exit_status::{ExitStatus, Failure, NoThreads, print_diagnostic};
use super::image_failure::ImageFailure;
use super::interrupt::cancel_on_interrupt;
use crate::cli::{BuildArgs, GlobalOptions};
use crate::config::{self, Project};
use crate::event::{Event, Level};
use crate::host::Host;
use crate::report::{self, Report, ReportOptions};
use crate::run::{Run, RunOptions};
use crate::script::{Pipeline, ScriptError, ScriptFile, new_engine, stage};

/// The stack of the thread that runs the pipeline.
const STACK: usize = 16 << 20;

/// Runs the function `build` of the project's pipeline.
///
/// # Errors
/// When the configuration, a script or the command line is wrong. What goes wrong with images is reported here.
pub fn build(global: &GlobalOptions, args: &BuildArgs) -> Result<ExitStatus, Failure> {
    let loaded = config::load(&load_options(global)).map_err(|error| match error {
        config::ConfigError::Cancelled { .. } => Failure::interrupted(error),
        error => Failure::wrong_use(error),
    })?;
    let project = loaded.project;
    let options = RunOptions { environment: loaded.environment, ..run_options(args)? };
    let files = pipeline_files(&project, args)?;

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("io")
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(NoThreads { reason: error.to_string() }))?;
    if let Some(path) = &args.result {
        report::check_result(path).map_err(Failure::wrong_use)?;
    }
    let report = Report::start(ReportOptions {
        progress: global.progress,
        silent: global.silent,
        debug: global.debug,
        log_directory: Some(project.root.join(".windlass").join("logs")),
        result: args.result.clone(),
        ..ReportOptions::default()
    });
    let events = report.events();
    let cancel = CancellationToken::new();
    cancel_on_interrupt(runtime.handle(), &cancel, &events);
    if !global.no_warn {
        for warning in loaded.warnings {
            let message = warning.to_string();
            events.emit(Event::Notice { image: None, level: Level::Warning, message });
        }
    }
    let host = Host::live(&events);
    let run = Run::new(project, options, host, events.clone(), cancel.clone(), runtime.handle().clone())
        .map_err(Failure::wrong_use)?;
    tell_missing_pull_secrets(&run);
    let started = std::time::Instant::now();
    let outcome = run_pipeline(&run, files, global.no_warn);
    run.save();
    run.results.finish_all(&events);
    events.emit(Event::RunFinished { seconds: started.elapsed().as_secs_f64(), success: outcome.is_ok() });
    let finished = report.finish();

    let status = match outcome {
        Ok(()) => ExitStatus::Done,
        Err(error) => print_failures(&run, &error),
    };
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    finished.map_err(Failure::failed)?;
    Ok(status)
}

fn load_options(global: &GlobalOptions) -> config::LoadOptions {
    // Questions are drawn on standard error.
    let is_interactive = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    config::LoadOptions {
        directory: std::env::current_dir().unwrap_or_else(|_| ".".into()),
        config: global.config.clone(),
        profiles: global.profiles.clone(),
        vars: global.vars.clone(),
        namespace: global.namespace.clone(),
        kube_context: global.kube_context.clone(),
        disable_profile_activation: global.disable_profile_activation,
        ask: is_interactive.then(|| Arc::new(config::TerminalAsk) as Arc<dyn config::Ask>),
        ..config::LoadOptions::default()
    }
}

fn run_options(args: &BuildArgs) -> Result<RunOptions, Failure> {
    let jobs = args.max_concurrent_builds.map_or_else(RunOptions::default_jobs, usize::from);
    Ok(RunOptions {
        images: args.images.clone(),
        force_build: args.force_build,
        force: args.force.iter().cloned().collect(),
        skip_push: args.skip_push,
        verify: args.verify,
        jobs: if args.build_sequential { 1 } else { jobs },
        keep_going: args.keep_going,
        tags: args.tags.clone(),
        environment: Vec::new(),
    })
}

/// Tells those who ask for pull secrets in so many words that there are none yet.
fn tell_missing_pull_secrets(run: &Run) {
    let images = run.selected().iter().filter_map(|name| run.project.images.get(name));
    let asking = images.filter(|image| image.create_pull_secret == Some(true) && !image.disabled);
    let names: Vec<_> = asking.map(|image| format!("`{}`", image.name)).collect();
    if !names.is_empty() && !run.options.skip_push {
        let names = names.join(", ");
        run.notice(Level::Info, format!("pull secrets are not created yet: `createPullSecret` of {names}"));
    }
}

fn pipeline_files(project: &Project, args: &BuildArgs) -> Result<Vec<ScriptFile>, Failure> {
    let overrides = ScriptFile::overrides(&project.root, &project.profiles, &args.scripts);
    let overrides = overrides.map_err(Failure::wrong_use)?;
    Ok(std::iter::once(ScriptFile::default_build()).chain(overrides).collect())
}

/// Compiles and runs the pipeline on a thread of its own, which may wait and has a deep stack.
fn run_pipeline(run: &Arc<Run>, files: Vec<ScriptFile>, no_warn: bool) -> Result<(), Arc<ScriptError>> {
    let body = || {
        let engine = new_engine(run);
        let pipeline = Arc::new(Pipeline::compile(&engine, files, &run.project.root)?);
        run.set_pipeline(Arc::clone(&pipeline));
        if !no_warn {
            for warning in pipeline.near_misses() {
                run.notice(Level::Warning, warning);
            }
        }
        run.events.emit(Event::RunStarted {
            pipeline: "build".to_owned(),
            images: run.selected().to_vec(),
            profiles: run.project.profiles.clone(),
        });
        let project = stage::Project(Arc::clone(run));
        drop(pipeline.call(&engine, "build", vec![Dynamic::from(project)])?);
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

/// Prints every failure of a run once; the status says whose fault it was.
fn print_failures(run: &Run, error: &ScriptError) -> ExitStatus {
    let failures = run.results.failures();
    let mut told = HashSet::new();
    for (image, error) in &failures {
        // A daemon that is away is one thing to read about, however many images wanted it.
        let is_shared = error.stage().is_some_and(|stage| stage.code() == "docker::unreachable");
        if !is_shared {
            print_diagnostic(&ImageFailure { image, error });
        } else if told.insert(error.to_string()) {
            print_diagnostic(&**error);
        }
    }
    if run.cancel.is_cancelled() {
        return ExitStatus::Interrupted;
    }
    let is_summary = error.stage().is_some_and(|stage| stage.code() == "run::failed");
    if !is_summary || failures.is_empty() {
        print_diagnostic(error);
    }
    let is_script = |error: &ScriptError| error.is_wrong_script();
    if is_script(error) || (!failures.is_empty() && failures.iter().all(|(_, failure)| is_script(failure))) {
        ExitStatus::WrongUse
    } else {
        ExitStatus::Failed
    }
}
