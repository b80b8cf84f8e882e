//! One directory that is kept equal with one in a container.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::FolderRules;
use crate::cache_folder::cache_folder;
use crate::cluster::{ClusterAccess, ClusterContext, ClusterError, LockHolder};
use crate::config::{Folder as SyncFolder, InitialSync};
use crate::connect::{SelectedContainer, TargetLimits, TargetSelector, TargetWatch};
use crate::error::{Cancelled, StageError};
use crate::event::Events;
use crate::lock::lock;
use crate::sync::{
    ConnectFailure, ContainerKey, ExcludePatterns, FolderConnection, FolderConnector, FolderKey,
    FolderOptions, LocalFolder, PodConnector, RemoteError, SyncError, SyncScript, SyncedFolder, Wire,
    WireOptions, keep_equal, system_clock, watch_changes,
};

/// A directory here, and the container with the other one.
pub struct FolderSettings<'a> {
    /// The cluster.
    pub access: &'a ClusterAccess,
    /// The project directory.
    pub root: &'a Path,
    /// The directory here, absolute.
    pub local: PathBuf,
    /// The directory in the container.
    pub container: String,
    /// The container.
    pub selector: TargetSelector,
    /// The watch of the container, which waits for it without a limit. Without a watch, the container must run already.
    pub watch: Option<TargetWatch>,
    /// The entry of `dev.sync`, if it is one.
    pub folder: Option<&'a SyncFolder>,
    /// The options that override the entry.
    pub flags: FolderFlags<'a>,
    /// Called before and after parts of the sync.
    pub hooks: Arc<dyn SyncScript>,
    /// Receives the events.
    pub events: &'a Events,
    /// Ends it.
    pub cancel: &'a CancellationToken,
}

/// The options of the command line for synced directories.
#[derive(Clone, Copy, Default)]
pub struct FolderFlags<'a> {
    /// The strategy of the first connection.
    pub strategy: Option<InitialSync>,
    /// More patterns of files that are not synced.
    pub exclude: &'a [String],
    /// Whether nothing is downloaded.
    pub upload_only: bool,
    /// Whether nothing is uploaded.
    pub download_only: bool,
    /// Whether it ends as soon as both sides are equal.
    pub no_watch: bool,
    /// Whether events name all files.
    pub names_all: bool,
    /// Whether another session that syncs the directory in the container is ended.
    pub steals: bool,
}

/// A directory that can be kept equal.
pub struct FolderJob {
    options: FolderOptions,
    hooks: Arc<dyn SyncScript>,
    connector: TargetConnector,
    watches: bool,
    events: Events,
    cancel: CancellationToken,
}

impl FolderJob {
    /// Prepares it; nothing is connected yet.
    ///
    /// # Errors
    /// [`SyncError`] if the directory does not exist, or the state or a file of patterns cannot be used;
    /// [`ClusterError`].
    pub fn new(settings: FolderSettings<'_>) -> Result<Self, StageError> {
        let FolderSettings {
            access,
            root,
            local,
            container,
            selector,
            watch,
            folder,
            flags,
            hooks,
            events,
            cancel,
        } = settings;
        let here = local.canonicalize().ok().filter(|path| path.is_dir());
        let here = here.ok_or_else(|| SyncError::no_folder(&local))?;
        let context = access.context()?.ok_or(ClusterError::NoCluster)?;
        let rules = folder.map(|folder| FolderRules::read(&folder.excludes, &here)).transpose()?;
        let FolderRules { both, upload, download } = rules.unwrap_or_default();
        let patterns = both.patterns.iter().map(|pattern| pattern.text.as_str());
        let shown = here.strip_prefix(root).map_or(here.as_path(), |path| path);
        let shown = if shown.as_os_str().is_empty() { Path::new(".") } else { shown };
        let limit = |limit: Option<u64>| limit.filter(|limit| *limit > 0).map(|kilobytes| kilobytes * 1024);
        let wire = WireOptions {
            root: container.clone(),
            owner: LockHolder::current().to_string(),
            steals: flags.steals,
            upload_limit: limit(folder.and_then(|folder| folder.limits.upload)),
            download_limit: limit(folder.and_then(|folder| folder.limits.download)),
        };
        let options = FolderOptions {
            name: format!("{} -> {container}", shown.display()),
            key: folder_key(context, &selector, here.clone(), container),
            state_folder: crate::state::prepare(root).map_err(|error| SyncError::state(root, error))?,
            claim_folder: cache_folder(|name| std::env::var(name).ok()).join("sync"),
            strategy: flags
                .strategy
                .or(folder.map(|folder| folder.initial))
                .unwrap_or(InitialSync::PreferLocal),
            exclude: ExcludePatterns::new(patterns.chain(flags.exclude.iter().map(String::as_str))),
            upload_exclude: upload.rules,
            download_exclude: download.rules,
            disable_upload: flags.download_only || folder.is_some_and(|folder| folder.disable_upload),
            disable_download: flags.upload_only || folder.is_some_and(|folder| folder.disable_download),
            ignores_case: cfg!(any(windows, target_os = "macos")),
            names_all: flags.names_all,
        };
        let connector = TargetConnector {
            access: access.clone(),
            selector,
            watch,
            wire,
            events: events.clone(),
            cancel: cancel.clone(),
            pod: Mutex::default(),
            was_connected: AtomicBool::new(false),
        };
        let watches = !flags.no_watch && !folder.is_some_and(|folder| folder.no_watch);
        Ok(Self { options, hooks, connector, watches, events: events.clone(), cancel: cancel.clone() })
    }

    /// The settings of the directory.
    pub fn options(&self) -> &FolderOptions {
        &self.options
    }

    /// Keeps it equal until it is cancelled; if it does not watch, until both sides are equal. Nothing is sent or
    /// received while it is `paused`.
    ///
    /// # Errors
    /// [`SyncError`], or the error that makes further attempts to connect useless.
    pub async fn run(self, paused: Option<watch::Receiver<bool>>) -> Result<(), StageError> {
        let Self { options, hooks, connector, watches, events, cancel } = self;
        let local = LocalFolder::new(options.key.here.clone(), options.exclude.clone());
        let changes = watch_changes(local, &events).await?;
        let mut folder = SyncedFolder::open(options, hooks, events, system_clock)?;
        if let Some(paused) = paused {
            folder.pause_with(paused);
        }
        keep_equal(&mut folder, &connector, changes, watches, &cancel).await
    }
}

/// The key of the recorded state of a directory.
pub(super) fn folder_key(
    context: &ClusterContext,
    selector: &TargetSelector,
    here: PathBuf,
    there: String,
) -> FolderKey {
    FolderKey {
        context: context.name.clone(),
        namespace: selector.namespace.clone().unwrap_or_else(|| context.namespace.clone()),
        target: selector.to_string(),
        here,
        there,
    }
}

/// Connects to the container that a selector selects at that moment.
struct TargetConnector {
    access: ClusterAccess,
    selector: TargetSelector,
    watch: Option<TargetWatch>,
    /// The pod of the last connection.
    pod: Mutex<String>,
    wire: WireOptions,
    events: Events,
    cancel: CancellationToken,
    was_connected: AtomicBool,
}

#[async_trait]
impl FolderConnector for TargetConnector {
    async fn connect(&self) -> Result<FolderConnection, ConnectFailure> {
        let is_first = !self.was_connected.load(Ordering::Relaxed);
        let target = self.target().await.map_err(|error| ConnectFailure { error, is_final: is_first })?;
        lock(&self.pod).clone_from(&target.pod_uid);
        let connector =
            Arc::new(PodConnector::new(ClusterAccess::clone(&self.access), target.container_target()));
        // Later, the other session has taken over.
        let options = WireOptions { steals: self.wire.steals && is_first, ..self.wire.clone() };
        let wire = Wire::connect(connector, options).await.map_err(|error| {
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

    async fn replaced(&self) {
        let pod = lock(&self.pod).clone();
        match &self.watch {
            Some(watch) => watch.replaced(&pod).await,
            None => std::future::pending().await,
        }
    }
}

impl TargetConnector {
    /// The container to connect to.
    async fn target(&self) -> Result<SelectedContainer, StageError> {
        match &self.watch {
            Some(watch) => watch.settled().await.ok_or_else(|| Cancelled.into()),
            None => {
                let limits = TargetLimits::default();
                SelectedContainer::resolve(&self.access, &self.selector, limits, &self.events, &self.cancel)
                    .await
            }
        }
    }
}
