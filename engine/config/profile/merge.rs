//! Applies the sections of a profile to the document.

use crate::config::node::{Entry, Mapping, Value, YamlNode};

/// The keys by which a strategic merge identifies the items of lists.
const ITEM_KEYS: [&str; 3] = ["name", "registry", "localSubPath"];

/// `replace`: each key replaces the same key of the document.
pub(crate) fn replace(document: &mut Mapping, section: &Mapping) {
    document.extend(section.iter().map(|(key, entry)| (key.clone(), entry.clone())));
}

/// `merge`: RFC 7386. Maps are merged, null deletes, everything else replaces.
pub(crate) fn merge(document: &mut Mapping, section: &Mapping) {
    for (key, entry) in section {
        if entry.node.is_null() {
            document.shift_remove(key);
            continue;
        }
        let Some(more) = entry.node.as_mapping() else {
            document.insert(key.clone(), entry.clone());
            continue;
        };
        merge(mapping_at(document, key, entry), more);
    }
}

/// `strategicMerge`: like [`merge`], but lists whose items have a name are merged item by item.
pub(crate) fn strategic_merge(document: &mut Mapping, section: &Mapping) {
    for (key, entry) in section {
        match &entry.node.value {
            _ if entry.node.is_null() => drop(document.shift_remove(key)),
            Value::Mapping(more) => match directive(more) {
                Some("delete") => drop(document.shift_remove(key)),
                Some("replace") => {
                    let mut entry = entry.clone();
                    strip_directive(&mut entry.node);
                    document.insert(key.clone(), entry);
                }
                _ => strategic_merge(mapping_at(document, key, entry), more),
            },
            Value::Sequence(more) => {
                let old = document.get_mut(key).map(|entry| &mut entry.node.value);
                match (old, item_key(more)) {
                    (Some(Value::Sequence(nodes)), Some(name)) => merge_items(nodes, more, name),
                    _ => drop(document.insert(key.clone(), entry.clone())),
                }
            }
            Value::Scalar(_) if key == "$patch" => {}
            Value::Scalar(_) => drop(document.insert(key.clone(), entry.clone())),
        }
    }
}

fn merge_items(nodes: &mut Vec<YamlNode>, more: &[YamlNode], name: &str) {
    let identity =
        |node: &YamlNode| node.get(name).and_then(YamlNode::as_scalar).map(|scalar| scalar.text.clone());
    for item in more {
        let found = nodes.iter().position(|node| identity(node) == identity(item));
        let directive = item.as_mapping().and_then(directive);
        match (found, directive) {
            (Some(index), Some("delete")) => drop(nodes.remove(index)),
            (None, Some("delete")) => {}
            (Some(index), None) => {
                if let (Value::Mapping(old), Some(more)) = (&mut nodes[index].value, item.as_mapping()) {
                    strategic_merge(old, more);
                }
            }
            (found, _) => {
                let mut item = item.clone();
                strip_directive(&mut item);
                match found {
                    Some(index) => nodes[index] = item,
                    None => nodes.push(item),
                }
            }
        }
    }
}

/// The identifying key that all items of a list have.
fn item_key(nodes: &[YamlNode]) -> Option<&'static str> {
    let has = |node: &YamlNode, key: &str| node.get(key).and_then(YamlNode::as_scalar).is_some();
    ITEM_KEYS.into_iter().find(|key| !nodes.is_empty() && nodes.iter().all(|node| has(node, key)))
}

fn directive(mapping: &Mapping) -> Option<&str> {
    mapping.get("$patch").and_then(|entry| entry.node.as_scalar()).map(|scalar| scalar.text.as_str())
}

fn strip_directive(node: &mut YamlNode) {
    if let Value::Mapping(mapping) = &mut node.value {
        mapping.shift_remove("$patch");
    }
}

/// The map at `key`; a missing value or one of another type is replaced with an empty map.
fn mapping_at<'a>(document: &'a mut Mapping, key: &str, like: &Entry) -> &'a mut Mapping {
    let empty = || Value::Mapping(Mapping::new());
    let entry = document
        .entry(key.to_owned())
        .or_insert_with(|| Entry { key: like.key, node: YamlNode { span: like.node.span, value: empty() } });
    if entry.node.as_mapping().is_none() {
        *entry = Entry { key: like.key, node: YamlNode { span: like.node.span, value: empty() } };
    }
    match &mut entry.node.value {
        Value::Mapping(mapping) => mapping,
        _ => unreachable!("the value was just made a map"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse::parse;
    use crate::config::problem::Diagnostics;

    fn node(text: &str) -> YamlNode {
        parse(text, &mut Diagnostics::new("f", text.into())).expect("valid")
    }

    fn check(apply: fn(&mut Mapping, &Mapping), document: &str, section: &str, expected: &str) {
        let mut root = node(document);
        if let (Value::Mapping(document), Some(section)) = (&mut root.value, node(section).as_mapping()) {
            apply(document, section);
        }
        assert_eq!(root.to_json(), node(expected).to_json(), "{document} + {section}");
    }

    #[test]
    fn replace_takes_whole_keys() {
        check(replace, "{a: {x: 1}, b: 2}", "{a: {y: 1}, c: 3}", "{a: {y: 1}, b: 2, c: 3}");
    }

    #[test]
    fn merge_follows_rfc_7386() {
        check(merge, "{a: b}", "{a: c}", "{a: c}");
        check(merge, "{a: b}", "{b: c}", "{a: b, b: c}");
        check(merge, "{a: b, b: c}", "{a: null}", "{b: c}");
        check(merge, "{a: [b]}", "{a: c}", "{a: c}");
        check(merge, "{a: {b: c}}", "{a: {b: d, c: null}}", "{a: {b: d}}");
        check(merge, "{a: [{b: c}]}", "{a: [1]}", "{a: [1]}");
        check(merge, "{}", "{a: {bb: {ccc: null}}}", "{a: {bb: {}}}");
        check(merge, "{a: 'null'}", "{b: 'null'}", "{a: 'null', b: 'null'}");
    }

    #[test]
    fn strategic_merge_joins_lists_by_name() {
        let document = "{d: [{name: p, v: 1}, {name: q}], l: [1, 2], m: {a: 1}}";
        check(
            strategic_merge,
            document,
            "{d: [{name: p, w: 2}, {name: r}], l: [3], m: {b: 2}}",
            "{d: [{name: p, v: 1, w: 2}, {name: q}, {name: r}], l: [3], m: {a: 1, b: 2}}",
        );
        check(
            strategic_merge,
            document,
            "{d: [{name: p, $patch: delete}], m: {$patch: replace, c: 1}}",
            "{d: [{name: q}], l: [1, 2], m: {c: 1}}",
        );
        check(
            strategic_merge,
            "{p: [{registry: r, u: 1}]}",
            "{p: [{registry: r, v: 2}]}",
            "{p: [{registry: r, u: 1, v: 2}]}",
        );
    }
}
