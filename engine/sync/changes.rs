//! Changes on this machine that a watcher reports.

use std::collections::BTreeSet;

use tokio::sync::mpsc::UnboundedReceiver;

use super::RelativePath;

/// Paths that may have changed on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocalChange {
    /// These paths, and all below them.
    Paths(BTreeSet<RelativePath>),
    /// Anything.
    Everything,
}

/// The changes of one directory, in their order.
pub type Changes = UnboundedReceiver<LocalChange>;
