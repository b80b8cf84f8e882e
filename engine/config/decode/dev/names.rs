//! The names that `dev` may refer to.

use indexmap::IndexMap;

use crate::config::ImageConfig;
use crate::config::node::{Mapping, Span, YamlNode, field};
use crate::config::problem::Report;
use crate::config::reader::Reader;
use crate::image::Repository;

/// The images and deployments of a document.
pub(super) struct Names<'d> {
    /// All names in `images`, with those of images that have problems.
    images: Vec<&'d str>,
    /// All names in `deployments`.
    deployments: Vec<&'d str>,
    decoded: &'d IndexMap<String, ImageConfig>,
}

impl<'d> Names<'d> {
    /// The names in `document`, which has the newest version, with its decoded images.
    pub(super) fn new(document: &'d Mapping, decoded: &'d IndexMap<String, ImageConfig>) -> Self {
        let of = |section| -> Vec<&'d str> {
            let mapping = field(document, section).and_then(YamlNode::as_mapping);
            mapping.into_iter().flat_map(|mapping| mapping.keys().map(String::as_str)).collect()
        };
        Self { images: of("images"), deployments: of("deployments"), decoded }
    }

    /// The image whose repository is `repository`, a reference without a tag.
    pub(super) fn image_of(&self, repository: &str) -> Option<&'d str> {
        let repository: Repository = repository.parse().ok()?;
        let found = self.decoded.values().find(|image| image.repository == repository);
        found.map(|image| image.name.as_str())
    }

    /// Reports `name` if it is not an image.
    pub(super) fn check_image(&self, name: &str, span: Span, of: &str, reader: &mut Reader<'_>) {
        check(&self.images, ("image", name), span, of, reader);
    }

    /// Reports `name` if it is not a deployment.
    pub(super) fn check_deployment(&self, name: &str, span: Span, of: &str, reader: &mut Reader<'_>) {
        check(&self.deployments, ("deployment", name), span, of, reader);
    }
}

fn check(known: &[&str], (noun, name): (&str, &str), span: Span, of: &str, reader: &mut Reader<'_>) {
    if !known.contains(&name) {
        let message = format!("unknown {noun} `{name}` in {of}");
        let report = Report::new("config::dev", message, format!("unknown {noun}"));
        reader.problems.add(span, report.suggest(name, known.iter().copied()));
    }
}

/// The strings of the list at `key` of `mapping`, each checked by `check`.
pub(super) fn checked(
    mapping: &Mapping,
    key: &str,
    of: &str,
    check: impl Fn(&str, Span, &str, &mut Reader<'_>),
    reader: &mut Reader<'_>,
) -> Vec<String> {
    let what = format!("`{key}` of {of}");
    let nodes = field(mapping, key).and_then(|node| reader.sequence(node, &what)).unwrap_or_default();
    let item = format!("an item of {what}");
    let mut names = Vec::new();
    for node in nodes {
        let Some(name) = reader.string(node, &item) else { continue };
        check(&name, node.span, &what, reader);
        names.push(name);
    }
    names
}
