//! Forwarded ports.

use super::{missing, text};
use crate::config::node::{Mapping, Span, YamlNode, field};
use crate::config::problem::Report;
use crate::config::reader::Reader;
use crate::config::{ContainerSelection, Dev, Forward};

/// Reads an item of `forward`: `port` and `remotePort`.
pub(super) fn of_numbers(
    node: &YamlNode,
    item: &Mapping,
    selection: &ContainerSelection,
    of: &str,
    reader: &mut Reader<'_>,
) -> Option<Forward> {
    forward(node, item, selection, of, reader, |port_node, what, reader| {
        let port = number(port_node, what, reader);
        let remote_port = match field(item, "remotePort") {
            Some(node) => number(node, &format!("`remotePort` of {of}"), reader),
            None => port,
        };
        port.zip(remote_port)
    })
}

/// Reads an item of `ports` of a pod: `port: LOCAL:REMOTE`.
pub(super) fn of_text(
    node: &YamlNode,
    item: &Mapping,
    selection: &ContainerSelection,
    of: &str,
    reader: &mut Reader<'_>,
) -> Option<Forward> {
    forward(node, item, selection, of, reader, |port_node, what, reader| {
        let pair = reader.string(port_node, what)?;
        let pair = pair.trim();
        let (local, remote) = pair.split_once(':').unwrap_or((pair, pair));
        parse(local, port_node, what, reader).zip(parse(remote, port_node, what, reader))
    })
}

/// Reads an item whose local and remote port `ports` reads from the node at `port`.
fn forward<'a>(
    node: &YamlNode,
    item: &'a Mapping,
    selection: &ContainerSelection,
    of: &str,
    reader: &mut Reader<'_>,
    ports: impl FnOnce(&'a YamlNode, &str, &mut Reader<'_>) -> Option<(u16, u16)>,
) -> Option<Forward> {
    let Some(port_node) = field(item, "port") else {
        missing(node, item, "port", of, reader);
        return None;
    };
    let ports = ports(port_node, &format!("`port` of {of}"), reader);
    let bind_address = bind_address(item, of, reader);
    let (port, remote_port) = ports?;
    Some(Forward {
        origin: reader.problems.origin(port_node.span),
        name: None,
        selection: selection.clone(),
        port,
        remote_port,
        bind_address,
    })
}

fn number(node: &YamlNode, what: &str, reader: &mut Reader<'_>) -> Option<u16> {
    let text = reader.string(node, what)?;
    parse(&text, node, what, reader)
}

fn parse(text: &str, node: &YamlNode, what: &str, reader: &mut Reader<'_>) -> Option<u16> {
    let text = text.trim();
    if let Some(port) = text.parse().ok().filter(|port| *port > 0) {
        return Some(port);
    }
    let is_udp = text.to_ascii_lowercase().ends_with("/udp");
    let (message, help) = if is_udp {
        (format!("{what} cannot be forwarded: Kubernetes forwards only TCP"), "remove it, or use TCP")
    } else {
        (format!("{what} is not a port: `{text}`"), "write a number from 1 to 65535, or `LOCAL:REMOTE`")
    };
    let help =
        if what.starts_with("`remotePort`") && !is_udp { "write a number from 1 to 65535" } else { help };
    reader.problems.add(node.span, Report::new("config::dev", message, "not a port").help(help));
    None
}

fn bind_address(item: &Mapping, of: &str, reader: &mut Reader<'_>) -> Option<String> {
    let address = text(item, "bindAddress", of, reader)?.trim().to_owned();
    if address != "localhost" && address.parse::<std::net::IpAddr>().is_err() {
        let node = field(item, "bindAddress")?;
        let message = format!("`bindAddress` of {of} is not an IP address: `{address}`");
        let report = Report::new("config::dev", message, "not an IP address");
        reader.problems.add(node.span, report.help("write an address of this machine, such as `0.0.0.0`"));
        return None;
    }
    Some(address).filter(|address| address != "localhost")
}

/// Reports a local port that is forwarded twice. `spans` are the locations of `dev.ports`.
pub(super) fn check_twice(dev: &Dev, spans: &[Span], reader: &mut Reader<'_>) {
    for (index, forward) in dev.ports.iter().enumerate() {
        let is_same = |other: &&Forward| {
            other.port == forward.port
                && (other.bind_address == forward.bind_address
                    || [&other.bind_address, &forward.bind_address]
                        .iter()
                        .any(|address| address.as_deref() == Some("0.0.0.0")))
        };
        let first = dev.ports[..index].iter().position(|other| is_same(&other));
        if let (Some(first), Some(span)) = (first.and_then(|first| spans.get(first)), spans.get(index)) {
            let message = format!("local port {} is forwarded twice", forward.port);
            let report = Report::new("config::dev", message, "again here").also(*first, "first here");
            reader.problems.add(*span, report.help("change one of the local ports"));
        }
    }
}
