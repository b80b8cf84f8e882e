//! The variables of the environment, as stages see them.

/// The variables of the environment that windlass was started in.
pub trait Environment: Send + Sync {
    /// The value of `name`; `None` when it is not set, or is no text.
    fn variable(&self, name: &str) -> Option<String>;
}
