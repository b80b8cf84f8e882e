//! Decodes the final document into typed values.

mod build;
mod command;
mod dependency;
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
use super::{CommandConfig, DependencyConfig, Hook, ImageConfig, PullSecretConfig};
pub(crate) use command::command_mut;

/// The values of a document.
pub(crate) struct Decoded {
    pub images: IndexMap<String, ImageConfig>,
    pub hooks: Vec<Hook>,
    pub commands: IndexMap<String, CommandConfig>,
    pub dependencies: IndexMap<String, DependencyConfig>,
    pub pull_secrets: Vec<PullSecretConfig>,
    pub other: Map<String, serde_json::Value>,
}

/// Decodes the sections that windlass uses and keeps the others as JSON. `document` must have the newest version.
pub(crate) fn project(document: Mapping, reader: &mut Reader<'_>) -> Decoded {
    let images = image::images(field(&document, "images"), field(&document, "hooks").is_some(), reader);
    pipeline::warn(&document, reader);
    ignored::warn(&document, reader);
    let hooks = hook::hooks(field(&document, "hooks"), &images, reader);
    let commands = command::commands(field(&document, "commands"), reader);
    let dependencies = dependency::dependencies(field(&document, "dependencies"), reader);
    let pull_secrets = pull_secret::pull_secrets(field(&document, "pullSecrets"), reader);
    let other = document
        .iter()
        .filter(|(key, entry)| {
            !["version", "images", "hooks", "commands", "dependencies", "pullSecrets"].contains(&key.as_str())
                && !entry.node.is_null()
        })
        .map(|(key, entry)| (key.clone(), entry.node.to_json()))
        .collect();
    Decoded { images, hooks, commands, dependencies, pull_secrets, other }
}
