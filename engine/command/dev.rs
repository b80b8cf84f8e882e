//! `windlass dev`.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::Args;
use tokio::task::JoinHandle;

use super::PipelineOptions;
use super::connection_scripts::{FolderScripts, PortScripts, ScriptsInForce};
use super::exit_status::{ExitStatus, Failure};
use super::interactive_mode::{add_terminal, let_images_wait};
use super::kept_terminal::keep_terminal;
use super::load::load_project;
use super::only_session::{SessionTarget, only_session};
use super::pass_kind::{Affected, Cause, PassKind, Wish};
use super::pipeline_run::PipelineCall;
use super::target_choice::target_chooser;
use super::watch_loop::{shown, watch_loop};
use crate::cluster::{ClusterAccess, ClusterError, ClusterOptions};
use crate::command::cli::GlobalOptions;
use crate::config::{ConfigDiagnostic, DeploymentConfig, Dev, Foreground, Loaded, Project, Terminal};
use crate::connect::TargetLimits;
use crate::dev::{Chooser, ConnectionHooks, Connections, Download, Downloads, ReloadAdvice, Wanted};
use crate::event::{Events, Level};
use crate::lock::lock;
use crate::passes::{Asked, End, Key, Passes};
use crate::plan::glob_roots;
use crate::rollout::{deployment_inputs, selected};
use crate::run::{DeployOptions, DevOptions, Run, cluster_options};
use crate::script::{Execution, Reload, ScriptError};
use crate::terminal::InteractionEnd;
use crate::watch::{ChangedFile, WatchRoot};

/// The warning of a session without a cluster.
pub(super) const WITHOUT_CLUSTER: &str = "no cluster is configured: nothing is deployed or connected, and each image is \
    built when its inputs change; to deploy, set `KUBECONFIG` or `--kube-context`";

/// The options of `windlass dev`.
#[derive(Debug, Args)]
#[command(after_help = "\
A saved file is synced, or its image is built and deployed. Nothing is deleted at the end.

Examples:
  windlass dev                  develop with the section `dev`
  windlass dev --watch          build and deploy every image whose inputs change
  windlass dev -x               connect only, to the deployments
  windlass dev -t               open the terminal of the section `dev`")]
pub struct DevArgs {
    /// Deployments, in the order of devspace.yaml [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub deployments: Vec<String>,

    /// Use the last builds at the start
    #[arg(long, conflicts_with = "force_build")]
    pub skip_build: bool,

    /// Skip building and deploying at the start
    #[arg(short = 'x', long)]
    pub skip_pipeline: bool,

    /// Deploy charts that are up to date too
    #[arg(short = 'd', long)]
    pub force_deploy: bool,

    /// Wait until everything runs
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", hide_default_value = true, action = clap::ArgAction::Set)]
    pub wait: bool,

    /// Seconds to wait until everything runs
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub timeout: u64,

    /// End after the first deploy
    #[arg(long)]
    pub exit_after_deploy: bool,

    /// Build and deploy every image whose inputs change
    #[arg(short, long)]
    pub watch: bool,

    /// Let the images of `interactive` wait, and open a terminal
    #[arg(short, long)]
    pub interactive: bool,

    /// Open a terminal instead of showing logs
    #[arg(short, long)]
    pub terminal: bool,

    /// Forward ports [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", hide_default_value = true, action = clap::ArgAction::Set)]
    pub portforwarding: bool,

    /// Sync directories [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", hide_default_value = true, action = clap::ArgAction::Set)]
    pub sync: bool,

    /// Open pages [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", hide_default_value = true, action = clap::ArgAction::Set)]
    pub open: bool,

    /// Take over from another session of the namespace or a directory
    #[arg(long)]
    pub steal: bool,

    /// The command of the terminal [default: that of the section `dev`, or a shell]
    #[arg(value_name = "COMMAND", trailing_var_arg = true)]
    pub command: Vec<String>,

    /// The options of every pipeline.
    #[command(flatten)]
    pub options: PipelineOptions,
}

impl DevArgs {
    /// Prepares a session of `loaded`: checks it, and lets images wait in interactive mode. Returns whether it
    /// [only builds](DevArgs::is_without_cluster).
    ///
    /// # Errors
    /// If the section `dev` has problems, or a deployment does not exist.
    pub(super) fn prepare(&self, loaded: &mut Loaded) -> Result<bool, Failure> {
        let project = &mut loaded.project;
        project.dev.check(&project.file).map_err(Failure::wrong_use)?;
        selected(project, &self.deployments).map_err(Failure::wrong_use)?;
        let is_without_cluster = self.is_without_cluster(project, &loaded.environment);
        if is_without_cluster {
            // Nothing can be deployed or connected: all images follow their files.
            project.deployments.clear();
            let Dev { ports, folders, pages, terminal, logs, .. } = &mut project.dev;
            ports.clear();
            folders.clear();
            pages.clear();
            *terminal = None;
            logs.is_disabled = true;
        }
        let is_interactive =
            self.interactive || (project.dev.interactive.default_enabled && !is_without_cluster);
        if is_interactive && !self.terminal {
            let_images_wait(project).map_err(Failure::wrong_use)?;
        }
        if is_interactive || self.terminal {
            add_terminal(project);
        }
        Ok(is_without_cluster)
    }

    /// The first call of a session.
    pub(super) fn first_call(&self) -> PipelineCall {
        DevSession::new(self).call(&Cause::Start)
    }

    /// Whether no cluster is configured, and nothing on the command line needs one. Then the session only builds.
    pub(super) fn is_without_cluster(&self, project: &Project, environment: &[(String, String)]) -> bool {
        let needs_cluster = self.interactive || self.terminal || self.skip_pipeline || self.exit_after_deploy;
        if needs_cluster || !self.deployments.is_empty() {
            return false;
        }
        matches!(ClusterAccess::new(cluster_options(project, environment)).context(), Ok(None))
    }

    /// Whether every image and deployment follows its files, not only those of `autoReload`.
    pub(super) fn watches_all(&self, project: &Project) -> bool {
        self.watch || project.deployments.is_empty()
    }
}

/// Runs the function `dev` of the project's pipeline, and the pass that each change requires, until it is stopped.
///
/// # Errors
/// If the configuration, a script or the command line is invalid, or no port can be forwarded.
pub fn dev(global: &GlobalOptions, args: &DevArgs) -> Result<ExitStatus, Failure> {
    let loaded = load_project(global)?;
    let options = PipelineOptions { result: None, ..args.options.clone() };
    let target = SessionTarget::of(&loaded);
    let _only = match args.exit_after_deploy {
        true => None,
        false => only_session(&loaded.project.root, target.as_ref(), args.steal)?,
    };
    let mut session = DevSession { target, ..DevSession::new(args) };
    watch_loop(global, &options, loaded, &mut session)
}

/// Ends a loop, from any thread.
type Ender = Arc<dyn Fn(End) + Send + Sync>;

/// The passes of a dev session, and the connections between them.
struct DevSession<'a> {
    args: &'a DevArgs,
    /// The cluster and namespace of the session: a new current context of the kubeconfig has no effect.
    target: Option<SessionTarget>,
    connections: Option<Connections>,
    /// The connections that the scripts requested last; `None` before the first pass that succeeded.
    wanted: Option<Wanted>,
    scripts: ScriptsInForce,
    /// The files that the sync downloaded from containers.
    downloads: Downloads,
    /// Downloaded files that were reported because images are built from them.
    told_downloads: HashSet<PathBuf>,
    /// Synced files that were reported because commands of a Dockerfile use them, with their images.
    reported_runs: HashSet<(String, PathBuf)>,
    /// Reported warnings about unsupported settings in the section `dev`.
    reported_notices: HashSet<String>,
    /// Ends the loop.
    end: Option<Ender>,
    terminal: Option<JoinHandle<()>>,
    /// Why the terminal could not be opened; reported at the end, when the screen is free.
    terminal_failure: Arc<Mutex<Option<String>>>,
}

impl PassKind for DevSession<'_> {
    fn prepare(&self, loaded: &mut Loaded) -> Result<(), Failure> {
        self.args.prepare(loaded).map(drop)
    }

    fn cluster(&self) -> Option<ClusterOptions> {
        self.target.as_ref().map(|target| target.options.clone())
    }

    fn call(&self, cause: &Cause) -> PipelineCall {
        let args = self.args;
        let pipeline = match cause {
            Cause::Start => "dev",
            Cause::Settings => "set_up",
            Cause::Asked(Asked::Everything) => "first_pass",
            Cause::Asked(Asked::Deploy) => "deploy_all",
            Cause::Asked(Asked::Build) | Cause::Images(_) if self.sets_up(cause) => "set_up",
            Cause::Asked(Asked::Build) | Cause::Images(_) => "reload",
        };
        let images = match cause {
            Cause::Images(images) if !self.sets_up(cause) => images.clone(),
            _ => Vec::new(),
        };
        let is_first = *cause == Cause::Start;
        PipelineCall {
            pipeline: pipeline.to_owned(),
            skip_build: (is_first && args.skip_build)
                || (!self.sets_up(cause) && *cause == Cause::Images(Vec::new())),
            deployments: args.deployments.clone(),
            deploy: DeployOptions {
                force: (is_first && args.force_deploy) || *cause == Cause::Asked(Asked::Deploy),
                waits: args.wait,
                timeout: Duration::from_secs(args.timeout),
                ..DeployOptions::default()
            },
            dev: DevOptions {
                skip_pipeline: is_first && args.skip_pipeline,
                is_interactive: args.interactive || args.terminal,
                forwards: args.portforwarding,
                syncs: args.sync,
                opens: args.open,
            },
            ..PipelineCall::build(images)
        }
    }

    fn roots(&self, whole: &Execution) -> Vec<WatchRoot> {
        let project = &whole.run.project;
        let inputs =
            project.deployments.values().flat_map(|deployment| deployment_inputs(&project.root, deployment));
        let inputs = inputs.flat_map(|path| [WatchRoot::file(path.clone()), WatchRoot::everything(path)]);
        let globs: Vec<_> = project.dev.auto_reload.paths.iter().map(|path| path.text.clone()).collect();
        let root = project.root.canonicalize().unwrap_or_else(|_| project.root.clone());
        inputs.chain(glob_roots(&root, &globs)).collect()
    }

    fn wish(
        &mut self,
        scripts: &Arc<Execution>,
        images: Vec<Affected>,
        files: &[ChangedFile],
    ) -> Result<Wish, Arc<ScriptError>> {
        let run = &scripts.run;
        let (project, session) = (&run.project, &run.session);
        let paths: Vec<_> = files.iter().map(|file| file.path.clone()).collect();
        let no_folders = Vec::new();
        let folders = self.wanted.as_ref().map_or(&no_folders, |wanted| &wanted.folders);
        let rules = scripts.reload_rules(&paths, self.args.watches_all(project), folders);
        let changed = |deployment: &DeploymentConfig| {
            let inputs = deployment_inputs(&project.root, deployment);
            files.iter().find(|file| inputs.iter().any(|input| file.path.starts_with(input)))
        };
        if self.wanted.is_none() {
            // The first pass failed: each change is another attempt.
            let is_needed =
                rules.follows_all || project.deployments.values().any(|one| changed(one).is_some());
            return Ok(Wish {
                images: images.into_iter().map(|affected| affected.image).collect(),
                is_needed,
            });
        }
        let mut wish = Wish { images: Vec::new(), is_needed: rules.follows_all };
        for Affected { image: name, impact, causes, runs } in images {
            let causing: Vec<_> = causes.iter().map(|file| file.path.clone()).collect();
            let decided = scripts.reload(&rules, &name, &impact.reason, &causing)?;
            if decided != Reload::Nothing {
                self.report_downloads(run, &name, &causes);
            }
            if decided == Reload::Build {
                wish.images.push(name);
            } else if decided == Reload::Report {
                let why = match causes.first() {
                    Some(file) => format!("{} changed", shown(&file.path)),
                    None => impact.reason.clone(),
                };
                let message = format!("{name} is stale: {why}; b builds it");
                session.notice(Level::Info, message);
            } else {
                self.report_runs(run, &name, runs);
            }
        }
        for deployment in project.deployments.values() {
            let Some(file) = changed(deployment) else { continue };
            if self.args.watches_all(project)
                || project.dev.auto_reload.deployments.contains(&deployment.name)
            {
                wish.is_needed = true;
            } else {
                let message =
                    format!("{} is stale: {} changed; b deploys it", deployment.name, shown(&file.path));
                session.notice(Level::Info, message);
            }
        }
        Ok(wish)
    }

    fn begin(&mut self, execution: &Arc<Execution>, passes: &Passes, events: &Events) -> Result<(), Failure> {
        let run = &execution.run;
        self.report_notices(run);
        let is_without_cluster = self.args.is_without_cluster(&run.project, &run.options.environment);
        if is_without_cluster {
            run.session.notice(Level::Warning, WITHOUT_CLUSTER);
        }
        self.end = Some(passes.ender());
        if self.args.exit_after_deploy {
            return Ok(());
        }
        let (scripts, downloads) = (Arc::clone(&self.scripts), self.downloads.clone());
        let of_ports = Arc::clone(&scripts);
        let hooks = ConnectionHooks {
            folder: Box::new(move |folder| {
                Arc::new(FolderScripts {
                    scripts: Arc::clone(&scripts),
                    folder: folder.clone(),
                    downloads: downloads.clone(),
                    advice: ReloadAdvice::default(),
                })
            }),
            port: Box::new(move |port| {
                Arc::new(PortScripts { scripts: Arc::clone(&of_ports), port: port.clone() })
            }),
        };
        let scripts = Arc::clone(&self.scripts);
        let chooser: Chooser = Box::new(move |selection| target_chooser(&scripts, selection));
        let events = run.session.secrets.masking(events);
        let mut connections = Connections::new(run, &events, hooks, chooser, passes.paused());
        if !is_without_cluster && matches!(connections.access().context(), Ok(None)) {
            return Err(Failure::failed(ClusterError::NoCluster));
        }
        connections.steals = self.args.steal;
        if self.args.sync {
            // Before the build, which takes a while.
            connections.report_missing(&run.project.root, &run.project.dev.folders);
        }
        if self.args.portforwarding {
            connections.reserve(&run.project.dev.ports).map_err(Failure::of_stage)?;
        }
        self.connections = Some(connections);
        Ok(())
    }

    fn passed(
        &mut self,
        execution: &Arc<Execution>,
        scripts: &Arc<Execution>,
        cause: &Cause,
    ) -> Result<(), Failure> {
        *lock(&self.scripts) = Some(Arc::clone(scripts));
        if *cause == Cause::Settings {
            self.report_notices(&execution.run);
        }
        let sets_up = self.sets_up(cause);
        let Some(connections) = &mut self.connections else { return Ok(()) };
        let run = &execution.run;
        if sets_up {
            self.wanted = Some(lock(&execution.wanted).clone());
        }
        let Some(wanted) = self.wanted.clone() else { return Ok(()) };
        // Every deploy retries connections that ended, for example because the container had no shell.
        connections.update(run, &wanted).map_err(Failure::of_stage)?;
        match wanted.foreground {
            Some(Foreground::Terminal(terminal)) if self.terminal.is_none() => {
                self.open_terminal(run, &terminal)
            }
            _ => Ok(()),
        }
    }

    fn writer_of(&self, file: &ChangedFile) -> Option<(String, Option<String>)> {
        let Download { entry, pattern } = self.downloads.find(&file.path)?;
        let remedy = format!("Add `{pattern}` to `downloadExcludePaths` of the entry at {entry}");
        Some((format!("it comes from the container (sync entry at {entry})"), Some(remedy)))
    }

    fn open(&self) {
        if let Some(connections) = &self.connections {
            let pages: Vec<_> = self.wanted.iter().flat_map(|wanted| &wanted.pages).collect();
            if pages.is_empty() {
                connections.report("the section `dev` has no pages to open");
            }
            pages.into_iter().for_each(|page| connections.open_again(page));
        }
    }

    fn keys(&self) -> &'static [(char, Key, &'static str)] {
        &[
            ('r', Key::Ask(Asked::Everything), "first pass again"),
            ('d', Key::Ask(Asked::Deploy), "deploy"),
            ('o', Key::Open, "open pages"),
        ]
    }

    fn failed(&mut self, execution: &Arc<Execution>, error: &ScriptError) {
        let told = execution.call("on_dev_error", vec![error.to_string().into()]);
        if let Err(error) = told {
            execution.run.session.notice(Level::Warning, error.to_string());
        }
    }

    fn is_over(&self) -> bool {
        self.args.exit_after_deploy
    }

    fn takes_terminal(&self) -> bool {
        self.terminal.is_some()
    }

    fn calls_scripts(&self) -> bool {
        true
    }

    fn end(&mut self, execution: &Arc<Execution>) {
        if let Some(connections) = self.connections.take() {
            connections.close();
        }
        if let Some(terminal) = self.terminal.take() {
            terminal.abort();
        }
        if let Some(message) = lock(&self.terminal_failure).take() {
            execution.run.session.notice(Level::Warning, message);
        }
        if let Err(error) = execution.call("after_dev", Vec::new()) {
            execution.run.session.notice(Level::Warning, error.to_string());
        }
    }
}

impl<'a> DevSession<'a> {
    /// A session that has not begun.
    fn new(args: &'a DevArgs) -> Self {
        Self {
            args,
            target: None,
            connections: None,
            wanted: None,
            scripts: ScriptsInForce::default(),
            downloads: Downloads::default(),
            told_downloads: HashSet::new(),
            reported_runs: HashSet::new(),
            reported_notices: HashSet::new(),
            end: None,
            terminal: None,
            terminal_failure: Arc::default(),
        }
    }

    /// Whether a pass for `cause` decides about connections: at the start, for other settings, and until one succeeded.
    fn sets_up(&self, cause: &Cause) -> bool {
        match cause {
            Cause::Start | Cause::Settings => true,
            Cause::Asked(Asked::Build) | Cause::Images(_) => self.wanted.is_none(),
            Cause::Asked(Asked::Everything | Asked::Deploy) => false,
        }
    }

    /// Reports unsupported settings in the section `dev`, unless the previous section had them too.
    fn report_notices(&mut self, run: &Run) {
        let notices: Vec<_> = run.project.dev.notices.iter().map(ConfigDiagnostic::in_one_line).collect();
        for notice in notices.iter().filter(|notice| !self.reported_notices.contains(*notice)) {
            run.session.notice(Level::Warning, notice.clone());
        }
        self.reported_notices = notices.into_iter().collect();
    }

    /// Reports the files that came from a container and now affect `image`, one for each pattern.
    fn report_downloads(&mut self, run: &Run, image: &str, causes: &[ChangedFile]) {
        for file in causes {
            let Some(Download { entry, pattern }) = self.downloads.find(&file.path) else { continue };
            if self.told_downloads.insert(file.path.clone()) {
                let message = format!(
                    "{} came from the container, and {image} is built from it: to keep it out, add `{pattern}` to \
                     `downloadExcludePaths` of the sync entry at {entry}",
                    shown(&file.path)
                );
                return run.session.notice(Level::Warning, message);
            }
        }
    }

    /// Reports the files that were synced although commands of the Dockerfile of `image` use them, each once.
    fn report_runs(&mut self, run: &Run, image: &str, runs: Vec<(PathBuf, String)>) {
        for (file, command) in runs {
            if self.reported_runs.insert((image.to_owned(), file.clone())) {
                let file = shown(&file);
                let message = format!(
                    "{file} is synced, but {image} still has the result of {command} with the old file; b builds it"
                );
                run.session.notice(Level::Info, message);
            }
        }
    }

    /// Opens the terminal, once its container runs. Its end is the end of the session, unless its container is replaced.
    fn open_terminal(&mut self, run: &Arc<Run>, terminal: &Terminal) -> Result<(), Failure> {
        let (Some(connections), Some(end)) = (&self.connections, self.end.clone()) else { return Ok(()) };
        let watch = connections.watch(run, &terminal.selection).map_err(Failure::of_stage)?;
        let limit = TargetLimits::default().start;
        let found = run.session.wait(async { tokio::time::timeout(limit, watch.settled()).await });
        // It is over if that was cancelled.
        let Ok(found) = found else { return Ok(()) };
        let Some(target) = found.ok().flatten() else {
            let (selection, seconds) = (terminal.selection.to_string(), limit.as_secs());
            return Err(Failure::failed(NoTerminal { selection, seconds }));
        };
        let access = connections.access().clone();
        let terminal = terminal.clone().with_command(&self.args.command);
        let (cancel, failure) = (connections.cancellation(), Arc::clone(&self.terminal_failure));
        self.terminal = Some(run.session.runtime().spawn(async move {
            let ended = keep_terminal(&access, target, &watch, terminal, &cancel).await;
            end(match ended {
                Ok(InteractionEnd::Exited(code)) => End::Exited(code),
                Ok(_) => End::Quit,
                Err(error) => {
                    *lock(&failure) = Some(error.to_string());
                    End::Exited(1)
                }
            });
        }));
        Ok(())
    }
}

/// No container runs in which a terminal could be opened.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot open a terminal: no container of {selection} runs after {seconds} seconds")]
#[diagnostic(
    code(dev::no_terminal),
    help("see the messages above, and `windlass status`; every change is another attempt")
)]
struct NoTerminal {
    selection: String,
    seconds: u64,
}
