//! A terminal in a container.

use std::ops::Not;

use serde::Serialize;

use super::ContainerSelection;
use crate::config::Origin;

/// `terminal`, or `attach` of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Terminal {
    /// The location of the section.
    #[serde(skip)]
    pub origin: Origin,
    /// The container.
    pub selection: ContainerSelection,
    /// `command` and its arguments; if empty, a shell: bash, otherwise sh.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// `workDir`: the working directory; if absent, that of the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_dir: Option<String>,
    /// Whether it opens only in interactive mode, `-i` or `-t`.
    #[serde(skip_serializing_if = "Not::not")]
    pub is_disabled: bool,
    /// `attach` of a pod: attaches to the process of the container instead of a new one.
    #[serde(skip_serializing_if = "Not::not")]
    pub is_attach: bool,
    /// `disableTTY`: pipes instead of a terminal.
    #[serde(skip_serializing_if = "Not::not")]
    pub is_without_tty: bool,
}

impl Terminal {
    /// The same terminal with the command `words`, if there are any: then it does not attach.
    pub fn with_command(self, words: &[String]) -> Self {
        if words.is_empty() {
            return self;
        }
        Self { command: words.to_vec(), is_attach: false, ..self }
    }

    /// A shell in a container.
    pub fn shell(origin: Origin, selection: ContainerSelection) -> Self {
        Self {
            origin,
            selection,
            command: Vec::new(),
            work_dir: None,
            is_disabled: false,
            is_attach: false,
            is_without_tty: false,
        }
    }
}
