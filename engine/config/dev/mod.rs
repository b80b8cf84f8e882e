//! The section `dev`, in one meaning for all versions.

mod auto_reload;
mod bandwidth_limits;
mod exclude_rules;
mod folder;
mod forward;
mod initial_sync;
mod interactive;
mod logs;
mod page;
mod selection;
mod sync_command;
mod terminal;

use serde::Serialize;

pub use auto_reload::AutoReload;
pub use bandwidth_limits::BandwidthLimits;
pub use exclude_rules::ExcludeRules;
pub use folder::{Excludes, Folder};
pub use forward::Forward;
pub use initial_sync::{CompareBy, InitialSync};
pub use interactive::{Interactive, InteractiveImage};
pub use logs::Logs;
pub use page::Page;
pub use selection::ContainerSelection;
pub use sync_command::{OnDownload, OnUpload, SyncCommand, SyncExec, SyncHooks};
pub use terminal::Terminal;

use super::{ConfigDiagnostic, ConfigError};

/// `dev`. The serialized form contains the values that differ from the defaults, without locations.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dev {
    /// `ports`, in file order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<Forward>,
    /// `sync`, in file order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub folders: Vec<Folder>,
    /// `open`, in file order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pages: Vec<Page>,
    /// `terminal`; of several pods, the first one that is not disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminal: Option<Terminal>,
    /// `logs`.
    pub logs: Logs,
    /// `autoReload`.
    pub auto_reload: AutoReload,
    /// `interactive`, earlier `overrideImages`.
    pub interactive: Interactive,
    /// The images with `preferSyncOverRebuild`: the first pass skips them if only files of their build context changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prefers_sync: Vec<String>,
    /// The problems of the section. They prevent `dev` and `sync`, and are warnings for all other commands.
    #[serde(skip)]
    pub problems: Vec<ConfigDiagnostic>,
    /// Warnings about unsupported settings of the section, reported once when `dev` runs.
    #[serde(skip)]
    pub notices: Vec<ConfigDiagnostic>,
}

/// The foreground of `dev`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there is one in a session")]
pub enum Foreground {
    /// A terminal.
    Terminal(Terminal),
    /// The output of containers.
    Logs(Logs),
    /// Nothing.
    Nothing,
}

impl Foreground {
    /// Its name: `terminal`, `attach`, `logs` or `nothing`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Terminal(terminal) if terminal.is_attach => "attach",
            Self::Terminal(_) => "terminal",
            Self::Logs(_) => "logs",
            Self::Nothing => "nothing",
        }
    }

    /// The containers that it is about.
    pub fn selections(&self) -> &[ContainerSelection] {
        match self {
            Self::Terminal(terminal) => std::slice::from_ref(&terminal.selection),
            Self::Logs(logs) => &logs.selections,
            Self::Nothing => &[],
        }
    }
}

/// "logs of the project", "terminal of image `web`: npm start", or "nothing".
impl std::fmt::Display for Foreground {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.kind())?;
        match self {
            Self::Terminal(Terminal { selection, command, .. }) => {
                write!(formatter, " of {selection}")?;
                if command.is_empty() { Ok(()) } else { write!(formatter, ": {}", command.join(" ")) }
            }
            Self::Logs(logs) if logs.selections.is_empty() => formatter.write_str(" of the project"),
            Self::Logs(logs) => {
                let selections: Vec<_> = logs.selections.iter().map(ToString::to_string).collect();
                write!(formatter, " of {}", selections.join("; "))
            }
            Self::Nothing => Ok(()),
        }
    }
}

impl Dev {
    /// The containers of its ports, directories and terminal, each once; without those that select the only pod.
    pub fn selections(&self) -> Vec<ContainerSelection> {
        let ports = self.ports.iter().map(|port| &port.selection);
        let folders = self.folders.iter().map(|folder| &folder.selection);
        let terminal = self.terminal.iter().map(|terminal| &terminal.selection);
        let mut found: Vec<ContainerSelection> = Vec::new();
        for selection in ports.chain(folders).chain(terminal).filter(|selection| !selection.is_any()) {
            if !found.iter().any(|known| known.means_same(selection)) {
                found.push(selection.clone());
            }
        }
        found
    }

    /// The containers that `logs` names, otherwise those of all other entries.
    pub fn log_selections(&self, logs: &Logs) -> Vec<ContainerSelection> {
        if logs.selections.is_empty() { self.selections() } else { logs.selections.clone() }
    }

    /// The problems of the section as an error, if there are any; `file` is the configuration file.
    ///
    /// # Errors
    /// `config::invalid` with all problems.
    pub fn check(&self, file: &std::path::Path) -> Result<(), ConfigError> {
        match self.problems.is_empty() {
            true => Ok(()),
            false => Err(ConfigError::Invalid {
                file: file.display().to_string(),
                problems: self.problems.clone(),
                omitted: 0,
            }),
        }
    }

    /// The foreground: the terminal if it is not disabled or `is_interactive` (`-i`, `-t`), otherwise the logs.
    pub fn foreground(&self, is_interactive: bool) -> Foreground {
        match &self.terminal {
            Some(terminal) if is_interactive || !terminal.is_disabled => {
                Foreground::Terminal(terminal.clone())
            }
            _ if self.logs.is_disabled => Foreground::Nothing,
            _ => Foreground::Logs(self.logs.clone()),
        }
    }
}
