//! `windlass sync`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use clap::Args;
use clap::builder::PossibleValuesParser;
use tokio_util::sync::CancellationToken;

use super::SelectorArgs;
use super::connected::{Connected, with_containers};
use super::exit_status::{ExitStatus, Failure};
use crate::cluster::{ClusterAccess, ClusterError};
use crate::command::cli::GlobalOptions;
use crate::config::{Dev, Folder as SyncFolder, InitialSync, OnUpload};
use crate::connect::{Target, TargetLimits, TargetSelector};
use crate::error::{Cancelled, ErrorKind, StageError};
use crate::event::{Event, Events, Level};
use crate::process::LiveExec;
use crate::report;
use crate::script::ScriptError;
use crate::sync::{
    AfterUpload, Batch, COMMAND_LIMIT, ConnectFailure, ContainerKey, ExcludeRules, Folder, FolderConnection,
    FolderConnector, FolderKey, FolderOptions, LocalFolder, NoHooks, PodConnector, Remote, RemoteError,
    SyncError, SyncHooks, Uploaded, Wire, WireOptions, check_downloads, keep_equal, poll_changes,
    system_clock,
};

/// The options of `windlass sync`.
#[derive(Debug, Args)]
#[command(after_help = "\
Keeps directories on this machine and in containers equal until Ctrl-C. Without paths,
these are the entries of `dev.sync`. What is overwritten or deleted here is kept for a
week in `.windlass/trash/`, what both sides changed in `.windlass/conflicts/`.

Examples:
  windlass sync                                     sync the entries of `dev.sync`
  windlass sync --image api --container-path /app   sync this directory with `/app`
  windlass sync --local-path src --container-path /app/src -e node_modules,*.log
  windlass sync --no-watch --upload-only            upload once")]
pub struct SyncArgs {
    /// The container.
    #[command(flatten)]
    pub selector: SelectorArgs,

    /// Pattern of paths that are not synced
    #[arg(short, long, value_name = "PATTERN", value_delimiter = ',')]
    pub exclude: Vec<String>,

    /// Directory on this machine [default: the working directory]
    #[arg(long, value_name = "DIR")]
    pub local_path: Option<PathBuf>,

    /// Directory in the container [default: its working directory]
    #[arg(long, value_name = "DIR")]
    pub container_path: Option<String>,

    /// What the first sync with a container does [default: that of `dev.sync`, with paths preferLocal]
    #[arg(long, value_name = "STRATEGY", value_parser = PossibleValuesParser::new(InitialSync::NAMES))]
    pub initial_sync: Option<String>,

    /// Exit as soon as both sides are equal
    #[arg(long)]
    pub no_watch: bool,

    /// Print the names of all synced files
    #[arg(long)]
    pub verbose: bool,

    /// Download nothing, and delete nothing here
    #[arg(long)]
    pub upload_only: bool,

    /// Upload nothing, and delete nothing in the container
    #[arg(long, conflicts_with = "upload_only")]
    pub download_only: bool,
}

/// A directory and its container.
struct Job {
    options: FolderOptions,
    hooks: Arc<dyn SyncHooks>,
    connector: TargetConnector,
    watches: bool,
}

/// Keeps directories equal.
///
/// # Errors
/// If the configuration or the command line is invalid, no container is found, or files cannot be synced there.
pub fn sync(global: &GlobalOptions, args: &SyncArgs) -> Result<ExitStatus, Failure> {
    let is_free = args.local_path.is_some() || args.container_path.is_some();
    // What `of_dev` found: it is called before the work begins.
    let found = std::cell::RefCell::new(Vec::new());
    let of_dev = |dev: &Dev| {
        if is_free {
            return Vec::new();
        }
        found.replace(dev.folders.clone());
        dev.folders.iter().map(|folder| folder.selection.clone()).collect()
    };
    with_containers(global, &args.selector, of_dev, async |connected| {
        let folders = found.take();
        connected.access.keep_trying();
        let jobs = jobs(args, &connected, &folders, global)?;
        let all: Vec<_> = jobs.iter().map(|job| &job.options).collect();
        check_downloads(&all).map_err(Failure::wrong_use)?;
        let (events, cancel) = (sync_events(&connected.events, global.silent), connected.cancel.clone());
        let stop = cancel.child_token();
        let running = jobs.into_iter().map(|job| async {
            let result = run(job, &events, &stop).await;
            if result.is_err() {
                stop.cancel();
            }
            result
        });
        let results = futures_util::future::join_all(running).await;
        if cancel.is_cancelled() {
            return Ok(ExitStatus::Interrupted);
        }
        match results.into_iter().find_map(Result::err) {
            Some(error) if error.kind() == ErrorKind::Cancelled => Err(Failure::interrupted(Cancelled)),
            Some(error) => Err(Failure::failed(ScriptError::of_stage_error(error))),
            None => Ok(ExitStatus::Done),
        }
    })
}

/// Keeps one directory equal.
async fn run(job: Job, events: &Events, cancel: &CancellationToken) -> Result<(), StageError> {
    let Job { options, hooks, connector, watches } = job;
    let local = LocalFolder::new(options.key.here.clone(), options.exclude.clone());
    let mut folder = Folder::open(options, hooks, events.clone(), system_clock)?;
    let changes = poll_changes(local).await;
    keep_equal(&mut folder, &connector, changes, watches, cancel).await
}

/// What the command line and the section `dev` ask for.
fn jobs(
    args: &SyncArgs,
    connected: &Connected,
    folders: &[SyncFolder],
    global: &GlobalOptions,
) -> Result<Vec<Job>, Failure> {
    let root = match &connected.project {
        Some(project) => project.root.clone(),
        None => std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
    };
    let here = std::env::current_dir().unwrap_or_else(|_| root.clone());
    let given = args.initial_sync.as_deref().and_then(InitialSync::named);
    if let Some(project) = &connected.project
        && !folders.is_empty()
    {
        project.dev.check(&project.file).map_err(super::load::failure)?;
    }
    let first = connected.selectors.first().cloned().unwrap_or_default();
    let specs: Vec<_> = match folders {
        [] => vec![Spec {
            local: args.local_path.as_deref().map_or_else(|| here.clone(), |path| here.join(path)),
            container: args.container_path.clone().unwrap_or_else(|| ".".to_owned()),
            selector: first,
            folder: None,
        }],
        folders => folders
            .iter()
            .enumerate()
            .map(|(index, folder)| Spec {
                local: root.join(&folder.local),
                container: folder.container.clone(),
                selector: connected.selectors.get(index).unwrap_or(&first).clone(),
                folder: Some(folder),
            })
            .collect(),
    };
    let context = connected.access.context().map_err(Failure::failed)?;
    let context = context.ok_or_else(|| Failure::failed(ClusterError::NoCluster))?;
    let mut jobs = Vec::new();
    for Spec { local, container, selector, folder } in specs {
        if let Some(folder) = folder.filter(|folder| folder.is_file) {
            let message =
                format!("`{}` is a single file: only directories are synced", folder.local.display());
            connected.events.notice(Level::Warning, message);
            continue;
        }
        let here = local.canonicalize().ok().filter(|path| path.is_dir());
        let here = here.ok_or_else(|| Failure::wrong_use(SyncError::no_folder(&local)))?;
        let both = read_rules(folder.map(|folder| &folder.excludes.both), &here)?;
        let up = read_rules(folder.map(|folder| &folder.excludes.upload), &here)?;
        let down = read_rules(folder.map(|folder| &folder.excludes.download), &here)?;
        let shown = here.strip_prefix(&root).map_or(here.as_path(), |path| path);
        let shown = if shown.as_os_str().is_empty() { Path::new(".") } else { shown };
        let namespace = selector.namespace.clone().unwrap_or_else(|| context.namespace.clone());
        let limit = |limit: Option<u64>| limit.filter(|limit| *limit > 0).map(|kilobytes| kilobytes * 1024);
        let wire = WireOptions {
            root: container.clone(),
            owner: format!("windlass, process {}", std::process::id()),
            upload_limit: limit(folder.and_then(|folder| folder.limits.upload)),
            download_limit: limit(folder.and_then(|folder| folder.limits.download)),
        };
        let strategy = given.or(folder.map(|folder| folder.initial)).unwrap_or(InitialSync::PreferLocal);
        let options = FolderOptions {
            name: format!("{} -> {container}", shown.display()),
            key: FolderKey {
                context: context.name.clone(),
                namespace,
                target: selector.to_string(),
                here: here.clone(),
                there: container,
            },
            state_folder: crate::state::prepare(&root)
                .map_err(|error| Failure::failed(SyncError::state(&root, error)))?,
            strategy,
            exclude: ExcludeRules::new(both.into_iter().chain(args.exclude.iter().cloned())),
            upload_exclude: ExcludeRules::new(up),
            download_exclude: ExcludeRules::new(down),
            disable_upload: args.download_only || folder.is_some_and(|folder| folder.disable_upload),
            disable_download: args.upload_only || folder.is_some_and(|folder| folder.disable_download),
            ignores_case: cfg!(any(windows, target_os = "macos")),
            names_all: args.verbose || global.debug,
        };
        let connector = TargetConnector {
            access: connected.access.clone(),
            selector,
            wire,
            events: connected.events.clone(),
            cancel: connected.cancel.clone(),
            was_connected: AtomicBool::new(false),
        };
        let watches = !args.no_watch && !folder.is_some_and(|folder| folder.no_watch);
        let hooks: Arc<dyn SyncHooks> = match folder {
            Some(folder) => Arc::new(UploadCommands {
                on_upload: folder.on_upload.clone(),
                directory: root.clone(),
                events: connected.events.clone(),
                cancel: connected.cancel.clone(),
            }),
            None => Arc::new(NoHooks),
        };
        jobs.push(Job { options, hooks, connector, watches });
    }
    Ok(jobs)
}

/// One directory, before its options are complete.
struct Spec<'a> {
    local: PathBuf,
    container: String,
    selector: TargetSelector,
    folder: Option<&'a SyncFolder>,
}

/// The patterns of an entry, and those of its file.
fn read_rules(rules: Option<&crate::config::ExcludeRules>, folder: &Path) -> Result<Vec<String>, Failure> {
    let Some(rules) = rules else { return Ok(Vec::new()) };
    let mut patterns: Vec<_> = rules.paths.iter().map(|pattern| pattern.text.clone()).collect();
    if let Some(file) = &rules.file {
        let path = folder.join(&file.text);
        let text = crate::input_file::read_text(&path)
            .map_err(|error| Failure::wrong_use(SyncError::state(&path, error)))?;
        patterns.extend(text.lines().map(str::to_owned));
    }
    Ok(patterns)
}

/// Prints what happens to directories, and the notices.
fn sync_events(notices: &Events, silent: bool) -> Events {
    let notices = notices.clone();
    Events::new(move |event| match event {
        Event::Sync { folder, change } if !silent => {
            let level = if change.is_warning() { Level::Warning } else { Level::Info };
            notices.notice(level, format!("{folder}: {}", report::sync_text(&change)));
        }
        Event::Sync { .. } => {}
        other => notices.emit(other),
    })
}

/// Runs `onUpload` of an entry of `dev.sync`.
struct UploadCommands {
    on_upload: OnUpload,
    directory: PathBuf,
    events: Events,
    cancel: CancellationToken,
}

#[async_trait]
impl SyncHooks for UploadCommands {
    async fn after_sync(&self, batch: &Batch, remote: &dyn Remote) {
        if batch.uploaded.is_empty() && batch.created.is_empty() && batch.deleted_there.is_empty() {
            return;
        }
        let uploaded = Uploaded {
            directories: batch.created.clone(),
            files: batch.uploaded.iter().chain(&batch.deleted_there).cloned().collect(),
            is_initial: batch.is_initial,
        };
        let commands =
            AfterUpload { remote, exec: &LiveExec, directory: &self.directory, limit: COMMAND_LIMIT };
        for failure in commands.run(&self.on_upload, &uploaded, &self.cancel).await {
            let help = miette::Diagnostic::help(&failure).map(|help| format!("\n{help}")).unwrap_or_default();
            self.events.notice(Level::Warning, format!("{failure}{help}"));
        }
    }
}

/// Connects to the container that a selector means at that moment.
struct TargetConnector {
    access: ClusterAccess,
    selector: TargetSelector,
    wire: WireOptions,
    events: Events,
    cancel: CancellationToken,
    was_connected: AtomicBool,
}

#[async_trait]
impl FolderConnector for TargetConnector {
    async fn connect(&self) -> Result<FolderConnection, ConnectFailure> {
        let is_first = !self.was_connected.load(Ordering::Relaxed);
        let limits = TargetLimits::default();
        let target = Target::resolve(&self.access, &self.selector, limits, &self.events, &self.cancel).await;
        let target = target.map_err(|error| ConnectFailure { error, is_final: is_first })?;
        let connector =
            Arc::new(PodConnector::new(ClusterAccess::clone(&self.access), target.container_target()));
        let wire = Wire::connect(connector, self.wire.clone()).await.map_err(|error| {
            let is_final = is_first && !matches!(error, RemoteError::Lost { .. } | RemoteError::Gone { .. });
            ConnectFailure { error: error.into(), is_final }
        })?;
        self.was_connected.store(true, Ordering::Relaxed);
        Ok(FolderConnection {
            remote: Arc::new(wire),
            name: format!("{}/{}", target.pod, target.container),
            container: ContainerKey { pod_uid: target.pod_uid, container_id: target.container_id },
        })
    }
}
