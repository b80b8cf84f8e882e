//! Keeps a directory on this machine and one in a container equal.

mod after_upload;
mod apply;
mod base;
mod changes;
mod decide;
mod entry;
mod error;
mod exclude;
mod folder;
mod guard;
mod keep_equal;
mod local;
mod local_changes;
mod options;
mod reconcile;
mod remote;
mod remote_error;
mod store;
#[cfg(test)]
mod tests;
mod trash;
mod wire;

pub use after_upload::{AfterUpload, COMMAND_LIMIT, SLOW_COMMAND};
#[cfg(test)]
pub use changes::LocalChange;
pub use decide::{Limit, Ways};
pub use entry::{Kind, RelativePath, Scan, SharedDigest, SyncEntry};
pub use error::{SyncError, check_downloads};
pub use exclude::{ExcludePatterns, is_own};
pub use folder::SyncedFolder;
pub use keep_equal::{ConnectFailure, FolderConnection, FolderConnector, keep_equal, system_clock};
pub use local::LocalFolder;
pub use local_changes::watch_changes;
pub use options::{Batch, FolderOptions, NoHooks, SyncScript, Winner};
pub use remote::{
    CommandEnd, DownloadOutcome, Expected, Facts, PathOutcome, Pruned, Remote, RemoteCommand, Tier, Upload,
};
pub use remote_error::RemoteError;
pub use store::{ContainerKey, FolderKey, SyncRecord, record_of};
#[cfg(test)]
pub use wire::Connector;
pub use wire::{PodConnector, Wire, WireOptions};
