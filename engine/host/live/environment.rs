//! The real environment.

use crate::host::Environment;

/// The environment variables of this process.
pub(super) struct LiveEnvironment;

impl Environment for LiveEnvironment {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}
