//! The sources of values in the document that are not in the file itself.

use std::fmt;

use crate::config::node::{Mapping, YamlNode};

/// A change of the document by a profile. The spans of its values contain its number, from 1.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    pub profile: String,
    pub part: Part,
}

/// The part of a profile that made a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Replace,
    Merge,
    StrategicMerge,
    /// The number of the patch, from 1.
    Patch(usize),
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replace => formatter.write_str("replace"),
            Self::Merge => formatter.write_str("merge"),
            Self::StrategicMerge => formatter.write_str("strategicMerge"),
            Self::Patch(number) => write!(formatter, "patch {number}"),
        }
    }
}

/// A value that can record its layer.
pub(crate) trait Stamped {
    /// Sets the layer of everything in it to `number`.
    fn set_layer(&mut self, number: u16);
}

impl Stamped for YamlNode {
    fn set_layer(&mut self, number: u16) {
        self.for_each_span(&mut |span| span.layer = number);
    }
}

impl Stamped for Mapping {
    fn set_layer(&mut self, number: u16) {
        for entry in self.values_mut() {
            entry.key.layer = number;
            entry.node.set_layer(number);
        }
    }
}

/// Adds a layer for a change by `part` of `profile`, and records its number in `value`.
pub(crate) fn stamp(layers: &mut Vec<Layer>, profile: &str, part: Part, value: &mut impl Stamped) {
    layers.push(Layer { profile: profile.to_owned(), part });
    // Values of layers beyond 65,535 are attributed to the file.
    value.set_layer(u16::try_from(layers.len()).unwrap_or(0));
}
