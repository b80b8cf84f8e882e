//! Uploads a blob to a repository (OCI distribution spec, "pushing blobs").

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue, RANGE};
use reqwest::{Body, Method, Request, StatusCode, Url};

use super::client::{Call, Subject};
use super::open_blob::{WHOLE, least};
use super::retry_after::spoken;
use super::transport::{Answer, authority, exchange, once};
use super::{RegistryClient, RegistryError, RegistryErrorKind};
use crate::image::Repository;

/// The maximum size of a response to an upload, in bytes.
const ANSWER: usize = 1 << 16;

/// The timeout for storing an upload, as a multiple of the timeout without data.
const STORING: u32 = 4;

/// An upload that the registry accepted.
pub(super) struct Upload {
    /// The URL to send the content to.
    pub(super) url: Url,
    /// The minimum chunk size, in bytes, except for the last chunk.
    pub(super) shortest_chunk: u64,
}

/// The content to send, in pieces.
pub(super) struct Content {
    pub(super) length: Option<u64>,
    pub(super) pieces: Pieces,
}

type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, Box<dyn std::error::Error + Send + Sync>>> + Send>>;

impl RegistryClient {
    /// Whether `repository` has the blob `digest`.
    pub(super) async fn has_blob(
        &self,
        subject: &Subject<'_>,
        repository: &Repository,
        digest: &str,
    ) -> Result<bool, RegistryError> {
        let path = format!("{}/blobs/{digest}", repository.path());
        match self.send(subject, &Call::new(Method::HEAD, &path)).await {
            Err(RegistryError { problem: RegistryErrorKind::NotFound { .. }, .. }) => Ok(false),
            found => found.map(|_| true),
        }
    }

    /// Starts an upload of the blob `digest` to `repository`; `None` if the registry mounted it from its repository
    /// `mount`.
    pub(super) async fn begin_upload(
        &self,
        subject: &Subject<'_>,
        repository: &Repository,
        digest: &str,
        mount: Option<&Repository>,
    ) -> Result<Option<Upload>, RegistryError> {
        let mut path = format!("{}/blobs/uploads/", repository.path());
        if let Some(mount) = mount {
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("mount", digest)
                .append_pair("from", mount.path())
                .finish();
            path = format!("{path}?{query}");
        }
        let answer = self.send(subject, &Call::new(Method::POST, &path)).await?;
        if answer.status == StatusCode::CREATED {
            return Ok(None);
        }
        let shortest_chunk = answer.header("oci-chunk-min-length").and_then(|length| length.parse().ok());
        let url = location(subject, &answer, None)?;
        Ok(Some(Upload { url, shortest_chunk: shortest_chunk.unwrap_or(0) }))
    }

    /// Sends a whole blob in one request.
    pub(super) async fn upload_whole(
        &self,
        subject: &Subject<'_>,
        upload: Upload,
        digest: &str,
        content: Content,
    ) -> Result<(), RegistryError> {
        let url = finishing(upload.url, digest);
        self.send_content(subject, Method::PUT, url, HeaderMap::new(), content).await.map(drop)
    }

    /// Sends a chunk of a blob, its bytes from `offset` on; returns the offset and the URL of the next chunk.
    pub(super) async fn upload_chunk(
        &self,
        subject: &Subject<'_>,
        url: &Url,
        offset: u64,
        (length, pieces): (u64, Pieces),
    ) -> Result<(u64, Url), RegistryError> {
        let range = format!("{offset}-{}", offset + length.saturating_sub(1));
        let range = HeaderValue::try_from(range).map(|range| (CONTENT_RANGE, range));
        let content = Content { length: Some(length), pieces };
        let headers = range.into_iter().collect();
        let answer = self.send_content(subject, Method::PATCH, url.clone(), headers, content).await?;
        let end = offset + length;
        // A registry may keep only a part of a chunk. Values outside the chunk are ignored.
        let arrived = arrived(&answer).filter(|arrived| (offset + 1..end).contains(arrived));
        Ok((arrived.unwrap_or(end), location(subject, &answer, Some(url))?))
    }

    /// Completes an upload after its last chunk.
    pub(super) async fn finish_upload(
        &self,
        subject: &Subject<'_>,
        url: Url,
        digest: &str,
    ) -> Result<(), RegistryError> {
        let nothing = Content { length: Some(0), pieces: Box::pin(futures_util::stream::empty()) };
        let url = finishing(url, digest);
        self.send_content(subject, Method::PUT, url, HeaderMap::new(), nothing).await.map(drop)
    }

    /// The number of bytes received by the registry, and the URL for the rest (distribution spec, "resuming an
    /// upload").
    pub(super) async fn upload_status(
        &self,
        subject: &Subject<'_>,
        url: &Url,
    ) -> Result<(u64, Url), RegistryError> {
        let (endpoint, authorization) = self.authorized(subject).await?;
        let mut request = Request::new(Method::GET, url.clone());
        if url.origin() == endpoint.base.origin() {
            request.headers_mut().extend(authorization);
        }
        let answer = success(subject, exchange(&endpoint.http, request, ANSWER, &self.retry).await);
        let answer = answer.map_err(|error| RegistryError { is_retried: error.is_transient(), ..error })?;
        // Registries report `0-0` if they have no bytes.
        let arrived = arrived(&answer).filter(|arrived| *arrived > 1).unwrap_or(0);
        Ok((arrived, location(subject, &answer, Some(url))?))
    }

    /// Sends `content` to the URL of an upload. Only a success status is `Ok`.
    async fn send_content(
        &self,
        subject: &Subject<'_>,
        method: Method,
        url: Url,
        headers: HeaderMap,
        content: Content,
    ) -> Result<Answer, RegistryError> {
        let (endpoint, authorization) = self.authorized(subject).await?;
        // External storage has its own authorization in the URL, so it must not get the registry's credentials.
        let is_own = url.origin() == endpoint.base.origin();
        let mut request = Request::new(method, url);
        *request.headers_mut() = headers;
        if is_own {
            request.headers_mut().extend(authorization);
        }
        *request.timeout_mut() = Some(WHOLE);
        let octets = HeaderValue::from_static("application/octet-stream");
        request.headers_mut().insert(CONTENT_TYPE, octets);
        if let Some(length) = content.length {
            request.headers_mut().insert(CONTENT_LENGTH, length.into());
        }
        let taken = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&taken);
        let pieces = content.pieces.inspect_ok(move |piece| {
            counter.fetch_add(piece.len() as u64, Ordering::Relaxed);
        });
        *request.body_mut() = Some(Body::wrap_stream(pieces.boxed()));
        let host = authority(request.url());
        // A wait that the registry requested does not count as a stalled upload.
        self.retry.until_welcome(&host).await;
        let silence = self.retry.silence * STORING;
        let answer = tokio::select! {
            answer = once(&endpoint.http, request, ANSWER, (&self.retry, WHOLE)) => answer,
            () = stalled(&taken, silence) => {
                let reason = format!("no progress for {}", spoken(silence));
                Err(RegistryErrorKind::Timeout { host, reason })
            }
        };
        success(subject, answer)
    }
}

/// `answer`, if it is a success.
fn success(
    subject: &Subject<'_>,
    answer: Result<Answer, RegistryErrorKind>,
) -> Result<Answer, RegistryError> {
    match answer {
        Ok(answer) if answer.status.is_success() => Ok(answer),
        Ok(answer) => Err(subject.error(answer.problem(false))),
        Err(problem) => Err(subject.error(problem)),
    }
}

/// The number of received bytes according to `answer`: `0-41` is 42.
fn arrived(answer: &Answer) -> Option<u64> {
    let last: u64 = answer.header(RANGE.as_str())?.rsplit('-').next()?.trim().parse().ok()?;
    Some(last.saturating_add(1))
}

/// The URL for the rest of an upload according to `answer`; without one, `known`.
fn location(subject: &Subject<'_>, answer: &Answer, known: Option<&Url>) -> Result<Url, RegistryError> {
    answer.location().or_else(|| known.cloned()).ok_or_else(|| {
        let reason = "no `Location` header for the upload".to_owned();
        subject.error(RegistryErrorKind::Malformed { reason })
    })
}

/// The URL that completes an upload.
fn finishing(mut url: Url, digest: &str) -> Url {
    url.query_pairs_mut().append_pair("digest", digest);
    url
}

/// Returns when `taken` grows more slowly than the minimum speed.
async fn stalled(taken: &AtomicU64, silence: Duration) {
    let mut before = None;
    loop {
        let now = taken.load(Ordering::Relaxed);
        if before.is_some_and(|before| now.saturating_sub(before) < least(silence)) {
            return;
        }
        before = Some(now);
        tokio::time::sleep(silence).await;
    }
}
