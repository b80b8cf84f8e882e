//! `dev` for v2beta1: converts lists of ports, files and terminals to a map of pods.

use indexmap::IndexMap;

use super::edit::{entry, has, items, list, map, move_to, plain, text, text_at};
use crate::config::node::{Mapping, Span, Value, YamlNode, field};

/// An obstacle to the conversion of `dev` to pods.
pub(super) struct DevBlocker {
    pub span: Span,
    pub reason: String,
    pub help: &'static str,
}

/// The keys that select the pod of an entry.
const SELECTORS: [&str; 2] = ["imageSelector", "labelSelector"];

/// All obstacles to the conversion of `dev` to pods; empty if it can be or is already converted.
pub(super) fn obstacles(dev: &Mapping) -> Vec<DevBlocker> {
    let mut found = Vec::new();
    let mut add =
        |span: Span, reason: String, help: &'static str| found.push(DevBlocker { span, reason, help });
    for (key, entry) in dev.iter().filter(|(_, entry)| !is_empty(&entry.node)) {
        match key.as_str() {
            "ports" | "sync" | "open" | "terminal" | "replacePods" | "logs" => {}
            "autoReload" => add(
                entry.key,
                "`autoReload` of `dev` has no counterpart there".to_owned(),
                "remove it, and rerun the command after a change",
            ),
            _ => add(
                entry.key,
                format!("`{key}` of `dev` has no counterpart there"),
                "remove it, or use `terminal` with a `command`",
            ),
        }
    }
    for (section, node) in entries(dev) {
        let Some(item) = node.as_mapping() else { continue };
        let at = |key: &str| item.get(key).map_or(node.span, |entry| entry.key);
        if !SELECTORS.iter().any(|key| has(item, key)) {
            let reason = format!("`{section}` of `dev` has an entry that does not select a pod");
            add(Span { end: node.span.start, ..node.span }, reason, "add `imageSelector` or `labelSelector`");
        }
        if text_at(item, "localSubPath").is_some_and(|path| path.contains(':')) {
            let help = "use a path relative to the file";
            add(at("localSubPath"), "a path of `sync` cannot contain `:` there".to_owned(), help);
        }
    }
    if field(dev, "open").is_some() && entries(dev).next().is_none() {
        let span = dev.get("open").map_or(Span::default(), |open| open.key);
        add(
            span,
            "`open` of `dev` belongs to a pod there".to_owned(),
            "add the ports of the pod, or remove it",
        );
    }
    found
}

/// The entries of `dev` that refer to a pod, each with its section.
fn entries(dev: &Mapping) -> impl Iterator<Item = (&'static str, &YamlNode)> {
    let lists = ["replacePods", "ports", "sync"].into_iter().flat_map(|section| {
        let nodes = field(dev, section).and_then(YamlNode::as_sequence).unwrap_or_default();
        nodes.iter().map(move |node| (section, node))
    });
    let terminal = field(dev, "terminal").filter(|node| !is_empty(node)).map(|node| ("terminal", node));
    let logs = field(dev, "logs").and_then(|logs| logs.get("selectors")).and_then(YamlNode::as_sequence);
    lists.chain(terminal).chain(logs.unwrap_or_default().iter().map(|node| ("logs", node)))
}

/// Converts `dev` to pods if nothing prevents it. `dev` in the newest form does not change.
pub(super) fn upgrade(document: &mut Mapping) {
    let Some(dev) = map(document, "dev") else { return };
    if !obstacles(dev).is_empty() {
        return;
    }
    let mut old = std::mem::take(dev);
    let mut pods = Pods::default();
    items(&mut old, "replacePods").for_each(|item| replaced(pods.of(item), item));
    items(&mut old, "ports").for_each(|item| ports(pods.of(item), item));
    items(&mut old, "sync").for_each(|item| sync(pods.of(item), item));
    if let Some(item) = map(&mut old, "terminal").filter(|item| !item.is_empty()) {
        terminal(pods.of(item), item);
    }
    if let Some(logs) = map(&mut old, "logs") {
        let is_disabled = super::edit::is_true(logs, "disabled");
        if is_disabled && field(logs, "selectors").is_none() {
            pods.0.values_mut().for_each(Pod::disable_logs);
        }
        let last = logs.get("showLast").cloned();
        for item in items(logs, "selectors") {
            let (pod, at) = (pods.of(item), span_of(item));
            let mut shown = Mapping::new();
            if is_disabled {
                shown.insert("enabled".to_owned(), entry(at, plain(at, "false")));
            }
            shown.extend(last.clone().map(|last| ("lastLines".to_owned(), last)));
            pod.insert("logs".to_owned(), entry(at, YamlNode { span: at, value: Value::Mapping(shown) }));
        }
    }
    if let (Some(open), Some((_, pod))) = (old.shift_remove("open"), pods.0.first_mut()) {
        pod.keys.insert("open".to_owned(), open);
    }
    let node = |pod: Pod| entry(pod.at, YamlNode { span: pod.at, value: Value::Mapping(pod.keys) });
    *dev = pods.0.into_iter().map(|(name, pod)| (name, node(pod))).collect();
}

/// The pods by name, in the order of their first entry.
#[derive(Default)]
struct Pods(IndexMap<String, Pod>);

/// A pod.
#[derive(Default)]
struct Pod {
    /// The location of its first entry.
    at: Span,
    keys: Mapping,
}

impl Pod {
    fn disable_logs(&mut self) {
        let at = self.at;
        let shown = Mapping::from([("enabled".to_owned(), entry(at, plain(at, "false")))]);
        self.keys.insert("logs".to_owned(), entry(at, YamlNode { span: at, value: Value::Mapping(shown) }));
    }
}

impl Pods {
    /// The pod of `item`. Removes the keys that select it from `item`.
    fn of(&mut self, item: &mut Mapping) -> &mut Mapping {
        let at = span_of(item);
        let mut pod = Mapping::new();
        for (key, name) in [
            ("imageSelector", "imageSelector"),
            ("labelSelector", "labelSelector"),
            ("namespace", "namespace"),
            ("containerName", "container"),
        ] {
            move_to(item, key, &mut pod, name);
        }
        let own_name = text_at(item, "name");
        item.shift_remove("name");
        let same = ["imageSelector", "labelSelector", "namespace", "container"];
        let is_same = |other: &Pod| same.iter().all(|key| field(&other.keys, key) == field(&pod, key));
        let name = match self.0.iter().find(|(_, other)| is_same(other)) {
            Some((name, _)) => name.clone(),
            None => {
                let name = self.free_name(&own_name.unwrap_or_else(|| name_of(&pod)));
                // The line of the first key, but not a key of the file.
                let at = Span { start: 0, end: 0, ..at };
                self.0.insert(name.clone(), Pod { at, keys: pod });
                name
            }
        };
        &mut self.0.entry(name).or_default().keys
    }

    fn free_name(&self, wanted: &str) -> String {
        let fit = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        let wanted: String = wanted.chars().map(fit).collect();
        let wanted = Some(wanted.trim_matches('-')).filter(|name| !name.is_empty()).unwrap_or("pod");
        let numbered = (2..).map(|number| format!("{wanted}-{number}"));
        std::iter::once(wanted.to_owned())
            .chain(numbered)
            .find(|name| !self.0.contains_key(name))
            .unwrap_or_default()
    }
}

/// A name for a pod: its image, or a label.
fn name_of(pod: &Mapping) -> String {
    if let Some(image) = text_at(pod, "imageSelector") {
        let name = image.strip_prefix("image(").and_then(|rest| rest.split_once(')')).map(|(name, _)| name);
        return name.or(image.rsplit('/').next()).unwrap_or_default().to_owned();
    }
    let labels = field(pod, "labelSelector").and_then(YamlNode::as_mapping).into_iter().flatten();
    labels
        .map(|(_, label)| label)
        .find_map(|label| Some(label.node.as_scalar()?.text.clone()))
        .unwrap_or_default()
}

/// Adds `nodes` to the list `key` of `pod`.
fn add_to(pod: &mut Mapping, key: &str, at: Span, nodes: Vec<YamlNode>) {
    match pod.get_mut(key).map(|entry| &mut entry.node.value) {
        Some(Value::Sequence(known)) => known.extend(nodes),
        _ => drop(pod.insert(key.to_owned(), entry(at, list(at, nodes)))),
    }
}

/// `forward: [{port: 8080, remotePort: 80}]` is `ports: [{port: "8080:80"}]`.
fn ports(pod: &mut Mapping, item: &mut Mapping) {
    for (old, new) in [("forward", "ports"), ("reverseForward", "reversePorts")] {
        let nodes = items(item, old).map(|port| {
            let at = span_of(port);
            let (local, remote) = (text_at(port, "port"), text_at(port, "remotePort"));
            let both = match (local.or(remote.clone()), remote) {
                (Some(local), Some(remote)) if local != remote => format!("{local}:{remote}"),
                (local, _) => local.unwrap_or_default(),
            };
            let mut mapping = Mapping::from([("port".to_owned(), entry(at, text(at, &both)))]);
            move_to(port, "bindAddress", &mut mapping, "bindAddress");
            YamlNode { span: at, value: Value::Mapping(mapping) }
        });
        let nodes: Vec<YamlNode> = nodes.collect();
        let at = item.get(old).map_or(Span::default(), |entry| entry.key);
        if !nodes.is_empty() {
            add_to(pod, new, at, nodes);
        }
    }
}

/// `localSubPath` and `containerPath` become one `path`; the other keys keep their names.
fn sync(pod: &mut Mapping, item: &mut Mapping) {
    let at = span_of(item);
    let local = text_at(item, "localSubPath").unwrap_or_else(|| "./".to_owned());
    let container = text_at(item, "containerPath").unwrap_or_else(|| ".".to_owned());
    let mut mapping =
        Mapping::from([("path".to_owned(), entry(at, text(at, &format!("{local}:{container}"))))]);
    // DevSpace 6 detects the processor and needs no pauses.
    for key in ["localSubPath", "containerPath", "arch", "throttleChangeDetection"] {
        item.shift_remove(key);
    }
    mapping.append(item);
    add_to(pod, "sync", at, vec![YamlNode { span: at, value: Value::Mapping(mapping) }]);
}

/// The words of `command` become a shell command line.
fn terminal(pod: &mut Mapping, item: &mut Mapping) {
    let at = span_of(item);
    let mut mapping = Mapping::new();
    if let Some(command) = item.shift_remove("command").filter(|entry| !entry.node.is_null()) {
        let words = command.node.as_sequence().unwrap_or_default();
        let words: Vec<_> =
            words.iter().filter_map(YamlNode::as_scalar).map(|word| quoted(&word.text)).collect();
        mapping.insert("command".to_owned(), entry(command.key, text(command.node.span, &words.join(" "))));
    }
    move_to(item, "workDir", &mut mapping, "workDir");
    if let Some(disabled) = item.shift_remove("disabled") {
        let is_disabled = disabled.node.as_scalar().and_then(|scalar| scalar.as_bool()) == Some(true);
        if is_disabled {
            mapping.insert("enabled".to_owned(), entry(disabled.key, plain(disabled.node.span, "false")));
        }
    }
    pod.insert("terminal".to_owned(), entry(at, YamlNode { span: at, value: Value::Mapping(mapping) }));
}

/// `word`, quoted for the shell.
fn quoted(word: &str) -> String {
    let is_plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '=' | '@' | ',');
    match word.is_empty() || !word.chars().all(is_plain) {
        true => format!("'{}'", word.replace('\'', r"'\''")),
        false => word.to_owned(),
    }
}

/// A pod with a replaced image gets a `devImage`.
fn replaced(pod: &mut Mapping, item: &mut Mapping) {
    move_to(item, "replaceImage", pod, "devImage");
    for key in ["persistPaths", "persistenceOptions", "patches"] {
        move_to(item, key, pod, key);
    }
}

fn span_of(item: &Mapping) -> Span {
    item.values().next().map_or(Span::default(), |entry| entry.key)
}

fn is_empty(node: &YamlNode) -> bool {
    node.is_null()
        || node.as_scalar().is_some_and(|scalar| scalar.as_bool() == Some(false))
        || node.as_mapping().is_some_and(Mapping::is_empty)
        || node.as_sequence().is_some_and(<[YamlNode]>::is_empty)
}
