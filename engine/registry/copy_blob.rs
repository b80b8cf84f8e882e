//! One blob on its way from one repository to another. It streams: nothing is kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Body, Method, Request, Response, StatusCode, Url};

use super::client::{Call, Subject};
use super::copy::Route;
use super::{Problem, RegistryClient, RegistryError};

/// How long a blob may take in all. What bounds the wait is the silence below.
const WHOLE: Duration = Duration::from_secs(24 * 3600);

/// How long neither side may take anything.
const SILENCE: Duration = Duration::from_secs(120);

/// The largest answer to an upload, in bytes.
const ANSWER: usize = 1 << 16;

impl RegistryClient {
    /// Brings the blob `digest` to where `route` leads, unless it is there.
    pub(super) async fn copy_blob(&self, route: &Route<'_>, digest: &str) -> Result<(), RegistryError> {
        let mut tries = 1;
        loop {
            match self.try_copy_blob(route, digest).await {
                Err(RegistryError {
                    problem: Problem::Unreachable { .. } | Problem::Broken { .. }, ..
                }) if tries < self.retry.tries => {
                    tokio::time::sleep(self.retry.pause_after(tries, None)).await;
                    tries += 1;
                }
                copied => return copied,
            }
        }
    }

    async fn try_copy_blob(&self, route: &Route<'_>, digest: &str) -> Result<(), RegistryError> {
        let path = format!("{}/blobs/{digest}", route.to.path());
        match self.send(&route.writing, &Call::new(Method::HEAD, &path)).await {
            Err(RegistryError { problem: Problem::NotFound { .. }, .. }) => {}
            found => return found.map(drop),
        }
        let Some(upload) = self.begin_upload(route, digest).await? else { return Ok(()) };
        let path = format!("{}/blobs/{digest}", route.from.path());
        // A small request first: it settles scheme and credentials, which a stream cannot do twice.
        self.send(&route.reading, &Call::new(Method::HEAD, &path)).await?;
        let source = self.open(&route.reading, &path).await?;
        self.upload(&route.writing, upload, digest, source).await
    }

    /// Where to send a blob to; `None` when the registry could pass it on by itself.
    async fn begin_upload(&self, route: &Route<'_>, digest: &str) -> Result<Option<Url>, RegistryError> {
        let mut path = format!("{}/blobs/uploads/", route.to.path());
        if route.is_within_one_registry() {
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("mount", digest)
                .append_pair("from", route.from.path())
                .finish();
            path = format!("{path}?{query}");
        }
        let answer = self.send(&route.writing, &Call::new(Method::POST, &path)).await?;
        if answer.status == StatusCode::CREATED {
            return Ok(None);
        }
        let (endpoint, _) = self.authorized(&route.writing).await?;
        let location =
            answer.header(LOCATION.as_str()).and_then(|location| endpoint.base.join(location).ok());
        location.map(Some).ok_or_else(|| {
            let reason = "it does not say where to send a blob to".to_owned();
            route.writing.error(Problem::Malformed { reason })
        })
    }

    /// The blob at `path`, ready to be read.
    async fn open(&self, subject: &Subject<'_>, path: &str) -> Result<Response, RegistryError> {
        let (endpoint, authorization) = self.authorized(subject).await?;
        let malformed =
            |error: url::ParseError| Problem::Malformed { reason: format!("a bad address: {error}") };
        let url = endpoint.base.join(path).map_err(|error| subject.error(malformed(error)))?;
        let mut request = Request::new(Method::GET, url);
        *request.headers_mut() = authorization;
        *request.timeout_mut() = Some(WHOLE);
        let response = super::transport::open(&endpoint.http, request, SILENCE).await;
        let response = response.map_err(|problem| subject.error(problem))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let reason = format!("a layer: {}", response.status());
        Err(subject.error(Problem::Broken { reason }))
    }

    /// Sends the content of `source` to `upload`, in one piece.
    async fn upload(
        &self,
        subject: &Subject<'_>,
        mut upload: Url,
        digest: &str,
        source: Response,
    ) -> Result<(), RegistryError> {
        let (endpoint, authorization) = self.authorized(subject).await?;
        // Storage elsewhere has its own rights in the address: our credentials are not for it.
        let is_own = upload.origin() == endpoint.base.origin();
        upload.query_pairs_mut().append_pair("digest", digest);
        let mut request = Request::new(Method::PUT, upload);
        if is_own {
            *request.headers_mut() = authorization;
        }
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        if let Some(length) = source.content_length() {
            request.headers_mut().insert(CONTENT_LENGTH, length.into());
        }
        *request.timeout_mut() = Some(WHOLE);
        let taken = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&taken);
        let content = source.bytes_stream().inspect_ok(move |chunk| {
            counter.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        });
        *request.body_mut() = Some(Body::wrap_stream(content.boxed()));
        let host = endpoint.base.authority().to_owned();
        let answer = tokio::select! {
            answer = super::transport::once(&endpoint.http, request, ANSWER, WHOLE) => answer,
            () = stalled(&taken) => {
                let reason = format!("nothing moved for {} seconds", SILENCE.as_secs());
                Err(Problem::Timeout { host, reason })
            }
        };
        match answer {
            Ok(answer) if answer.status.is_success() => Ok(()),
            Ok(answer) => Err(subject.error(answer.problem(false))),
            Err(problem) => Err(subject.error(problem)),
        }
    }
}

/// Ends when `taken` has stayed the same for a while.
async fn stalled(taken: &AtomicU64) {
    let mut before = None;
    loop {
        let now = taken.load(Ordering::Relaxed);
        if before == Some(now) {
            return;
        }
        before = Some(now);
        tokio::time::sleep(SILENCE).await;
    }
}
