//! Rollouts: from a deployment of the project to the objects that a cluster gets, with the images of the run in them.
//!
//! The steps are those of `scripts/deploy.rhai`: values or manifests are loaded, the references of images are replaced
//! in them, and a chart is rendered or the manifests are completed. [`crate::deploy`] has the parts, which do not
//! depend on a run.

mod chart;
mod chart_state;
mod deployed;
mod deployment;
mod holder;
mod images;
mod inputs;
mod known_images;
mod kubectl;
mod manifests;
mod preview;
mod pushed;
mod remove;
#[expect(clippy::module_inception, reason = "the type gives the module its name")]
mod rollout;
mod status;
mod target;
mod target_selector;
mod unused;
mod values;
mod wait;

pub use chart_state::ChartState;
pub use deployed::Deployed;
pub use deployment::{Deployment, selected};
pub use images::replace_images;
pub use inputs::deployment_inputs;
pub use manifests::{load_manifests, plan_manifests};
pub use preview::PlannedChange;
pub use remove::remove;
pub use rollout::Rollout;
pub use status::{DeploymentStatus, status};
pub use target::announce;
pub use target_selector::{SelectionError, image_match, project_images, target_selector};
pub use unused::unused_images;
pub use values::{load_values, plan_chart};
pub use wait::wait_until_ready;
