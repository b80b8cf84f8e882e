//! The effective configuration and the origins of its values, for `windlass print` and `windlass list`.
//!
//! Ordinary loading only records one number per value, [`Span::layer`](super::node::Span), and one layer per change by
//! a profile; everything else is computed only on request ([`Explain`]).

mod layer;
mod origins;
mod profile;
mod variable;
mod yaml;

use serde_json::Value as Json;

pub(crate) use layer::{Layer, Part, stamp};
pub(crate) use origins::Origins;
pub use origins::{LeafOrigin, UsedVariable};
pub(crate) use profile::statuses;
pub use profile::{ProfileStatus, Reason};
pub use variable::VariableStatus;
pub(crate) use variable::list_variables;

use super::node::{Mapping, Scalar, Value, YamlNode};
use super::variable::Definitions;
use super::variable::definition::Definition;

/// The data to keep for explanations when a project is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Explain {
    /// Nothing.
    #[default]
    Nothing,
    /// Nothing, and allow variables without a value: windlass does not prompt for them, and the project may lack the
    /// parts that depend on them.
    Outline,
    /// The document and all origins.
    Everything,
    /// The document and all origins; variables may be without a value, as for `Outline`.
    ProjectCheck,
}

/// The effective configuration and the origins of its values.
#[derive(Debug, Clone, Default)]
pub struct Explanation {
    /// The profiles in file order.
    pub profiles: Vec<ProfileStatus>,
    /// The variables: those that the file defines, in file order, then others that it uses.
    pub variables: Vec<VariableStatus>,
    document: Mapping,
    origins: Origins,
    definitions: Definitions,
}

impl Explain {
    /// Whether an explanation is requested.
    pub(crate) fn is_wanted(self) -> bool {
        matches!(self, Self::Everything | Self::ProjectCheck)
    }

    /// Whether variables may be without a value.
    pub(crate) fn is_patient(self) -> bool {
        matches!(self, Self::Outline | Self::ProjectCheck)
    }
}

impl Explanation {
    pub(crate) fn new(
        mut document: Mapping,
        origins: Origins,
        profiles: Vec<ProfileStatus>,
        variables: Vec<VariableStatus>,
        definitions: Definitions,
    ) -> Self {
        for (section, entry) in &mut document {
            if matches!(section.as_str(), "pullSecrets" | "deployments") {
                mask_fields(&mut entry.node);
            }
            entry.node.for_each_scalar(&mut Scalar::mask);
        }
        Self { profiles, variables, document, origins, definitions }
    }

    /// The definition of a variable.
    pub(crate) fn definition(&self, name: &str) -> Option<&Definition> {
        self.definitions.get(name)
    }

    /// The effective configuration as YAML that loads as the same project, with passwords as `***`. If `with_origins`
    /// is set, every value has a comment with its origin.
    pub fn to_yaml(&self, with_origins: bool) -> String {
        yaml::write(&self.document, with_origins.then_some(&self.origins))
    }

    /// The effective configuration as JSON, with passwords as `***`.
    pub fn to_json(&self) -> Json {
        self.document.iter().map(|(key, entry)| (key.clone(), entry.node.to_json())).collect()
    }

    /// The origin of each value, by its JSON pointer (RFC 6901), in document order.
    pub fn origins(&self) -> Vec<(String, LeafOrigin)> {
        let mut found = Vec::new();
        for (key, entry) in &self.document {
            self.origins.collect(&entry.node, pointer("", key), &mut found);
        }
        found
    }
}

/// Replaces the passwords of registries and chart repositories that are in the file as plain text with `***`.
fn mask_fields(node: &mut YamlNode) {
    match &mut node.value {
        Value::Scalar(_) => {}
        Value::Sequence(nodes) => nodes.iter_mut().for_each(mask_fields),
        Value::Mapping(mapping) => {
            for (key, entry) in mapping {
                match &mut entry.node.value {
                    Value::Scalar(scalar) if key == "password" && !scalar.text.is_empty() => {
                        scalar.masked = Some("***".into());
                    }
                    _ => mask_fields(&mut entry.node),
                }
            }
        }
    }
}

/// The JSON pointer of `step` below `parent`.
fn pointer(parent: &str, step: &str) -> String {
    format!("{parent}/{}", step.replace('~', "~0").replace('/', "~1"))
}
