//! The source of events.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Something that happened below a watched directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Raw {
    /// A file, or the mode of a file or directory, may have changed; it may have been removed.
    Touched(PathBuf),
    /// A directory appeared.
    FolderCame(PathBuf),
    /// A directory was removed.
    FolderWent(PathBuf),
    /// Events were lost.
    Overflow,
}

/// Ends a wait for events, from any thread.
pub(super) type Wake = Arc<dyn Fn() + Send + Sync>;

/// A source of events.
pub(super) trait Source: Send + Sync {
    /// Watches the directory `folder`, without those below it; from any thread. Watching it again is cheap.
    ///
    /// # Errors
    /// If it does not exist, or the system allows no further directory.
    fn watch(&self, folder: &Path) -> io::Result<()>;

    /// Watches `folder` and everything below it no longer.
    fn remove(&mut self, folder: &Path);

    /// The events since the last call; waits for one for at most `limit`, or until it is woken.
    fn wait(&mut self, limit: Duration) -> Vec<Raw>;

    /// Wakes the thread that waits.
    fn wake(&self) -> Wake;

    /// Whether the system reports events.
    fn has_events(&self) -> bool;
}
