//! The user's options for a dev session.

/// The user's options for a dev session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DevOptions {
    /// Whether a session starts without building and deploying.
    pub skip_pipeline: bool,
    /// Whether the terminal is opened even if it is disabled (`-i`, `-t`).
    pub is_interactive: bool,
    /// Whether ports are forwarded.
    pub forwards: bool,
    /// Whether directories are synced.
    pub syncs: bool,
    /// Whether pages are opened.
    pub opens: bool,
}

impl Default for DevOptions {
    fn default() -> Self {
        Self { skip_pipeline: false, is_interactive: false, forwards: true, syncs: true, opens: true }
    }
}
