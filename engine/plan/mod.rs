//! Plans an image: its inputs, its cache key, and the decision to build or skip.

mod again;
mod bases;
mod built;
mod change_impact;
mod decide;
mod difference;
mod docker_args;
mod docker_build;
mod error;
mod inputs_document;
mod named_contexts;
mod outside;
#[expect(clippy::module_inception, reason = "the file is named for its type")]
mod plan;
mod provenance;
mod reason;
mod share;
mod stored;
#[cfg(test)]
mod tests;
mod uncovered;
mod watched_inputs;

pub use built::Built;
pub use change_impact::{Answer, ChangeImpact};
pub use decide::{DecisionInputs, Reuse, Source, UsedBase, Verdict, decide};
pub use difference::{Difference, Input, Sign};
pub use inputs_document::ForeignBuild;
pub use outside::KnownBase;
pub use plan::Plan;
pub use provenance::SourceCode;
pub use share::SharedBuild;
pub use watched_inputs::{WatchedInputs, configured_roots, glob_roots};
