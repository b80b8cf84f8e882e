//! Maps in values that hold the repository and the tag of an image in two keys.

use serde_json::{Map, Value};

use super::known::KnownImages;
use super::written::names_registry;

/// Two keys of a map that hold the repository and the tag of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pair {
    /// The key of the repository.
    pub(super) repository_key: String,
    /// The repository, joined with its prefix in other keys.
    pub(super) repository: String,
    /// The key of the tag, which may be missing.
    pub(super) tag_key: String,
}

/// The keys for the tag of the map's one image, the first that exists counts.
pub(super) const TAG_KEYS: [&str; 2] = ["tag", "imageTag"];

/// The keys for the repository of the map's one image, with or without a tag in the map.
pub(super) const REPOSITORY_KEYS: [&str; 2] = ["repository", "repo"];

/// The readings of `map` as one image, best first: `{registry, repository, tag}`, or `{image, tag}`, or `{name, tag}`.
pub(super) fn readings(map: &Map<String, Value>) -> Vec<Pair> {
    let text =
        |key: &str| map.get(key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    let tag_key = TAG_KEYS.into_iter().find(|key| map.contains_key(*key));
    let repository_key = REPOSITORY_KEYS.into_iter().find(|key| text(key).is_some());
    let mut pairs = Vec::new();
    let mut add = |key: &str, parts: &[Option<&str>]| {
        let parts: Vec<_> = parts.iter().flatten().map(|part| part.trim_matches('/')).collect();
        pairs.push(Pair {
            repository_key: key.to_owned(),
            repository: parts.join("/"),
            tag_key: tag_key.unwrap_or("tag").to_owned(),
        });
    };
    let registry = text("registry");
    let repository = repository_key.and_then(text);
    if let Some(key) = repository_key {
        add(key, &[registry, repository]);
    }
    if tag_key.is_some() {
        // `name` is the name of something else as soon as there is another key for the repository.
        let key = if text("image").is_some() { "image" } else { "name" };
        if text(key).is_some() {
            if repository.is_some() {
                add(key, &[registry, repository, text(key)]);
            }
            if repository.is_none() || key == "image" {
                add(key, &[registry, text(key)]);
            }
        }
    }
    pairs
}

/// The pairs of a map with several images: `frontendImage` and `frontendTag`, `imageRepository` and `imageTag`. With
/// the tag in the repository too, the chart would deploy `web:1:1`.
pub(super) fn named_pairs(map: &Map<String, Value>, images: &KnownImages) -> Vec<Pair> {
    let pair = |(key, value): (&String, &Value)| {
        let repository = value.as_str()?.trim();
        let written = images.find(repository)?;
        let tag_key = tag_keys(key, names_registry(repository)).find(|tag_key| map.contains_key(tag_key));
        let is_version = |version: &&Value| {
            let tags = images.candidates(&written).into_iter().filter_map(|image| image.tag());
            written.tag.is_none() && tags.into_iter().any(|tag| version.as_str() == Some(tag.as_str()))
        };
        // `version` has many meanings, unless it was written as `tag(NAME)`.
        let version = || map.get("version").filter(is_version).map(|_| "version".to_owned());
        let tag_key = tag_key.or_else(version)?;
        Some(Pair { repository_key: key.clone(), repository: repository.to_owned(), tag_key })
    };
    map.iter().filter_map(pair).collect()
}

/// The keys that may hold the tag of the repository in `key`. If the value does not name a registry, only the key
/// identifies an image: `githubRepo` and `githubTag` are not images.
fn tag_keys(key: &str, names_registry: bool) -> impl Iterator<Item = String> {
    let suffixes = ["", "Image", "_image", "Repository", "_repository", "Repo", "_repo"];
    let stems = suffixes.into_iter().filter_map(move |suffix| Some((suffix, key.strip_suffix(suffix)?)));
    let is_image = |text: &str| text.to_ascii_lowercase().ends_with("image");
    stems
        .filter(move |(suffix, stem)| {
            !stem.is_empty() && (names_registry || is_image(suffix) || is_image(stem))
        })
        .flat_map(|(_, stem)| [format!("{stem}Tag"), format!("{stem}_tag")])
}
