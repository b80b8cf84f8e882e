//! The decisions of scripts about synced directories in a dev session.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rhai::Dynamic;

use crate::config::Folder;
use crate::dev::{Downloads, ReloadAdvice, rest_of};
use crate::event::Level;
use crate::lock::lock;
use crate::script::Execution;
use crate::script::stage::SyncedBatch;
use crate::sync::{Batch, RelativePath, Remote, SyncScript, Winner};

/// The scripts that are in force.
pub(super) type ScriptsInForce = Arc<Mutex<Option<Arc<Execution>>>>;

/// Calls the functions of the pipeline for a synced directory.
pub(super) struct FolderScripts {
    /// The scripts.
    pub(super) scripts: ScriptsInForce,
    /// The directory.
    pub(super) folder: Folder,
    /// Records the files that come from the container.
    pub(super) downloads: Downloads,
    /// The advice for programs that might not read new files.
    pub(super) advice: ReloadAdvice,
}

impl FolderScripts {
    /// Calls `function` with the directory and `argument` on another thread. Errors are reported, and return `None`.
    async fn call(&self, function: &'static str, argument: Dynamic) -> Option<Dynamic> {
        let execution = lock(&self.scripts).clone()?;
        let arguments = vec![Dynamic::from(self.folder.clone()), argument];
        let called = tokio::task::spawn_blocking(move || {
            let result = execution.call_function(function, arguments);
            if let Err(error) = &result
                && !execution.run.session.cancel.is_cancelled()
            {
                let message = format!("`{function}` failed: {error}");
                execution.run.session.notice(Level::Warning, message);
            }
            result.ok()
        });
        called.await.ok()?
    }
}

#[async_trait]
impl SyncScript for FolderScripts {
    async fn after_sync(&self, batch: &Batch, remote: &Arc<dyn Remote>) {
        let (batch, remote) = (Arc::new(batch.clone()), Arc::clone(remote));
        let batch = SyncedBatch { batch, remote, advice: self.advice.clone() };
        self.call("after_sync", Dynamic::from(batch)).await;
    }

    fn rest(&self) -> Duration {
        rest_of(&self.folder)
    }

    fn downloaded(&self, path: &RelativePath, on_disk: &Path) {
        self.downloads.add(on_disk, path.as_str(), &self.folder.origin);
    }

    async fn on_conflict(&self, path: &RelativePath) -> Winner {
        let winner = self.call("on_conflict", path.to_string().into()).await;
        let winner = winner.and_then(|winner| winner.into_string().ok());
        match winner.as_deref() {
            Some("here") => Winner::Here,
            Some("there") => Winner::There,
            Some("neither") | None => Winner::Neither,
            Some(other) => {
                if let Some(execution) = lock(&self.scripts).clone() {
                    let message = format!(
                        "`on_conflict` returned \"{other}\" for {path}: return \"here\", \"there\" or \"neither\""
                    );
                    execution.run.session.notice(Level::Warning, message);
                }
                Winner::Neither
            }
        }
    }

    async fn on_mass_delete(&self, paths: &[RelativePath]) -> bool {
        let paths: Vec<Dynamic> = paths.iter().map(|path| path.to_string().into()).collect();
        let allowed = self.call("on_mass_delete", paths.into()).await;
        allowed.is_some_and(|allowed| allowed.as_bool().unwrap_or(false))
    }
}
