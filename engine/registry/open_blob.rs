//! A blob of a registry, ready to be read.

use std::time::Duration;

use reqwest::header::{HeaderValue, RANGE};
use reqwest::{Method, Request, Response, StatusCode};

use super::client::{Call, Subject};
use super::transport::{Answer, open};
use super::{Problem, RegistryClient, RegistryError};
use crate::image::Repository;

/// How long a blob may take in all. What bounds the wait is silence.
pub(super) const WHOLE: Duration = Duration::from_secs(24 * 3600);

impl RegistryClient {
    /// Opens the blob `digest` of `repository` from its byte `offset` on. A registry that cannot begin there answers
    /// with 200 in place of 206, and with the whole blob.
    pub(super) async fn open_blob(
        &self,
        subject: &Subject<'_>,
        repository: &Repository,
        digest: &str,
        offset: u64,
    ) -> Result<Response, RegistryError> {
        let path = format!("{}/blobs/{digest}", repository.path());
        let mut is_renewed = false;
        loop {
            let (endpoint, authorization) = self.authorized(subject).await?;
            let url = endpoint.base.join(&path).map_err(|error| {
                subject.error(Problem::Malformed { reason: format!("a bad address: {error}") })
            })?;
            let mut request = Request::new(Method::GET, url);
            *request.headers_mut() = authorization;
            if offset > 0
                && let Ok(range) = HeaderValue::try_from(format!("bytes={offset}-"))
            {
                request.headers_mut().insert(RANGE, range);
            }
            *request.timeout_mut() = Some(WHOLE);
            let response = open(&endpoint.http, request, self.retry.silence).await;
            let response = response.map_err(|problem| subject.error(problem))?;
            match response.status() {
                status if status.is_success() => return Ok(response),
                // A small request settles credentials: a token may have ended since the last one.
                StatusCode::UNAUTHORIZED if !is_renewed => {
                    self.send(subject, &Call::new(Method::HEAD, &path)).await?;
                    is_renewed = true;
                }
                _ => return Err(subject.error(Answer::head_of(&response).problem(false))),
            }
        }
    }
}
