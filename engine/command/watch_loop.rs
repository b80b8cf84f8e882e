//! One pass of a pipeline, and another one after each change, until it is stopped.

use std::collections::{BTreeMap, HashSet};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use indexmap::IndexMap;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::PipelineOptions;
use super::exit_status::{ExitStatus, Failure, NoThreads, print_text};
use super::interrupt::cancel_on_interrupt;
use super::load::{failure, load_options};
use super::pipeline_run::{PipelineCall, Prepared, call_pipeline, failures, new_runtime};
use super::store_size::keep_store_small;
use crate::command::cli::GlobalOptions;
use crate::config::{self, LoadOptions, Loaded};
use crate::event::{Event, Events, Level, Outcome};
use crate::host::Writes;
use crate::lock::lock;
use crate::passes::{End, Guard, Key, Next, Passes, Running, Written};
use crate::plan::{Answer, ChangeImpact, Reach, configured_roots};
use crate::process::{Keys, read_keys};
use crate::report::{Report, ReportOptions};
use crate::run::{Image, RunOptions};
use crate::script::{Execution, affected};
use crate::watch::{ChangedFile, WatchRoot};

/// What a pass calls: for all images, or for those that a change affects.
pub(super) type Calls<'a> = &'a dyn Fn(Option<Vec<String>>) -> PipelineCall;

/// Calls a pipeline of `loaded`, and again after each change, until Ctrl-C.
///
/// # Errors
/// If a script or the command line is invalid at the start. Later failures are only reported; so are those of the first
/// pass in a terminal, where somebody can mend them.
pub(super) fn watch_loop(
    global: &GlobalOptions,
    options: &PipelineOptions,
    mut loaded: Loaded,
    calls: Calls<'_>,
) -> Result<ExitStatus, Failure> {
    let warnings = std::mem::take(&mut loaded.warnings);
    let prepared = Prepared::new(global, options, loaded, calls(None))?;
    let runtime = new_runtime()?;
    let report = Report::start(ReportOptions {
        progress: global.progress,
        silent: global.silent,
        debug: global.debug,
        log_directory: Some(prepared.project().root.join(".windlass").join("logs")),
        ..ReportOptions::default()
    });
    let outcomes: Arc<Mutex<Outcomes>> = Arc::default();
    let events = recording(&report.events(), &outcomes);
    if !global.no_warn {
        for warning in warnings {
            events.notice(Level::Warning, warning.in_one_line());
        }
    }
    let cancel = CancellationToken::new();
    cancel_on_interrupt(runtime.handle(), &cancel, &events);
    let ended = WatchLoop {
        global,
        first_options: options,
        options: PipelineOptions { force_build: false, force: Vec::new(), ..options.clone() },
        calls,
        runtime: &runtime,
        events: events.clone(),
        outcomes,
        passes_end: cancel.child_token(),
        cancel,
        prepared,
        whole: None,
        reaches: BTreeMap::new(),
        writes: Writes::default(),
        guard: Guard::default(),
        shown: None,
    }
    .run();
    let finished = report.finish();
    runtime.shutdown_timeout(Duration::from_secs(2));
    let (status, texts) = ended?;
    texts.iter().for_each(|text| print_text(text));
    finished.map_err(Failure::failed)?;
    Ok(status)
}

/// What became of each image last.
type Outcomes = IndexMap<String, (Option<Outcome>, String)>;

/// The end of a pass.
enum Ended {
    Succeeded,
    Failed(Vec<String>, ExitStatus),
    /// Ctrl-C or a key stopped it.
    Stopped,
}

struct WatchLoop<'a> {
    global: &'a GlobalOptions,
    /// The options of the first pass.
    first_options: &'a PipelineOptions,
    /// Those of the others: what was forced once is not forced for ever.
    options: PipelineOptions,
    calls: Calls<'a>,
    runtime: &'a Runtime,
    events: Events,
    outcomes: Arc<Mutex<Outcomes>>,
    cancel: CancellationToken,
    passes_end: CancellationToken,
    /// The configuration and scripts in force.
    prepared: Prepared,
    /// The last run of all images, with that configuration.
    whole: Option<Arc<Execution>>,
    /// What each image was planned from last.
    reaches: BTreeMap<String, Reach>,
    /// The commands of the last pass.
    writes: Writes,
    guard: Guard,
    /// The failure that was shown last.
    shown: Option<String>,
}

impl WatchLoop<'_> {
    /// The exit status, and failures to print at the end.
    fn run(mut self) -> Result<(ExitStatus, Vec<String>), Failure> {
        let (execution, call) = self.start(None, self.first_options)?;
        let passes = Passes::start(self.roots(), &self.events, &self.passes_end);
        let passes = passes.map_err(|error| Failure::failed(NoThreads { reason: error.to_string() }))?;
        let (interrupt, cancel) = (passes.interrupter(), self.cancel.clone());
        self.runtime.spawn(async move {
            cancel.cancelled().await;
            interrupt();
        });
        let keys = self.listen(&passes);
        let ended = self.pass(&passes, &execution, call, true);
        match ended {
            Ended::Failed(texts, status) if !std::io::stdin().is_terminal() => return Ok((status, texts)),
            ended => self.tell(ended),
        }
        let end = self.serve(&passes);
        drop(keys);
        Ok((end, Vec::new()))
    }

    /// Does what comes next until it is over.
    fn serve(&mut self, passes: &Passes) -> ExitStatus {
        loop {
            let (files, is_asked) = match passes.next() {
                Next::End(End::Quit) => return ExitStatus::Done,
                Next::End(End::Interrupted) => return ExitStatus::Interrupted,
                Next::Why => {
                    self.explain();
                    continue;
                }
                Next::Changed(files) => (files, false),
                Next::Asked(files) => (files, true),
            };
            let settings = self.settings();
            let changed: Vec<_> = files.iter().filter(|file| settings.contains(&file.path)).collect();
            if !changed.is_empty() {
                let names = changed.iter().map(|file| shown(&file.path)).collect();
                self.events.emit(Event::FilesChanged { files: names, images: Vec::new() });
                match self.reload() {
                    Ok(()) => {
                        self.guard.reset();
                        self.pass_of(passes, None, true);
                        continue;
                    }
                    Err(failure) => self.tell(Ended::Failed(vec![failure.text()], ExitStatus::WrongUse)),
                }
            }
            if is_asked {
                self.guard.reset();
                self.pass_of(passes, None, false);
            } else {
                self.pass_for(passes, &files);
            }
        }
    }

    /// The pass for `files`, if they affect images.
    fn pass_for(&mut self, passes: &Passes, files: &[ChangedFile]) {
        let mut causes: Vec<ChangedFile> = Vec::new();
        let mut images = Vec::new();
        for (name, impact) in self.affected(files, &mut causes) {
            if impact.answer != Answer::No {
                images.push(name);
            }
        }
        if images.is_empty() {
            return;
        }
        let writes = self.writes.clone();
        if let Err(written) = self.guard.check(&causes, |at| Some(writes.writer_at(at)?.command)) {
            return self.events.emit(Event::WatchPaused { reason: loop_reason(&written) });
        }
        let files = causes.iter().map(|file| shown(&file.path)).collect();
        self.events.emit(Event::FilesChanged { files, images: images.clone() });
        // What another failure stopped is still to be built.
        for (name, (outcome, _)) in &*lock(&self.outcomes) {
            if *outcome == Some(Outcome::Cancelled) && !images.contains(name) {
                images.push(name.clone());
            }
        }
        self.pass_of(passes, Some(images), false);
    }

    /// Runs a pass of all images, or of some.
    fn pass_of(&mut self, passes: &Passes, images: Option<Vec<String>>, is_new: bool) {
        let options = self.options.clone();
        let ended = match self.start(images, &options) {
            Ok((execution, call)) => self.pass(passes, &execution, call, is_new),
            Err(failure) => Ended::Failed(vec![failure.text()], ExitStatus::WrongUse),
        };
        self.tell(ended);
    }

    /// Sets up a pass of all images, or of some.
    fn start(
        &mut self,
        images: Option<Vec<String>>,
        options: &PipelineOptions,
    ) -> Result<(Arc<Execution>, PipelineCall), Failure> {
        let is_whole = images.is_none();
        let prepared = self.prepared.with_call(options, (self.calls)(images))?;
        let run_options = RunOptions { is_watching: true, ..prepared.run_options(options) };
        let cancel = self.passes_end.child_token();
        let (execution, call) =
            prepared.start_until(self.global, run_options, &self.events, self.runtime, None, cancel)?;
        if is_whole {
            self.whole = Some(Arc::clone(&execution));
        }
        Ok((execution, call))
    }

    /// Runs a pass; `is_new` with a configuration that no pass had before.
    fn pass(
        &mut self,
        passes: &Passes,
        execution: &Arc<Execution>,
        call: PipelineCall,
        is_new: bool,
    ) -> Ended {
        let (started, wall) = (Instant::now(), SystemTime::now());
        let mut since = started;
        if is_new {
            self.warn_of_unwatched(execution);
        }
        let no_warn = self.global.no_warn || !is_new;
        let running = Arc::new(RunningPass(Arc::clone(execution)));
        let outcome = passes.run(running, || call_pipeline(execution, call, no_warn));
        execution.run.save();
        execution.run.progress.results.finish_all(&self.events);
        keep_store_small(&self.events);
        let seconds = started.elapsed().as_secs_f64();
        self.events.emit(Event::RunFinished { seconds, success: outcome.is_ok() });
        for part in execution.parts() {
            for image in part.run.selected() {
                if let Some(reach) = part.reach(image) {
                    since = since.min(reach.since());
                    self.reaches.insert(part.run.links().full_name(image), reach);
                }
            }
        }
        self.writes = execution.run.session.host.writes.clone();
        let wall = wall.checked_sub(started.duration_since(since)).unwrap_or(wall);
        passes.set_roots(self.roots(), (since, wall));
        let ended = match outcome {
            Ok(()) => Ended::Succeeded,
            Err(_) if self.passes_end.is_cancelled() => Ended::Stopped,
            Err(error) => {
                let (texts, status) = failures(execution, &error);
                Ended::Failed(texts, status)
            }
        };
        // Background hooks end with their pass, as with every build.
        execution.run.session.cancel.cancel();
        ended
    }

    /// Says which images no change builds.
    fn warn_of_unwatched(&self, execution: &Execution) {
        for image in execution.run.selected() {
            let config = execution.run.project.images.get(image).filter(|config| !config.disabled);
            let custom = config.and_then(|config| config.custom.as_ref());
            if custom.is_some_and(|custom| custom.on_change.is_empty()) {
                let message = "no change of a file builds it: its custom command has no `onChange`";
                self.events.of_image(image).notice(Level::Info, message);
            }
        }
    }

    /// Shows a failure, unless it is the one that was shown last.
    fn tell(&mut self, ended: Ended) {
        let message = match ended {
            Ended::Stopped => return,
            Ended::Succeeded => None,
            Ended::Failed(texts, _) => Some(texts.concat().trim_end().to_owned()),
        };
        if message != self.shown
            && let Some(message) = &message
        {
            self.events.emit(Event::Failure { message: message.clone() });
        }
        self.shown = message;
    }

    /// Reads the configuration and the scripts again.
    fn reload(&mut self) -> Result<(), Failure> {
        // Nothing is asked while it watches.
        let options = LoadOptions { ask: None, ..load_options(self.global) };
        let mut loaded = config::load(&options).map_err(failure)?;
        let warnings = std::mem::take(&mut loaded.warnings);
        self.prepared = Prepared::new(self.global, &self.options, loaded, (self.calls)(None))?;
        self.reaches.clear();
        for warning in warnings.iter().filter(|_| !self.global.no_warn) {
            self.events.notice(Level::Warning, warning.in_one_line());
        }
        Ok(())
    }

    /// The files of the configuration and the scripts.
    fn settings(&self) -> HashSet<PathBuf> {
        let mut files = self.prepared.files().to_vec();
        for part in self.whole.iter().flat_map(Execution::parts) {
            files.extend(part.script_files());
        }
        files.iter().map(|file| real(file)).collect()
    }

    /// What to watch.
    fn roots(&self) -> Vec<WatchRoot> {
        let mut roots: Vec<_> = self.settings().into_iter().map(WatchRoot::file).collect();
        for part in self.whole.iter().flat_map(Execution::parts) {
            let run = &part.run;
            for image in run.selected() {
                match self.reaches.get(&run.links().full_name(image)) {
                    Some(reach) => roots.extend(reach.roots()),
                    None => {
                        let config = run.project.images.get(image);
                        roots.extend(
                            config.into_iter().flat_map(|config| configured_roots(&Image::new(run, config))),
                        );
                    }
                }
            }
        }
        roots
    }

    /// How `files` affect the images; adds those that do to `causes`.
    fn affected(&self, files: &[ChangedFile], causes: &mut Vec<ChangedFile>) -> Vec<(String, ChangeImpact)> {
        let Some(whole) = &self.whole else { return Vec::new() };
        let has_own = self.prepared.call.pipeline != "dependencies";
        let parts = if has_own { whole.parts() } else { whole.all_targets() };
        let causes = Mutex::new(causes);
        let direct = |part: &Arc<Execution>, image: &str| {
            if part.run.project.images.get(image).is_none_or(|config| config.disabled) {
                return ChangeImpact::new(Answer::No, "it is disabled");
            }
            let Some(reach) = self.reaches.get(&part.run.links().full_name(image)) else {
                lock(&causes).extend(files.iter().cloned());
                return ChangeImpact::new(Answer::Maybe, "it has not been planned yet");
            };
            let mut strongest = ChangeImpact::new(Answer::No, "no file of it changed");
            // Of earlier changes, its last plan knows.
            for file in files.iter().filter(|file| file.at > reach.since()) {
                let impact = reach.if_changed(&file.path);
                if impact.answer == Answer::No {
                    continue;
                }
                lock(&causes).push(file.clone());
                if strongest.answer != Answer::Yes {
                    strongest = impact;
                }
            }
            strongest
        };
        let found = affected(&parts, |part| part.run.selected().to_vec(), direct);
        let mut causes = lock(&causes);
        causes.sort_by(|one, other| one.path.cmp(&other.path));
        causes.dedup_by(|one, other| one.path == other.path);
        found
    }

    /// Reads keys, if there is a terminal.
    fn listen(&self, passes: &Passes) -> Option<Keys> {
        let press = passes.keys();
        let keys = read_keys(move |key| match key {
            'b' => press(Key::Build),
            'p' => press(Key::Pause),
            '?' => press(Key::Why),
            'q' => press(Key::Quit),
            _ => {}
        });
        if keys.is_some() {
            let hint = "keys: b builds what is out of date, p pauses, ? shows why images were built, q ends";
            self.events.notice(Level::Info, hint);
        }
        keys
    }

    /// Shows what became of each image, and why.
    fn explain(&self) {
        for (name, (outcome, reason)) in &*lock(&self.outcomes) {
            let outcome = match outcome {
                Some(Outcome::Built) => "built",
                Some(Outcome::Skipped) => "skipped",
                Some(Outcome::Failed) => "failed",
                Some(Outcome::Cancelled) => "cancelled",
                None => "not finished",
            };
            let reason = reason.lines().next().unwrap_or_default();
            self.events.notice(Level::Info, format!("{name}: {outcome}: {reason}"));
        }
    }
}

/// Begins builds again whose files change.
struct RunningPass(Arc<Execution>);

impl Running for RunningPass {
    fn changed(&self, files: &[ChangedFile]) {
        self.0.restart_builds(files, shown);
    }
}

/// A sink that passes events on, and records what becomes of each image.
fn recording(events: &Events, outcomes: &Arc<Mutex<Outcomes>>) -> Events {
    let (events, outcomes) = (events.clone(), Arc::clone(outcomes));
    Events::new(move |event| {
        match &event {
            Event::ImageDecided { image, reason, .. } => {
                lock(&outcomes).insert(image.clone(), (None, reason.clone()));
            }
            Event::ImageFinished(result) => {
                let outcome = (Some(result.outcome), result.reason.clone());
                lock(&outcomes).insert(result.image.clone(), outcome);
            }
            _ => {}
        }
        events.emit(event);
    })
}

/// Why builds that start each other are stopped.
fn loop_reason(written: &[Written]) -> String {
    let first = written.first();
    let name = first.map(|written| shown(&written.file)).unwrap_or_default();
    let command = first.map(|written| written.command.as_str()).unwrap_or_default();
    let others = if written.len() > 1 { format!(" and {} more", written.len() - 1) } else { String::new() };
    format!(
        "`{name}`{others} changes in every build, because `{command}` writes it. Exclude it in `.dockerignore`, or write \
         it only if its content differs. Another change or b builds again"
    )
}

/// A path as it is shown: relative to the working directory if it is in it.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    let inside = here.ok().and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned));
    inside.unwrap_or_else(|| path.to_owned()).display().to_string()
}

/// A path with the symbolic links above it resolved; the file itself may be missing.
fn real(path: &Path) -> PathBuf {
    match (path.parent().and_then(|folder| folder.canonicalize().ok()), path.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}
