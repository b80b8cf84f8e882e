//! Applies a patch of a profile to the document.

use crate::config::Version;
use crate::config::node::{Entry, MAX_DEPTH, Mapping, Span, Value, YamlNode};
use crate::config::parse::MAX_WEIGHT;

use super::path::{Location, LocationSegment, Path, PathSegment, walk};

/// A patch of the file.
#[derive(Debug, Clone)]
pub(crate) struct Patch {
    /// The location of `path`, for all errors.
    pub span: Span,
    pub operation: Operation,
    pub path: Path,
}

/// The operation of a patch.
#[derive(Debug, Clone)]
pub(crate) enum Operation {
    Add(YamlNode),
    Remove,
    Replace(YamlNode),
    Move(Path),
    Copy(Path),
    Test(YamlNode),
}

/// The result of a patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Applied,
    /// Its path matched nothing.
    NothingToRemove,
    /// Its path matched nothing, so its value was added.
    AddedInstead,
}

/// The reason why a patch cannot be applied, as a phrase.
pub(crate) type Refusal = &'static str;

const NOTHING: Refusal = "its path matches nothing";
const TOO_LARGE: Refusal = "the document would become too large";

impl Patch {
    /// Applies the patch to `root`. If it is refused because of its path, nothing changes. Inserted values are passed
    /// to `stamp` first.
    ///
    /// From v1beta10 on, as in DevSpace 5, the target of a path that is not a JSON pointer may be missing: `remove` has
    /// no effect then, and `replace` adds its value; and a map added to a map adds its keys.
    pub(crate) fn apply(
        &mut self,
        root: &mut YamlNode,
        version: Version,
        stamp: impl FnOnce(&mut YamlNode),
    ) -> Result<Outcome, Refusal> {
        let may_miss = version >= Version::V1beta10 && !self.path.is_pointer();
        let is_missing = may_miss && self.path.find(root).is_empty();
        match &self.operation {
            Operation::Remove if is_missing => return Ok(Outcome::NothingToRemove),
            Operation::Replace(value) if is_missing => {
                let mut value = value.clone();
                stamp(&mut value);
                add(root, &self.path, &value, self.span, version)?;
                return Ok(Outcome::AddedInstead);
            }
            _ => self.change(root, version, stamp)?,
        }
        Ok(Outcome::Applied)
    }

    fn change(
        &mut self,
        root: &mut YamlNode,
        version: Version,
        stamp: impl FnOnce(&mut YamlNode),
    ) -> Result<(), Refusal> {
        match &mut self.operation {
            Operation::Add(value) => {
                stamp(value);
                add(root, &self.path, value, self.span, version)
            }
            Operation::Remove => remove(root, &self.path),
            Operation::Replace(value) => {
                stamp(value);
                let targets = found(root, &self.path)?;
                check_growth(root, targets.len(), value)?;
                for location in targets {
                    fits(&location, value)?;
                    if let Some(node) = at(root, &location) {
                        *node = value.clone();
                    }
                }
                Ok(())
            }
            Operation::Move(from) => {
                let mut value = single(root, from)?;
                stamp(&mut value);
                remove(root, from)?;
                add(root, &self.path, &value, self.span, version)
            }
            Operation::Copy(from) => {
                let mut value = single(root, from)?;
                stamp(&mut value);
                if root.weight() + value.weight() > MAX_WEIGHT {
                    return Err(TOO_LARGE);
                }
                add(root, &self.path, &value, self.span, version)
            }
            Operation::Test(value) => {
                let equal = found(root, &self.path)?
                    .iter()
                    .all(|location| at(root, location).is_some_and(|node| *node == *value));
                if equal { Ok(()) } else { Err("the value at its path is different") }
            }
        }
    }
}

fn found(root: &YamlNode, path: &Path) -> Result<Vec<Location>, Refusal> {
    let found = path.find(root);
    if found.is_empty() { Err(NOTHING) } else { Ok(found) }
}

fn single(root: &mut YamlNode, path: &Path) -> Result<YamlNode, Refusal> {
    match found(root, path).map_err(|_| "its `from` matches nothing")?.as_slice() {
        [location] => at(root, location).map(|node| node.clone()).ok_or(NOTHING),
        _ => Err("its `from` matches more than one value"),
    }
}

fn remove(root: &mut YamlNode, path: &Path) -> Result<(), Refusal> {
    // Backward, so that the indices of the remaining removals stay valid.
    for location in found(root, path)?.iter().rev() {
        let Some((last, parent)) = location.split_last() else { return Err("it removes the whole document") };
        match (at(root, parent).map(|node| &mut node.value), last) {
            (Some(Value::Mapping(mapping)), LocationSegment::Key(key)) => drop(mapping.shift_remove(key)),
            (Some(Value::Sequence(nodes)), LocationSegment::Index(index)) if *index < nodes.len() => {
                nodes.remove(*index);
            }
            _ => {}
        }
    }
    Ok(())
}

fn add(
    root: &mut YamlNode,
    path: &Path,
    value: &YamlNode,
    span: Span,
    version: Version,
) -> Result<(), Refusal> {
    let joins_maps = version >= Version::V1beta10 && !path.is_pointer();
    // Backward, so that insertions do not move the remaining locations.
    let changed = match path.split() {
        Some((parents, PathSegment::Name(name), dotted)) => {
            let parents = walk(root, parents);
            check_growth(root, parents.len(), value)?;
            for location in parents.iter().rev() {
                fits(location, value)?;
                let parent = at(root, location).ok_or(NOTHING)?;
                match joined(parent, name, value).filter(|_| joins_maps) {
                    Some((mapping, more)) => {
                        mapping.extend(more.iter().map(|(key, entry)| (key.clone(), entry.clone())));
                    }
                    None => add_named(parent, name, dotted, value, span)?,
                }
            }
            parents.len()
        }
        _ => {
            let targets = path.find(root);
            check_growth(root, targets.len(), value)?;
            for location in targets.iter().rev() {
                fits(location, value)?;
                add_into(at(root, location).ok_or(NOTHING)?, value)?;
            }
            targets.len()
        }
    };
    if changed == 0 { Err(NOTHING) } else { Ok(()) }
}

/// Adds the entry `name`; a dotted path appends the value to an existing list.
fn add_named(
    parent: &mut YamlNode,
    name: &str,
    dotted: bool,
    value: &YamlNode,
    span: Span,
) -> Result<(), Refusal> {
    match &mut parent.value {
        Value::Mapping(mapping) => match mapping.get_mut(name).map(|entry| &mut entry.node.value) {
            Some(Value::Sequence(nodes)) if dotted => nodes.push(value.clone()),
            _ => drop(mapping.insert(name.to_owned(), Entry { key: span, node: value.clone() })),
        },
        Value::Sequence(nodes) if name == "-" => nodes.push(value.clone()),
        Value::Sequence(nodes) => match name.parse() {
            Ok(index) if index <= nodes.len() => nodes.insert(index, value.clone()),
            Ok(_) => return Err("its index is beyond the end of the list"),
            Err(_) => return Err("its last step is not an index, but the value there is a list"),
        },
        Value::Scalar(scalar) if scalar.is_null() => {
            let entry = Entry { key: span, node: value.clone() };
            parent.value = Value::Mapping(Mapping::from([(name.to_owned(), entry)]));
        }
        Value::Scalar(_) => return Err("its path goes through a scalar"),
    }
    Ok(())
}

/// The map `name` in `parent` and the map to add to it, if both are maps.
fn joined<'a>(
    parent: &'a mut YamlNode,
    name: &str,
    value: &'a YamlNode,
) -> Option<(&'a mut Mapping, &'a Mapping)> {
    let Value::Mapping(mapping) = &mut parent.value else { return None };
    match (&mut mapping.get_mut(name)?.node.value, &value.value) {
        (Value::Mapping(own), Value::Mapping(more)) => Some((own, more)),
        _ => None,
    }
}

/// Adds to the target of a selector: appends to a list, sets the keys of a map.
fn add_into(target: &mut YamlNode, value: &YamlNode) -> Result<(), Refusal> {
    match (&mut target.value, &value.value) {
        (Value::Sequence(nodes), _) => nodes.push(value.clone()),
        (Value::Mapping(mapping), Value::Mapping(more)) => {
            mapping.extend(more.iter().map(|(key, entry)| (key.clone(), entry.clone())));
        }
        _ => return Err("it adds a single value to something that is not a list"),
    }
    Ok(())
}

/// Refuses a value that makes the document too large when it is inserted `times` times. A value that is inserted once
/// is part of the file and bounded by its size; copies have their own check.
fn check_growth(root: &YamlNode, times: usize, value: &YamlNode) -> Result<(), Refusal> {
    let is_small = times < 2 || root.weight() + value.weight().saturating_mul(times) <= MAX_WEIGHT;
    if is_small { Ok(()) } else { Err(TOO_LARGE) }
}

fn fits(location: &[LocationSegment], value: &YamlNode) -> Result<(), Refusal> {
    if location.len() + 1 + value.height() > MAX_DEPTH {
        Err("the document would be nested too deeply")
    } else {
        Ok(())
    }
}

fn at<'a>(root: &'a mut YamlNode, location: &[LocationSegment]) -> Option<&'a mut YamlNode> {
    location.iter().try_fold(root, |node, place| match (&mut node.value, place) {
        (Value::Mapping(mapping), LocationSegment::Key(key)) => {
            mapping.get_mut(key).map(|entry| &mut entry.node)
        }
        (Value::Sequence(nodes), LocationSegment::Index(index)) => nodes.get_mut(*index),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse::parse;
    use crate::config::problem::Diagnostics;

    const DOCUMENT: &str = "{a: {b: 1, l: [x, y]}, d: [{name: p, l: [1]}, {name: q}]}";

    fn node(text: &str) -> YamlNode {
        parse(text, &mut Diagnostics::new("f", text.into())).expect("valid")
    }

    fn apply(operation: Operation, path: &str) -> Result<serde_json::Value, Refusal> {
        let mut root = node(DOCUMENT);
        let path = Path::parse(path).expect("path");
        Patch { span: Span::default(), operation, path }.apply(&mut root, Version::V1beta9, |_| {})?;
        Ok(root.to_json())
    }

    fn check(operation: Operation, path: &str, expected: &str) {
        assert_eq!(apply(operation, path), Ok(node(expected).to_json()), "{path}");
    }

    fn refuses(operation: Operation, path: &str, expected: Refusal) {
        assert_eq!(apply(operation, path), Err(expected), "{path}");
    }

    #[test]
    fn add_sets_keys_inserts_and_appends() {
        let add = |text: &str| Operation::Add(node(text));
        check(add("2"), "a.c", "{a: {b: 1, l: [x, y], c: 2}, d: [{name: p, l: [1]}, {name: q}]}");
        check(add("{z: 1}"), "a", "{a: {z: 1}, d: [{name: p, l: [1]}, {name: q}]}");
        check(add("z"), "/a/l/0", "{a: {b: 1, l: [z, x, y]}, d: [{name: p, l: [1]}, {name: q}]}");
        check(add("z"), "/a/l/-", "{a: {b: 1, l: [x, y, z]}, d: [{name: p, l: [1]}, {name: q}]}");
        check(add("z"), "a.l", "{a: {b: 1, l: [x, y, z]}, d: [{name: p, l: [1]}, {name: q}]}");
        check(add("[z]"), "/a/l", "{a: {b: 1, l: [z]}, d: [{name: p, l: [1]}, {name: q}]}");
        check(add("2"), "d[0].l", "{a: {b: 1, l: [x, y]}, d: [{name: p, l: [1, 2]}, {name: q}]}");
        check(add("2"), "d.name=p.l", "{a: {b: 1, l: [x, y]}, d: [{name: p, l: [1, 2]}, {name: q}]}");
        check(add("{k: 1}"), "d.name=q", "{a: {b: 1, l: [x, y]}, d: [{name: p, l: [1]}, {name: q, k: 1}]}");
        check(add("1"), "d[*].n", "{a: {b: 1, l: [x, y]}, d: [{name: p, l: [1], n: 1}, {name: q, n: 1}]}");
        refuses(add("1"), "none.c", NOTHING);
        refuses(add("1"), "d.name=none.c", NOTHING);
        refuses(add("1"), "/a/l/9", "its index is beyond the end of the list");
        refuses(add("1"), "a.b.c", "its path goes through a scalar");
    }

    #[test]
    fn remove_and_replace_want_a_match() {
        check(Operation::Remove, "a.b", "{a: {l: [x, y]}, d: [{name: p, l: [1]}, {name: q}]}");
        check(Operation::Remove, "d[*]", "{a: {b: 1, l: [x, y]}, d: []}");
        check(Operation::Remove, "d[?(@.name=='p')]", "{a: {b: 1, l: [x, y]}, d: [{name: q}]}");
        check(
            Operation::Replace(node("9")),
            "/a/b",
            "{a: {b: 9, l: [x, y]}, d: [{name: p, l: [1]}, {name: q}]}",
        );
        refuses(Operation::Remove, "a.none", NOTHING);
        refuses(Operation::Replace(node("9")), "a.none", NOTHING);
        refuses(Operation::Replace(node("9")), "a.l[7]", NOTHING);
    }

    #[test]
    fn move_copy_and_test_follow_rfc_6902() {
        let path = |text: &str| Path::parse(text).expect("path");
        check(
            Operation::Move(path("/a/b")),
            "/a/c",
            "{a: {l: [x, y], c: 1}, d: [{name: p, l: [1]}, {name: q}]}",
        );
        check(
            Operation::Copy(path("/a/b")),
            "/a/c",
            "{a: {b: 1, l: [x, y], c: 1}, d: [{name: p, l: [1]}, {name: q}]}",
        );
        check(Operation::Test(node("[x, y]")), "/a/l", DOCUMENT);
        refuses(Operation::Test(node("[x]")), "/a/l", "the value at its path is different");
        refuses(Operation::Move(path("/none")), "/a/c", "its `from` matches nothing");
        refuses(Operation::Copy(path("d[*]")), "/a/c", "its `from` matches more than one value");
    }

    #[test]
    fn newer_versions_let_a_path_be_missing() {
        let check = |operation: Operation, path: &str, expected: Result<Outcome, Refusal>, document: &str| {
            let mut root = node(DOCUMENT);
            let path = Path::parse(path).expect("path");
            let mut patch = Patch { span: Span::default(), operation, path };
            assert_eq!(patch.apply(&mut root, Version::V1beta10, |_| {}), expected);
            assert_eq!(root.to_json(), node(document).to_json());
        };
        let replace = || Operation::Replace(node("9"));
        check(Operation::Remove, "a.none", Ok(Outcome::NothingToRemove), DOCUMENT);
        check(Operation::Remove, "/a/none", Err(NOTHING), DOCUMENT);
        let added = "{a: {b: 1, l: [x, y], none: 9}, d: [{name: p, l: [1]}, {name: q}]}";
        check(replace(), "a.none", Ok(Outcome::AddedInstead), added);
        check(replace(), "/a/none", Err(NOTHING), DOCUMENT);
        check(replace(), "none.b", Err(NOTHING), DOCUMENT);
        let joined = "{a: {b: 2, l: [x, y], z: 3}, d: [{name: p, l: [1]}, {name: q}]}";
        check(Operation::Add(node("{b: 2, z: 3}")), "a", Ok(Outcome::Applied), joined);
    }

    #[test]
    fn copies_cannot_explode_the_document() {
        let mut root = node("{a: [1, 2, 3]}");
        let path = |text: &str| Path::parse(text).expect("path");
        let mut copy =
            Patch { span: Span::default(), operation: Operation::Copy(path("/a")), path: path("/a/-") };
        let refused = (0..1000).find_map(|_| copy.apply(&mut root, Version::V1beta9, |_| {}).err());
        assert!(refused.is_some_and(|refusal| refusal.starts_with("the document would")));
    }
}
