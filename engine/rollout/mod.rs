//! Rollouts: from a deployment of the project to the objects that a cluster gets, with the images of the run in them.
//!
//! The steps are those of `scripts/deploy.rhai`: values or manifests are loaded, the references of images are replaced
//! in them, and a chart is rendered or the manifests are completed. [`crate::deploy`] has the parts, which know nothing
//! of a run.

mod chart;
mod deployment;
mod images;
mod known_images;
mod manifests;
mod rendered;
mod unused;
mod values;

pub use deployment::{Deployment, selected};
pub use images::replace_images;
pub use manifests::{load_manifests, plan_manifests};
pub use rendered::Rollout;
pub use unused::unused_images;
pub use values::{load_values, plan_chart};
