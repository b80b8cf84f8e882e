//! Sections that are a list of named entries in older versions, and a map by name in the newest one.

use crate::config::node::{Span, Value, YamlNode, field};

/// An entry of such a section.
pub(super) struct NamedEntry<'n> {
    /// The key in the map, or the `name` of the item.
    pub name: Option<String>,
    /// The start of the entry.
    pub span: Span,
    /// The value of the entry.
    pub node: &'n YamlNode,
}

/// The entries of `section`, in file order.
pub(super) fn entries(section: Option<&YamlNode>) -> Vec<NamedEntry<'_>> {
    match section.map(|section| &section.value) {
        Some(Value::Mapping(entries)) => {
            let entries = entries.iter().filter(|(_, entry)| !entry.node.is_null());
            let named = entries.map(|(name, entry)| NamedEntry {
                name: Some(name.clone()),
                span: entry.key,
                node: &entry.node,
            });
            named.collect()
        }
        Some(Value::Sequence(items)) => {
            let name = |item: &YamlNode| {
                let name =
                    item.as_mapping().and_then(|item| field(item, "name")).and_then(YamlNode::as_scalar);
                name.map(|name| name.text.trim().to_owned()).filter(|name| !name.is_empty())
            };
            items.iter().map(|item| NamedEntry { name: name(item), span: item.span, node: item }).collect()
        }
        _ => Vec::new(),
    }
}
