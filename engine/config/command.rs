//! A loaded entry of `commands`.

use super::Origin;
use crate::secret::Secret;

/// A command for `windlass run`.
#[derive(Debug, Clone)]
pub struct CommandConfig {
    /// Its name.
    pub name: String,
    /// The start of the entry.
    pub origin: Origin,
    /// `command`: a shell command line, or an executable if `args` is given. Variables are filled in only if
    /// [`LoadOptions::command`](super::LoadOptions::command) selects this command.
    pub command: String,
    /// `args`; `None` if absent.
    pub args: Option<Vec<String>>,
    /// `appendArgs`: whether the arguments of `windlass run` are appended to the command.
    pub append_args: bool,
    /// `description`.
    pub description: Option<String>,
    /// `section`: the group under which it is listed.
    pub section: Option<String>,
    /// `internal`: whether lists omit it.
    pub internal: bool,
    /// `after`: a shell command line that runs afterwards, even if the command fails.
    pub after: Option<String>,
    /// The passwords in shell command lines: environment variables of the shell, so that no process list shows them.
    pub secrets: Vec<(String, Secret)>,
}
