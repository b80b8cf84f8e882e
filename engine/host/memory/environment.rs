//! In-memory environment variables.

use super::MemoryHost;
use crate::host::Environment;

impl Environment for MemoryHost {
    fn variable(&self, name: &str) -> Option<String> {
        self.state().variables.get(name).cloned()
    }
}
