//! One HTTP/1.1 connection to a Docker daemon.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_LENGTH, HOST};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio_util::task::AbortOnDropHandle;

use crate::builder::docker::transport::dial;
use crate::builder::docker::{Endpoint, TransportError};

/// How long the daemon may take to start a response. The response to a build starts before any work is done.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// How much of an error message is read, in bytes.
const ERROR_LIMIT: usize = 64 * 1024;

/// An HTTP/1.1 connection; closed when dropped, unless it was taken over by an upgrade.
pub(super) struct Connection<'a> {
    endpoint: &'a Endpoint,
    requests: SendRequest<Empty<Bytes>>,
    driver: AbortOnDropHandle<()>,
}

/// A response with its connection, which stays open while the response is read.
pub(super) struct Answer {
    pub(super) response: Response<Incoming>,
    _driver: AbortOnDropHandle<()>,
}

impl<'a> Connection<'a> {
    /// Connects to `endpoint`.
    pub(super) async fn open(endpoint: &'a Endpoint) -> Result<Self, TransportError> {
        let stream = dial(endpoint).await?;
        let (requests, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| TransportError::unreachable(endpoint, error))?;
        // The code that waits for a response sees how the connection ended.
        let driver = tokio::spawn(async move {
            let _ = connection.with_upgrades().await;
        });
        Ok(Self { endpoint, requests, driver: AbortOnDropHandle::new(driver) })
    }

    /// Sends a request without a body and waits for the head of the response.
    ///
    /// # Errors
    /// [`TransportError::Refused`] with the daemon's message if the status is an error.
    pub(super) async fn send(
        mut self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
    ) -> Result<Answer, TransportError> {
        let lost = |reason: String| TransportError::lost(self.endpoint, reason);
        let mut request =
            Request::builder().method(method).uri(target).header(HOST, "docker").header(CONTENT_LENGTH, 0);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Empty::new()).map_err(|error| lost(error.to_string()))?;
        let response = tokio::time::timeout(ANSWER_LIMIT, self.requests.send_request(request))
            .await
            .map_err(|_| lost(format!("no response within {} seconds", ANSWER_LIMIT.as_secs())))?
            .map_err(|error| lost(describe(&error)))?;
        if response.status().is_client_error() || response.status().is_server_error() {
            let status = response.status();
            let body =
                tokio::time::timeout(ANSWER_LIMIT, Limited::new(response, ERROR_LIMIT).collect()).await;
            let body = body.ok().and_then(Result::ok).map(|body| body.to_bytes()).unwrap_or_default();
            return Err(TransportError::refused(message(&body).unwrap_or_else(|| status.to_string())));
        }
        Ok(Answer { response, _driver: self.driver })
    }
}

/// The `message` of the daemon's JSON errors.
fn message(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    Some(body.get("message")?.as_str()?.to_owned())
}

/// An error with its causes, which hyper keeps separate.
pub(super) fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
