//! Real random numbers.

use crate::host::Random;

/// A generator seeded by the system.
pub(super) struct LiveRandom;

impl Random for LiveRandom {
    fn character(&self) -> char {
        fastrand::alphanumeric()
    }
}
