//! What a connected directory can do.

use std::path::Path;

use async_trait::async_trait;

use super::Wire;
use crate::image::Digest;
use crate::sync::base::BaseTree;
use crate::sync::{
    CommandEnd, DownloadOutcome, Expected, Facts, PathOutcome, Pruned, RelativePath, Remote, RemoteCommand,
    RemoteError, Scan, SyncEntry, Upload,
};

#[async_trait]
impl Remote for Wire {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    async fn scan(&self, pruned: &[Pruned], known: &BaseTree) -> Result<Scan, RemoteError> {
        self.scan_directory(pruned, known).await
    }

    async fn digests(&self, paths: &[RelativePath]) -> Result<Vec<(RelativePath, Digest)>, RemoteError> {
        self.digests_of(paths).await
    }

    async fn upload(&self, uploads: Vec<Upload>) -> Result<Vec<PathOutcome>, RemoteError> {
        self.write(uploads).await
    }

    async fn download(
        &self,
        downloads: &[(RelativePath, SyncEntry)],
        stage: &Path,
    ) -> Result<Vec<DownloadOutcome>, RemoteError> {
        self.copy_out(downloads, stage).await
    }

    async fn delete(&self, deletions: &[(RelativePath, Expected)]) -> Result<Vec<PathOutcome>, RemoteError> {
        self.remove(deletions).await
    }

    async fn set_modes(&self, modes: &[(RelativePath, u32)]) -> Result<Vec<PathOutcome>, RemoteError> {
        self.change_modes(modes).await
    }

    async fn run(&self, command: &RemoteCommand) -> Result<CommandEnd, RemoteError> {
        self.run_command(command).await
    }

    async fn restart(&self) -> Result<(), RemoteError> {
        self.restart_program().await
    }

    async fn close(&self) {
        self.main.end().await;
        if let Some(reader) = &*self.reader.lock().await {
            reader.end().await;
        }
    }
}
