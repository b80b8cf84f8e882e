//! Decodes the final document into typed values.

mod build;
mod command;
mod dependency;
mod deployment;
mod dev;
mod entries;
mod event;
mod hook;
mod ignored;
mod image;
mod kaniko;
mod pipeline;
mod pull_secret;

use indexmap::IndexMap;
use serde_json::Map;

use super::node::{Mapping, field};
use super::reader::Reader;
use super::upgrade::DevSection;
use super::{CommandConfig, DependencyConfig, DeploymentConfig, Dev, Hook, ImageConfig, PullSecretConfig};
pub(crate) use command::command_mut;

/// The sections with typed values, and the version.
const DECODED: [&str; 7] =
    ["version", "images", "deployments", "hooks", "commands", "dependencies", "pullSecrets"];

/// The values of a document.
pub(crate) struct Decoded {
    pub images: IndexMap<String, ImageConfig>,
    pub hooks: Vec<Hook>,
    pub commands: IndexMap<String, CommandConfig>,
    pub deployments: IndexMap<String, DeploymentConfig>,
    pub dependencies: IndexMap<String, DependencyConfig>,
    pub pull_secrets: Vec<PullSecretConfig>,
    pub dev: Dev,
    pub other: Map<String, serde_json::Value>,
}

/// Decodes the sections that windlass uses and keeps the others as JSON; `dev` is the section in its original form. `document` must have the newest version.
pub(crate) fn project(document: Mapping, dev: &DevSection, reader: &mut Reader<'_>) -> Decoded {
    let has_hooks = field(&document, "hooks").is_some();
    let images = image::images(field(&document, "images"), has_hooks, reader);
    let deployments = deployment::deployments(field(&document, "deployments"), has_hooks, reader);
    pipeline::warn(&document, reader);
    ignored::warn(&document, reader);
    let hooks = hook::hooks(field(&document, "hooks"), &images, reader);
    let commands = command::commands(field(&document, "commands"), reader);
    let dependencies = dependency::dependencies(field(&document, "dependencies"), reader);
    let pull_secrets = pull_secret::pull_secrets(field(&document, "pullSecrets"), reader);
    let other = document
        .iter()
        .filter(|(key, entry)| !DECODED.contains(&key.as_str()) && !entry.node.is_null())
        .map(|(key, entry)| (key.clone(), entry.node.to_json()))
        .collect();
    let dev = dev::dev(dev, &document, &images, reader);
    Decoded { images, deployments, hooks, commands, dependencies, pull_secrets, dev, other }
}
