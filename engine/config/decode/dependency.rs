//! The section `dependencies`: a list with `source` blocks, or the map of the newest version.

use indexmap::IndexMap;

use super::entries::{NamedEntry, entries};
use crate::config::node::{Mapping, Value, YamlNode, field};
use crate::config::problem::Report;
use crate::config::reader::Reader;
use crate::config::{DependencyConfig, DependencySource};
use crate::git::GitSource;

/// The hint for a dependency without a location.
const PLACE_HELP: &str =
    "add its directory as `path: ../NAME`; before v2beta1, as `source: { path: ../NAME }`";

/// Reads `dependencies`, without disabled ones.
pub(crate) fn dependencies(
    section: Option<&YamlNode>,
    reader: &mut Reader<'_>,
) -> IndexMap<String, DependencyConfig> {
    let mut dependencies: IndexMap<String, DependencyConfig> = IndexMap::new();
    for entry in entries(section) {
        let is_named = entry.name.is_some();
        let span = entry.span;
        let Some(mut dependency) = dependency(entry, reader) else { continue };
        if let Some(first) = dependencies.get(&dependency.name).filter(|_| is_named) {
            let name = &dependency.name;
            let message = format!("duplicate dependency `{name}`, first defined at {}", first.origin);
            let report = Report::new("config::duplicate", message, "again here").help("rename one of them");
            reader.problems.add(span, report);
            continue;
        }
        // Default names must only be unique.
        let base = dependency.name.clone();
        let mut number = 2;
        while dependencies.contains_key(&dependency.name) {
            dependency.name = format!("{base}-{number}");
            number += 1;
        }
        dependencies.insert(dependency.name.clone(), dependency);
    }
    dependencies
}

fn dependency(entry: NamedEntry<'_>, reader: &mut Reader<'_>) -> Option<DependencyConfig> {
    let what = match &entry.name {
        Some(name) => format!("dependency `{name}`"),
        None => "a dependency".to_owned(),
    };
    let mapping = reader.mapping(entry.node, &what)?;
    if reader.boolean(mapping, "disabled", &what) == Some(true) {
        return None;
    }
    let place = field(mapping, "source").and_then(YamlNode::as_mapping).unwrap_or(mapping);
    let Some(source) = source(place, &what, reader) else {
        // The problem of its location was reported.
        let is_told = |key| field(mapping, key).or(field(place, key)).is_some_and(YamlNode::is_unresolved);
        if ["source", "path", "git"].into_iter().any(is_told) {
            return None;
        }
        let span = crate::config::node::Span { end: entry.node.span.start, ..entry.node.span };
        let message = format!("{what} has no `path` and no `git`");
        let report = Report::new("config::dependency", message, "in this entry");
        reader.problems.add(span, report.help(PLACE_HELP));
        return None;
    };
    let mut profiles = parents(mapping, &what, reader);
    profiles.extend(reader.text(mapping, "profile", &what).filter(|name| !name.is_empty()));
    profiles.extend(reader.texts(mapping, "profiles", &what).unwrap_or_default());
    let flag = |key: &str, reader: &mut Reader<'_>| reader.boolean(mapping, key, &what).unwrap_or(false);
    Some(DependencyConfig {
        name: entry.name.unwrap_or_else(|| name_of(&source)),
        origin: reader.problems.origin(entry.span),
        config_name: reader.text(place, "configName", &what),
        profiles,
        disable_profile_activation: flag("disableProfileActivation", reader),
        vars: vars(mapping, &what, reader),
        overwrite_vars: flag("overwriteVars", reader),
        skip_build: flag("skipBuild", reader),
        ignore_dependencies: flag("ignoreDependencies", reader),
        namespace: reader.text(mapping, "namespace", &what).filter(|name| !name.is_empty()),
        source,
    })
}

fn source(place: &Mapping, what: &str, reader: &mut Reader<'_>) -> Option<DependencySource> {
    let mut text = |key: &str| reader.text(place, key, what).filter(|text| !text.trim().is_empty());
    let (path, git) = (text("path"), text("git"));
    let (branch, tag, revision, sub_path) = (text("branch"), text("tag"), text("revision"), text("subPath"));
    let Some(url) = git else { return path.map(|path| DependencySource::Path(path.into())) };
    let source = GitSource {
        clone_args: reader.texts(place, "cloneArgs", what).unwrap_or_default(),
        disable_shallow: reader.boolean(place, "disableShallow", what).unwrap_or(false),
        ..GitSource::new(url, branch, tag, revision)
    };
    Some(DependencySource::Git { source: Box::new(source), sub_path })
}

/// `profileParents`: names, or maps with a `profile`.
fn parents(mapping: &Mapping, what: &str, reader: &mut Reader<'_>) -> Vec<String> {
    let Some(Value::Sequence(items)) = field(mapping, "profileParents").map(|node| &node.value) else {
        return Vec::new();
    };
    let of = format!("`profileParents` of {what}");
    let name = |node: &YamlNode| reader.string(node.get("profile").unwrap_or(node), &of);
    items.iter().filter_map(name).collect()
}

/// `vars`: a list of `name` and `value`, or a map.
fn vars(mapping: &Mapping, what: &str, reader: &mut Reader<'_>) -> Vec<(String, String)> {
    let of = format!("`vars` of {what}");
    let mut vars = Vec::new();
    for entry in entries(field(mapping, "vars")) {
        let Some(name) = entry.name else { continue };
        let node = entry.node.get("value").unwrap_or(entry.node);
        if let Some(value) = reader.string(node, &format!("`{name}` in {of}")) {
            vars.push((name, value));
        }
    }
    vars
}

/// The default name: the last part of its location.
fn name_of(source: &DependencySource) -> String {
    let text = match source {
        DependencySource::Path(path) => path.display().to_string(),
        DependencySource::Git { source, sub_path } => {
            sub_path.clone().unwrap_or_else(|| source.url.trim_end_matches(".git").to_owned())
        }
    };
    let mut parts = text.split(['/', '\\', ':']).filter(|part| !part.is_empty() && !part.starts_with('.'));
    parts.rfind(|part| !part.ends_with(".yaml")).unwrap_or("dependency").to_owned()
}
