//! The paths of patches: JSON pointers, dotted paths and JSONPath.

use std::fmt;

use jsonpath_rust::JsonPath as _;

use crate::config::node::{MAX_DEPTH, Value, YamlNode};
use crate::suggestion::nearest;

/// A parsed path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Path {
    /// A pointer or a dotted path without filters.
    Steps { steps: Vec<PathSegment>, dotted: bool },
    /// A path with filters, slices or `..`, in JSONPath syntax.
    Query(String),
}

/// One step of a [`Path::Steps`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PathSegment {
    /// A key of a map, or the index of a list.
    Name(String),
    /// All children.
    Every,
    /// `key=value`: the nearest maps, at any depth, whose `key` is the string `value`.
    Match { key: String, value: String, written: String },
}

/// The location of a node: the keys and indices that lead to it.
pub(crate) type Location = Vec<LocationSegment>;

/// One step of a [`Location`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LocationSegment {
    Key(String),
    Index(usize),
}

impl Path {
    /// Parses `text`; the error is a phrase with the reason.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let depth = text.chars().filter(|c| matches!(c, '/' | '.' | '[' | '(' | '!')).count();
        if depth > MAX_DEPTH || text.len() > 4096 {
            return Err("it is too long".to_owned());
        }
        if text.is_empty() {
            return Err("it is empty".to_owned());
        }
        if let Some(pointer) = text.strip_prefix('/') {
            let steps = pointer.split('/').map(|step| step_of(step.replace("~1", "/").replace("~0", "~")));
            return Ok(Self::Steps { steps: steps.collect(), dotted: false });
        }
        if text.contains("[?") || text.contains("..") || is_slice(text) {
            let query = match text {
                _ if text.starts_with('$') => text.to_owned(),
                _ if text.starts_with(['[', '.']) => format!("${text}"),
                _ => format!("$.{text}"),
            };
            // Each of these multiplies the work of a query.
            if text.matches("..").count() > 2 || text.matches("[?").count() > 4 {
                return Err("it has too many filters".to_owned());
            }
            if query[1..].contains("$.") || query[1..].contains("$[") {
                return Err("its filters may refer only to `@`".to_owned());
            }
            return match jsonpath_rust::parser::parse_json_path(&query) {
                Ok(_) => Ok(Self::Query(query)),
                Err(_) => Err("it is not a JSONPath expression".to_owned()),
            };
        }
        dotted(text).map(|steps| Self::Steps { steps, dotted: true })
    }

    /// The path without its last step, and that step; `None` for a query or the path of the whole document.
    pub(crate) fn split(&self) -> Option<(&[PathSegment], &PathSegment, bool)> {
        match self {
            Self::Steps { steps, dotted } => {
                steps.split_last().map(|(last, parents)| (parents, last, *dotted))
            }
            Self::Query(_) => None,
        }
    }

    /// Whether it is a JSON pointer.
    pub(crate) fn is_pointer(&self) -> bool {
        matches!(self, Self::Steps { dotted: false, .. })
    }

    /// The first step of the path that `root` does not have, as a hint.
    pub(crate) fn miss(&self, root: &YamlNode) -> Option<String> {
        let Self::Steps { steps, .. } = self else { return None };
        let missing = (1..=steps.len()).find(|end| walk(root, &steps[..*end]).is_empty())?;
        let (step, before) = steps[..missing].split_last()?;
        let place = match before {
            [] => "the file".to_owned(),
            _ => format!("`{}`", before.iter().map(PathSegment::to_string).collect::<Vec<_>>().join(".")),
        };
        let parent = walk(root, before).first().and_then(|location| node_at(root, location))?;
        Some(match (step, &parent.value) {
            (PathSegment::Match { key, value, .. }, _) => format!("no map in {place} has `{key}: {value}`"),
            (_, Value::Mapping(mapping)) if mapping.is_empty() => {
                format!("{place} is an empty map at this point")
            }
            (step, Value::Mapping(mapping)) => {
                let step = step.to_string();
                let keys = || mapping.keys().map(String::as_str);
                match nearest(&step, keys()) {
                    Some(near) => format!("{place} has no `{step}`; did you mean `{near}`?"),
                    None => {
                        let known = keys().take(12).collect::<Vec<_>>().join("`, `");
                        format!("{place} has no `{step}`; its keys: `{known}`")
                    }
                }
            }
            (step, Value::Sequence(nodes)) => {
                format!("{place} is a list of {} at this point, without an item `{step}`", nodes.len())
            }
            (step, Value::Scalar(_)) => format!("{place} is not a map at this point, so it has no `{step}`"),
        })
    }

    /// The locations in `root` that match the path, in document order.
    pub(crate) fn find(&self, root: &YamlNode) -> Vec<Location> {
        match self {
            Self::Steps { steps, .. } => walk(root, steps),
            // A query requires JSON; only paths with filters pay for the conversion.
            Self::Query(query) => root
                .to_json()
                .query_only_path(query)
                .unwrap_or_default()
                .iter()
                .filter_map(|path| normalized(path))
                .collect(),
        }
    }
}

impl fmt::Display for PathSegment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Name(name) => name,
            Self::Every => "*",
            Self::Match { written, .. } => written,
        })
    }
}

/// The node at `location`.
fn node_at<'a>(root: &'a YamlNode, location: &[LocationSegment]) -> Option<&'a YamlNode> {
    location.iter().try_fold(root, |node, place| match (&node.value, place) {
        (Value::Mapping(mapping), LocationSegment::Key(key)) => mapping.get(key).map(|entry| &entry.node),
        (Value::Sequence(nodes), LocationSegment::Index(index)) => nodes.get(*index),
        _ => None,
    })
}

/// The locations in `root` that match `steps`, without duplicates, in document order.
pub(crate) fn walk(root: &YamlNode, steps: &[PathSegment]) -> Vec<Location> {
    let mut found: Vec<(Location, &YamlNode)> = vec![(Vec::new(), root)];
    for step in steps {
        let mut next = Vec::new();
        for (location, node) in found {
            apply(step, location, node, &mut next);
        }
        found = next;
    }
    let mut locations: Vec<Location> = Vec::with_capacity(found.len());
    for (location, _) in found {
        if locations.last() != Some(&location) {
            locations.push(location);
        }
    }
    locations
}

fn apply<'a>(
    step: &PathSegment,
    location: Location,
    node: &'a YamlNode,
    out: &mut Vec<(Location, &'a YamlNode)>,
) {
    match step {
        PathSegment::Name(name) => {
            if let Some((place, child)) = child(node, name) {
                out.push((extended(&location, place), child));
            }
        }
        PathSegment::Every => {
            out.extend(children(node).map(|(place, child)| (extended(&location, place), child)))
        }
        PathSegment::Match { key, value, written } => {
            // A key with this literal name takes precedence over the search.
            if let Some((place, child)) = child(node, written) {
                out.push((extended(&location, place), child));
                return;
            }
            for (place, child) in children(node) {
                let location = extended(&location, place);
                let hit =
                    child.get(key).and_then(YamlNode::as_scalar).is_some_and(|scalar| scalar.text == *value);
                if hit {
                    out.push((location, child));
                } else {
                    apply(step, location, child, out);
                }
            }
        }
    }
}

/// The child of `node` called `name`.
fn child<'a>(node: &'a YamlNode, name: &str) -> Option<(LocationSegment, &'a YamlNode)> {
    match &node.value {
        Value::Mapping(mapping) => {
            mapping.get(name).map(|entry| (LocationSegment::Key(name.to_owned()), &entry.node))
        }
        Value::Sequence(nodes) => {
            let index = name.parse().ok()?;
            nodes.get(index).map(|node| (LocationSegment::Index(index), node))
        }
        Value::Scalar(_) => None,
    }
}

fn children(node: &YamlNode) -> Box<dyn Iterator<Item = (LocationSegment, &YamlNode)> + '_> {
    match &node.value {
        Value::Mapping(mapping) => {
            Box::new(mapping.iter().map(|(key, entry)| (LocationSegment::Key(key.clone()), &entry.node)))
        }
        Value::Sequence(nodes) => {
            Box::new(nodes.iter().enumerate().map(|(index, node)| (LocationSegment::Index(index), node)))
        }
        Value::Scalar(_) => Box::new(std::iter::empty()),
    }
}

fn extended(location: &Location, place: LocationSegment) -> Location {
    location.iter().cloned().chain([place]).collect()
}

fn step_of(text: String) -> PathSegment {
    match text.split_once('=') {
        _ if text == "*" => PathSegment::Every,
        Some((key, value)) if !key.is_empty() => {
            PathSegment::Match { key: key.to_owned(), value: unquoted(value).to_owned(), written: text }
        }
        _ => PathSegment::Name(text),
    }
}

fn unquoted(text: &str) -> &str {
    ['"', '\''].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote)).unwrap_or(text)
}

/// Whether a bracket holds a slice or a union: `[1:2]`, `[0,2]`.
fn is_slice(text: &str) -> bool {
    text.split('[').skip(1).any(|part| {
        let inside = part.split(']').next().unwrap_or_default();
        !inside.starts_with(['"', '\'']) && !inside.contains('=') && inside.contains([':', ','])
    })
}

/// `a.b[0].c`, `a["b.c"].d`, with an optional leading `$`.
fn dotted(text: &str) -> Result<Vec<PathSegment>, String> {
    let mut rest = text.strip_prefix('$').unwrap_or(text);
    let mut steps = Vec::new();
    let mut first = true;
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let (step, after) = bracket(inside).ok_or("a `[` is not closed")?;
            steps.push(step);
            rest = after;
        } else {
            let name = match rest.strip_prefix('.') {
                Some(name) => name,
                None if first => rest,
                None => return Err("a `.` or `[` is missing after `]`".to_owned()),
            };
            let end = name.find(['.', '[']).unwrap_or(name.len());
            let (name, after) = name.split_at(end);
            if name.is_empty() {
                return Err("a name is missing before or after a `.`".to_owned());
            }
            steps.push(step_of(name.to_owned()));
            rest = after;
        }
        first = false;
    }
    if steps.is_empty() { Err("it names the whole document".to_owned()) } else { Ok(steps) }
}

/// Parses the text after a `[`: the step, and the text after its `]`.
fn bracket(inside: &str) -> Option<(PathSegment, &str)> {
    for quote in ['"', '\''] {
        if let Some(quoted) = inside.strip_prefix(quote) {
            let (name, after) = quoted.split_once(quote)?;
            return Some((PathSegment::Name(name.to_owned()), after.strip_prefix(']')?));
        }
    }
    let (name, after) = inside.split_once(']')?;
    Some((step_of(name.to_owned()), after))
}

/// A normalized path of RFC 9535, section 2.7: `$['images']['api'][0]`.
fn normalized(path: &str) -> Option<Location> {
    let mut rest = path.strip_prefix('$')?;
    let mut location = Vec::new();
    while !rest.is_empty() {
        let inside = rest.strip_prefix('[')?;
        if let Some(mut quoted) = inside.strip_prefix('\'') {
            let mut key = String::new();
            loop {
                let end = quoted.find(['\'', '\\'])?;
                key.push_str(&quoted[..end]);
                let escape = &quoted[end..];
                if let Some(after) = escape.strip_prefix('\'') {
                    rest = after.strip_prefix(']')?;
                    break;
                }
                let mut characters = escape.strip_prefix('\\')?.chars();
                let escaped = characters.next()?;
                quoted = characters.as_str();
                key.push(match escaped {
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'u' => {
                        let (digits, after) = quoted.split_at_checked(4)?;
                        quoted = after;
                        char::from_u32(u32::from_str_radix(digits, 16).ok()?)?
                    }
                    other => other,
                });
            }
            location.push(LocationSegment::Key(key));
        } else {
            let (index, after) = inside.split_once(']')?;
            location.push(LocationSegment::Index(index.parse().ok()?));
            rest = after;
        }
    }
    Some(location)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse::parse;
    use crate::config::problem::Diagnostics;

    const DOCUMENT: &str = "
images:
  api: {image: acme/api, tags: [a, b], 'x/y': 1, 'p.q': 2}
deployments:
- name: first
  helm: {values: {containers: [{name: deep, image: i}]}}
- name: second
";

    fn check(path: &str, expected: &[&str]) {
        let mut problems = Diagnostics::new("f", DOCUMENT.into());
        let root = parse(DOCUMENT, &mut problems).expect("valid");
        let found: Vec<String> = Path::parse(path)
            .expect(path)
            .find(&root)
            .iter()
            .map(|location| {
                let names = location.iter().map(|place| match place {
                    LocationSegment::Key(key) => key.clone(),
                    LocationSegment::Index(index) => index.to_string(),
                });
                names.collect::<Vec<_>>().join("|")
            })
            .collect();
        assert_eq!(found, expected, "{path}");
    }

    #[test]
    fn pointer_unescapes_and_walks_lists() {
        check("/images/api/x~1y", &["images|api|x/y"]);
        check("/deployments/1/name", &["deployments|1|name"]);
        check("/deployments/name=second", &["deployments|1"]);
        check("/deployments/*/name", &["deployments|0|name", "deployments|1|name"]);
        check("/images/none", &[]);
        check("/deployments/-", &[]);
    }

    #[test]
    fn dotted_path_supports_brackets_and_quotes() {
        check("images.api.tags[1]", &["images|api|tags|1"]);
        check("images.api.tags.0", &["images|api|tags|0"]);
        check("$.images['api'][\"p.q\"]", &["images|api|p.q"]);
        check("deployments[*].name", &["deployments|0|name", "deployments|1|name"]);
        check("images.*.image", &["images|api|image"]);
    }

    #[test]
    fn selector_finds_the_nearest_maps_at_any_depth() {
        check("deployments.name=first.name", &["deployments|0|name"]);
        check("deployments.name=deep.image", &["deployments|0|helm|values|containers|0|image"]);
        check("deployments[name=second]", &["deployments|1"]);
        check("deployments.name=none", &[]);
    }

    #[test]
    fn jsonpath_filters_recurse_and_slice() {
        check("deployments[?(@.name=='second')].name", &["deployments|1|name"]);
        check("$..containers[?(@.name=='deep')].image", &["deployments|0|helm|values|containers|0|image"]);
        check("images.api.tags[0:2]", &["images|api|tags|0", "images|api|tags|1"]);
        check("$.images[?(@.image=='acme/api')]['x/y']", &["images|api|x/y"]);
    }

    #[test]
    fn bad_paths_are_refused() {
        let check =
            |path: &str, expected: &str| assert_eq!(Path::parse(path), Err(expected.to_owned()), "{path}");
        check("", "it is empty");
        check("$", "it names the whole document");
        check("a.", "a name is missing before or after a `.`");
        check("a[0", "a `[` is not closed");
        check("a[0]b", "a `.` or `[` is missing after `]`");
        check("a[?(", "it is not a JSONPath expression");
        check(&"[?(".repeat(200), "it is too long");
    }
}
