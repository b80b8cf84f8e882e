//! Reads the objects of a manifest.

use std::sync::Arc;

use serde_json::Value as Json;

use super::json::{looks_like_json, read_json};
use super::node::{Content, Fault, Node, ParsedDocument};
use super::problem::{ManifestProblem, Source};
use super::yaml::read_yaml;
use super::{ManifestDocument, ManifestOrigin};

/// The objects of `text`, YAML or JSON, in file order: documents without content are skipped, lists are replaced with
/// their items.
///
/// # Errors
/// The first syntax error or duplicate key.
pub fn parse(text: &str, origin: ManifestOrigin) -> Result<Vec<ManifestDocument>, Box<ManifestProblem>> {
    let source = Arc::new(Source::new(origin, text));
    let parsed = parse_source(&source).map_err(|fault| Box::new(source.problem(*fault)))?;
    let mut documents = Vec::with_capacity(parsed.len());
    for ParsedDocument { number, node } in parsed {
        let line = node.span.line;
        let lines = item_lines(&node);
        let value = node.into_json();
        flatten(
            ManifestDocument { value, number, line, source: source.clone(), items: Vec::new() },
            &lines,
            &mut documents,
        );
    }
    Ok(documents)
}

/// The documents of `source`: as JSON if it is JSON, otherwise as YAML.
pub(super) fn parse_source(source: &Source) -> Result<Vec<ParsedDocument>, Box<Fault>> {
    let text = &source.text;
    if !looks_like_json(text) {
        return read_yaml(text);
    }
    match &source.origin {
        // As in kubectl: a YAML parser would accept and convert more than a JSON parser.
        ManifestOrigin::File(path) if path.extension().is_some_and(|extension| extension == "json") => {
            read_json(text)
        }
        // Maps in braces without quotes are YAML, not JSON.
        _ => read_json(text).or_else(|_| read_yaml(text)),
    }
}

/// The first lines of the items of a list, and of their items.
struct ItemLines {
    line: usize,
    items: Vec<ItemLines>,
}

fn item_lines(node: &Node) -> ItemLines {
    let items = match &node.content {
        Content::Mapping(mapping) => match mapping.get("items").map(|entry| &entry.node.content) {
            Some(Content::Sequence(nodes)) => nodes.iter().map(item_lines).collect(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    ItemLines { line: node.span.line, items }
}

/// Adds `document` to `documents`, or the items that it lists. Items of a typed list, such as `ConfigMapList`, inherit
/// its kind and version, as in kubectl.
fn flatten(mut document: ManifestDocument, lines: &ItemLines, documents: &mut Vec<ManifestDocument>) {
    let Some(item_kind) = document.kind().strip_suffix("List").map(str::to_owned) else {
        return documents.push(document);
    };
    let items = match document.value.get_mut("items").map(Json::take) {
        Some(Json::Array(items)) => items,
        None | Some(Json::Null) if item_kind.is_empty() => Vec::new(),
        other => {
            if let (Some(other), Some(items)) = (other, document.value.get_mut("items")) {
                *items = other;
            }
            return documents.push(document);
        }
    };
    let api_version = document.api_version().to_owned();
    for (index, (mut value, lines)) in items.into_iter().zip(&lines.items).enumerate() {
        let is_typed = |key: &str| value.get(key).and_then(Json::as_str).is_some_and(|text| !text.is_empty());
        let has_type = is_typed("kind") && is_typed("apiVersion");
        if let Json::Object(object) = &mut value
            && !item_kind.is_empty()
            && !has_type
        {
            object.shift_insert(0, "apiVersion".to_owned(), api_version.clone().into());
            object.shift_insert(1, "kind".to_owned(), item_kind.clone().into());
        }
        let items = document.items.iter().copied().chain([index]).collect();
        let item =
            ManifestDocument { value, line: lines.line, items, source: document.source.clone(), ..document };
        flatten(item, lines, documents);
    }
}

#[cfg(test)]
mod tests;
