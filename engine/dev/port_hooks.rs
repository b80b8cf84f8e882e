//! The hooks of a forwarded port.

use async_trait::async_trait;

use crate::connect::TargetWatch;
use crate::error::StageError;

/// The hooks of a forwarded port.
#[async_trait]
pub trait PortHooks: Send + Sync {
    /// Runs at an event, which has the name of its hooks: `start:portForwarding`, `restart:portForwarding`,
    /// `error:portForwarding` or `stop:portForwarding`. `reason` is the failure that caused it.
    ///
    /// # Errors
    /// If the port must not be forwarded; only for `start:portForwarding`.
    async fn on_event(&self, event: &'static str, reason: Option<String>) -> Result<(), StageError>;
}

/// Runs the hooks for each container that replaces the last one; never ends.
pub(super) async fn follow_restarts(watch: &TargetWatch, hooks: &dyn PortHooks) {
    let mut states = watch.subscribe();
    let mut last = None;
    loop {
        let target = states.borrow_and_update().target.clone();
        if let Some(target) = target {
            let container = (target.pod_uid, target.container_id);
            if last.as_ref() != Some(&container) && last.replace(container).is_some() {
                // Only the start can be refused.
                let _ = hooks.on_event("restart:portForwarding", None).await;
            }
        }
        if states.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}
