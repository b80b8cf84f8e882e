//! The commands and the restart that `onUpload` and `onDownload` of a synced directory request.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use miette::Diagnostic as _;
use tokio_util::sync::CancellationToken;

use super::ReloadAdvice;
use crate::config::Folder;
use crate::event::{Events, Level};
use crate::process::LiveExec;
use crate::sync::{AfterUpload, Batch, Remote, SLOW_COMMAND, SyncScript};

/// The minimum time between two restarts: saves within that time share one.
const BETWEEN_RESTARTS: Duration = Duration::from_secs(2);

/// How long after a batch of `folder` the next one is handled, at least.
pub fn rest_of(folder: &Folder) -> Duration {
    if folder.on_upload.restart_container { BETWEEN_RESTARTS } else { Duration::ZERO }
}

/// Runs `onUpload` and `onDownload` of an entry of `dev.sync`.
pub struct UploadCommands {
    /// The entry.
    pub folder: Folder,
    /// The project directory, in which commands on this machine run.
    pub directory: PathBuf,
    /// How long each command may take.
    pub limit: Duration,
    /// The advice if `onUpload` is empty.
    pub advice: ReloadAdvice,
    /// Receives failures.
    pub events: Events,
    /// Ends it.
    pub cancel: CancellationToken,
}

impl UploadCommands {
    /// Runs the commands for `batch`, and reports those that fail.
    pub async fn run(&self, batch: &Batch, remote: &dyn Remote) {
        let commands = AfterUpload {
            remote,
            exec: &LiveExec,
            directory: &self.directory,
            limit: self.limit,
            slow: SLOW_COMMAND,
            on_slow: &|message| self.events.notice(Level::Info, message),
        };
        let mut failures = commands.run(&self.folder.on_upload, batch, &self.cancel).await;
        let here = self.directory.join(&self.folder.local);
        failures
            .extend(commands.run_after_download(&self.folder.on_download, &here, batch, &self.cancel).await);
        for failure in failures {
            let help = failure.help().map(|help| format!("\n{help}")).unwrap_or_default();
            self.events.notice(Level::Warning, format!("{failure}{help}"));
        }
        let advice = tokio::select! {
            advice = self.advice.give(&self.folder, batch, remote) => advice,
            () = self.cancel.cancelled() => None,
        };
        if let Some(advice) = advice {
            self.events.notice(Level::Info, advice);
        }
    }
}

#[async_trait]
impl SyncScript for UploadCommands {
    async fn after_sync(&self, batch: &Batch, remote: &Arc<dyn Remote>) {
        self.run(batch, &**remote).await;
    }

    fn rest(&self) -> Duration {
        rest_of(&self.folder)
    }
}
