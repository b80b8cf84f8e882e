//! `dev` up to v1beta11: one object with lists.

use super::folder::{check_downloads, folder};
use super::names::{Names, checked};
use super::selection::selection;
use super::{all_located, check_arch, items, missing, pages, port, start, text, unsupported};
use crate::config::node::{Mapping, YamlNode, field};
use crate::config::problem::Report;
use crate::config::reader::Reader;
use crate::config::{
    AutoReload, ContainerSelection, Dev, Forward, Interactive, InteractiveImage, Logs, Terminal,
};

/// Reads all sections into `dev`.
pub(super) fn read(mapping: &Mapping, names: &Names<'_>, dev: &mut Dev, reader: &mut Reader<'_>) {
    let replaced = (
        "replacePods",
        "windlass does not replace pods",
        "change the image or the command in the deployment",
    );
    unsupported(mapping, replaced, "`dev`", dev, reader);
    ports(mapping, names, dev, reader);
    folders(mapping, names, dev, reader);
    dev.pages = pages(mapping, "`dev`", reader);
    dev.logs = logs(mapping, names, reader);
    dev.auto_reload = auto_reload(mapping, names, reader);
    dev.interactive = interactive(mapping, names, reader);
    dev.terminal = terminal(mapping, dev, names, reader);
}

fn ports(mapping: &Mapping, names: &Names<'_>, dev: &mut Dev, reader: &mut Reader<'_>) {
    let mut spans = Vec::new();
    let reverse = (
        "reverseForward",
        "windlass does not forward ports of this machine into containers",
        "remove it, and reach this machine by its address",
    );
    for (node, item) in items(mapping, "ports", "`dev`", reader) {
        let of = "a port forwarding of `dev`";
        let selection = selection(node, item, "containerName", of, names, reader);
        check_arch(item, of, reader);
        unsupported(item, reverse, of, dev, reader);
        if field(item, "forward").is_none() && field(item, "reverseForward").is_none() {
            missing(node, item, "forward", of, reader);
        }
        let name = text(item, "name", of, reader);
        for (node, port) in items(item, "forward", of, reader) {
            let forward = port::of_numbers(node, port, &selection, "a port of `dev`", reader);
            spans.extend(forward.iter().map(|_| field(port, "port").map_or(node.span, |port| port.span)));
            dev.ports.extend(forward.map(|forward| Forward { name: name.clone(), ..forward }));
        }
    }
    port::check_twice(dev, &spans, reader);
}

fn folders(mapping: &Mapping, names: &Names<'_>, dev: &mut Dev, reader: &mut Reader<'_>) {
    let mut spans = Vec::new();
    for (node, item) in items(mapping, "sync", "`dev`", reader) {
        let of = "a sync entry of `dev`";
        let selection = selection(node, item, "containerName", of, names, reader);
        check_arch(item, of, reader);
        let folder = folder(node, item, selection, of, reader);
        spans.extend(folder.iter().map(|_| start(node)));
        dev.folders.extend(folder);
    }
    check_downloads(dev, &spans, reader);
}

fn logs(mapping: &Mapping, names: &Names<'_>, reader: &mut Reader<'_>) -> Logs {
    let of = "`logs` of `dev`";
    let Some(mapping) = field(mapping, "logs").and_then(|node| reader.mapping(node, of)) else {
        return Logs::default();
    };
    let mut selections = Vec::new();
    for (node, item) in items(mapping, "selectors", of, reader) {
        selections.push(selection(node, item, "containerName", "a log selector of `dev`", names, reader));
    }
    Logs {
        is_disabled: reader.boolean(mapping, "disabled", of).unwrap_or(false),
        selections,
        show_last: show_last(mapping, "showLast", of, reader),
    }
}

/// The number of lines at `key`.
pub(super) fn show_last(mapping: &Mapping, key: &str, of: &str, reader: &mut Reader<'_>) -> u64 {
    let Some(number) = text(mapping, key, of, reader) else { return Logs::SHOW_LAST };
    let lines = number.trim().parse().ok();
    if let (None, Some(node)) = (lines, field(mapping, key)) {
        let message = format!("`{key}` of {of} is not a number of lines: `{number}`");
        let report = Report::new("config::dev", message, "not a number of lines");
        reader.problems.add(node.span, report.help("write 0 or more"));
    }
    lines.unwrap_or(Logs::SHOW_LAST)
}

fn auto_reload(mapping: &Mapping, names: &Names<'_>, reader: &mut Reader<'_>) -> AutoReload {
    let of = "`autoReload` of `dev`";
    let Some(mapping) = field(mapping, "autoReload").and_then(|node| reader.mapping(node, of)) else {
        return AutoReload::default();
    };
    let image =
        |name: &str, span, of: &str, reader: &mut Reader<'_>| names.check_image(name, span, of, reader);
    let deployment =
        |name: &str, span, of: &str, reader: &mut Reader<'_>| names.check_deployment(name, span, of, reader);
    AutoReload {
        paths: all_located(mapping, "paths", of, reader),
        images: checked(mapping, "images", of, image, reader),
        deployments: checked(mapping, "deployments", of, deployment, reader),
    }
}

/// Interactive mode, in the keys of v1beta10.
fn interactive(mapping: &Mapping, names: &Names<'_>, reader: &mut Reader<'_>) -> Interactive {
    let default_enabled = reader.boolean(mapping, "deprecatedInteractiveEnabled", "`dev`").unwrap_or(false);
    let mut images = Vec::new();
    for (node, item) in items(mapping, "deprecatedInteractiveImages", "`dev`", reader) {
        let of = "an interactive image of `dev`";
        let Some(name) = text(item, "name", of, reader) else {
            missing(node, item, "name", of, reader);
            continue;
        };
        names.check_image(&name, field(item, "name").map_or(node.span, |name| name.span), of, reader);
        images.push(InteractiveImage {
            origin: reader.problems.origin(start(node)),
            name,
            entrypoint: reader.texts(item, "entrypoint", of),
            cmd: reader.texts(item, "cmd", of),
        });
    }
    Interactive { default_enabled, images }
}

/// `terminal`. If interactive mode is the default, there is one even without the section.
fn terminal(mapping: &Mapping, dev: &Dev, names: &Names<'_>, reader: &mut Reader<'_>) -> Option<Terminal> {
    let of = "`terminal` of `dev`";
    let Some(node) = field(mapping, "terminal") else {
        let entry = mapping.get("deprecatedInteractiveEnabled")?;
        let origin = reader.problems.origin(entry.key);
        let selection = ContainerSelection::any(origin.clone());
        return dev.interactive.default_enabled.then(|| Terminal::shell(origin, selection));
    };
    let terminal = reader.mapping(node, of)?;
    let selection = selection(node, terminal, "containerName", of, names, reader);
    Some(Terminal {
        command: reader.texts(terminal, "command", of).unwrap_or_default(),
        work_dir: text(terminal, "workDir", of, reader),
        is_disabled: reader.boolean(terminal, "disabled", of).unwrap_or(false),
        ..Terminal::shell(reader.problems.origin(key(mapping, "terminal", node)), selection)
    })
}

fn key(mapping: &Mapping, key: &str, node: &YamlNode) -> crate::config::node::Span {
    mapping.get(key).map_or(node.span, |entry| entry.key)
}
