//! Upgrades a document of any version to the newest one, one step per version.
//!
//! A step changes the tree in place: moved values keep their location in the file, so that diagnostics still point to
//! the lines of the user, and added values get the location of their cause. `windlass upgrade` uses the same steps to
//! upgrade a file. Steps accept any part of a document, such as the sections of a profile.
//!
//! Keys without a counterpart in the newest version stay and are still read: `disabled` of an image, `dev` with
//! `autoReload`, `skipBuild` of a dependency.

mod dev;
mod edit;
mod file;
mod hook_events;
mod patches;
mod v1alpha1;
mod v1alpha2;
mod v1alpha3;
mod v1alpha4;
mod v1beta1;
mod v1beta10;
mod v1beta11;
mod v1beta2;
mod v1beta3;
mod v1beta4;
mod v1beta5;
mod v1beta6;
mod v1beta7;
mod v1beta8;
mod v1beta9;

#[cfg(test)]
mod tests;

pub use file::{UpgradeBlocker, UpgradedFile, upgrade_file};

use super::node::{Mapping, YamlNode, field};
use super::problem::Diagnostics;
use super::version::Version::{self, *};

/// Upgrades `document` from version `from` to version `to`. Warns about lost values.
pub(crate) fn upgrade(document: &mut Mapping, from: Version, to: Version, problems: &mut Diagnostics) {
    for version in Version::ALL.into_iter().filter(|version| (from..to).contains(version)) {
        step(document, version, problems);
    }
    // Old names that newer versions still read.
    if from > V1beta6 {
        v1beta6::tags(document);
    }
    if from > V1beta10 {
        v1beta10::hooks(document);
    }
}

/// `dev` of a document, for its decoding.
pub(crate) struct DevSection {
    /// The section, in the form of v1beta11 or of v2beta1; `None` if the document has none.
    pub node: Option<YamlNode>,
    /// Whether it is a map of pods: the form of v2beta1.
    pub is_pods: bool,
    /// The images with `preferSyncOverRebuild`, which no later version has.
    pub prefers_sync: Vec<String>,
}

/// Upgrades `document` from version `from` to the newest one. Returns `dev` in a form that has lost nothing: v2beta1 has
/// no `autoReload` and no interactive mode.
pub(crate) fn upgrade_with_dev(
    document: &mut Mapping,
    from: Version,
    problems: &mut Diagnostics,
) -> DevSection {
    if from < V1beta9 {
        upgrade(document, from, V1beta9, problems);
    }
    let prefers = |image: &Mapping| edit::is_true(image, "preferSyncOverRebuild");
    let images = edit::map(document, "images").into_iter().flatten();
    let prefers_sync = images
        .filter(|(_, image)| image.node.as_mapping().is_some_and(prefers))
        .map(|(name, _)| name.clone())
        .collect();
    if from < V1beta11 {
        upgrade(document, from.max(V1beta9), V1beta11, problems);
    }
    let node = field(document, "dev").cloned();
    upgrade(document, from.max(V1beta11), Version::NEWEST, problems);
    DevSection { node, is_pods: from >= V2beta1, prefers_sync }
}

/// Upgrades `document` from `version` to the next one.
fn step(document: &mut Mapping, version: Version, problems: &mut Diagnostics) {
    match version {
        V1alpha1 => v1alpha1::upgrade(document, problems),
        V1alpha2 => v1alpha2::upgrade(document),
        V1alpha3 => v1alpha3::upgrade(document),
        V1alpha4 => v1alpha4::upgrade(document),
        V1beta1 => v1beta1::upgrade(document),
        V1beta2 => v1beta2::upgrade(document, problems),
        V1beta3 => v1beta3::upgrade(document),
        V1beta4 => v1beta4::upgrade(document),
        V1beta5 => v1beta5::upgrade(document),
        V1beta6 => v1beta6::upgrade(document),
        V1beta7 => v1beta7::upgrade(document),
        V1beta8 => v1beta8::upgrade(document),
        V1beta9 => v1beta9::upgrade(document),
        V1beta10 => v1beta10::upgrade(document),
        V1beta11 => v1beta11::upgrade(document, problems),
        V2beta1 => {}
    }
}
