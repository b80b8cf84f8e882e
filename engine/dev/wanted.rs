//! The connections that a script requests.

use crate::config::{Folder, Foreground, Forward, Page};

/// The connections that a script requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The forwarded ports.
    pub ports: Vec<Forward>,
    /// The synced directories.
    pub folders: Vec<Folder>,
    /// The pages to open.
    pub pages: Vec<Page>,
    /// The foreground; `None` if the script showed nothing.
    pub foreground: Option<Foreground>,
}
