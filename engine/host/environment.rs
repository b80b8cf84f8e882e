//! The environment interface of stages.

/// The environment variables of windlass.
pub trait Environment: Send + Sync {
    /// The value of `name`; `None` if it is not set or not valid Unicode.
    fn variable(&self, name: &str) -> Option<String>;
}
