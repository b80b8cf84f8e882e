//! Commands that are recorded, not run.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::effect::{Effect, EffectKind, Effects};
use crate::process::{Exec, ExecRequest, OnLine, ProcessError, Purpose};

/// Runs commands without side effects, records all.
pub(super) struct PlanningExec {
    pub(super) inner: Arc<dyn Exec>,
    pub(super) effects: Arc<Effects>,
}

#[async_trait]
impl Exec for PlanningExec {
    async fn run(
        &self,
        request: &ExecRequest,
        on_line: OnLine<'_>,
        cancel: &CancellationToken,
    ) -> Result<i32, ProcessError> {
        let done = request.is_pure || request.purpose == Purpose::Git;
        let kind = EffectKind::Exec { purpose: request.purpose };
        let effect = Effect::new(request.image.as_deref(), request, kind);
        self.effects.push(Effect { event: event(request), done, ..effect });
        if done { self.inner.run(request, on_line, cancel).await } else { Ok(0) }
    }

    fn allow(&self, command: &str) -> Result<(), ProcessError> {
        self.inner.allow(command)
    }
}

/// The event of a hook.
fn event(request: &ExecRequest) -> Option<String> {
    let mut variables = request.environment.iter().rev();
    let (_, event) = variables.find(|(name, _)| name == "DEVSPACE_HOOK_EVENT")?;
    Some(event.to_string_lossy().into_owned())
}
