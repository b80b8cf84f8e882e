//! Puts the values of variables into a document.

use super::reference::{Part, parts};
use super::resolver::Resolver;
use crate::config::node::{Node, Scalar, Style, Value};
use crate::config::problem::Problems;

/// Greatest length of a text after its variables are filled in.
const MAX_TEXT: usize = 1 << 20;

/// Replaces every reference in the texts below `node`; keys are left as they are.
///
/// A text that is one reference and nothing else may still become a number or a truth value where a field
/// is untyped; all others stay texts. What cannot be resolved is reported by the resolver and marked.
pub(crate) fn substitute(node: &mut Node, resolver: &mut Resolver<'_>, problems: &mut Problems) {
    match &mut node.value {
        Value::Sequence(nodes) => nodes.iter_mut().for_each(|node| substitute(node, resolver, problems)),
        Value::Mapping(mapping) => {
            mapping.values_mut().for_each(|entry| substitute(&mut entry.node, resolver, problems));
        }
        Value::Scalar(scalar) => {
            let Some(parts) = parts(&scalar.text) else { return };
            let mut filled = Filled::default();
            for part in &parts {
                match part {
                    Part::Literal(literal) => filled.push(literal, literal),
                    Part::Reference { name, .. } => match resolver.resolve(name, node.span, problems) {
                        Some(value)
                            if filled.text.len() + value.text.len() <= MAX_TEXT
                                && resolver.take(value.text.len()) =>
                        {
                            filled.push(&value.text, if value.is_password { "***" } else { &value.text });
                            filled.is_hidden |= value.is_hidden();
                            filled.is_password |= value.is_password;
                        }
                        Some(_) => filled.is_broken = !resolver.too_long(node.span, problems),
                        None => filled.is_broken = true,
                    },
                }
            }
            let style = match parts.as_slice() {
                _ if filled.is_broken => Style::Unresolved,
                [Part::Reference { forced: false, .. }] => Style::Substituted,
                _ => Style::Text,
            };
            let written = filled.is_hidden.then(|| scalar.text.as_str().into());
            let masked = filled.is_password.then(|| filled.masked.into());
            *scalar = Scalar { text: filled.text, style, written, masked };
        }
    }
}

/// A text while its references are replaced.
#[derive(Default)]
struct Filled {
    text: String,
    masked: String,
    is_hidden: bool,
    is_password: bool,
    is_broken: bool,
}

impl Filled {
    fn push(&mut self, text: &str, masked: &str) {
        self.text.push_str(text);
        self.masked.push_str(masked);
    }
}
