//! Builds with the BuildKit in a Docker daemon, over our own session.
//!
//! A request starts the build (`POST /build`) and names a *session* from which the daemon fetches what it needs: a
//! second connection with reversed roles, on which we are the server. Over it the daemon compares the build context
//! with its copy from the last build and requests only the files that changed, and the Dockerfile stays out of the
//! context. The daemon compares only size and time, so we mark a file as changed if we never sent its content with
//! this size and time.

mod auth;
mod connection;
mod file_sync;
mod health;
mod message;
mod progress;
mod session;
mod stat;
mod warning;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use form_urlencoded::Serializer;
use hyper::Method;
use tokio_util::sync::CancellationToken;

use super::cache_race::with_repeats;
use super::{Endpoint, TransportError};
use crate::builder::failure::Failure;
use crate::builder::{BuildError, BuildRequest, Builder, BuiltImage};
use crate::event::ImageEvents;

pub use auth::CredentialLookup;
use connection::Connection;
use file_sync::{Remembered, Transfer};
use message::{Message, Messages};
use progress::Progress;
use session::Session;

/// How long the daemon may take to acknowledge a cancelled build.
const CANCEL_LIMIT: Duration = Duration::from_secs(2);

/// Builds with the BuildKit of a Docker daemon: what `docker build` does with `DOCKER_BUILDKIT=1`.
#[derive(Clone)]
pub struct BuildKit {
    /// Where the daemon listens.
    pub endpoint: Endpoint,
    /// The API version to use, at least `1.39`: `1.41`.
    pub api_version: String,
    /// Looks up the credentials for a registry.
    pub credentials: CredentialLookup,
}

#[async_trait]
impl Builder for BuildKit {
    async fn build(
        &self,
        request: BuildRequest,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<BuiltImage, BuildError> {
        let id = random_id();
        tokio::select! {
            biased;
            () = cancel.cancelled() => {
                // Closing the connections stopped the build, unless a proxy kept its own connection open.
                let _ = tokio::time::timeout(CANCEL_LIMIT, self.cancel(&id)).await;
                Err(BuildError::Cancelled)
            }
            built = with_repeats(events, || self.run(&id, &request, events)) => built,
        }
    }
}

impl BuildKit {
    /// Builds the image. Dropping the future closes the connections, and the daemon then stops the build.
    async fn run(
        &self,
        id: &str,
        request: &BuildRequest,
        events: &ImageEvents,
    ) -> Result<BuiltImage, BuildError> {
        let transfer = Arc::new(Transfer::new(request, events.clone()));
        let _remembered = Remembered(transfer.clone());
        let mut session = Session::open(self, id, transfer.clone()).await?;
        let built = tokio::select! {
            built = self.solve(id, request, events) => built,
            reason = session.closed() => Err(TransportError::lost(&self.endpoint, reason).into()),
        };
        match (built, transfer.failure()) {
            // The daemon only rewords the error that we sent to it.
            (Err(_), Some(failure)) => Err(failure),
            (built, _) => built,
        }
    }

    /// Requests the build and follows it to its end.
    async fn solve(
        &self,
        id: &str,
        request: &BuildRequest,
        events: &ImageEvents,
    ) -> Result<BuiltImage, BuildError> {
        let target = self.path("build", &query(id, request));
        let connection = Connection::open(&self.endpoint).await?;
        let answer = match connection.send(Method::POST, &target, &[]).await {
            Err(TransportError::Refused { reason }) => {
                return Err(Failure { reason, step: None }.into_error(request));
            }
            answer => answer?,
        };
        let mut progress = Progress::new(&request.dockerfile, events);
        let mut image_id = None;
        let mut messages = Messages::new(answer);
        loop {
            match messages.next().await.map_err(|reason| TransportError::lost(&self.endpoint, reason))? {
                Some(Message::Status(status)) => progress.update(status),
                Some(Message::ImageId(id)) => image_id = Some(id),
                Some(Message::Error(reason)) => {
                    return Err(Failure { reason, step: progress.into_failed() }.into_error(request));
                }
                Some(Message::Other) => {}
                None => break,
            }
        }
        match image_id {
            Some(image_id) => Ok(BuiltImage::in_daemon(image_id)),
            None => {
                Err(TransportError::lost(&self.endpoint, "it ended the build without naming an image").into())
            }
        }
    }

    async fn cancel(&self, id: &str) -> Result<(), TransportError> {
        let target =
            self.path("build/cancel", &Serializer::new(String::new()).append_pair("id", id).finish());
        Connection::open(&self.endpoint).await?.send(Method::POST, &target, &[]).await?;
        Ok(())
    }

    fn path(&self, resource: &str, query: &str) -> String {
        format!("/v{}/{resource}?{query}", self.api_version)
    }
}

/// The query of `POST /build` (Docker Engine API, ImageBuild).
fn query(id: &str, request: &BuildRequest) -> String {
    let mut query = Serializer::new(String::new());
    query
        .append_pair("version", "2")
        .append_pair("remote", "client-session")
        .append_pair("session", id)
        .append_pair("buildid", id)
        .append_pair("dockerfile", file_sync::DOCKERFILE);
    for reference in &request.references {
        query.append_pair("t", &reference.to_string());
    }
    for (name, values) in [("buildargs", &request.given_args()), ("labels", &request.labels)] {
        if !values.is_empty() {
            query.append_pair(name, &serde_json::json!(values).to_string());
        }
    }
    let options =
        [("target", &request.target), ("networkmode", &request.network), ("platform", &request.platform)];
    for (name, value) in options {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    query.finish()
}

/// A unique name for a build and its session.
fn random_id() -> String {
    std::iter::repeat_with(fastrand::alphanumeric).take(25).collect::<String>().to_lowercase()
}
