//! The services that a compose file builds.

use std::path::{Component, Path, PathBuf};

use indexmap::IndexMap;
use serde_json::Value;

use super::candidate::{Candidate, identifier};
use crate::image::{ImageReference, Repository};

/// The possible names of a compose file; the first one that exists is used.
const FILES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];

/// The services that the compose file in `folder` builds; none if the file does not exist or is not valid YAML.
pub fn services(folder: &Path) -> Vec<Candidate> {
    let texts = FILES.iter().filter_map(|name| crate::input_file::read_text(&folder.join(name)).ok());
    let Some(compose) = texts.into_iter().next().and_then(|text| serde_yaml::from_str::<Value>(&text).ok())
    else {
        return Vec::new();
    };
    let services = compose.get("services").and_then(Value::as_object).into_iter().flatten();
    let mut candidates: Vec<Candidate> = Vec::new();
    for candidate in services.filter_map(|(name, service)| candidate(name, service)) {
        let is_same = |other: &Candidate| {
            let key = |one: &Candidate| (one.dockerfile.clone(), one.context.clone(), one.target.clone());
            key(other) == key(&candidate)
        };
        // Services with the same image often differ only in their commands.
        if folder.join(&candidate.dockerfile).is_file() && !candidates.iter().any(is_same) {
            candidates.push(candidate);
        }
    }
    candidates
}

/// A service that is built from a directory of the project.
fn candidate(name: &str, service: &Value) -> Option<Candidate> {
    let build = service.get("build")?;
    let text = |key: &str| build.get(key).and_then(Value::as_str);
    let context = build.as_str().or_else(|| text("context")).unwrap_or(".");
    let context = inside(Path::new(context))?;
    let dockerfile = inside(&context.join(text("dockerfile").unwrap_or("Dockerfile")))?;
    let image = service.get("image").and_then(Value::as_str);
    Some(Candidate {
        name: identifier(name),
        repository: image.and_then(repository).unwrap_or_default(),
        dockerfile,
        context,
        target: text("target").map(ToOwned::to_owned),
        build_args: build.get("args").map(build_args).unwrap_or_default(),
        is_suggested: true,
    })
}

/// `path` without `.` and `..`; `None` if it is outside of the project or contains a variable.
fn inside(path: &Path) -> Option<PathBuf> {
    let mut inside = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) if !name.to_string_lossy().contains('$') => inside.push(name),
            Component::CurDir => {}
            Component::ParentDir if inside.pop() => {}
            _ => return None,
        }
    }
    Some(inside)
}

/// The repository of `image`, if it contains no variable.
fn repository(image: &str) -> Option<String> {
    let reference: ImageReference = image.parse().ok()?;
    let repository: Repository = reference.repository;
    Some(repository.to_string())
}

/// Build arguments, a map or a list of `NAME=VALUE`.
fn build_args(args: &Value) -> IndexMap<String, Option<String>> {
    let text = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    match args {
        Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(pair).collect(),
        _ => IndexMap::new(),
    }
}

fn pair(text: &str) -> (String, Option<String>) {
    match text.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (text.to_owned(), None),
    }
}
