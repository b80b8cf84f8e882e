//! Which parts of an object changed.

use std::collections::HashSet;

use serde_json::{Map, Value as Json};

/// The keys below which every change is named after the key itself: `labels`, not `app`.
const WHOLE: [&str; 16] = [
    "annotations",
    "args",
    "binaryData",
    "command",
    "data",
    "env",
    "envFrom",
    "labels",
    "matchLabels",
    "nodeSelector",
    "resources",
    "rules",
    "stringData",
    "tolerations",
    "volumeMounts",
    "volumes",
];

/// The names of the parts of an object that differ, in the order of its keys.
pub(super) fn changed_parts(before: &Json, after: &Json) -> Vec<String> {
    let mut parts = Parts::default();
    parts.compare("object", before, after);
    parts.names
}

#[derive(Default)]
struct Parts {
    names: Vec<String>,
    known: HashSet<String>,
}

impl Parts {
    fn add(&mut self, name: &str) {
        if self.known.insert(name.to_owned()) {
            self.names.push(name.to_owned());
        }
    }

    /// Compares two values of the key `name`.
    fn compare(&mut self, name: &str, before: &Json, after: &Json) {
        if before == after {
            return;
        }
        match (before, after) {
            _ if WHOLE.contains(&name) => self.add(name),
            (Json::Object(before), Json::Object(after)) => self.compare_objects(before, after),
            (Json::Array(before), Json::Array(after)) => self.compare_arrays(name, before, after),
            _ => self.add(name),
        }
    }

    fn compare_objects(&mut self, before: &Map<String, Json>, after: &Map<String, Json>) {
        for (key, value) in before {
            match after.get(key) {
                Some(other) => self.compare(key, value, other),
                None => self.add(key),
            }
        }
        after.keys().filter(|key| !before.contains_key(*key)).for_each(|key| self.add(key));
    }

    /// Compares the items of the same name, or else of the same index.
    fn compare_arrays(&mut self, name: &str, before: &[Json], after: &[Json]) {
        let pairs: Vec<_> = match (names(before), names(after)) {
            (Some(old), Some(new)) if old.len() == new.len() && old.iter().all(|name| new.contains(name)) => {
                let same = |item: &Json| after.iter().find(|other| other["name"] == item["name"]);
                before.iter().filter_map(|item| same(item).map(|other| (item, other))).collect()
            }
            _ if before.len() == after.len() => before.iter().zip(after).collect(),
            _ => return self.add(name),
        };
        if pairs.iter().all(|(item, other)| item == other) {
            return self.add(name);
        }
        pairs.into_iter().for_each(|(item, other)| self.compare(name, item, other));
    }
}

/// The names of all `items`, if they have distinct ones.
fn names(items: &[Json]) -> Option<HashSet<&str>> {
    let names: HashSet<&str> = items.iter().map(|item| item.get("name")?.as_str()).collect::<Option<_>>()?;
    (names.len() == items.len()).then_some(names)
}
