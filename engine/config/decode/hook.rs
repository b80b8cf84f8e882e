//! The section `hooks`.

use std::str::FromStr;
use std::time::Duration;

use indexmap::IndexMap;

use super::event;
use crate::config::node::{Mapping, YamlNode, field};
use crate::config::problem::Report;
use crate::config::reader::Reader;
use crate::config::{ContainerSelection, Hook, HookAction, HookContainer, ImageConfig};
use crate::suggestion::nearest;

/// The actions of a hook in a container, instead of a local command.
const CONTAINER_ACTIONS: [&str; 4] = ["upload", "download", "logs", "wait"];

/// How long a hook waits for its container by default.
const CONTAINER_TIMEOUT: Duration = Duration::from_secs(150);

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
    let container = container(node, mapping, &what, images, reader);
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
        container,
    };
    (!disabled).then_some(hook)
}

/// The container on which a hook acts, if it acts on one.
fn container(
    node: &YamlNode,
    hook: &Mapping,
    what: &str,
    images: &IndexMap<String, ImageConfig>,
    reader: &mut Reader<'_>,
) -> Option<HookContainer> {
    let action = action(hook, what, reader);
    let place = field(hook, "container");
    if action.is_none() && place.is_none() {
        return None;
    }
    let no_keys = Mapping::default();
    let of = format!("`container` of {what}");
    let keys = place.and_then(|node| reader.mapping(node, &of)).unwrap_or(&no_keys);
    let mut selection = ContainerSelection::any(reader.problems.origin(place.unwrap_or(node).span));
    selection.labels = reader.text_map(keys, "labelSelector", &of);
    selection.container = reader.text(keys, "containerName", &of);
    selection.namespace = reader.text(keys, "namespace", &of);
    if let Some(image) = reader.text(keys, "imageSelector", &of) {
        match named_image(image.trim(), images) {
            Some(name) => selection.image = Some(name.to_owned()),
            None => selection.image_selector = Some(image),
        }
    }
    let of_wait = field(hook, "wait").and_then(YamlNode::as_mapping);
    let seconds = of_wait.and_then(|wait| number(wait, "timeout")).or_else(|| number(keys, "timeout"));
    Some(HookContainer {
        selection,
        pod: reader.text(keys, "pod", &of),
        waits: reader.boolean(keys, "wait", &of).unwrap_or(true),
        timeout: seconds.map_or(CONTAINER_TIMEOUT, Duration::from_secs),
        once: reader.boolean(keys, "once", &of).unwrap_or(false),
        action: action.unwrap_or(HookAction::Command),
    })
}

/// The action of a hook in a container, unless it is a command.
fn action(hook: &Mapping, what: &str, reader: &mut Reader<'_>) -> Option<HookAction> {
    if let Some(node) = field(hook, "wait") {
        let wait = reader.mapping(node, &format!("`wait` of {what}"))?;
        let code = number::<i32>(wait, "terminatedWithCode");
        return Some(code.map_or(HookAction::WaitRunning, |code| HookAction::WaitExit { code }));
    }
    if let Some(logs) = field(hook, "logs") {
        let lines = logs.as_mapping().and_then(|logs| number(logs, "tailLines"));
        return Some(HookAction::Logs { lines });
    }
    ["upload", "download"].into_iter().find(|key| field(hook, key).is_some()).map(HookAction::Copy)
}

/// A number, whose form the schema has checked.
fn number<T: FromStr>(mapping: &Mapping, key: &str) -> Option<T> {
    field(mapping, key)?.as_scalar()?.text.trim().parse().ok()
}

/// The image of the project that `selector` names: `image(api):tag(api)`, `${runtime.images.api}`, or its repository.
fn named_image<'s>(selector: &'s str, images: &'s IndexMap<String, ImageConfig>) -> Option<&'s str> {
    let inside = |start: &str, end| Some(selector.strip_prefix(start)?.split_once(end)?.0.trim());
    let placeholder = inside("image(", ')').or_else(|| inside("${runtime.images.", '}'));
    if let Some(name) = placeholder {
        return Some(name.strip_suffix(".image").unwrap_or(name));
    }
    images.iter().find(|(_, image)| image.repository.to_string() == selector).map(|(name, _)| name.as_str())
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
