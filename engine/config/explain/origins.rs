//! The origins of values.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::{Layer, VariableStatus, pointer};
use crate::config::node::{Span, Value, YamlNode};
use crate::config::variable::{Provenance, Use};

/// The origin of a value of the effective configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeafOrigin {
    /// The file, which may be an imported one, as displayed.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The profile that set it; `None` for the file itself.
    pub profile: Option<String>,
    /// The part of that profile: `replace`, `merge`, `strategicMerge`, `patch 2`.
    pub part: Option<String>,
    /// The variables in it.
    pub variables: Vec<UsedVariable>,
}

/// A variable in a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UsedVariable {
    /// Its name.
    pub name: String,
    /// The source of its value.
    pub source: Provenance,
}

/// The origin in one line: `devspace.yaml:12, profile dev patch 2, TAG from --var`.
impl fmt::Display for LeafOrigin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.file, self.line)?;
        if let (Some(profile), Some(part)) = (&self.profile, &self.part) {
            write!(formatter, ", profile {profile} {part}")?;
        }
        for variable in &self.variables {
            write!(formatter, ", {} from {}", variable.name, variable.source)?;
        }
        Ok(())
    }
}

/// The data from which the origins of values are computed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origins {
    /// The files, indexed by their numbers.
    files: Vec<Arc<str>>,
    layers: Vec<Layer>,
    uses: HashMap<Span, Vec<UsedVariable>>,
}

impl Origins {
    /// The origins of the values of `files`.
    pub(crate) fn new(
        files: Vec<Arc<str>>,
        layers: Vec<Layer>,
        uses: &[Use],
        variables: &[VariableStatus],
    ) -> Self {
        let mut by_span: HashMap<Span, Vec<UsedVariable>> = HashMap::new();
        let sources: HashMap<&str, Provenance> = variables
            .iter()
            .filter_map(|variable| Some((variable.name.as_str(), variable.source?)))
            .collect();
        for used in uses {
            let Some(source) = sources.get(used.name.as_str()) else { continue };
            let variable = UsedVariable { name: used.name.clone(), source: *source };
            let list = by_span.entry(used.span).or_default();
            if !list.contains(&variable) {
                list.push(variable);
            }
        }
        Self { files, layers, uses: by_span }
    }

    /// The origin of the value with this span.
    pub(super) fn of(&self, span: Span) -> LeafOrigin {
        let layer = usize::from(span.layer).checked_sub(1).and_then(|index| self.layers.get(index));
        let file = self.files.get(usize::from(span.file)).or(self.files.first());
        LeafOrigin {
            file: file.map(ToString::to_string).unwrap_or_default(),
            line: span.line,
            column: span.column,
            profile: layer.map(|layer| layer.profile.clone()),
            part: layer.map(|layer| layer.part.to_string()),
            variables: self.uses.get(&span).cloned().unwrap_or_default(),
        }
    }

    /// Adds the origin of every leaf below `node`, whose JSON pointer is `path`.
    pub(super) fn collect(&self, node: &YamlNode, path: String, found: &mut Vec<(String, LeafOrigin)>) {
        match &node.value {
            Value::Mapping(mapping) if !mapping.is_empty() => {
                for (key, entry) in mapping {
                    self.collect(&entry.node, pointer(&path, key), found);
                }
            }
            Value::Sequence(nodes) if !nodes.is_empty() => {
                for (index, node) in nodes.iter().enumerate() {
                    self.collect(node, pointer(&path, &index.to_string()), found);
                }
            }
            _ => found.push((path, self.of(node.span))),
        }
    }
}
