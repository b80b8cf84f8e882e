//! Errors of the side in the container.

use std::time::Duration;

use crate::cluster::ExecError;

/// Why something failed in a container.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
pub enum RemoteError {
    /// The connection to the same container can be retried.
    #[error("the connection to the container was lost: {reason}")]
    #[diagnostic(code(sync::lost))]
    Lost {
        /// The reason.
        reason: String,
    },

    /// The container has ended, or its pod was deleted: another one must be selected.
    #[error("the container no longer exists: {reason}")]
    #[diagnostic(code(sync::gone))]
    Gone {
        /// The reason.
        reason: String,
    },

    /// The cluster does not start programs in the container.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Exec(ExecError),

    /// The container did not respond in time.
    #[error("the container did not respond within {} seconds: {doing}", limit.as_secs())]
    #[diagnostic(code(sync::hung))]
    Hung {
        /// The action that timed out.
        doing: String,
        /// The timeout.
        limit: Duration,
    },

    /// The user of the container has no permission.
    #[error("cannot write `{path}` in the container: permission denied for user {user}{}", owned(*owner, *mode))]
    #[diagnostic(
        code(sync::denied),
        help(
            "set `fsGroup` in the pod's security context, or mount an `emptyDir` at a path that the user can write"
        )
    )]
    Denied {
        /// The path in the container.
        path: String,
        /// The user of the processes that windlass starts.
        user: u32,
        /// The user and the group that own the path or its directory, if known.
        owner: Option<(u32, u32)>,
        /// Its permission bits, if known.
        mode: Option<u32>,
    },

    /// The file system is read-only.
    #[error("cannot write `{path}` in the container: the file system is read-only")]
    #[diagnostic(
        code(sync::read_only),
        help("unset `readOnlyRootFilesystem`, or mount an `emptyDir` at that path")
    )]
    ReadOnly {
        /// The path in the container.
        path: String,
    },

    /// The disk is full.
    #[error("cannot write `{path}` in the container: no space left on device{}", usage.as_ref().map(|text| format!(" ({text})")).unwrap_or_default())]
    #[diagnostic(
        code(sync::disk_full),
        help("free space in the container, or exclude large files from the sync")
    )]
    DiskFull {
        /// The path in the container.
        path: String,
        /// The output of `df`, if known.
        usage: Option<String>,
    },

    /// A tool is missing in the container.
    #[error("the container has no `{tool}`: {needed_for}")]
    #[diagnostic(code(sync::missing_tool))]
    MissingTool {
        /// The tool.
        tool: String,
        /// The operation that needs it.
        needed_for: String,
        /// The hint.
        #[help]
        help: String,
    },

    /// The path of the root is not a directory, or cannot be one.
    #[error("cannot use `{root}` in the container: {reason}")]
    #[diagnostic(code(sync::root))]
    Root {
        /// The path.
        root: String,
        /// The reason.
        reason: String,
    },

    /// Another session syncs the same directory.
    #[error("`{root}` in the container is already synced by {owner}")]
    #[diagnostic(code(sync::busy), help("end that session, or take over from it with `--steal`"))]
    Busy {
        /// The directory.
        root: String,
        /// The description of the other session.
        owner: String,
    },

    /// A file cannot be written or read on this machine.
    #[error("cannot access `{path}`: {reason}")]
    #[diagnostic(code(sync::local))]
    Local {
        /// The path on this machine.
        path: String,
        /// The reason.
        reason: String,
    },

    /// It failed for another reason.
    #[error("cannot {doing} in the container: {reason}")]
    #[diagnostic(code(sync::failed))]
    Failed {
        /// The action that failed.
        doing: String,
        /// The output of the tool.
        reason: String,
    },
}

fn owned(owner: Option<(u32, u32)>, mode: Option<u32>) -> String {
    match (owner, mode) {
        (Some((user, group)), Some(mode)) => format!(" (it belongs to {user}:{group} with mode {mode:o})"),
        _ => String::new(),
    }
}

impl RemoteError {
    /// The error that the container has no shell, because of `reason`.
    pub(super) fn without_shell(reason: &str) -> Self {
        Self::MissingTool {
            tool: "sh".to_owned(),
            needed_for: format!("files cannot be synced ({reason})"),
            help: "use a base image with a shell, or a debug variant such as `gcr.io/distroless/base:debug`"
                .to_owned(),
        }
    }

    /// Whether the connection has ended, so that no request can be sent over it.
    pub fn ends_connection(&self) -> bool {
        matches!(self, Self::Lost { .. } | Self::Gone { .. } | Self::Hung { .. } | Self::Exec(_))
    }
}
