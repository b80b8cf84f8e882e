//! Fills the values of variables into a document.

use std::ops::Range;

use super::expression::{Mode, expression};
use super::provenance::Provenance;
use super::reference::{Part, parts};
use super::resolver::Resolver;
use super::value::Resolved;
use crate::config::node::{MAX_DEPTH, Scalar, Style, Value, YamlNode};
use crate::config::problem::{Diagnostics, Report};

/// The maximum length of a string after its variables are filled in.
const MAX_TEXT: usize = 1 << 20;

/// Whether references in `section` are filled in only when a command or a pipeline runs.
pub(crate) fn is_filled_late(section: &str) -> bool {
    matches!(section, "commands" | "pipelines" | "functions")
}

/// Whether expressions in `section` are evaluated here: a hook is a command anyway.
pub(crate) fn is_evaluated(section: &str) -> bool {
    !is_filled_late(section) && !matches!(section, "hooks" | "imports")
}

/// Replaces all references in the strings below `node` and, if `evaluates` is set, all expressions; keys do not change.
///
/// For an untyped key, a string that consists of one reference gets the type of the variable: a list or map, or a
/// number or boolean if it has that form. All others stay strings. The resolver reports references that it cannot
/// resolve; these are marked.
pub(crate) fn substitute(
    node: &mut YamlNode,
    evaluates: bool,
    resolver: &mut Resolver<'_>,
    problems: &mut Diagnostics,
) {
    Substitution { evaluates, resolver, problems }.node(node, 1);
}

struct Substitution<'a, 'e> {
    evaluates: bool,
    resolver: &'a mut Resolver<'e>,
    problems: &'a mut Diagnostics,
}

impl Substitution<'_, '_> {
    fn node(&mut self, node: &mut YamlNode, depth: usize) {
        match &mut node.value {
            Value::Sequence(nodes) => nodes.iter_mut().for_each(|node| self.node(node, depth + 1)),
            Value::Mapping(mapping) => {
                mapping.values_mut().for_each(|entry| self.node(&mut entry.node, depth + 1));
            }
            Value::Scalar(scalar) => {
                let text = std::mem::take(&mut scalar.text);
                let replaced = self.scalar(node, &text, depth);
                if let (false, Value::Scalar(scalar)) = (replaced, &mut node.value) {
                    scalar.text = text;
                }
            }
        }
    }

    /// Replaces the references in `text`, the value of the scalar `node`. Returns whether it has any.
    fn scalar(&mut self, node: &mut YamlNode, text: &str, depth: usize) -> bool {
        if self.evaluates
            && let Some(expression) = expression(text)
        {
            let value = self.resolver.evaluate(&expression, Provenance::Command, node.span, self.problems);
            let style = if expression.mode == Mode::Value { Style::Substituted } else { Style::Text };
            self.put(node, text, value, style, depth);
            return true;
        }
        let Some(parts) = parts(text) else { return false };
        if let [Part::Reference { name, forced: false }] = parts.as_slice() {
            let value = self.resolver.resolve(name, node.span, self.problems);
            self.put(node, text, value, Style::Substituted, depth);
            return true;
        }
        let mut filled = Filled::default();
        for part in &parts {
            match part {
                Part::Literal(literal) => filled.push(literal, literal),
                Part::Reference { name, .. } => match self.resolver.resolve(name, node.span, self.problems) {
                    Some(value) if self.fits(filled.text.len(), &value) => filled.add(&value),
                    Some(_) => filled.is_broken = !self.resolver.too_long(node.span, self.problems),
                    None => filled.is_broken = true,
                },
            }
        }
        let style = if filled.is_broken { Style::Unresolved } else { Style::Text };
        let written = filled.is_hidden.then(|| text.into());
        let masked = filled.is_password.then(|| filled.masked.into());
        let secrets = filled.secrets;
        node.value = Value::Scalar(Scalar { text: filled.text, style, written, masked, secrets });
        true
    }

    /// Replaces the scalar `node`, whose text is `text`, with `value`.
    fn put(&mut self, node: &mut YamlNode, text: &str, value: Option<Resolved>, style: Style, depth: usize) {
        let unresolved = || Value::Scalar(Scalar { style: Style::Unresolved, ..Scalar::null() });
        let Some(value) = value else {
            node.value = unresolved();
            return;
        };
        if !self.fits(0, &value) {
            self.resolver.too_long(node.span, self.problems);
            node.value = unresolved();
            return;
        }
        let written = value.is_hidden().then(|| text.into());
        let masked = value.is_password.then(|| "***".into());
        let Some(tree) = &value.node else {
            node.value =
                Value::Scalar(Scalar { text: value.text, style, written, masked, secrets: value.secrets });
            return;
        };
        if depth + tree.height() > MAX_DEPTH {
            let message = "the document would be nested too deeply";
            self.problems
                .add(node.span, Report::new("config::variable", message, "too deep with this value"));
            node.value = unresolved();
            return;
        }
        let mut tree = YamlNode::clone(tree);
        // Problems of the value are reported at this location, as for a string.
        let place = node.span;
        tree.for_each_span(&mut |span| *span = place);
        tree.for_each_scalar(&mut |scalar| {
            scalar.written = scalar.written.take().or_else(|| written.clone());
            scalar.masked = scalar.masked.take().or_else(|| masked.clone());
        });
        *node = tree;
    }

    /// Whether `value` may be appended to a string of `length` bytes.
    fn fits(&mut self, length: usize, value: &Resolved) -> bool {
        let weight = value.node.as_ref().map_or(0, |node| node.weight() * 64);
        length + value.text.len() <= MAX_TEXT && self.resolver.take(value.text.len() + weight)
    }
}

/// A text whose references are being replaced.
#[derive(Default)]
struct Filled {
    text: String,
    masked: String,
    secrets: Vec<Range<usize>>,
    is_hidden: bool,
    is_password: bool,
    is_broken: bool,
}

impl Filled {
    fn push(&mut self, text: &str, masked: &str) {
        self.text.push_str(text);
        self.masked.push_str(masked);
    }

    fn add(&mut self, value: &Resolved) {
        let start = self.text.len();
        self.secrets.extend(value.secrets().iter().map(|range| range.start + start..range.end + start));
        self.push(&value.text, if value.is_password { "***" } else { &value.text });
        self.is_hidden |= value.is_hidden();
        self.is_password |= value.is_password;
    }
}
