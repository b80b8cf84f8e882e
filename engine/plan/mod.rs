//! Deciding what happens to an image: its inputs, its cache key, and the one function that says build or skip.

mod bases;
mod built;
mod decide;
mod docker_build;
mod error;
mod inputs;
#[expect(clippy::module_inception, reason = "the file is named for its type")]
mod plan;
mod reason;
#[cfg(test)]
mod tests;

pub use built::Built;
pub use decide::{ImageIds, Reuse, Situation, Source, Verdict, decide};
pub use inputs::{CacheKey, Inputs};
pub use plan::Plan;
pub use reason::why_build;
