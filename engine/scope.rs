//! The current work of a thread of a run.

use std::cell::RefCell;

use tokio_util::sync::CancellationToken;

thread_local! {
    static CURRENT: RefCell<Scope> = RefCell::default();
}

/// The current work of a thread of a run: its events and commands belong to it.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// The dependency whose pipeline runs; `None` for the user's project.
    pub project: Option<String>,
    /// The image; `None` for the whole run.
    pub image: Option<String>,
    /// Cancelled when the work of the thread must stop before the run does, because of a timeout.
    pub cancel: Option<CancellationToken>,
}

impl Scope {
    /// This thread's scope.
    pub fn current() -> Self {
        CURRENT.with_borrow(Self::clone)
    }

    /// Makes this the thread's scope until the guard is dropped.
    #[must_use]
    pub fn enter(self) -> ScopeGuard {
        ScopeGuard(Some(CURRENT.replace(self)))
    }

    /// Whether this thread must stop although the run continues.
    pub fn is_over() -> bool {
        CURRENT.with_borrow(|scope| scope.cancel.as_ref().is_some_and(CancellationToken::is_cancelled))
    }
}

/// Restores the previous scope when it is dropped.
pub struct ScopeGuard(Option<Scope>);

impl Drop for ScopeGuard {
    fn drop(&mut self) {
        CURRENT.set(self.0.take().unwrap_or_default());
    }
}
