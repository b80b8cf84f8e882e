//! The decisions of scripts about synced directories and forwarded ports in a dev session.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rhai::Dynamic;

use crate::config::{Folder, Forward};
use crate::dev::{Downloads, PortHooks, ReloadAdvice, rest_of};
use crate::error::StageError;
use crate::event::Level;
use crate::lock::lock;
use crate::script::stage::SyncedBatch;
use crate::script::{Execution, ScriptError};
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

/// Calls the functions of the pipeline for a forwarded port.
pub(super) struct PortScripts {
    /// The scripts.
    pub(super) scripts: ScriptsInForce,
    /// The port.
    pub(super) port: Forward,
}

/// A function for an event failed that can refuse a connection.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("`{function}` failed for `{event}`: {error}")]
#[diagnostic(code(dev::refused))]
struct Refused {
    function: &'static str,
    event: &'static str,
    error: Arc<ScriptError>,
}

/// Calls `function` with a connection, its event and the reason, on another thread. Errors refuse the connection before it
/// is used; later ones are reported.
async fn call_for_event(
    scripts: &ScriptsInForce,
    function: &'static str,
    connection: Dynamic,
    event: &'static str,
    reason: Option<String>,
) -> Result<(), StageError> {
    let Some(execution) = lock(scripts).clone() else { return Ok(()) };
    let reason = reason.map_or(Dynamic::UNIT, Dynamic::from);
    let called = tokio::task::spawn_blocking(move || {
        let Err(error) = execution.call_function(function, vec![connection, event.into(), reason]) else {
            return Ok(());
        };
        let session = &execution.run.session;
        if session.cancel.is_cancelled() {
            return Ok(());
        }
        let refused = Refused { function, event, error };
        if event.starts_with("start:") || event.starts_with("before:") {
            return Err(refused.into());
        }
        session.notice(Level::Warning, refused.to_string());
        Ok(())
    });
    // The session ends if the call panicked or was cancelled.
    called.await.unwrap_or(Ok(()))
}

#[async_trait]
impl PortHooks for PortScripts {
    async fn on_event(&self, event: &'static str, reason: Option<String>) -> Result<(), StageError> {
        let port = Dynamic::from(self.port.clone());
        call_for_event(&self.scripts, "on_port_event", port, event, reason).await
    }
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

    async fn on_event(&self, event: &'static str, reason: Option<String>) -> Result<(), StageError> {
        let folder = Dynamic::from(self.folder.clone());
        call_for_event(&self.scripts, "on_sync_event", folder, event, reason).await
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
