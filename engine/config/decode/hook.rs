//! The section `hooks`.

use indexmap::IndexMap;

use super::event;
use crate::config::node::{Mapping, YamlNode, field};
use crate::config::problem::Report;
use crate::config::reader::Reader;
use crate::config::{Hook, ImageConfig};
use crate::suggestion::nearest;

/// The actions of a hook in a container, instead of a local command.
const CONTAINER_ACTIONS: [&str; 4] = ["upload", "download", "logs", "wait"];

/// Reads `hooks`, without disabled ones.
pub(crate) fn hooks(
    section: Option<&YamlNode>,
    images: &IndexMap<String, ImageConfig>,
    reader: &mut Reader<'_>,
) -> Vec<Hook> {
    let Some(nodes) = section.and_then(|node| reader.sequence(node, "`hooks`")) else { return Vec::new() };
    nodes.iter().filter_map(|node| hook(node, images, reader)).collect()
}

fn hook(node: &YamlNode, images: &IndexMap<String, ImageConfig>, reader: &mut Reader<'_>) -> Option<Hook> {
    let mapping = reader.mapping(node, "a hook")?;
    let name = reader.text(mapping, "name", "a hook").filter(|name| !name.trim().is_empty());
    let what = match field(mapping, "name").and_then(YamlNode::as_scalar) {
        Some(name) => format!("hook `{}`", name.shown()),
        None => "a hook".to_owned(),
    };
    let disabled = reader.boolean(mapping, "disabled", &what).unwrap_or(false);
    let acts_in_container = CONTAINER_ACTIONS.iter().any(|key| field(mapping, key).is_some());
    let args = reader.texts(mapping, "args", &what);
    let mut secrets = Vec::new();
    let command = reader.command(mapping, &what, args.is_none(), &mut secrets).unwrap_or_default();
    if !acts_in_container
        && field(mapping, "command")
            .is_none_or(|node| node.as_scalar().is_some_and(|scalar| scalar.text.trim().is_empty()))
    {
        reader.missing(node, "command", &what);
    }
    let events = reader.texts(mapping, "events", &what).unwrap_or_default();
    known_events(mapping, &what, images, reader);
    if events.is_empty() && !disabled {
        let report =
            Report::new("config::hook", format!("{what} never runs: it has no events"), "in this entry")
                .help("add `when: { before: { images: all } }` or `events: [\"before:build\"]`");
        reader.problems.warn(crate::config::node::Span { end: node.span.start, ..node.span }, report);
    }
    let hook = Hook {
        origin: reader.problems.origin(node.span),
        name,
        command,
        args,
        secrets,
        events,
        os: reader.text(mapping, "os", &what).filter(|os| !os.is_empty()),
        background: reader.boolean(mapping, "background", &what).unwrap_or(false),
        silent: reader.boolean(mapping, "silent", &what).unwrap_or(false),
        in_container: acts_in_container || field(mapping, "container").is_some(),
    };
    (!disabled).then_some(hook)
}

/// Warns about misspelled events and about events of unknown images.
fn known_events(
    mapping: &Mapping,
    what: &str,
    images: &IndexMap<String, ImageConfig>,
    reader: &mut Reader<'_>,
) {
    let nodes = field(mapping, "events").and_then(YamlNode::as_sequence).unwrap_or_default();
    for node in nodes {
        let Some(event) = node.as_scalar() else { continue };
        if let Some(meant) = event::meant(&event.text) {
            let message = format!("unknown event `{}` in {what}", event.shown());
            let report = Report::new("config::hook", message, "unknown event");
            reader.problems.warn(node.span, report.help(format!("did you mean `{meant}`?")));
            continue;
        }
        let Some((_, name)) = event.text.split_once(":build:") else { continue };
        if name != "*" && !images.contains_key(name) {
            unknown_image(name, node, what, images, reader);
        }
    }
}

fn unknown_image(
    name: &str,
    node: &YamlNode,
    what: &str,
    images: &IndexMap<String, ImageConfig>,
    reader: &mut Reader<'_>,
) {
    let shown = node.as_scalar().and_then(|scalar| scalar.written.as_deref()).unwrap_or(name);
    let mut report = Report::new(
        "config::hook",
        format!("unknown image `{shown}` in an event of {what}"),
        "unknown image",
    );
    report.help =
        nearest(name, images.keys().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
    reader.problems.warn(node.span, report);
}
