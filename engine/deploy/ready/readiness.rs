//! How far an object is.

use std::fmt;

/// The readiness of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// The state.
    pub state: ReadyState,
    /// Why, in one word: `LessReady`, `ProgressDeadlineExceeded`.
    pub reason: String,
    /// Why, as a phrase.
    pub message: String,
    /// How many of its pods are ready, for kinds that have pods.
    pub count: Option<ReadyCount>,
}

/// The state of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReadyState {
    /// It is as its specification requires.
    Current,
    /// The cluster is still working on it.
    InProgress,
    /// The cluster gave up.
    Failed,
    /// It is being deleted.
    Terminating,
    /// It cannot be determined.
    Unknown,
}

/// How many of the pods of an object are ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadyCount {
    /// Ready pods of the current revision; completed ones for jobs.
    pub ready: i64,
    /// The wanted number.
    pub wanted: i64,
}

impl Readiness {
    /// Whether a rollout need not wait for the object any longer.
    pub fn is_current(&self) -> bool {
        self.state == ReadyState::Current
    }

    pub(super) fn new(state: ReadyState, reason: &str, message: impl Into<String>) -> Self {
        Self { state, reason: reason.to_owned(), message: message.into(), count: None }
    }

    pub(super) fn current(reason: &str, message: impl Into<String>) -> Self {
        Self::new(ReadyState::Current, reason, message)
    }

    pub(super) fn in_progress(reason: &str, message: impl Into<String>) -> Self {
        Self::new(ReadyState::InProgress, reason, message)
    }

    pub(super) fn failed(reason: &str, message: impl Into<String>) -> Self {
        Self::new(ReadyState::Failed, reason, message)
    }

    pub(super) fn with_count(self, ready: i64, wanted: i64) -> Self {
        let ready = ready.clamp(0, wanted.max(0));
        Self { count: Some(ReadyCount { ready, wanted: wanted.max(0) }), ..self }
    }
}

impl fmt::Display for ReadyCount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} of {} ready", self.ready, self.wanted)
    }
}
