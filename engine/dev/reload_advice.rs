//! The advice for a program that might not notice new files.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::config::{Folder, OnUpload};
use crate::sync::{Batch, Remote, RemoteCommand};

/// Finds the program, and whether another process watches its files.
const PROGRAMS: &str = include_str!("programs.sh");

/// How long that may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Reports once that the program of a synced directory might not notice new files. Clones share the advice.
#[derive(Clone, Default)]
pub struct ReloadAdvice(Arc<AtomicBool>);

impl ReloadAdvice {
    /// The advice after `batch` of `folder`: if a save was uploaded, nothing runs after uploads, and no program of the
    /// container follows its files.
    pub async fn give(&self, folder: &Folder, batch: &Batch, remote: &dyn Remote) -> Option<String> {
        let is_save = !batch.is_initial && !batch.uploaded.is_empty();
        if !is_save || folder.on_upload != OnUpload::default() || self.0.swap(true, Ordering::Relaxed) {
            return None;
        }
        let words = ["sh", "-c", PROGRAMS, "windlass-programs"].map(str::to_owned).to_vec();
        // Without an answer, nothing is known about its programs.
        let end = remote.run(&RemoteCommand { words, limit: LIMIT }).await.ok()?;
        let program = end.output.last().filter(|program| end.code == 0 && !program.is_empty())?;
        Some(format!(
            "{}: saved files are in the container, but `{program}` might not read them before it is restarted: set \
             `onUpload: {{restartContainer: true}}` here and `injectRestartHelper: true` for its image, or run a program \
             that reloads",
            folder.origin
        ))
    }
}
