//! The difference between two states of an object.

use std::time::Duration;

use serde_json::Value as Json;
use similar::TextDiff;

use super::mask::mask_both;
use super::print::print;
use super::summary::changed_parts;

/// How long the smallest difference is searched; after that, a larger one is shown.
const LIMIT: Duration = Duration::from_secs(1);

/// The keys of `metadata` that the API server sets.
const SERVER_KEYS: [&str; 7] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// The difference between two states of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectDiff {
    /// The difference as unified text; empty without a difference. Values of Secrets are `***`.
    pub text: String,
    /// The parts that differ, such as `image` and `replicas`; empty if one of the states does not exist.
    pub parts: Vec<String>,
}

impl ObjectDiff {
    /// The parts that differ in one line: `image, replicas`; of many, the first five.
    pub fn summary(&self) -> String {
        const SHOWN: usize = 5;
        let shown = self.parts.iter().take(SHOWN).cloned();
        let more = self.parts.len().saturating_sub(SHOWN);
        shown.chain((more > 0).then(|| format!("{more} more"))).collect::<Vec<_>>().join(", ")
    }
}

/// The difference between `before` and `after`, ignoring the fields that the API server sets and the order of keys.
pub fn diff(before: Option<&Json>, after: Option<&Json>) -> ObjectDiff {
    let comparable = |object: Option<&Json>| object.map_or(Json::Null, comparable);
    let (mut old, mut new) = (comparable(before), comparable(after));
    mask_both(&mut old, &mut new);
    let parts = if before.is_some() && after.is_some() { changed_parts(&old, &new) } else { Vec::new() };
    let text = |object: &Json| if object.is_null() { String::new() } else { print([object]) };
    let (old, new) = (text(&old), text(&new));
    let text_diff = TextDiff::configure().timeout(LIMIT).diff_lines(old.as_str(), new.as_str());
    let text = text_diff.unified_diff().context_radius(3).header("before", "after").to_string();
    ObjectDiff { text: if old == new { String::new() } else { text }, parts }
}

/// `object` with sorted keys, without the fields that the API server sets.
fn comparable(object: &Json) -> Json {
    let mut object = object.clone();
    if let Json::Object(object) = &mut object {
        object.shift_remove("status");
    }
    if let Some(Json::Object(metadata)) = object.get_mut("metadata") {
        metadata.retain(|key, _| !SERVER_KEYS.contains(&key.as_str()));
    }
    object.sort_all_objects();
    object
}

#[cfg(test)]
mod tests;
