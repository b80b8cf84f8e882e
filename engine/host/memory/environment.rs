//! Variables that a test sets.

use super::Memory;
use crate::host::Environment;

impl Environment for Memory {
    fn variable(&self, name: &str) -> Option<String> {
        self.state().variables.get(name).cloned()
    }
}
