//! Keys that DevSpace supports and windlass ignores: reports each of them once.

use super::super::node::{Mapping, Span, field};
use crate::config::node::YamlNode;
use crate::config::problem::Report;
use crate::config::reader::Reader;

/// Warns about ignored keys of `document`.
pub(super) fn warn(document: &Mapping, reader: &mut Reader<'_>) {
    if let Some(entry) = document.get("localRegistry")
        && !entry.node.is_null()
        && !is(entry.node.get("enabled"), "false")
    {
        let help =
            "use your own registry in `image`, or build for a local cluster, which requires no registry";
        ignored(
            reader,
            entry.key,
            "localRegistry",
            "windlass does not start a registry in the cluster",
            help,
        );
    }
    if let Some(entry) = document.get("require")
        && entry.node.as_mapping().is_some_and(|required| !required.is_empty())
    {
        let help = "remove it, or check the requirements in `before_build` of windlass.rhai";
        ignored(reader, entry.key, "require", "windlass does not check installed commands", help);
    }
    let dependencies = super::entries::entries(field(document, "dependencies"));
    let pull = dependencies.into_iter().find_map(|entry| {
        let places = [Some(entry.node), entry.node.get("source")];
        places.into_iter().flatten().find_map(|place| Some(place.as_mapping()?.get("disablePull")?.key))
    });
    if let Some(span) = pull {
        let help = "remove it: only `windlass update` updates a checkout";
        ignored(reader, span, "disablePull", "a build does not update checkouts", help);
    }
}

fn ignored(reader: &mut Reader<'_>, span: Span, key: &str, reason: &str, help: &str) {
    let report = Report::new("config::ignored", format!("`{key}` is ignored: {reason}"), "ignored");
    reader.problems.warn(span, report.help(help));
}

/// Whether `node` is the string `text`.
fn is(node: Option<&YamlNode>, text: &str) -> bool {
    node.and_then(YamlNode::as_scalar).is_some_and(|scalar| scalar.text == text)
}
