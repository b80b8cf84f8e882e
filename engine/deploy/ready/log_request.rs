//! Which log explains a problem.

/// The container whose log explains a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRequest {
    /// The namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// The container.
    pub container: String,
    /// Whether to fetch the log of its previous run, as `kubectl logs --previous` does.
    pub previous: bool,
}
