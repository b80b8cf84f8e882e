//! Images that are built for nothing.

use std::sync::Arc;

use super::Rollout;
use super::known_images::known_images;
use crate::deploy::replace::{UnusedImage, unused_images as unused};
use crate::run::Run;

/// The images of the project that none of its `rollouts`, which are those of all deployments, uses. None if nothing is
/// deployed: then the images are for others.
pub fn unused_images(run: &Arc<Run>, rollouts: &[Rollout]) -> Vec<UnusedImage> {
    if rollouts.is_empty() {
        return Vec::new();
    }
    let reports: Vec<_> = rollouts.iter().map(|rollout| rollout.deployment().report()).collect();
    let built = run.selected().iter().map(String::as_str).filter(|name| !run.is_base(name));
    unused(&known_images(run), built, &reports.iter().collect::<Vec<_>>())
}
