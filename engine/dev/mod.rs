//! Dev sessions: what a script wants to be connected, and the connections that are kept while pods come and go.

mod connections;
mod covered;
mod folder_job;
mod forward_report;
mod survey;
mod upload_commands;
mod wanted;

pub use connections::{Chooser, Connections, FolderHooks};
pub use covered::Coverage;
pub use folder_job::{FolderFlags, FolderJob, FolderSettings};
pub use survey::{FolderSurvey, LargeEntry};
pub use upload_commands::UploadCommands;
pub use wanted::Wanted;
