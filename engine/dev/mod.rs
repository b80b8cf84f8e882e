//! Dev sessions: what a script wants to be connected, and the connections that are kept while pods come and go.

mod connections;
mod covered;
mod folder_job;
mod upload_commands;
mod wanted;

pub use connections::{Connections, FolderHooks};
pub use covered::is_covered;
pub use folder_job::{FolderFlags, FolderJob, FolderSettings};
pub use upload_commands::UploadCommands;
pub use wanted::Wanted;
