//! Deployments: charts and manifests, the references of images in them, and the readiness of the objects that they
//! create.
//!
//! Nothing here depends on a run: [`crate::rollout`] connects the parts with the project.

pub mod chart;
pub mod manifest;
pub mod objects;
mod problem_log;
pub mod ready;
pub mod replace;
pub mod wait;
mod workloads;

pub use problem_log::problem_log;
pub use workloads::workloads;
