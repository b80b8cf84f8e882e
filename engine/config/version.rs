//! The key `version` (spec config §1).

use super::node::{Mapping, Node, Span, field};
use super::problem::Report;
use super::reader::Reader;

/// The version that is read: as the superset it had grown to in the end.
const READ: &str = "v1beta9";

/// Every version there ever was.
const KNOWN: [&str; 16] = [
    "v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4", "v1beta1", "v1beta2", "v1beta3", "v1beta4", "v1beta5",
    "v1beta6", "v1beta7", "v1beta8", "v1beta9", "v1beta10", "v1beta11", "v2beta1",
];

/// Whether the file has the version that is read; reports why not.
pub(crate) fn check(root: &Node, mapping: &Mapping, reader: &mut Reader<'_>) -> Option<()> {
    let help = format!("windlass reads `version: {READ}`");
    let Some(node) = field(mapping, "version") else {
        let span = Span { end: root.span.start, ..root.span };
        let report = Report::new("config::version", "the file has no `version`", "add it as the first line");
        reader.problems.add(span, report.help(help));
        return None;
    };
    let version = reader.text(mapping, "version", "the file")?;
    let report = if version == READ {
        return Some(());
    } else if KNOWN.contains(&version.as_str()) {
        let message = format!("the configuration version `{version}` is not read yet");
        Report::new("config::version", message, "this version").help(help)
    } else {
        let message = format!("there is no configuration version `{version}`");
        Report::new("config::version", message, "not known").help(help)
    };
    reader.problems.add(node.span, report);
    None
}
