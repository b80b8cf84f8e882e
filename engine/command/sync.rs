//! `windlass sync`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use clap::builder::PossibleValuesParser;
use tokio_util::sync::CancellationToken;

use super::SelectorArgs;
use super::connected::{Connected, with_containers};
use super::exit_status::{ExitStatus, Failure};
use crate::command::cli::GlobalOptions;
use crate::config::{Dev, Folder as SyncFolder, InitialSync};
use crate::dev::{FolderFlags, FolderJob, FolderSettings, ReloadAdvice, UploadCommands, refused_folder};
use crate::error::{Cancelled, ErrorKind};
use crate::event::{Event, Events, Level};
use crate::report;
use crate::sync::{COMMAND_LIMIT, NoHooks, SyncScript, check_downloads};

/// The options of `windlass sync`.
#[derive(Debug, Args)]
#[command(after_help = "\
Keeps directories on this machine and in containers equal until Ctrl-C. Without paths,
these are the entries of `dev.sync`. What is overwritten or deleted here is kept for a
week in `.windlass/trash/`, what both sides changed in `.windlass/conflicts/`.
`windlass dev` syncs the entries of `dev.sync` by itself.

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

    /// Strategy of the first sync with a container [default: that of `dev.sync`, with paths preferLocal]
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

    /// Take over from another session that syncs the directory in the container
    #[arg(long)]
    pub steal: bool,
}

/// Keeps directories equal.
///
/// # Errors
/// If the configuration or the command line is invalid, no container is found, or files cannot be synced there.
pub fn sync(global: &GlobalOptions, args: &SyncArgs) -> Result<ExitStatus, Failure> {
    let is_free = args.local_path.is_some() || args.container_path.is_some();
    // The result of `of_dev`, which is called before the work begins.
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
        let (events, cancel) = (sync_events(&connected.events, global.silent), connected.cancel.clone());
        let stop = cancel.child_token();
        let names_all = args.verbose || global.debug;
        let jobs = jobs(args, &connected, &folders, names_all, (&events, &stop))?;
        let all: Vec<_> = jobs.iter().map(FolderJob::options).collect();
        check_downloads(&all).map_err(Failure::wrong_use)?;
        let running = jobs.into_iter().map(|job| async {
            let result = job.run(None).await;
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
            Some(error) => Err(Failure::of_stage(error)),
            None => Ok(ExitStatus::Done),
        }
    })
}

/// The syncs that the command line or the section `dev` requests; they report to `events`.
fn jobs(
    args: &SyncArgs,
    connected: &Connected,
    folders: &[SyncFolder],
    names_all: bool,
    (events, cancel): (&Events, &CancellationToken),
) -> Result<Vec<FolderJob>, Failure> {
    let root = match &connected.project {
        Some(project) => project.root.clone(),
        None => std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
    };
    let here = std::env::current_dir().unwrap_or_else(|_| root.clone());
    if let Some(project) = &connected.project
        && !folders.is_empty()
    {
        project.dev.check(&project.file).map_err(super::load::failure)?;
    }
    let flags = FolderFlags {
        strategy: args.initial_sync.as_deref().and_then(InitialSync::named),
        exclude: &args.exclude,
        upload_only: args.upload_only,
        download_only: args.download_only,
        no_watch: args.no_watch,
        names_all,
        steals: args.steal,
    };
    let job = |index: usize, local: PathBuf, container: String, folder: Option<&SyncFolder>| {
        let first = connected.selectors.first();
        let selector = connected.selectors.get(index).or(first).cloned().unwrap_or_default();
        let access = &connected.access;
        let hooks: Arc<dyn SyncScript> = match folder {
            Some(folder) => Arc::new(UploadCommands {
                folder: folder.clone(),
                advice: ReloadAdvice::default(),
                directory: root.clone(),
                limit: COMMAND_LIMIT,
                events: events.clone(),
                cancel: cancel.clone(),
            }),
            None => Arc::new(NoHooks),
        };
        let settings = FolderSettings {
            access,
            root: &root,
            local,
            container,
            selector,
            watch: None,
            hooks,
            folder,
            flags,
            events,
            cancel,
        };
        FolderJob::new(settings).map_err(Failure::of_stage)
    };
    if folders.is_empty() {
        let local = args.local_path.as_deref().map_or_else(|| here.clone(), |path| here.join(path));
        let container = args.container_path.clone().unwrap_or_else(|| ".".to_owned());
        return Ok(vec![job(0, local, container, None)?]);
    }
    let mut jobs = Vec::new();
    for (index, folder) in folders.iter().enumerate() {
        if let Some(refused) = refused_folder(&root, folders, folder) {
            connected.events.notice(Level::Warning, format!("{}: {refused}", folder.origin));
            continue;
        }
        jobs.push(job(index, root.join(&folder.local), folder.container.clone(), Some(folder))?);
    }
    Ok(jobs)
}

/// Prints the events of directories, and the notices.
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
