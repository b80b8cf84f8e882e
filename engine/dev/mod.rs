//! Dev sessions: what a script wants to be connected, and the connections that are kept while pods come and go.

mod connections;
mod covered;
mod folder_job;
mod wanted;

pub use connections::Connections;
pub use covered::is_covered;
pub use folder_job::{FolderFlags, FolderJob, FolderSettings};
pub use wanted::Wanted;
