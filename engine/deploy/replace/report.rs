//! The report of tag replacement.

use std::collections::{BTreeMap, BTreeSet};

use super::hint::Hint;
use super::left_alone::LeftAlone;

/// The report of tag replacement in the manifests or values of one deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplaceReport {
    /// The changes.
    pub changes: Vec<ReplacedValue>,
    /// Unchanged references to known images that differ from the deployed ones.
    pub left_alone: Vec<LeftAlone>,
    /// Hints for the user.
    pub hints: Vec<Hint>,
    /// The full names of the images that are used.
    pub used: BTreeSet<String>,
    /// The references to other images, with the first place of each.
    pub others: BTreeMap<String, String>,
}

/// A value that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplacedValue {
    /// Its place: `Deployment/web spec.template.spec.containers[0].image`, `values.image.tag`.
    pub place: String,
    /// The old value; `None` for an added key.
    pub old: Option<String>,
    /// The new value.
    pub new: String,
}

impl ReplaceReport {
    /// Adds the report of more manifests or values of the same deployment.
    pub fn merge(&mut self, other: Self) {
        self.changes.extend(other.changes);
        self.left_alone.extend(other.left_alone);
        self.hints.extend(other.hints);
        self.used.extend(other.used);
        for (reference, place) in other.others {
            self.others.entry(reference).or_insert(place);
        }
    }
}
