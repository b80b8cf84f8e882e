//! Dev sessions: what a script wants to be connected, and the connections that are kept while pods come and go.

mod connections;
mod covered;
mod folder_job;
mod survey;
mod wanted;

pub use connections::Connections;
pub use covered::{Coverage, is_covered};
pub use folder_job::{FolderFlags, FolderJob, FolderSettings};
pub use survey::{FolderSurvey, LargeEntry};
pub use wanted::Wanted;
