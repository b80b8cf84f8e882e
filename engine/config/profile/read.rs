//! Reads the section `profiles`.

use regex::Regex;

use super::patch::{Operation, Patch};
use super::path::Path;
use super::{Conditions, Parent, Profile, Profiles};
use crate::config::node::{Mapping, Scalar, Span, Style, Value, YamlNode, field};
use crate::config::problem::Report;
use crate::config::reader::Reader;
use crate::config::variable::is_reference;

const KEYS: [&str; 9] = [
    "name",
    "description",
    "parent",
    "parents",
    "replace",
    "merge",
    "strategicMerge",
    "patches",
    "activation",
];

/// A pattern that matches nothing.
fn never() -> Option<Regex> {
    Regex::new(r"[^\s\S]").ok()
}

/// Reads the section `profiles`. Inactive profiles are checked as well.
pub(crate) fn read(node: &YamlNode, reader: &mut Reader<'_>) -> Profiles {
    reader.named(node, ("profiles", "profile"), &KEYS, |mapping, what, span, reader| Profile {
        span,
        is_foreign: false,
        open: open(mapping),
        description: reader.text(mapping, "description", what),
        parents: parents(mapping, what, reader),
        replace: section(mapping, "replace", what, reader),
        merge: section(mapping, "merge", what, reader),
        strategic_merge: section(mapping, "strategicMerge", what, reader),
        patches: patches(mapping, what, reader),
        activation: activation(mapping, what, reader),
    })
}

/// The sections that are a string with variables, whose value is known once these are.
fn open(mapping: &Mapping) -> Vec<(&'static str, YamlNode)> {
    let is_open = |key: &&str| is_open(mapping, key);
    let section = |key: &'static str| Some((key, field(mapping, key)?.clone()));
    ["replace", "merge", "strategicMerge", "patches"]
        .into_iter()
        .filter(is_open)
        .filter_map(section)
        .collect()
}

fn is_open(mapping: &Mapping, key: &str) -> bool {
    let text = field(mapping, key).and_then(YamlNode::as_scalar);
    text.is_some_and(|scalar| is_reference(&scalar.text))
}

fn parents(mapping: &Mapping, what: &str, reader: &mut Reader<'_>) -> Vec<Parent> {
    let mut parents = Vec::new();
    if let Some(node) = field(mapping, "parent") {
        let name = reader.text(mapping, "parent", what);
        parents.extend(name.map(|name| Parent { name, span: node.span, source: None }));
    }
    let Some(node) = field(mapping, "parents") else { return parents };
    if let Some(parent) = mapping.get("parent").filter(|_| !parents.is_empty()) {
        let report =
            Report::new("config::profile", format!("{what} has both `parent` and `parents`"), "here")
                .also(parent.key, "and here")
                .help("keep only `parents`");
        reader.problems.add(node.span, report);
    }
    let item = format!("a parent of {what}");
    for node in reader.sequence(node, &format!("`parents` of {what}")).unwrap_or_default() {
        let Some(mapping) = reader.fields(node, &item, &["profile", "source"]) else { continue };
        let Some(name_node) = field(mapping, "profile") else {
            reader.missing(node, "profile", &item);
            continue;
        };
        let name = reader.text(mapping, "profile", &item);
        let source = field(mapping, "source").and_then(|source| source.as_mapping().cloned());
        parents.extend(name.map(|name| Parent { name, span: name_node.span, source }));
    }
    parents
}

/// The section `key`. Its keys are checked with those of the file.
fn section(mapping: &Mapping, key: &str, what: &str, reader: &mut Reader<'_>) -> Option<Mapping> {
    if is_open(mapping, key) {
        return None;
    }
    reader.mapping(field(mapping, key)?, &format!("`{key}` of {what}")).cloned()
}

fn patches(mapping: &Mapping, what: &str, reader: &mut Reader<'_>) -> Vec<Patch> {
    let Some(node) = field(mapping, "patches").filter(|_| !is_open(mapping, "patches")) else {
        return Vec::new();
    };
    let item = format!("a patch of {what}");
    let nodes = reader.sequence(node, &format!("`patches` of {what}")).unwrap_or_default();
    nodes.iter().filter_map(|node| patch(node, &item, reader)).collect()
}

fn patch(node: &YamlNode, what: &str, reader: &mut Reader<'_>) -> Option<Patch> {
    const OPERATIONS: [&str; 6] = ["add", "remove", "replace", "move", "copy", "test"];
    let mapping = reader.fields(node, what, &["op", "path", "value", "from"])?;
    let path = path(node, mapping, "path", what, reader);
    let Some(op_node) = field(mapping, "op") else {
        reader.missing(node, "op", what);
        return None;
    };
    // An absent value is null, as in DevSpace.
    let value = || match mapping.get("value") {
        Some(entry) => entry.node.clone(),
        None => YamlNode { span: node.span, value: Value::Scalar(Scalar::null()) },
    };
    let op = reader.text(mapping, "op", what)?;
    if ["add", "replace"].contains(&op.as_str()) && !mapping.contains_key("value") {
        let message = format!("{what} has no `value`: it inserts null");
        let report = Report::new("config::patch", message, "no value");
        reader.problems.warn(op_node.span, report.help("add `value`, or write `op: remove`"));
    }
    let operation = match op.as_str() {
        "add" => Operation::Add(value()),
        "remove" => Operation::Remove,
        "replace" => Operation::Replace(value()),
        "test" => Operation::Test(value()),
        "move" => Operation::Move(self::path(node, mapping, "from", what, reader)?.0),
        "copy" => Operation::Copy(self::path(node, mapping, "from", what, reader)?.0),
        other => {
            let report = Report::new(
                "config::patch",
                format!("unknown patch operation `{other}`"),
                "unknown operation",
            )
            .suggest(other, OPERATIONS);
            reader.problems.add(op_node.span, report);
            return None;
        }
    };
    let (path, span) = path?;
    Some(Patch { span, operation, path })
}

fn path(
    node: &YamlNode,
    mapping: &Mapping,
    key: &str,
    what: &str,
    reader: &mut Reader<'_>,
) -> Option<(Path, Span)> {
    let Some(path_node) = field(mapping, key) else {
        reader.missing(node, key, what);
        return None;
    };
    let text = reader.text(mapping, key, what)?;
    match Path::parse(&text) {
        Ok(path) => Some((path, path_node.span)),
        Err(reason) => {
            let report = Report::new(
                "config::patch",
                format!("`{key}` of {what} is not a path: {reason}"),
                "this path",
            )
            .help("write `images.api.tags[0]`, `/images/api/tags/0` or `deployments.name=api.helm`");
            reader.problems.add(path_node.span, report);
            None
        }
    }
}

fn activation(mapping: &Mapping, what: &str, reader: &mut Reader<'_>) -> Vec<Conditions> {
    let Some(node) = field(mapping, "activation") else { return Vec::new() };
    let item = format!("an activation of {what}");
    let mut all = Vec::new();
    for node in reader.sequence(node, &format!("`activation` of {what}")).unwrap_or_default() {
        let Some(mapping) = reader.fields(node, &item, &["env", "vars"]) else { continue };
        let environment = patterns(mapping, "env", &item, reader);
        let variables = patterns(mapping, "vars", &item, reader);
        if environment.is_empty() && variables.is_empty() {
            // Without conditions it would always match; in DevSpace, it never does.
            continue;
        }
        let environment = environment.into_iter().map(|(name, pattern, _)| (name, pattern)).collect();
        all.push(Conditions { environment, variables });
    }
    all
}

fn patterns(mapping: &Mapping, key: &str, what: &str, reader: &mut Reader<'_>) -> Vec<(String, Regex, Span)> {
    let what = format!("`{key}` of {what}");
    let mut patterns = Vec::new();
    let Some(node) = field(mapping, key) else { return patterns };
    let Some(mapping) = reader.mapping(node, &what) else { return patterns };
    for (name, entry) in mapping {
        if entry.node.as_scalar().is_some_and(|scalar| scalar.style == Style::Unresolved) {
            // An unknown value does not match.
            patterns.extend(never().map(|pattern| (name.clone(), pattern, entry.key)));
            continue;
        }
        let Some(text) = reader.string(&entry.node, &format!("`{name}` in {what}")) else { continue };
        match Regex::new(&format!("^(?:{text})$")) {
            Ok(pattern) => patterns.push((name.clone(), pattern, entry.key)),
            Err(_) => {
                let message = format!("`{name}` in {what} is not a regular expression");
                reader.problems.add(entry.node.span, Report::new("config::pattern", message, "this pattern"));
            }
        }
    }
    patterns
}
