//! Chance, as stages see it.

/// Chance. Not for secrets.
pub trait Random: Send + Sync {
    /// A random one of `a` to `z`, `A` to `Z`, `0` to `9`.
    fn character(&self) -> char;
}
