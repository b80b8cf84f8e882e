//! Whether deployed objects run, and if not, why.
//!
//! Everything here is computed from a [`ClusterView`], which holds objects and events as the API server returns them.
//! [`readiness()`] determines how far an object is, [`diagnose()`] finds its problems, and [`SeenProblems`] decides which
//! of them end the wait. Nothing is queried, and the time is an argument.

mod assess;
mod condition;
mod container;
mod diagnose;
mod error;
mod event;
mod fields;
mod help;
mod kinds;
mod log_request;
mod missing_reference;
mod object_name;
mod owned_pods;
mod permanence;
mod pod_phase;
mod problem;
mod problem_kind;
mod pull_failure;
mod readiness;
mod rejection;
mod seen;
mod summary;
#[cfg(test)]
mod tests;
mod view;

pub use assess::readiness;
pub use diagnose::diagnose;
pub use error::{RolloutError, RolloutTimeout};
pub use log_request::LogRequest;
pub use missing_reference::MissingReference;
pub use object_name::ObjectName;
pub use permanence::Permanence;
pub use pod_phase::PodPhase;
pub use problem::Problem;
pub use problem_kind::ProblemKind;
pub use pull_failure::PullFailure;
pub use readiness::{Readiness, ReadyCount, ReadyState};
pub use rejection::Rejection;
pub use seen::SeenProblems;
pub use summary::Summary;
pub use view::ClusterView;
