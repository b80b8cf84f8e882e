//! Whether waiting can help.

/// Whether waiting can help against a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permanence {
    /// It often resolves itself: only the timeout ends the wait.
    Temporary,
    /// It ends the wait when it is seen twice, or for 15 seconds.
    Repeated,
    /// It ends the wait immediately: the cluster does not retry.
    Final,
}
