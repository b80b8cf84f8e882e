//! The loop of a synced directory: connects, compares, syncs changes, connects again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::changes::{Changes, LocalChange};
use super::folder::{Pending, Reason, SyncedFolder};
use super::options::{Batch, SyncScript};
use super::store::ContainerKey;
use super::{Remote, RemoteError, Tier};
use crate::delays::Delays;
use crate::error::StageError;
use crate::event::{SyncBatch, SyncChange};

/// The pauses between attempts to connect.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// The pause between scans of the container: the minimum, and the one without changes.
const SHORTEST_SCAN: Duration = Duration::from_secs(1);
const IDLE_SCAN: Duration = Duration::from_secs(10);
/// Scans use at most this part of the time.
const SCAN_SHARE: u32 = 50;
/// The pause before a second check of files that changed while they were sent, and of deletions of many files.
const SOON: Duration = Duration::from_millis(50);
const UNSURE: Duration = Duration::from_millis(2050);
/// The number of paths in an event.
const NAMED: usize = 3;
/// The timeout for closing the connection.
const CLOSING: Duration = Duration::from_secs(2);

/// Why the sync connects to a new container.
const REPLACED: &str = "the container was replaced";

/// A connection to a container.
pub struct FolderConnection {
    /// The directory in it.
    pub remote: Arc<dyn Remote>,
    /// The container.
    pub container: ContainerKey,
    /// Its name in events: `web-1/app`.
    pub name: String,
}

/// Why no connection is possible.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct ConnectFailure {
    /// The error.
    pub error: StageError,
    /// Whether another attempt is useless.
    pub is_final: bool,
}

/// Connects to the current container.
#[async_trait]
pub trait FolderConnector: Send + Sync {
    /// Connects; waits at most as long as a start of the container takes.
    async fn connect(&self) -> Result<FolderConnection, ConnectFailure>;

    /// Waits until the current container is not that of the last connection.
    async fn replaced(&self) {
        std::future::pending().await
    }
}

/// How a connection ended.
enum Ended {
    Cancelled,
    Done,
    /// Another container is current.
    Replaced,
    Lost(RemoteError),
    /// A hook failed.
    Refused(StageError),
}

/// Keeps `folder` equal to its directory in the container until `cancel`; if not `watches`, only until both sides are
/// equal. `changes` are those on this machine, from before the call on.
///
/// # Errors
/// If another attempt to connect is useless.
pub async fn keep_equal(
    folder: &mut SyncedFolder,
    connector: &dyn FolderConnector,
    changes: Changes,
    watches: bool,
    cancel: &CancellationToken,
) -> Result<(), StageError> {
    folder.changes = Some(changes);
    let mut delays = Delays::new(FIRST_PAUSE, LONGEST_PAUSE);
    let mut told = String::new();
    // Why it connects again.
    let mut again = None;
    // Whether the first sync with the container has not ended yet.
    let mut is_initial = true;
    loop {
        let connected = tokio::select! {
            biased;
            () = cancel.cancelled() => return Ok(()),
            connected = connector.connect() => connected,
        };
        let reason = match connected {
            Err(failure) if failure.is_final => return Err(failure.error),
            Err(failure) => failure.error.to_string(),
            Ok(connection) => {
                folder.emit(SyncChange::Connected { container: connection.name.clone() });
                if let Some(reason) = again.take() {
                    let hooks = folder.hooks.clone();
                    tokio::select! {
                        biased;
                        () = cancel.cancelled() => return Ok(()),
                        restarted = hooks.on_event("restart:sync", Some(reason)) => restarted?,
                    }
                }
                let started = Instant::now();
                is_initial |= folder.is_new(&connection.container);
                let ended = follow(folder, connector, &connection, &mut is_initial, watches, cancel).await;
                // Closing must also end if the container does not respond.
                let _ = tokio::time::timeout(CLOSING, connection.remote.close()).await;
                match ended {
                    Ended::Cancelled | Ended::Done => return Ok(()),
                    Ended::Refused(error) => return Err(error),
                    Ended::Replaced => {
                        delays.reset();
                        told.clear();
                        again = Some(REPLACED.to_owned());
                        continue;
                    }
                    Ended::Lost(error) => {
                        if started.elapsed() > LONGEST_PAUSE {
                            delays.reset();
                            told.clear();
                        }
                        let reason = error.to_string();
                        again = Some(reason.clone());
                        reason
                    }
                }
            }
        };
        if told != reason {
            folder.emit(SyncChange::Lost { reason: reason.clone() });
            told = reason;
        }
        tokio::select! {
            () = cancel.cancelled() => return Ok(()),
            () = tokio::time::sleep(delays.advance()) => {}
        }
    }
}

/// Syncs the changes of both sides while the connection lasts.
async fn follow(
    folder: &mut SyncedFolder,
    connector: &dyn FolderConnector,
    connection: &FolderConnection,
    is_initial: &mut bool,
    watches: bool,
    cancel: &CancellationToken,
) -> Ended {
    let remote = &connection.remote;
    let mut after = AfterSync::new(folder.hooks.clone(), remote.clone(), watches);
    let followed = tokio::select! {
        biased;
        () = cancel.cancelled() => return Ended::Cancelled,
        ended = follow_all(folder, connector, connection, is_initial, &mut after) => ended,
    };
    // The hooks of the last batch still run.
    tokio::select! {
        () = cancel.cancelled() => Ended::Cancelled,
        () = async { if matches!(followed, Ended::Done) { after.finish().await } } => followed,
    }
}

async fn follow_all(
    folder: &mut SyncedFolder,
    connector: &dyn FolderConnector,
    connection: &FolderConnection,
    is_initial: &mut bool,
    after: &mut AfterSync,
) -> Ended {
    let remote = &connection.remote;
    let has_scans = remote.facts().tier == Tier::Full && !folder.options.disable_download;
    let started = Instant::now();
    let hooks = folder.hooks.clone();
    if *is_initial && let Err(error) = hooks.on_event("before:initialSync", None).await {
        return Ended::Refused(error);
    }
    let mut pending = match folder.connect(remote, &connection.container).await {
        Ok(pending) => pending,
        Err(error) if *is_initial => {
            let told = hooks.on_event("error:initialSync", Some(error.to_string())).await;
            return told.map_or_else(Ended::Refused, |()| Ended::Lost(error));
        }
        Err(error) => return Ended::Lost(error),
    };
    let mut interval = SHORTEST_SCAN;
    finish_pass(folder, started, after);
    let mut is_told = false;
    loop {
        let is_waiting = pending.is_unsure || !folder.is_settled() || folder.is_here_unknown;
        if !is_waiting && !is_told {
            is_told = true;
            folder.emit(SyncChange::Equal);
            if std::mem::take(is_initial) {
                after.initial();
            }
            if !after.watches {
                return Ended::Done;
            }
        }
        let next_look = match (pending.is_unsure, is_waiting) {
            (true, _) => Some(UNSURE),
            (false, true) => Some(SOON),
            (false, false) => None,
        };
        let next_scan = has_scans.then(|| interval.max(folder.scan_took * SCAN_SHARE));
        let Some(changes) = &mut folder.changes else { return Ended::Done };
        enum Next {
            Local(BTreeSet<super::RelativePath>),
            Everything,
            Replaced,
            Scan,
            Ended,
        }
        let next = tokio::select! {
            biased;
            change = changes.recv() => match change {
                Some(LocalChange::Paths(paths)) => Next::Local(paths),
                Some(LocalChange::Everything) => Next::Everything,
                None => Next::Ended,
            },
            () = connector.replaced() => Next::Replaced,
            () = after.run() => Next::Local(BTreeSet::new()),
            () = sleep(next_look) => Next::Local(BTreeSet::new()),
            () = sleep(next_scan) => Next::Scan,
        };
        folder.resumed().await;
        let started = Instant::now();
        let passed = match next {
            Next::Ended => return Ended::Done,
            Next::Replaced => return Ended::Replaced,
            Next::Local(paths) if folder.is_there_unknown || folder.is_here_unknown => {
                folder.again.extend(paths);
                full(folder, remote).await
            }
            Next::Local(paths) if paths.is_empty() && folder.again.is_empty() => continue,
            Next::Local(paths) => folder.local_pass(remote, &paths).await,
            Next::Scan if folder.again.is_empty() && !folder.is_here_unknown => {
                folder.scan_pass(remote).await
            }
            Next::Everything | Next::Scan => full(folder, remote).await,
        };
        pending = match passed {
            Ok(pending) => pending,
            Err(error) => return Ended::Lost(error),
        };
        interval = match finish_pass(folder, started, after) {
            true => SHORTEST_SCAN,
            false => (interval * 5 / 4).min(IDLE_SCAN),
        };
    }
}

async fn full(folder: &mut SyncedFolder, remote: &Arc<dyn Remote>) -> Result<Pending, RemoteError> {
    folder.is_here_unknown = false;
    folder.again.clear();
    folder.full_pass(remote, Reason::Change).await
}

async fn sleep(pause: Option<Duration>) {
    match pause {
        Some(pause) => tokio::time::sleep(pause).await,
        None => std::future::pending().await,
    }
}

/// Reports the changes of a pass, and passes them to the hooks; returns whether it changed anything.
fn finish_pass(folder: &mut SyncedFolder, started: Instant, after: &mut AfterSync) -> bool {
    let batch = folder.take_batch();
    if batch.is_empty() {
        return false;
    }
    let Batch { uploaded, created, deleted_there, downloaded, deleted_here, modes, bytes, .. } = &batch;
    let all = [uploaded, created, deleted_there, modes, downloaded, deleted_here];
    folder.emit(SyncChange::Batch(SyncBatch {
        uploaded: uploaded.len() + created.len(),
        downloaded: downloaded.len(),
        deleted_there: deleted_there.len(),
        deleted_here: deleted_here.len(),
        modes: modes.len(),
        bytes: *bytes,
        paths: all
            .iter()
            .copied()
            .flatten()
            .take(if folder.options.names_all { usize::MAX } else { NAMED })
            .map(ToString::to_string)
            .collect(),
        seconds: started.elapsed().as_secs_f64(),
    }));
    after.add(batch);
    true
}

/// Runs the hooks after batches, one call at a time, while the directory is followed.
struct AfterSync {
    hooks: Arc<dyn SyncScript>,
    remote: Arc<dyn Remote>,
    /// Whether more batches may come.
    watches: bool,
    waiting: Option<Batch>,
    running: Option<tokio::task::JoinHandle<()>>,
    /// The hooks after the first sync.
    initial: Option<tokio::task::JoinHandle<()>>,
}

impl AfterSync {
    fn new(hooks: Arc<dyn SyncScript>, remote: Arc<dyn Remote>, watches: bool) -> Self {
        Self { hooks, remote, watches, waiting: None, running: None, initial: None }
    }

    /// Runs the hooks after the first sync.
    fn initial(&mut self) {
        let hooks = self.hooks.clone();
        self.initial = Some(tokio::spawn(async move {
            // Nothing is left to refuse.
            let _ = hooks.on_event("after:initialSync", None).await;
        }));
    }

    fn add(&mut self, batch: Batch) {
        match &mut self.waiting {
            Some(waiting) => waiting.add(batch),
            None => self.waiting = Some(batch),
        }
        self.start();
    }

    fn start(&mut self) {
        if self.running.is_none()
            && let Some(batch) = self.waiting.take()
        {
            let (hooks, remote, watches) = (self.hooks.clone(), self.remote.clone(), self.watches);
            self.running = Some(tokio::spawn(async move {
                let started = Instant::now();
                hooks.after_sync(&batch, &remote).await;
                if watches {
                    tokio::time::sleep_until(started + hooks.rest()).await;
                }
            }));
        }
    }

    /// Waits for the end of a call, and starts the next one; without calls, waits without end.
    async fn run(&mut self) {
        match &mut self.running {
            Some(running) => {
                // A hook that panicked has ended too.
                let _ = running.await;
                self.running = None;
                self.start();
            }
            None => std::future::pending().await,
        }
    }

    async fn finish(&mut self) {
        while self.running.is_some() {
            self.run().await;
        }
        if let Some(initial) = &mut self.initial {
            let _ = initial.await;
        }
    }
}

impl Drop for AfterSync {
    fn drop(&mut self) {
        for running in self.running.iter().chain(&self.initial) {
            running.abort();
        }
    }
}

/// The time of this machine, in nanoseconds since the epoch.
pub fn system_clock() -> i128 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i128::try_from(now.as_nanos()).unwrap_or_default()
}
