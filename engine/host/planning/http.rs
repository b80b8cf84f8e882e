//! Web servers that get no requests.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::effect::{Effect, EffectKind, Effects};
use crate::host::{Http, HttpError, HttpRequest, HttpResponse};

/// Records requests; each gets an empty response with status 200.
pub(super) struct PlanningHttp {
    pub(super) effects: Arc<Effects>,
}

#[async_trait]
impl Http for PlanningHttp {
    async fn send(&self, request: &HttpRequest, _: &CancellationToken) -> Result<HttpResponse, HttpError> {
        self.effects.push(Effect::new(None, request, EffectKind::Http));
        Ok(HttpResponse { status: 200, body: String::new() })
    }
}
