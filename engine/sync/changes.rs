//! Changes on this machine, as a watcher names them.

use std::collections::BTreeSet;

use tokio::sync::mpsc::UnboundedReceiver;

use super::RelativePath;

/// What may have changed on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocalChange {
    /// These paths, and all below them.
    Paths(BTreeSet<RelativePath>),
    /// Anything.
    Everything,
}

/// The changes of one directory, in their order.
pub type Changes = UnboundedReceiver<LocalChange>;
