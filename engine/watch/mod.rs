//! Watches the files of a project: which files changed, after editors and git have finished writing them.
//!
//! A [`Watcher`] follows many [roots](WatchRoot) on a separate thread. The content decides: a file whose content and
//! mode are the same as before did not change. Where the system reports no events, it compares with the disk.

mod debounce;
mod file_system;
mod git_lock;
#[cfg(target_os = "linux")]
mod inotify;
mod known;
mod limit;
mod poller;
mod root;
mod source;
#[cfg(test)]
mod tests;
mod tree;
mod watcher;

pub use root::WatchRoot;
pub use tree::ChangedFile;
#[cfg(test)]
pub use tree::FileChangeKind;
pub use watcher::{Moment, WatchEvent, Watcher};
