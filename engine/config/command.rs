//! One entry of `commands`, as loaded.

use super::Origin;
use crate::secret::Secret;

/// A command for `windlass run` (spec config §7 and §13.7).
#[derive(Debug, Clone)]
pub struct CommandConfig {
    /// Its name.
    pub name: String,
    /// Where the entry starts.
    pub origin: Origin,
    /// `command`: a line for the shell, or a program where `args` is there. Variables are filled in only where
    /// [`LoadOptions::command`](super::LoadOptions::command) asks for this one.
    pub command: String,
    /// `args`; `None` when absent.
    pub args: Option<Vec<String>>,
    /// `appendArgs`: whether the arguments of `windlass run` come after those of the command.
    pub append_args: bool,
    /// `description`.
    pub description: Option<String>,
    /// `section`: the group it is listed in.
    pub section: Option<String>,
    /// `internal`: whether it is left out of lists.
    pub internal: bool,
    /// `after`: a line for the shell that runs afterwards, also when the command failed.
    pub after: Option<String>,
    /// The passwords in shell lines: variables that their shell gets, so that no process list shows them.
    pub secrets: Vec<(String, Secret)>,
}
