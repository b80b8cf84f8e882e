//! The section `dev`, whose problems prevent only `dev`.

mod command;
mod folder;
mod names;
mod pods;
mod port;
mod sections;
mod selection;

use indexmap::IndexMap;

use crate::config::node::{Mapping, Span, YamlNode, field};
use crate::config::problem::Report;
use crate::config::reader::Reader;
use crate::config::schema::ARCHITECTURES;
use crate::config::upgrade::DevSection;
use crate::config::{Dev, ImageConfig, LocatedText, Page};
use names::Names;

/// Reads `dev` of `document`, which has the newest version, and checks it as a whole.
pub(super) fn dev(
    section: &DevSection,
    document: &Mapping,
    images: &IndexMap<String, ImageConfig>,
    reader: &mut Reader<'_>,
) -> Dev {
    let mut dev = Dev { prefers_sync: section.prefers_sync.clone(), ..Dev::default() };
    reader.problems.set_of_dev(true);
    let names = Names::new(document, images);
    let mapping = section.node.as_ref().and_then(|node| reader.mapping(node, "`dev`"));
    match mapping {
        Some(mapping) if section.is_pods => pods::read(mapping, &names, &mut dev, reader),
        Some(mapping) => sections::read(mapping, &names, &mut dev, reader),
        None => {}
    }
    reader.problems.set_of_dev(false);
    dev
}

/// The maps in the list at `key`, each with its node.
fn items<'n>(
    mapping: &'n Mapping,
    key: &str,
    what: &str,
    reader: &mut Reader<'_>,
) -> Vec<(&'n YamlNode, &'n Mapping)> {
    let of = format!("`{key}` of {what}");
    let nodes = field(mapping, key).and_then(|node| reader.sequence(node, &of)).unwrap_or_default();
    let item = format!("an item of {of}");
    let nodes = nodes.iter().filter(|node| !node.is_null());
    nodes.filter_map(|node| Some((node, reader.mapping(node, &item)?))).collect()
}

/// The pages in `open`.
fn pages(mapping: &Mapping, what: &str, reader: &mut Reader<'_>) -> Vec<Page> {
    let mut pages = Vec::new();
    for (node, item) in items(mapping, "open", what, reader) {
        let of = format!("a page of {what}");
        match located(item, "url", &of, reader) {
            Some(LocatedText { text, origin }) => pages.push(Page { origin, url: text }),
            None => missing(node, item, "url", &of, reader),
        }
    }
    pages
}

/// Reports that `key` is missing in `mapping`, unless one of its values was reported.
fn missing(node: &YamlNode, mapping: &Mapping, key: &str, of: &str, reader: &mut Reader<'_>) {
    if !mapping.values().any(|entry| entry.node.is_unresolved()) {
        reader.missing(node, key, of);
    }
}

/// The string at `key`; an empty string and an absent value are equivalent.
fn text(mapping: &Mapping, key: &str, of: &str, reader: &mut Reader<'_>) -> Option<String> {
    reader.text(mapping, key, of).filter(|text| !text.trim().is_empty())
}

/// The string at `key`, with its location.
fn located(mapping: &Mapping, key: &str, of: &str, reader: &mut Reader<'_>) -> Option<LocatedText> {
    let text = text(mapping, key, of, reader)?;
    Some(LocatedText { text, origin: reader.problems.origin(field(mapping, key)?.span) })
}

/// The strings of the list at `key`, with their locations.
fn all_located(mapping: &Mapping, key: &str, of: &str, reader: &mut Reader<'_>) -> Vec<LocatedText> {
    let texts = reader.placed_texts(mapping, key, of).into_iter();
    texts.filter_map(|(text, origin)| Some(LocatedText { text, origin: origin? })).collect()
}

/// The value at `key`, converted by `named`; `known` are the accepted names.
fn choice<T>(
    mapping: &Mapping,
    key: &str,
    of: &str,
    (named, known): (impl Fn(&str) -> Option<T>, &[&str]),
    reader: &mut Reader<'_>,
) -> Option<T> {
    let value = text(mapping, key, of, reader)?;
    let found = named(&value);
    if found.is_none() {
        let node = field(mapping, key)?;
        let shown = node.as_scalar().map_or(value.as_str(), |scalar| scalar.shown());
        let message = format!("unknown value `{shown}` of `{key}` of {of}");
        let report = Report::new("config::dev", message, "unknown value");
        reader.problems.add(node.span, report.suggest(&value, known.iter().copied()));
    }
    found
}

/// Checks `arch`, which has no effect.
fn check_arch(mapping: &Mapping, of: &str, reader: &mut Reader<'_>) {
    let named = |name: &str| ARCHITECTURES.contains(&name).then_some(());
    let _: Option<()> = choice(mapping, "arch", of, (named, &ARCHITECTURES), reader);
}

/// Notes that `key` of `mapping`, if it is set, has no effect.
fn unsupported(
    mapping: &Mapping,
    (key, reason, help): (&str, &str, &str),
    of: &str,
    dev: &mut Dev,
    reader: &Reader<'_>,
) {
    let is_set = |node: &YamlNode| {
        !node.is_null()
            && !node.is_unresolved()
            && node.as_mapping().is_none_or(|mapping| !mapping.is_empty())
            && node.as_sequence().is_none_or(|nodes| !nodes.is_empty())
            && node.as_scalar().is_none_or(|scalar| scalar.as_bool() != Some(false))
    };
    let Some(entry) = mapping.get(key).filter(|entry| is_set(&entry.node)) else { return };
    let report =
        Report::new("config::unsupported", format!("`{key}` of {of} is ignored: {reason}"), "not supported");
    dev.notices.push(reader.problems.notice(entry.key, report.help(help)));
}

/// The start of a node: a long entry would be underlined as a whole.
fn start(node: &YamlNode) -> Span {
    Span { end: node.span.start, ..node.span }
}
