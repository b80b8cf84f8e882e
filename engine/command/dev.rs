//! `windlass dev`.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use rhai::{Dynamic, Map};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::PipelineOptions;
use super::enter::open_terminal;
use super::exit_status::{ExitStatus, Failure};
use super::load::load_project;
use super::pipeline_run::PipelineCall;
use super::watch_loop::{Cause, Ender, PassKind, Wish, watch_loop};
use crate::builder::is_on_change_file;
use crate::command::cli::GlobalOptions;
use crate::config::{Foreground, Loaded, Project, Terminal};
use crate::connect::{Target, TargetLimits};
use crate::dev::{Connections, is_covered};
use crate::event::Level;
use crate::lock::lock;
use crate::passes::End;
use crate::plan::ChangeImpact;
use crate::rollout::{deployment_inputs, selected, target_selector};
use crate::run::{DeployOptions, DevOptions, Image, Run};
use crate::script::{Execution, ScriptError};
use crate::terminal::InteractionEnd;
use crate::watch::{ChangedFile, WatchRoot};

/// How long `after_dev` may take.
const END_LIMIT: Duration = Duration::from_secs(10);

/// The entrypoint of an image in interactive mode that has none of its own.
const SLEEP: [&str; 2] = ["sleep", "999999999"];

/// The options of `windlass dev`.
#[derive(Debug, Args)]
#[command(after_help = "\
Windlass builds, deploys and connects what the section `dev` names. Then a saved file is synced,
or builds and deploys its image (`autoReload`). Nothing is deleted at the end.

Examples:
  windlass dev                  develop with the section `dev`
  windlass dev --watch          build and deploy every image whose inputs change
  windlass dev -x               connect only, to what is deployed
  windlass dev -t               open the terminal of the section `dev`")]
pub struct DevArgs {
    /// Deployments, in the order of devspace.yaml [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub deployments: Vec<String>,

    /// Use the last builds at the start
    #[arg(long, conflicts_with = "force_build")]
    pub skip_build: bool,

    /// Neither build nor deploy at the start
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

    /// Sync folders [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", hide_default_value = true, action = clap::ArgAction::Set)]
    pub sync: bool,

    /// Open pages [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", hide_default_value = true, action = clap::ArgAction::Set)]
    pub open: bool,

    /// The command of the terminal [default: that of the section `dev`, or a shell]
    #[arg(value_name = "COMMAND", trailing_var_arg = true)]
    pub command: Vec<String>,

    /// The options of every pipeline.
    #[command(flatten)]
    pub options: PipelineOptions,
}

/// Runs the function `dev` of the project's pipeline, and does what each change asks for, until it is stopped.
///
/// # Errors
/// If the configuration, a script or the command line is invalid, or no port can be forwarded.
pub fn dev(global: &GlobalOptions, args: &DevArgs) -> Result<ExitStatus, Failure> {
    let mut loaded = load_project(global)?;
    let project = &loaded.project;
    project.dev.check(&project.file).map_err(Failure::wrong_use)?;
    selected(project, &args.deployments).map_err(Failure::wrong_use)?;
    if args.interactive || (project.dev.interactive.default_enabled && !args.terminal) {
        let_images_wait(&mut loaded);
    }
    let options = PipelineOptions { result: None, ..args.options.clone() };
    let watches_all = args.watch || loaded.project.deployments.is_empty();
    let mut session = DevSession { args, watches_all, connections: None, end: None, terminal: None };
    watch_loop(global, &options, loaded, &mut session)
}

/// Gives the images of `interactive` another entrypoint: their own, or one that waits. Without the section, it is the only
/// image.
fn let_images_wait(loaded: &mut Loaded) {
    let Project { dev, images, .. } = &mut loaded.project;
    let only =
        images.keys().next().filter(|_| images.len() == 1 && dev.interactive.images.is_empty()).cloned();
    let of_section = dev.interactive.images.iter();
    let mut changes: Vec<_> =
        of_section.map(|image| (image.name.clone(), image.entrypoint.clone(), image.cmd.clone())).collect();
    changes.extend(only.map(|name| (name, None, None)));
    for (name, entrypoint, cmd) in changes {
        let Some(image) = images.get_mut(&name) else { continue };
        let (entrypoint, cmd) = match (entrypoint, cmd) {
            (None, None) => (Some(SLEEP.map(str::to_owned).to_vec()), Some(Vec::new())),
            own => own,
        };
        image.entrypoint = entrypoint.or_else(|| image.entrypoint.take());
        image.cmd = cmd.or_else(|| image.cmd.take());
    }
}

/// The passes of a dev session, and what is connected between them.
struct DevSession<'a> {
    args: &'a DevArgs,
    watches_all: bool,
    connections: Option<Connections>,
    /// Ends the loop.
    end: Option<Ender>,
    terminal: Option<JoinHandle<()>>,
}

impl PassKind for DevSession<'_> {
    fn call(&self, cause: &Cause) -> PipelineCall {
        let args = self.args;
        let pipeline = match cause {
            Cause::Start => "dev",
            Cause::Settings => "set_up",
            Cause::Asked | Cause::Images(_) => "reload",
        };
        let images = match cause {
            Cause::Images(images) => images.clone(),
            Cause::Start | Cause::Settings | Cause::Asked => Vec::new(),
        };
        let is_first = *cause == Cause::Start;
        PipelineCall {
            pipeline: pipeline.to_owned(),
            skip_build: (is_first && args.skip_build)
                || (images.is_empty() && matches!(cause, Cause::Images(_))),
            deployments: args.deployments.clone(),
            deploy: DeployOptions {
                force: is_first && args.force_deploy,
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
        let roots =
            inputs.flat_map(|path| [WatchRoot::file(path.clone()), WatchRoot::folder(path, |_, _| true)]);
        roots.collect()
    }

    fn wish(
        &mut self,
        whole: &Arc<Execution>,
        images: Vec<(String, ChangeImpact)>,
        causes: &[ChangedFile],
        files: &[ChangedFile],
    ) -> Result<Wish, Arc<ScriptError>> {
        let run = &whole.run;
        let (project, session) = (&run.project, &run.session);
        let globs: Vec<_> = project.dev.auto_reload.paths.iter().map(|path| path.text.clone()).collect();
        let reloads_all = files.iter().any(|file| is_on_change_file(&project.root, &globs, &file.path));
        let mut wish = Wish { images: Vec::new(), is_needed: reloads_all };
        for (name, impact) in images {
            let is_automatic =
                self.watches_all || reloads_all || project.dev.auto_reload.images.contains(&name);
            let is_covered = causes.iter().all(|file| is_covered(project, &name, &file.path));
            let accepts = match project.images.get(&name) {
                Some(config) => {
                    let change = change(&impact, causes, is_automatic, is_covered);
                    let arguments = vec![Dynamic::from(Image::new(run, config)), change.into()];
                    whole.call_function("reloads", arguments)?.as_bool().unwrap_or(false)
                }
                // The images of dependencies are built with those that need them.
                None => is_automatic,
            };
            if accepts {
                wish.images.push(name);
            } else if !is_covered {
                let message = format!("{name} is stale: {}; b builds it", impact.reason);
                session.notice(Level::Info, message);
            }
        }
        for deployment in project.deployments.values() {
            let inputs = deployment_inputs(&project.root, deployment);
            let Some(file) =
                files.iter().find(|file| inputs.iter().any(|input| file.path.starts_with(input)))
            else {
                continue;
            };
            if self.watches_all || project.dev.auto_reload.deployments.contains(&deployment.name) {
                wish.is_needed = true;
            } else {
                let path = file.path.strip_prefix(&project.root).unwrap_or(&file.path).display();
                session.notice(
                    Level::Info,
                    format!("{} is stale: {path} changed; b deploys it", deployment.name),
                );
            }
        }
        Ok(wish)
    }

    fn begin(&mut self, execution: &Arc<Execution>, end: Ender) -> Result<(), Failure> {
        let run = &execution.run;
        for notice in &run.project.dev.notices {
            run.session.notice(Level::Warning, notice.in_one_line());
        }
        self.end = Some(end);
        if self.args.exit_after_deploy {
            return Ok(());
        }
        let mut connections = Connections::new(run, &CancellationToken::new());
        if self.args.portforwarding {
            connections.reserve(&run.project.dev.ports).map_err(Failure::of_stage)?;
        }
        self.connections = Some(connections);
        Ok(())
    }

    fn passed(&mut self, execution: &Arc<Execution>, cause: &Cause) -> Result<(), Failure> {
        let Some(connections) = &mut self.connections else { return Ok(()) };
        let run = &execution.run;
        if !matches!(cause, Cause::Start | Cause::Settings) {
            return connections.select(run).map_err(Failure::of_stage);
        }
        let wanted = lock(&execution.wanted).clone();
        connections.update(run, &wanted).map_err(Failure::of_stage)?;
        match wanted.foreground {
            Some(Foreground::Terminal(terminal)) if self.terminal.is_none() => self.open(run, terminal),
            _ => Ok(()),
        }
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

    fn end_limit(&self) -> Option<Duration> {
        Some(END_LIMIT)
    }

    fn end(&mut self, execution: &Arc<Execution>) {
        self.connections = None;
        if let Some(terminal) = self.terminal.take() {
            terminal.abort();
        }
        if let Err(error) = execution.call("after_dev", Vec::new()) {
            execution.run.session.notice(Level::Warning, error.to_string());
        }
    }
}

impl DevSession<'_> {
    /// Opens the terminal. Its end is the end of the session.
    fn open(&mut self, run: &Arc<Run>, terminal: Terminal) -> Result<(), Failure> {
        let (Some(connections), Some(end)) = (&self.connections, self.end.clone()) else { return Ok(()) };
        let selector = target_selector(run, &terminal.selection).map_err(Failure::wrong_use)?;
        let access = connections.access().clone();
        let command =
            if self.args.command.is_empty() { terminal.command.clone() } else { self.args.command.clone() };
        let events = run.session.events.clone();
        let cancel = run.session.cancellation();
        self.terminal = Some(run.session.runtime().spawn(async move {
            let ended = async {
                let target =
                    Target::resolve(&access, &selector, TargetLimits::default(), &events, &cancel).await;
                let target = target.map_err(|error| error.in_one_line())?;
                let ended = open_terminal(&access, &target.container_target(), command, &cancel).await;
                ended.map_err(|error| error.to_string())
            };
            end(match ended.await {
                Ok(InteractionEnd::Exited(code)) => End::Exited(code),
                Ok(_) => End::Quit,
                Err(message) => {
                    events.notice(Level::Warning, message);
                    End::Exited(1)
                }
            });
        }));
        Ok(())
    }
}

/// A change of an image, for scripts.
fn change(impact: &ChangeImpact, causes: &[ChangedFile], is_automatic: bool, is_covered: bool) -> Map {
    let files: Vec<Dynamic> = causes.iter().map(|file| file.path.display().to_string().into()).collect();
    Map::from_iter([
        ("files".into(), files.into()),
        ("reason".into(), impact.reason.clone().into()),
        ("is_asked".into(), false.into()),
        ("is_automatic".into(), is_automatic.into()),
        ("is_covered".into(), is_covered.into()),
    ])
}
