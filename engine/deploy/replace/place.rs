//! Places in manifests and values.

use std::fmt;

/// A place in a manifest or in values. It borrows its parents, so that only a place that is reported costs anything.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    /// A manifest, `Deployment/web`; its keys follow after a space.
    Object(&'a str),
    /// Values; their keys follow after a period.
    Values(&'a str),
    /// The value of a key.
    Key(&'a Place<'a>, &'a str),
    /// An item of a list.
    Item(&'a Place<'a>, usize),
}

impl<'a> Place<'a> {
    /// The place of the value of `key`.
    pub(super) fn key(&'a self, key: &'a str) -> Self {
        Place::Key(self, key)
    }

    /// The place of the item `index`.
    pub(super) fn item(&'a self, index: usize) -> Self {
        Place::Item(self, index)
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Object(name) | Place::Values(name) => formatter.write_str(name),
            Place::Key(parent, key) => {
                let is_plain =
                    !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
                match parent {
                    Place::Object(_) => write!(formatter, "{parent} ")?,
                    _ if is_plain => write!(formatter, "{parent}.")?,
                    _ => write!(formatter, "{parent}")?,
                }
                if is_plain { formatter.write_str(key) } else { write!(formatter, "[{key:?}]") }
            }
            Place::Item(parent @ Place::Object(_), index) => write!(formatter, "{parent} [{index}]"),
            Place::Item(parent, index) => write!(formatter, "{parent}[{index}]"),
        }
    }
}
