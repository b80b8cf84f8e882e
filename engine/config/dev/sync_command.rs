//! Commands that run after files were synced.

use std::ops::Not;

use serde::Serialize;

use crate::config::Origin;

/// `onUpload`, in the order in which it runs: `exec_remote` for each path, then for the batch; `exec`; the restart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OnUpload {
    /// `restartContainer`: restarts the container with the restart helper.
    #[serde(skip_serializing_if = "Not::not")]
    pub restart_container: bool,
    /// `execRemote`: commands in the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exec_remote: Option<SyncHooks>,
    /// `exec`: commands that run after a batch.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exec: Vec<SyncExec>,
}

/// `onDownload`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OnDownload {
    /// `execLocal`: commands on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exec_local: Option<SyncHooks>,
}

/// `execRemote` and `execLocal`: commands by occasion. `{}` in an argument is the path; without arguments, the
/// command is a shell command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncHooks {
    /// The location of the section.
    #[serde(skip)]
    pub origin: Origin,
    /// `onFileChange`: for each file that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_file_change: Option<SyncCommand>,
    /// `onDirCreate`: for each directory that was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_dir_create: Option<SyncCommand>,
    /// `onBatch`: once after all files of a batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_batch: Option<SyncCommand>,
}

/// A command for a path or a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncCommand {
    /// The location of the command.
    #[serde(skip)]
    pub origin: Origin,
    /// `command`: an executable if `args` is given, otherwise a shell command line.
    pub command: String,
    /// `args`; `None` if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub args: Option<Vec<String>>,
}

/// One of `exec`: a command that runs after a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncExec {
    /// `name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The command.
    #[serde(flatten)]
    pub command: SyncCommand,
    /// `failOnError`: the commands after it do not run if it fails.
    #[serde(skip_serializing_if = "Not::not")]
    pub fail_on_error: bool,
    /// `local`: runs on this machine, otherwise in the container.
    #[serde(skip_serializing_if = "Not::not")]
    pub is_local: bool,
    /// `once`: only after the initial sync.
    #[serde(skip_serializing_if = "Not::not")]
    pub is_once: bool,
    /// `onChange`: globs; it runs only if a path of the batch matches one. If empty, always.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub on_change: Vec<String>,
}
