//! What a thread of a run works on at the moment.

use std::cell::RefCell;

use tokio_util::sync::CancellationToken;

thread_local! {
    static CURRENT: RefCell<Scope> = RefCell::default();
}

/// What a thread of a run works on at the moment: whatever is told or started belongs to it.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// The dependency whose pipeline runs; `None` for that of the project the user called for.
    pub project: Option<String>,
    /// The image; `None` for the whole run.
    pub image: Option<String>,
    /// Cancelled when what the thread is doing has to stop before the run does: its time is up.
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

    /// Whether this thread has to stop although the run goes on.
    pub fn is_over() -> bool {
        CURRENT.with_borrow(|scope| scope.cancel.as_ref().is_some_and(CancellationToken::is_cancelled))
    }
}

/// Brings the scope before back when it is dropped.
pub struct ScopeGuard(Option<Scope>);

impl Drop for ScopeGuard {
    fn drop(&mut self) {
        CURRENT.set(self.0.take().unwrap_or_default());
    }
}
