//! The value of a variable.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::provenance::Provenance;
use crate::config::node::{Span, Style, YamlNode};

/// The value of a variable, or the result of an expression.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    pub text: String,
    /// The value if it is a list, a map or null; `text` is its JSON then.
    pub node: Option<Arc<YamlNode>>,
    /// Whether it contains a password and must not be displayed.
    pub is_password: bool,
    /// The parts of `text` that are passwords, if `is_password` is set; empty means all of it.
    pub secrets: Vec<Range<usize>>,
    /// Whether it contains a value of `--var`. It may be a secret, so messages about the file omit it.
    pub is_from_flag: bool,
    /// Its source.
    pub provenance: Provenance,
}

/// A use of a variable.
#[derive(Debug, Clone)]
pub(crate) struct Use {
    pub name: String,
    pub span: Span,
}

impl Resolved {
    /// A string that is not a password.
    pub(super) fn new(text: impl Into<String>, provenance: Provenance) -> Self {
        let is_from_flag = provenance == Provenance::Flag;
        Self {
            text: text.into(),
            node: None,
            is_password: false,
            secrets: Vec::new(),
            is_from_flag,
            provenance,
        }
    }

    /// A list, a map or null with its references filled in; `None` if one of them could not be resolved.
    pub(super) fn structured(mut node: YamlNode, provenance: Provenance) -> Option<Self> {
        let mut resolved = Self::new(String::new(), provenance);
        let mut is_broken = false;
        node.for_each_scalar(&mut |scalar| {
            is_broken |= scalar.style == Style::Unresolved;
            resolved.is_password |= scalar.masked.is_some();
            resolved.is_from_flag |= scalar.written.is_some();
        });
        resolved.text = node.to_json().to_string();
        resolved.node = Some(Arc::new(node));
        (!is_broken).then_some(resolved)
    }

    /// Adds the secrecy of a value that is part of this one.
    pub(super) fn absorb(&mut self, part: &Self) {
        self.is_password |= part.is_password;
        self.is_from_flag |= part.is_from_flag;
    }

    /// Appends the text of `part` and adds its secrecy.
    pub(super) fn push(&mut self, part: &Self) {
        let start = self.text.len();
        self.text.push_str(&part.text);
        self.secrets.extend(part.secrets().iter().map(|range| range.start + start..range.end + start));
        self.absorb(part);
    }

    /// The parts of `text` that are passwords.
    pub(super) fn secrets(&self) -> Cow<'_, [Range<usize>]> {
        match (self.is_password, self.secrets.is_empty()) {
            (true, true) => std::iter::once(0..self.text.len()).collect::<Vec<_>>().into(),
            (true, false) => (&self.secrets).into(),
            (false, _) => Cow::default(),
        }
    }

    /// Whether messages about the file omit it.
    pub(crate) fn is_hidden(&self) -> bool {
        self.is_password || self.is_from_flag
    }
}
