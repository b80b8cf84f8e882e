//! The keys that select a container.

use super::names::Names;
use super::{located, start, text};
use crate::config::node::{Mapping, YamlNode, field};
use crate::config::problem::Report;
use crate::config::reader::Reader;
use crate::config::{ContainerSelection, LocatedText};

/// Reads the selection of `mapping`, whose container is at `container`. `of` is its name in messages.
pub(super) fn selection(
    node: &YamlNode,
    mapping: &Mapping,
    container: &str,
    of: &str,
    names: &Names<'_>,
    reader: &mut Reader<'_>,
) -> ContainerSelection {
    let mut selection = ContainerSelection::any(reader.problems.origin(start(node)));
    selection.labels = reader.text_map(mapping, "labelSelector", of);
    selection.container = text(mapping, container, of, reader);
    selection.namespace = text(mapping, "namespace", of, reader);
    let Some(LocatedText { text, .. }) = located(mapping, "imageSelector", of, reader) else {
        return selection;
    };
    let Some(node) = field(mapping, "imageSelector") else { return selection };
    match image_in(text.trim()) {
        Some(name) => {
            names.check_image(name, node.span, of, reader);
            selection.image = Some(name.to_owned());
        }
        None if text.contains("${runtime.") || text.contains("image(") || text.contains("tag(") => {
            let message = format!("`imageSelector` of {of} is not an image: `{text}`");
            let report = Report::new("config::dev", message, "not an image");
            let help = "write `image(NAME)` with a name in `images`, a repository, or use `labelSelector`";
            reader.problems.add(node.span, report.help(help));
        }
        None => match names.image_of(text.trim()) {
            Some(name) => selection.image = Some(name.to_owned()),
            None => selection.image_selector = Some(text),
        },
    }
    selection
}

/// The name in `image(NAME)`, `image(NAME):tag(NAME)` and the same with `${runtime.images.NAME}`.
fn image_in(text: &str) -> Option<&str> {
    let name = if let Some(rest) = text.strip_prefix("image(") {
        let (name, rest) = rest.split_once(')')?;
        let tag = rest.strip_prefix(":tag(").and_then(|rest| rest.strip_suffix(')'));
        if !rest.is_empty() && tag.map(str::trim) != Some(name.trim()) {
            return None;
        }
        name
    } else {
        let rest = text.strip_prefix("${runtime.images.")?;
        let (name, rest) = rest.split_once('}')?;
        let name = name.strip_suffix(".image").unwrap_or(name);
        if !rest.is_empty() && rest != format!(":${{runtime.images.{name}.tag}}") {
            return None;
        }
        name
    };
    Some(name.trim()).filter(|name| !name.is_empty() && !name.contains(['(', '$']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_name_an_image() {
        for text in [
            "image(api)",
            "image( api ):tag(api)",
            "${runtime.images.api}",
            "${runtime.images.api.image}:${runtime.images.api.tag}",
        ] {
            assert_eq!(image_in(text), Some("api"), "{text}");
        }
        for text in
            ["api", "image(api):tag(web)", "image(api):1", "image()", "${runtime.images.api}:1", "image(api"]
        {
            assert_eq!(image_in(text), None, "{text}");
        }
    }
}
