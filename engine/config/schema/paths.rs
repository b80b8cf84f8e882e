//! Every key of devspace.yaml with its path. The reference lists them.

use indexmap::IndexMap;

use super::{FILE, SchemaKey, Section, Shape};
use crate::config::version::Version;

/// A key and its path.
#[derive(Debug, Clone)]
pub struct KeyPath {
    /// The path: `images.*.tags`, `profiles[].patches[].op`. `*` is an arbitrary name.
    pub path: String,
    /// The key; the newest if several have this path.
    pub key: SchemaKey,
    /// The first version that has the path, with any shape.
    pub since: Version,
}

/// All keys of all versions, each after its parent.
pub fn key_paths() -> Vec<KeyPath> {
    let mut found = IndexMap::new();
    walk(FILE, "", (Version::ALL[0], Version::NEWEST), &mut found);
    found.into_values().collect()
}

/// Adds the keys of `section`, which the versions from `first` to `last` have at this path.
fn walk(
    section: &Section,
    parent: &str,
    (first, last): (Version, Version),
    found: &mut IndexMap<String, KeyPath>,
) {
    for key in section.keys.iter().filter(|key| key.since <= last && first <= key.until) {
        let path = format!("{parent}{}", key.name);
        let key = SchemaKey { since: key.since.max(first), until: key.until.min(last), ..*key };
        let known = found.entry(path.clone());
        let known = known.or_insert_with(|| KeyPath { path: path.clone(), key, since: key.since });
        known.since = known.since.min(key.since);
        if key.until > known.key.until {
            known.key = key;
        }
        below(&key.shape, &path, (key.since, key.until), found);
    }
}

/// Adds the keys inside of a value.
fn below(shape: &Shape, path: &str, range: (Version, Version), found: &mut IndexMap<String, KeyPath>) {
    match shape {
        Shape::List(item) => below(item, &format!("{path}[]"), range, found),
        Shape::Map(value) => below(value, &format!("{path}.*"), range, found),
        Shape::Fields(section) | Shape::TextOr(section) => walk(section, &format!("{path}."), range, found),
        Shape::Text | Shape::Boolean | Shape::Number | Shape::Any | Shape::Choice(_) | Shape::File => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_through_maps_and_lists() {
        let paths = key_paths();
        let of = |path: &str| {
            paths.iter().find(|found| found.path == path).unwrap_or_else(|| panic!("no path `{path}`"))
        };
        assert_eq!(of("images.*.tags").since, Version::V1beta7);
        assert_eq!(of("images.*.build.docker.skipPush").key.until, Version::V1beta11);
        assert_eq!(of("vars[].name").key.until, Version::V1beta11);
        assert_eq!(of("vars.*.command").since, Version::V2beta1);
    }
}
