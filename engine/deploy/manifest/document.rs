//! A Kubernetes object with its location.

use std::sync::Arc;

use serde_json::Value as Json;

use super::node::{Fault, Node, Span};
use super::problem::{ManifestProblem, Source};
use super::{ManifestOrigin, ObjectId};

/// A Kubernetes object, as a manifest has it, with its location.
#[derive(Debug, Clone)]
pub struct ManifestDocument {
    /// The object; its keys are in file order.
    pub value: Json,
    /// Its number in the manifest, from 1; empty documents count.
    pub number: usize,
    /// Its first line in the manifest, from 1.
    pub line: usize,
    pub(super) source: Arc<Source>,
    /// The indices that lead to it, if it is an item of a list.
    pub(super) items: Vec<usize>,
}

impl ManifestDocument {
    /// The object `value`, made by a script or by windlass: it has no text.
    pub fn new(value: Json) -> Self {
        let source = Arc::new(Source::new(ManifestOrigin::Script, ""));
        Self { value, number: 1, line: 1, source, items: Vec::new() }
    }

    /// The object `value` at the location of this one.
    #[must_use]
    pub fn with_value(&self, value: Json) -> Self {
        Self { value, ..self.clone() }
    }

    /// Its manifest.
    pub fn origin(&self) -> &ManifestOrigin {
        &self.source.origin
    }

    /// `apiVersion`, empty if absent.
    pub fn api_version(&self) -> &str {
        self.value.get("apiVersion").and_then(Json::as_str).unwrap_or_default()
    }

    /// `kind`, empty if absent.
    pub fn kind(&self) -> &str {
        self.value.get("kind").and_then(Json::as_str).unwrap_or_default()
    }

    /// Its identity; `None` if it is incomplete.
    pub fn id(&self) -> Option<ObjectId> {
        ObjectId::of(&self.value)
    }

    /// The location of its origin and first line: `kube/web.yaml:12`.
    pub fn place(&self) -> String {
        format!("{}:{}", self.source.origin, self.line)
    }

    /// The problem `message` of the field at `field`, written as the API server names fields, such as
    /// `spec.template.spec.containers[0].image`. It is located at the field, or at its nearest parent in the manifest.
    pub fn problem(
        &self,
        code: &'static str,
        field: &str,
        message: impl Into<String>,
        help: Option<String>,
    ) -> ManifestProblem {
        let (span, is_exact) = self.span_of(field);
        let label = if is_exact { "here" } else { "in here" };
        self.source.problem(Fault { code, help, ..*Fault::new(span, message, label) })
    }

    /// The span of the key of the field at `field`, or of its nearest parent, and whether it is the field itself.
    fn span_of(&self, field: &str) -> (Span, bool) {
        let start = Span { line: self.line, column: 1, ..Span::default() };
        let Some(root) = self.source.document(self.number) else { return (start, false) };
        let items = self.items.iter().flat_map(|index| ["items".to_owned(), index.to_string()]);
        let mut node = root;
        let mut found = node.span;
        for step in items.chain(steps(field)) {
            let Some((span, child)) = node.child(&step) else { return (point(found, node), false) };
            (found, node) = (span, child);
        }
        (point(found, node), true)
    }
}

/// `span`, cut to its start if it is that of a whole list or map.
fn point(span: Span, node: &Node) -> Span {
    if span == node.span && node.span.end > span.start + 200 {
        Span { end: span.start, ..span }
    } else {
        span
    }
}

/// The steps of a field path: `metadata.labels[app.io/name]`, `spec.ports[0].port`.
fn steps(field: &str) -> Vec<String> {
    let mut steps = Vec::new();
    let mut rest = field;
    while !rest.is_empty() {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        let (step, after) = match rest.strip_prefix('[').and_then(|inside| inside.split_once(']')) {
            Some((step, after)) => (step.trim_matches(['"', '\'']), after),
            None => rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len()).max(1).min(rest.len())),
        };
        if !step.is_empty() {
            steps.push(step.to_owned());
        }
        if after.len() == rest.len() {
            break;
        }
        rest = after;
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::manifest::parse;

    #[test]
    fn field_paths_of_the_api_server_are_located() {
        let text = "# first\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  labels: {a.io/b: c}\nspec:\n  \
                    template:\n    spec:\n      containers:\n      - name: web\n        image: w\n";
        let documents = parse(text, ManifestOrigin::Inline).expect("valid");
        let check = |field: &str, line: usize, column: usize| {
            let span = documents[0].span_of(field).0;
            assert_eq!((span.line, span.column), (line, column), "{field}");
        };
        assert_eq!((documents[0].number, documents[0].line), (1, 3));
        check("spec.template.spec.containers[0].image", 13, 9);
        check("spec.template.spec.containers[0]", 12, 9);
        check("spec.template.spec.containers[3].image", 11, 7);
        check("metadata.labels[a.io/b]", 7, 12);
        check("spec.none", 8, 1);
        for field in ["", "[", "é", "a[", "..", "[]", "]", "a..b", "[é]é"] {
            let _ = documents[0].span_of(field);
        }
    }

    #[test]
    fn items_of_lists_are_located() {
        let text = "{\"kind\": \"List\", \"apiVersion\": \"v1\", \"items\": [\n {\"apiVersion\": \"v1\", \"kind\": \"Pod\",\n  \
                    \"metadata\": {\"name\": \"a\"}}]}";
        let documents = parse(text, ManifestOrigin::Inline).expect("valid");
        assert_eq!(
            (documents.len(), documents[0].line, documents[0].place().as_str()),
            (1, 2, "inlineManifest:2")
        );
        let span = documents[0].span_of("metadata.name").0;
        assert_eq!((span.line, span.column), (3, 16));
    }
}
