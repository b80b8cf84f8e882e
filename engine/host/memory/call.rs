//! Recorded calls of an in-memory host.

use std::fmt;

/// A recorded call. Displays as `push acme/api:1.4`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The kind of call.
    pub kind: CallKind,
    /// Its argument: `acme/api:1.4`.
    pub text: String,
}

/// The kind of a recorded call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallKind {
    /// An image got annotations.
    Annotate,
    /// An object was created or changed in the cluster.
    Apply,
    /// A document was attached to an image.
    Attach,
    /// An image's build began.
    Build,
    /// An image's build succeeded. Not visible to scripts.
    Built,
    /// An image was copied to another repository.
    Copy,
    /// An object was deleted in the cluster.
    Delete,
    /// A script or a custom builder ran a command.
    Exec,
    /// A chart was deployed or removed.
    Helm,
    /// A dev session forwards a port.
    ForwardPort,
    /// A hook of `devspace.yaml` ran.
    Hook,
    /// A request went to a web server.
    Http,
    /// A pod began to build an image.
    KanikoBuild,
    /// Images were loaded into the nodes of a local cluster.
    Load,
    /// A namespace was created.
    Namespace,
    /// A dev session opens a page.
    OpenPage,
    /// A pull secret was created.
    PullSecret,
    /// A reference was pushed.
    Push,
    /// An image was written to a file or a directory.
    Save,
    /// A file was removed.
    Remove,
    /// The pods of an object were restarted.
    Restart,
    /// An image got a tag by which other machines find it.
    Share,
    /// A dev session shows a terminal or logs.
    Show,
    /// A wait.
    Sleep,
    /// A dev session syncs a directory.
    SyncFolder,
    /// An image got a tag, in the daemon or in its registry.
    Tag,
    /// A file was written.
    Write,
}

impl CallKind {
    /// The kinds that are visible to scripts.
    pub const TOLD: [Self; 26] = [
        Self::Annotate,
        Self::Apply,
        Self::Attach,
        Self::Build,
        Self::Copy,
        Self::Delete,
        Self::Exec,
        Self::ForwardPort,
        Self::Helm,
        Self::Hook,
        Self::Http,
        Self::KanikoBuild,
        Self::Load,
        Self::Namespace,
        Self::OpenPage,
        Self::PullSecret,
        Self::Push,
        Self::Remove,
        Self::Restart,
        Self::Save,
        Self::Share,
        Self::Show,
        Self::Sleep,
        Self::SyncFolder,
        Self::Tag,
        Self::Write,
    ];

    /// Its name: `push`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Annotate => "annotate",
            Self::Apply => "apply",
            Self::Attach => "attach",
            Self::Build => "build",
            Self::Built => "built",
            Self::Copy => "copy",
            Self::Delete => "delete",
            Self::Exec => "exec",
            Self::ForwardPort => "forward_port",
            Self::Helm => "helm",
            Self::Hook => "hook",
            Self::Http => "http",
            Self::KanikoBuild => "kaniko_build",
            Self::Load => "load",
            Self::Namespace => "namespace",
            Self::OpenPage => "open_page",
            Self::PullSecret => "pull_secret",
            Self::Push => "push",
            Self::Remove => "remove",
            Self::Restart => "restart",
            Self::Save => "save",
            Self::Share => "share",
            Self::Show => "show",
            Self::Sleep => "sleep",
            Self::SyncFolder => "sync_folder",
            Self::Tag => "tag",
            Self::Write => "write",
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.kind.as_str(), self.text)
    }
}
