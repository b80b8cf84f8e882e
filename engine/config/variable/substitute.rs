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
            let mut text = String::new();
            let mut secret = false;
            let mut resolved = true;
            for part in &parts {
                match part {
                    Part::Literal(literal) => text.push_str(literal),
                    Part::Reference { name, .. } => match resolver.resolve(name, node.span, problems) {
                        Some(value)
                            if text.len() + value.text.len() <= MAX_TEXT
                                && resolver.take(value.text.len()) =>
                        {
                            text.push_str(&value.text);
                            secret |= value.secret;
                        }
                        Some(_) => resolved = resolver.too_long(node.span, problems),
                        None => resolved = false,
                    },
                }
            }
            let style = match parts.as_slice() {
                _ if !resolved => Style::Unresolved,
                [Part::Reference { forced: false, .. }] => Style::Substituted,
                _ => Style::Text,
            };
            let written = secret.then(|| scalar.text.as_str().into());
            *scalar = Scalar { text, style, written };
        }
    }
}
