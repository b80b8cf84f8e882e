//! Upgrades patches of profiles to the newest version, which has moved keys, and maps by name instead of lists.
//!
//! Only unambiguous paths are rewritten. A later check compares the effect of each profile.

use super::edit::{as_map, entry, items, list, text, text_at};
use super::upgrade;
use crate::config::Version;
use crate::config::node::{Mapping, Value, YamlNode, field};
use crate::config::problem::Diagnostics;
use crate::config::profile::{Path, PathSegment};

/// The lists that become maps by name.
const LISTS: [&str; 5] = ["vars", "commands", "deployments", "dependencies", "pullSecrets"];

/// Rewrites the patches of `profile` for the newest version; `root` is the file, of `version`.
pub(super) fn rewrite(profile: &mut Mapping, root: &YamlNode, version: Version) {
    for patch in items(profile, "patches") {
        let Some(old) = text_at(patch, "path") else { continue };
        let Ok(Path::Steps { steps, dotted }) = Path::parse(&old) else { continue };
        let value = patch.get("value").map(|value| &value.node);
        let Some((steps, value)) = moved(&steps, value, root, version) else { continue };
        let Some(new) = written(&steps, dotted) else { continue };
        if let Some(path) = patch.get_mut("path").filter(|_| new != old) {
            path.node = text(path.node.span, &new);
        }
        if let (Some(value), Some(old)) = (value, patch.get_mut("value")) {
            old.node = value;
        }
    }
}

/// The path `steps` in the newest version, and the new `value` if it changes.
fn moved(
    steps: &[PathSegment],
    value: Option<&YamlNode>,
    root: &YamlNode,
    version: Version,
) -> Option<(Vec<PathSegment>, Option<YamlNode>)> {
    let (section, rest) = steps.split_first()?;
    let PathSegment::Name(name) = section else { return None };
    match rest {
        _ if LISTS.contains(&name.as_str()) => match rest {
            // An item is added to the list or replaced.
            [] => added(name, None, value?, version),
            [PathSegment::Name(end)] if end == "-" => added(name, None, value?, version),
            [item] => {
                let key = item_name(item, root.get(name)?)?;
                match value {
                    Some(value) => added(name, Some(&key), value, version),
                    None => Some((vec![section.clone(), PathSegment::Name(key)], None)),
                }
            }
            [item, rest @ ..] => {
                let key = PathSegment::Name(item_name(item, root.get(name)?)?);
                let below = rest.iter().filter(|step| name != "dependencies" || !is(step, "source")).cloned();
                Some(([section.clone(), key].into_iter().chain(below).collect(), None))
            }
        },
        [PathSegment::Name(image), build, PathSegment::Name(tool), rest @ ..]
            if name == "images" && is(build, "build") =>
        {
            let used =
                root.get("images").and_then(|images| images.get(image)?.get("build")).and_then(|build| {
                    ["docker", "buildKit", "kaniko"].into_iter().find(|tool| build.get(tool).is_some())
                });
            let is_used = used.is_none_or(|used| used == tool);
            let below = match rest {
                [options, rest @ ..] if is_used && is(options, "options") && !rest.is_empty() => {
                    rest.to_vec()
                }
                [skip] if is_used && is(skip, "skipPush") => rest.to_vec(),
                [] => return None,
                rest => {
                    std::iter::once(PathSegment::Name(tool.clone())).chain(rest.iter().cloned()).collect()
                }
            };
            Some((
                [section.clone(), PathSegment::Name(image.clone())].into_iter().chain(below).collect(),
                None,
            ))
        }
        [PathSegment::Name(image)] if name == "images" => {
            let image_map = Mapping::from([(image.clone(), entry(value?.span, value?.clone()))]);
            let images = YamlNode { value: Value::Mapping(image_map), ..value?.clone() };
            let upgraded = upgraded("images", images, version)?;
            Some((steps.to_vec(), Some(upgraded.get(image)?.clone())))
        }
        _ => None,
    }
}

/// The path and the new value for `value`, an item of the list `section`; `name` is its name if it has none.
fn added(
    section: &str,
    name: Option<&str>,
    value: &YamlNode,
    version: Version,
) -> Option<(Vec<PathSegment>, Option<YamlNode>)> {
    let mut item = value.clone();
    let mapping = as_map(&mut item)?;
    if let Some(name) = name.filter(|_| !mapping.contains_key("name")) {
        mapping.insert("name".to_owned(), entry(value.span, text(value.span, name)));
    }
    let upgraded = upgraded(section, list(value.span, vec![item]), version)?;
    let (name, entry) = upgraded.as_mapping()?.first()?;
    let steps = [section, name.as_str()].map(|step| PathSegment::Name(step.to_owned())).to_vec();
    Some((steps, Some(entry.node.clone())))
}

/// The section `key` with the value `node`, in the newest version.
fn upgraded(key: &str, node: YamlNode, version: Version) -> Option<YamlNode> {
    let mut problems = Diagnostics::new("", "".into());
    let mut document = Mapping::from([(key.to_owned(), entry(node.span, node))]);
    upgrade(&mut document, version, Version::NEWEST, &mut problems);
    problems.is_empty().then(|| document.shift_remove(key)).flatten().map(|entry| entry.node)
}

/// The name of the item of `list` that `step` leads to.
fn item_name(step: &PathSegment, list: &YamlNode) -> Option<String> {
    match step {
        PathSegment::Match { key, value, .. } if key == "name" => Some(value.clone()),
        PathSegment::Name(index) => {
            let item = list.as_sequence()?.get(index.parse::<usize>().ok()?)?;
            Some(field(item.as_mapping()?, "name")?.as_scalar()?.text.clone())
        }
        _ => None,
    }
}

fn is(step: &PathSegment, name: &str) -> bool {
    matches!(step, PathSegment::Name(own) if own == name)
}

/// The steps as a pointer or as a dotted path; `None` if it cannot represent a name.
fn written(steps: &[PathSegment], dotted: bool) -> Option<String> {
    let mut path = String::new();
    for step in steps {
        let step = match step {
            PathSegment::Name(name) => name.clone(),
            PathSegment::Every => "*".to_owned(),
            PathSegment::Match { written, .. } => written.clone(),
        };
        let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '*' | '=');
        match dotted {
            false => path += &format!("/{}", step.replace('~', "~0").replace('/', "~1")),
            true if step.parse::<usize>().is_ok() => path += &format!("[{step}]"),
            true if step.chars().all(is_plain) && !step.is_empty() => {
                path += if path.is_empty() { "" } else { "." };
                path += &step;
            }
            true => return None,
        }
    }
    Some(path)
}
