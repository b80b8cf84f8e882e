//! Helpers to change a document.

use crate::config::node::{Entry, Mapping, Scalar, Span, Style, Value, YamlNode};

/// The map at `key`, if there is one.
pub(super) fn map<'m>(mapping: &'m mut Mapping, key: &str) -> Option<&'m mut Mapping> {
    as_map(&mut mapping.get_mut(key)?.node)
}

/// `node` as a map.
pub(super) fn as_map(node: &mut YamlNode) -> Option<&mut Mapping> {
    match &mut node.value {
        Value::Mapping(mapping) => Some(mapping),
        _ => None,
    }
}

/// The map at `key`, created if absent; `at` is the location of its cause.
pub(super) fn map_or_new<'m>(mapping: &'m mut Mapping, key: &str, at: Span) -> Option<&'m mut Mapping> {
    let entry = mapping.entry(key.to_owned()).or_insert_with(|| entry(at, empty(at)));
    if entry.node.is_null() {
        entry.node.value = Value::Mapping(Mapping::new());
    }
    as_map(&mut entry.node)
}

/// The maps in the list at `key`.
pub(super) fn items<'m>(mapping: &'m mut Mapping, key: &str) -> impl Iterator<Item = &'m mut Mapping> {
    let nodes = match mapping.get_mut(key).map(|entry| &mut entry.node.value) {
        Some(Value::Sequence(nodes)) => nodes.as_mut_slice(),
        _ => &mut [],
    };
    nodes.iter_mut().filter_map(as_map)
}

/// The images that are maps, with the locations of their names.
pub(super) fn images(document: &mut Mapping) -> impl Iterator<Item = (Span, &mut Mapping)> {
    let images = map(document, "images").into_iter().flat_map(|images| images.values_mut());
    images.filter_map(|entry| Some((entry.key, as_map(&mut entry.node)?)))
}

/// Renames `old` to `new`, in the same position. If `new` exists already, it stays.
pub(super) fn rename(mapping: &mut Mapping, old: &str, new: &str) {
    let Some((position, _, entry)) = mapping.shift_remove_full(old) else { return };
    if !mapping.contains_key(new) {
        mapping.shift_insert(position, new.to_owned(), entry);
    }
}

/// Moves `key` of `from` to the end of `to` as `name`, unless `to` has it already.
pub(super) fn move_to(from: &mut Mapping, key: &str, to: &mut Mapping, name: &str) {
    if let Some(entry) = from.shift_remove(key).filter(|entry| !entry.node.is_null()) {
        to.entry(name.to_owned()).or_insert(entry);
    }
}

/// Adds `key` unless it exists; `at` is the location of its cause.
pub(super) fn add(mapping: &mut Mapping, key: &str, at: Span, value: &str) {
    if mapping.get(key).is_none_or(|entry| entry.node.is_null()) {
        mapping.insert(key.to_owned(), entry(at, plain(at, value)));
    }
}

/// An entry whose key has the location `at`.
pub(super) fn entry(at: Span, node: YamlNode) -> Entry {
    Entry { key: at, node }
}

/// An empty map.
pub(super) fn empty(at: Span) -> YamlNode {
    YamlNode { span: at, value: Value::Mapping(Mapping::new()) }
}

/// A value that may be a number or boolean.
pub(super) fn plain(at: Span, text: &str) -> YamlNode {
    scalar(at, text, Style::Plain)
}

/// A string.
pub(super) fn text(at: Span, text: &str) -> YamlNode {
    scalar(at, text, Style::Text)
}

/// A list.
pub(super) fn list(at: Span, nodes: Vec<YamlNode>) -> YamlNode {
    YamlNode { span: at, value: Value::Sequence(nodes) }
}

fn scalar(at: Span, text: &str, style: Style) -> YamlNode {
    YamlNode { span: at, value: Value::Scalar(Scalar { text: text.to_owned(), style, ..Scalar::null() }) }
}

/// The string at `key`.
pub(super) fn text_at(mapping: &Mapping, key: &str) -> Option<String> {
    mapping.get(key)?.node.as_scalar().filter(|scalar| !scalar.is_null()).map(|scalar| scalar.text.clone())
}

/// Whether `key` is `true`.
pub(super) fn is_true(mapping: &Mapping, key: &str) -> bool {
    mapping.get(key).and_then(|entry| entry.node.as_scalar()?.as_bool()) == Some(true)
}

/// Whether `key` has a value.
pub(super) fn has(mapping: &Mapping, key: &str) -> bool {
    mapping.get(key).is_some_and(|entry| !entry.node.is_null())
}
