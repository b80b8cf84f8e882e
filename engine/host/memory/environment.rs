//! In-memory environment variables.

use super::Memory;
use crate::host::Environment;

impl Environment for Memory {
    fn variable(&self, name: &str) -> Option<String> {
        self.state().variables.get(name).cloned()
    }
}
