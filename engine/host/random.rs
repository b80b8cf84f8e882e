//! The random number interface of stages.

/// Random numbers. Not for secrets.
pub trait Random: Send + Sync {
    /// A random character: `a` to `z`, `A` to `Z` or `0` to `9`.
    fn character(&self) -> char;
}
