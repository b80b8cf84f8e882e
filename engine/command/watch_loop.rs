//! One pass of a pipeline, and another one after each change, until it is stopped.

use std::collections::{BTreeMap, HashSet};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use indexmap::IndexMap;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::PipelineOptions;
use super::exit_status::{ExitStatus, Failure, NoThreads, print_text};
use super::first_warnings::FirstWarnings;
use super::interrupt::cancel_on_interrupt;
use super::load::{failure, load_options};
use super::pass_kind::{Affected, Cause, PassKind, Wish};
use super::pipeline_run::{Failures, PipelineCall, Prepared, call_pipeline, failures, new_runtime};
use super::quiet_log::hidden;
use super::store_size::keep_store_small;
use crate::command::cli::GlobalOptions;
use crate::config::{self, ConfigDiagnostic, LoadOptions, Loaded};
use crate::delays::Delays;
use crate::error::ErrorKind;
use crate::event::{Event, Events, KeyHint, Level, Outcome};
use crate::host::Writes;
use crate::lock::lock;
use crate::passes::{Asked, End, Guard, Key, Next, Passes, Questions, Reaches, Running, WrittenFile};
use crate::plan::{Answer, ChangeImpact, configured_roots};
use crate::process::{Keys, read_keys};
use crate::report::{Report, ReportOptions};
use crate::run::{Image, RunOptions};
use crate::script::{Execution, affected};
use crate::watch::{ChangedFile, WatchRoot};

/// Calls a pipeline of `loaded`, and again after each change, until Ctrl-C.
///
/// # Errors
/// If a script or the command line is invalid at the start. Later failures are only reported; so are those of the first
/// pass in a terminal, where the user can correct them.
pub(super) fn watch_loop(
    global: &GlobalOptions,
    options: &PipelineOptions,
    mut loaded: Loaded,
    kind: &mut dyn PassKind,
) -> Result<ExitStatus, Failure> {
    kind.prepare(&mut loaded)?;
    let warnings = std::mem::take(&mut loaded.warnings);
    let prepared = Prepared::new(global, options, loaded, kind.call(&Cause::Start))?;
    let runtime = new_runtime()?;
    let report = Report::start(ReportOptions {
        progress: global.progress,
        silent: global.silent,
        debug: global.debug,
        log_directory: Some(prepared.project().root.join(".windlass").join("logs")),
        ..ReportOptions::default()
    });
    let outcomes: Arc<Mutex<Outcomes>> = Arc::default();
    let quiet = Arc::<AtomicBool>::default();
    let log = prepared.project().root.join(".windlass").join("logs").join("dev.log");
    let events = recording(&hidden(report.events(), &quiet, log), &outcomes);
    let warned = report_new(&events, global, &warnings, &HashSet::new());
    let cancel = CancellationToken::new();
    cancel_on_interrupt(runtime.handle(), &cancel, &events);
    let ended = WatchLoop {
        global,
        first_options: options,
        options: PipelineOptions {
            force_build: false,
            force: Vec::new(),
            // The results of the first pass apply to all.
            update_bases: options.update_bases.map(|_| Duration::MAX),
            ..options.clone()
        },
        kind,
        runtime: &runtime,
        events: events.clone(),
        warnings: FirstWarnings::default(),
        warned,
        outcomes,
        passes_end: cancel.child_token(),
        cancel,
        prepared,
        whole: None,
        between: None,
        reaches: Reaches::default(),
        writes: Writes::default(),
        guard: Guard::default(),
        delays: Delays::new(FIRST_PAUSE, LONGEST_PAUSE),
        shown: None,
        keys: None,
        questions: None,
        scripts_end: CancellationToken::new(),
        quiet,
    }
    .run();
    let finished = report.finish();
    runtime.shutdown_timeout(Duration::from_secs(2));
    let (status, texts) = ended?;
    texts.iter().for_each(|text| print_text(text));
    finished.map_err(Failure::failed)?;
    Ok(status)
}

/// The last outcome of each image.
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
    /// The options of later passes: `--force` applies only to the first one.
    options: PipelineOptions,
    kind: &'a mut dyn PassKind,
    runtime: &'a Runtime,
    events: Events,
    /// The warnings of passes.
    warnings: FirstWarnings,
    /// The warnings of the configuration in force.
    warned: HashSet<String>,
    outcomes: Arc<Mutex<Outcomes>>,
    cancel: CancellationToken,
    passes_end: CancellationToken,
    /// The configuration and scripts in force.
    prepared: Prepared,
    /// The last run of all images, with that configuration.
    whole: Option<Arc<Execution>>,
    /// The run for calls of scripts between passes, once it is needed.
    between: Option<Arc<Execution>>,
    /// The inputs of the last plans of the images.
    reaches: Reaches,
    /// The commands of the last pass.
    writes: Writes,
    guard: Guard,
    /// The pauses between attempts to reach the cluster.
    delays: Delays,
    /// The failure that was shown last.
    shown: Option<String>,
    /// The keys, while they are read.
    keys: Option<Keys>,
    /// The questions that keys answer.
    questions: Option<Questions>,
    /// Stops the work of scripts between passes.
    scripts_end: CancellationToken,
    /// Whether nothing is printed.
    quiet: Arc<AtomicBool>,
}

impl WatchLoop<'_> {
    /// The exit status, and failures to print at the end.
    fn run(mut self) -> Result<(ExitStatus, Vec<String>), Failure> {
        let (execution, call) = self.start(&Cause::Start, self.first_options)?;
        let passes = Passes::start(self.roots(), &self.events, &self.passes_end);
        let passes = passes.map_err(|error| Failure::failed(NoThreads { reason: error.to_string() }))?;
        let (interrupt, cancel) = (passes.interrupter(), self.cancel.clone());
        self.runtime.spawn(async move {
            cancel.cancelled().await;
            interrupt();
        });
        self.kind.begin(&execution, &passes, &self.events)?;
        self.questions = Some(passes.questions().clone());
        self.keys = self.listen(&passes);
        let ended = match self.pass(&passes, &execution, call, &Cause::Start) {
            Ended::Failed(texts, status) if !self.outlives_failures() => (status, texts),
            Ended::Succeeded if self.kind.is_over() => (ExitStatus::Done, Vec::new()),
            ended => {
                self.report(ended);
                (self.serve(&passes), Vec::new())
            }
        };
        self.leave_keys();
        self.quiet.store(false, Ordering::Relaxed);
        self.end();
        self.scripts_end.cancel();
        Ok(ended)
    }

    /// Whether the loop continues after a failed first pass: in a terminal, the user can fix the cause.
    fn outlives_failures(&self) -> bool {
        !self.kind.is_over() && std::io::stdin().is_terminal()
    }

    /// Runs the last step of the scripts with the last configuration, within a time limit.
    fn end(&mut self) {
        if !self.kind.calls_scripts() {
            return;
        }
        // A failed setup was reported before.
        let Ok(execution) = self.scripts() else { return };
        let cancel = self.scripts_end.clone();
        self.runtime.spawn(async move {
            tokio::time::sleep(END_LIMIT).await;
            cancel.cancel();
        });
        self.kind.end(&execution);
    }

    /// Handles changes and keys until the end.
    fn serve(&mut self, passes: &Passes) -> ExitStatus {
        loop {
            let (files, asked) = match passes.next() {
                Next::End(End::Quit) => return ExitStatus::Done,
                Next::End(End::Interrupted) => return ExitStatus::Interrupted,
                Next::End(End::Exited(code)) => return ExitStatus::of_program(code),
                Next::Why => {
                    self.explain();
                    continue;
                }
                Next::Open => {
                    self.kind.open();
                    continue;
                }
                Next::Changed(files) => (files, None),
                Next::Asked(asked, files) => (files, Some(asked)),
            };
            let files = self.reaches.written(files);
            if files.is_empty() && asked.is_none() {
                continue;
            }
            let settings = self.settings();
            let changed: Vec<_> = files.iter().filter(|file| settings.contains(&file.path)).collect();
            if !changed.is_empty() {
                let names = changed.iter().map(|file| shown(&file.path)).collect();
                self.events.emit(Event::FilesChanged { files: names, images: Vec::new() });
                match self.reload() {
                    Ok(()) => {
                        self.guard.reset();
                        self.pass_of(passes, &Cause::Settings);
                        continue;
                    }
                    Err(failure) => {
                        self.report(Ended::Failed(vec![failure.text()], ExitStatus::WrongUse));
                        self.events.notice(Level::Info, "the last valid configuration stays in force");
                    }
                }
            }
            if let Some(asked) = asked {
                self.guard.reset();
                self.pass_of(passes, &Cause::Asked(asked));
            } else {
                self.pass_for(passes, &files);
            }
        }
    }

    /// The pass for `files`, if they affect images.
    fn pass_for(&mut self, passes: &Passes, files: &[ChangedFile]) {
        let affected = self.affected(files);
        let scripts = match self.scripts() {
            Ok(scripts) => scripts,
            Err(failure) => return self.report(Ended::Failed(vec![failure.text()], ExitStatus::WrongUse)),
        };
        let wish = match self.kind.wish(&scripts, affected.clone(), files) {
            Ok(wish) => wish,
            Err(error) => {
                let Failures { texts, status, .. } = failures(&scripts, &error);
                return self.report(Ended::Failed(texts, status));
            }
        };
        let Wish { mut images, is_needed } = wish;
        if images.is_empty() && !is_needed {
            return;
        }
        let wanted = affected.iter().filter(|affected| images.contains(&affected.image));
        let mut causes: Vec<_> = wanted.flat_map(|affected| affected.causes.iter().cloned()).collect();
        causes.sort_by(|one, other| one.path.cmp(&other.path));
        causes.dedup_by(|one, other| one.path == other.path);
        if causes.is_empty() {
            causes = files.to_vec();
        }
        let (kind, writes) = (&*self.kind, self.writes.clone());
        let written = |file: &ChangedFile| {
            let command =
                || writes.writer_at(file.at).map(|writer| (format!("`{}` writes it", writer.command), None));
            let (writer, remedy) = kind.writer_of(file).or_else(command)?;
            Some(WrittenFile { file: file.path.clone(), writer, remedy })
        };
        if let Err(written) = self.guard.check(&causes, written) {
            let reason = loop_reason(&written, |file| self.reaches.ignore_line(&images, file));
            return self.events.emit(Event::WatchPaused { reason });
        }
        let files = causes.iter().map(|file| shown(&file.path)).collect();
        self.events.emit(Event::FilesChanged { files, images: images.clone() });
        // Images whose build another failure stopped must still be built.
        for (name, (outcome, _)) in &*lock(&self.outcomes) {
            if *outcome == Some(Outcome::Cancelled) && !images.contains(name) {
                images.push(name.clone());
            }
        }
        self.pass_of(passes, &Cause::Images(images));
    }

    /// Runs a pass.
    fn pass_of(&mut self, passes: &Passes, cause: &Cause) {
        let options = self.options.clone();
        let ended = match self.start(cause, &options) {
            Ok((execution, call)) => {
                if matches!(cause, Cause::Images(_)) && passes.sees_all() {
                    self.keep_files(&execution);
                }
                self.pass(passes, &execution, call, cause)
            }
            Err(failure) => Ended::Failed(vec![failure.text()], ExitStatus::WrongUse),
        };
        self.report(ended);
    }

    /// Lets a pass select the watched files of its images without a walk.
    fn keep_files(&self, execution: &Arc<Execution>) {
        for part in execution.parts() {
            for image in part.run.selected() {
                if let Some(files) = self.reaches.keep(&part.run.links().full_name(image)) {
                    part.run.keep_files(image, files);
                }
            }
        }
    }

    /// Sets up a pass.
    fn start(
        &mut self,
        cause: &Cause,
        options: &PipelineOptions,
    ) -> Result<(Arc<Execution>, PipelineCall), Failure> {
        let events = self.warnings.filter(&self.events);
        let started =
            self.start_until(cause, options, (self.global, &events), self.passes_end.child_token())?;
        if !matches!(cause, Cause::Images(_)) {
            self.whole = Some(Arc::clone(&started.0));
        }
        Ok(started)
    }

    /// The run for calls of scripts between passes and at the end. The run of a pass ends with the pass; this one lasts
    /// until the configuration changes. If no functions are called, it is the last run.
    fn scripts(&mut self) -> Result<Arc<Execution>, Failure> {
        let last = self.whole.as_ref().filter(|_| !self.kind.calls_scripts());
        if let Some(known) = last.or(self.between.as_ref()) {
            return Ok(Arc::clone(known));
        }
        let options = self.options.clone();
        let cause = Cause::Asked(Asked::Build);
        // The passes have the same warnings of the dependencies.
        let global = GlobalOptions { no_warn: true, ..self.global.clone() };
        let (execution, _) =
            self.start_until(&cause, &options, (&global, &self.events), self.scripts_end.child_token())?;
        if let Some(questions) = &self.questions {
            // Cannot fail: the execution was just created.
            let _ = execution.questions.set(questions.clone());
        }
        self.between = Some(Arc::clone(&execution));
        Ok(execution)
    }

    /// Sets up a run that reports to `events` and ends with `cancel`.
    fn start_until(
        &self,
        cause: &Cause,
        options: &PipelineOptions,
        (global, events): (&GlobalOptions, &Events),
        cancel: CancellationToken,
    ) -> Result<(Arc<Execution>, PipelineCall), Failure> {
        let prepared = self.prepared.with_call(options, self.kind.call(cause))?;
        let cluster = self.kind.cluster();
        let run_options = RunOptions { is_watching: true, cluster, ..prepared.run_options(options) };
        prepared.start_until(global, run_options, events, self.runtime, None, cancel)
    }

    /// Runs a pass.
    fn pass(
        &mut self,
        passes: &Passes,
        execution: &Arc<Execution>,
        call: PipelineCall,
        cause: &Cause,
    ) -> Ended {
        let is_new = matches!(cause, Cause::Start | Cause::Settings);
        let is_quiet = self.kind.takes_terminal();
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
                if let Some(reach) = part.take_reach(image) {
                    if !reach.is_kept() {
                        since = since.min(reach.since());
                    }
                    let name = part.run.links().full_name(image);
                    self.reaches.planned(name, reach, *cause == Cause::Start);
                }
            }
            part.run.remove_files();
        }
        self.writes = execution.run.session.host.writes.clone();
        let wall = wall.checked_sub(started.duration_since(since)).unwrap_or(wall);
        passes.set_roots(self.roots(), (since, wall));
        let ended = match outcome {
            Ok(()) => match self.scripts().and_then(|scripts| self.kind.passed(execution, &scripts, cause)) {
                Ok(()) => {
                    if self.kind.takes_terminal() && !is_quiet {
                        self.leave_keys();
                        self.events.emit(Event::TerminalTaken);
                        self.quiet.store(true, Ordering::Relaxed);
                    }
                    Ended::Succeeded
                }
                Err(failure) => Ended::Failed(vec![failure.text()], ExitStatus::Failed),
            },
            Err(_) if self.passes_end.is_cancelled() => Ended::Stopped,
            Err(error) => {
                self.kind.failed(execution, &error);
                let goes_on = *cause != Cause::Start || self.outlives_failures();
                if goes_on && error.stage().is_some_and(|stage| stage.kind() == ErrorKind::ClusterUnreachable)
                {
                    self.try_later(passes);
                }
                let Failures { texts, status, .. } = failures(execution, &error);
                Ended::Failed(texts, status)
            }
        };
        // Background hooks end with their pass, as with every build.
        execution.run.session.cancel.cancel();
        let is_whole = matches!(cause, Cause::Start | Cause::Settings | Cause::Asked(Asked::Everything));
        self.warnings.end_pass(is_whole && matches!(ended, Ended::Succeeded));
        ended
    }

    /// Asks for another pass after a pause: the cluster may respond then.
    fn try_later(&mut self, passes: &Passes) {
        let pause = self.delays.advance();
        let again = passes.again();
        let end = self.passes_end.clone();
        self.events.notice(Level::Info, format!("trying again in {} s", pause.as_secs()));
        self.runtime.spawn(async move {
            tokio::select! {
                () = end.cancelled() => {}
                () = tokio::time::sleep(pause) => again(),
            }
        });
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
    fn report(&mut self, ended: Ended) {
        let message = match ended {
            Ended::Stopped => return,
            Ended::Succeeded => {
                self.delays.reset();
                None
            }
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
        self.kind.prepare(&mut loaded)?;
        let warnings = std::mem::take(&mut loaded.warnings);
        self.prepared = Prepared::new(self.global, &self.options, loaded, self.kind.call(&Cause::Settings))?;
        self.reaches.clear();
        self.between = None;
        self.warned = report_new(&self.events, self.global, &warnings, &self.warned);
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

    /// The files and directories to watch.
    fn roots(&self) -> Vec<WatchRoot> {
        let mut roots: Vec<_> = self.settings().into_iter().map(WatchRoot::file).collect();
        roots.extend(self.whole.iter().flat_map(|whole| self.kind.roots(whole)));
        for part in self.whole.iter().flat_map(Execution::parts) {
            let run = &part.run;
            for image in run.selected() {
                match self.reaches.roots(&run.links().full_name(image)) {
                    Some(known) => roots.extend(known.iter().cloned()),
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

    /// The images that `files` affect.
    fn affected(&self, files: &[ChangedFile]) -> Vec<Affected> {
        let Some(whole) = &self.whole else { return Vec::new() };
        let has_own = self.prepared.call.pipeline != "dependencies";
        let parts = if has_own { whole.parts() } else { whole.all_targets() };
        let causes: Mutex<BTreeMap<String, Vec<ChangedFile>>> = Mutex::default();
        let runs: Mutex<BTreeMap<String, Vec<(PathBuf, String)>>> = Mutex::default();
        let direct = |part: &Arc<Execution>, image: &str| {
            if part.run.project.images.get(image).is_none_or(|config| config.disabled) {
                return ChangeImpact::new(Answer::No, "it is disabled");
            }
            let name = part.run.links().full_name(image);
            let Some(reach) = self.reaches.get(&name) else {
                lock(&causes).insert(name, files.to_vec());
                return ChangeImpact::new(Answer::Maybe, "it has not been planned yet");
            };
            let mut strongest = ChangeImpact::new(Answer::No, "none of its inputs changed");
            // The last plan includes earlier changes.
            let is_change =
                |file: &&ChangedFile| file.at > reach.since() && self.reaches.has_change(&name, &file.path);
            for file in files.iter().filter(is_change) {
                let impact = reach.if_changed(&file.path);
                if impact.answer == Answer::No {
                    continue;
                }
                lock(&causes).entry(name.clone()).or_default().push(file.clone());
                let run = reach.run_that_uses(&file.path).map(|run| (file.path.clone(), run));
                lock(&runs).entry(name.clone()).or_default().extend(run);
                if strongest.answer != Answer::Yes {
                    strongest = impact;
                }
            }
            strongest
        };
        let found = affected(&parts, |part| part.run.selected().to_vec(), direct);
        let (mut causes, mut runs) = (lock(&causes), lock(&runs));
        let found = found.into_iter().filter(|(_, impact)| impact.answer != Answer::No);
        found
            .map(|(image, impact)| {
                let causes = causes.remove(&image).unwrap_or_default();
                let runs = runs.remove(&image).unwrap_or_default();
                Affected { image, impact, causes, runs }
            })
            .collect()
    }

    /// Reads keys, if there is a terminal.
    fn listen(&self, passes: &Passes) -> Option<Keys> {
        let press = passes.keys();
        let more = self.kind.keys();
        let keys = read_keys(move |key| {
            let known = ALL_KEYS.iter().chain(more).find(|(known, ..)| *known == key);
            if let Some((_, key, _)) = known {
                press(*key);
            }
        });
        passes.questions().allow(keys.is_some());
        if keys.is_some() {
            let hints = ALL_KEYS.iter().chain(more).filter(|(.., hint)| !hint.is_empty());
            let hints = hints.map(|(key, _, hint)| KeyHint { key: *key, does: (*hint).to_owned() });
            self.events.emit(Event::Keys { keys: hints.collect() });
        }
        keys
    }

    /// Reads no more keys: another process uses the terminal, or the loop is over.
    fn leave_keys(&mut self) {
        self.keys = None;
        if let Some(questions) = &self.questions {
            questions.allow(false);
        }
    }

    /// Shows the last outcome of each image, with the reason.
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

/// How long [`PassKind::end`] may take.
const END_LIMIT: Duration = Duration::from_secs(10);

/// The pauses between attempts to reach the cluster.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The keys of every loop, and their effects.
const ALL_KEYS: [(char, Key, &str); 6] = [
    ('b', Key::Ask(Asked::Build), "build"),
    ('p', Key::Pause, "pause"),
    ('?', Key::Why, "why"),
    ('y', Key::Answer(true), ""),
    ('n', Key::Answer(false), ""),
    ('q', Key::Quit, "end"),
];

/// Begins builds again whose files change.
struct RunningPass(Arc<Execution>);

impl Running for RunningPass {
    fn changed(&self, files: &[ChangedFile]) {
        self.0.restart_builds(files, shown);
    }
}

/// A sink that passes events on, and records the outcome of each image.
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

/// Reports the warnings of a configuration that the one before did not have; returns all of them.
fn report_new(
    events: &Events,
    global: &GlobalOptions,
    warnings: &[ConfigDiagnostic],
    before: &HashSet<String>,
) -> HashSet<String> {
    let warnings: Vec<_> = warnings.iter().map(ConfigDiagnostic::in_one_line).collect();
    for warning in warnings.iter().filter(|warning| !global.no_warn && !before.contains(*warning)) {
        events.notice(Level::Warning, warning.clone());
    }
    warnings.into_iter().collect()
}

/// Why builds that start each other are stopped; `ignore` is the ignore file of an image with a file, and the line that
/// leaves it out.
fn loop_reason(written: &[WrittenFile], ignore: impl Fn(&Path) -> Option<(PathBuf, String)>) -> String {
    let Some(WrittenFile { file, writer, remedy }) = written.first() else { return String::new() };
    let others = if written.len() > 1 { format!(" and {} more", written.len() - 1) } else { String::new() };
    let by_line = || {
        let (path, line) = ignore(file)?;
        Some(format!("Add the line `{line}` to `{}`", shown(&path)))
    };
    let remedy = remedy.clone().or_else(by_line).unwrap_or_else(|| "Leave it out of `onChange`".to_owned());
    format!(
        "`{}`{others} changes in every build, because {writer}. {remedy}, or write it only if its content differs. Another \
         change or b builds again",
        shown(file)
    )
}

/// A path as it is shown: relative to the working directory if it is in it.
pub(super) fn shown(path: &Path) -> String {
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
