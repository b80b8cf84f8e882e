//! Dev sessions: the connections that scripts request, which are kept when pods are replaced.

mod connections;
mod covered;
mod downloads;
mod folder_files;
mod folder_job;
mod folder_rules;
mod forward_report;
mod port_hooks;
mod refused_folder;
mod reload_advice;
mod single_file;
mod sync_reason;
mod upload_commands;
mod wanted;

pub use connections::{Chooser, ConnectionHooks, Connections};
pub use covered::Coverage;
pub use downloads::{Download, Downloads};
pub use folder_files::{FolderFiles, LargeEntry};
pub use folder_job::{FolderFlags, FolderJob, FolderSettings};
pub use folder_rules::{DecidingPattern, FolderRules};
pub use forward_report::ForwardReport;
pub use port_hooks::PortHooks;
pub use refused_folder::refused_folder;
pub use reload_advice::ReloadAdvice;
pub use sync_reason::{NotSynced, SyncReason, WayReason};
pub use upload_commands::{UploadCommands, rest_of};
pub use wanted::Wanted;
