//! The state of the hooks around pull secrets.

/// The state of the hooks around pull secrets in a run.
#[derive(Debug, Default)]
pub enum PullSecretHooks {
    /// No hook has run.
    #[default]
    Nothing,
    /// The `before` hooks have run; with the last failure since.
    Before {
        /// The message of the last failure.
        error: Option<String>,
    },
    /// A `before` hook failed: no secrets are created.
    Refused,
}
