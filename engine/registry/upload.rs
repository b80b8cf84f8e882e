//! Sending a blob to a repository (OCI distribution spec, "pushing blobs").

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RANGE};
use reqwest::{Body, Method, Request, StatusCode, Url};

use super::client::{Call, Subject};
use super::open_blob::WHOLE;
use super::transport::{Answer, once};
use super::{Problem, RegistryClient, RegistryError};
use crate::image::Repository;

/// The largest answer to an upload, in bytes.
const ANSWER: usize = 1 << 16;

/// How many times the silence of other exchanges a registry may take to store what it was sent.
const STORING: u32 = 4;

/// An upload that a registry has begun.
pub(super) struct Upload {
    /// Where the content goes.
    pub(super) url: Url,
    /// The shortest chunk it takes, in bytes, but for the last.
    pub(super) shortest_chunk: u64,
}

/// What is sent, in pieces.
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
            Err(RegistryError { problem: Problem::NotFound { .. }, .. }) => Ok(false),
            found => found.map(|_| true),
        }
    }

    /// Begins to send the blob `digest` to `repository`; `None` when the registry could take it over from its
    /// repository `mount`.
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
        let url = self.location(subject, &answer, None).await?;
        Ok(Some(Upload { url, shortest_chunk: shortest_chunk.unwrap_or(0) }))
    }

    /// Sends a whole blob, in one request.
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

    /// Sends a chunk of a blob, its bytes from `offset` on; returns where the next one goes.
    pub(super) async fn upload_chunk(
        &self,
        subject: &Subject<'_>,
        url: &Url,
        offset: u64,
        (length, pieces): (u64, Pieces),
    ) -> Result<Url, RegistryError> {
        let range = format!("{offset}-{}", offset + length.saturating_sub(1));
        let range = HeaderValue::try_from(range).map(|range| (CONTENT_RANGE, range));
        let content = Content { length: Some(length), pieces };
        let headers = range.into_iter().collect();
        let answer = self.send_content(subject, Method::PATCH, url.clone(), headers, content).await?;
        self.location(subject, &answer, Some(url)).await
    }

    /// Ends an upload whose chunks have all arrived.
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

    /// How many bytes of an upload have arrived, and where the rest goes (distribution spec, "resuming an upload").
    pub(super) async fn upload_status(
        &self,
        subject: &Subject<'_>,
        url: &Url,
    ) -> Result<(u64, Url), RegistryError> {
        let nothing = Content { length: None, pieces: Box::pin(futures_util::stream::empty()) };
        let answer = self.send_content(subject, Method::GET, url.clone(), HeaderMap::new(), nothing).await?;
        // `0-41` are 42 bytes; registries say `0-0` when they have none.
        let last = answer.header(RANGE.as_str()).and_then(|range| range.rsplit('-').next()?.parse().ok());
        let arrived = last.filter(|last| *last > 0).map_or(0, |last: u64| last.saturating_add(1));
        Ok((arrived, self.location(subject, &answer, Some(url)).await?))
    }

    /// Where `answer` says that an upload goes on; `known` where it says nothing.
    async fn location(
        &self,
        subject: &Subject<'_>,
        answer: &Answer,
        known: Option<&Url>,
    ) -> Result<Url, RegistryError> {
        let (endpoint, _) = self.authorized(subject).await?;
        let told = answer.header(LOCATION.as_str()).and_then(|location| endpoint.base.join(location).ok());
        told.or_else(|| known.cloned()).ok_or_else(|| {
            let reason = "it does not say where to send a blob to".to_owned();
            subject.error(Problem::Malformed { reason })
        })
    }

    /// Sends `content` to where an upload goes. Only a success is an answer.
    async fn send_content(
        &self,
        subject: &Subject<'_>,
        method: Method,
        url: Url,
        headers: HeaderMap,
        content: Content,
    ) -> Result<Answer, RegistryError> {
        let (endpoint, authorization) = self.authorized(subject).await?;
        // Storage elsewhere has its own rights in the address: our credentials are not for it.
        let is_own = url.origin() == endpoint.base.origin();
        let has_body = method != Method::GET;
        let mut request = Request::new(method, url);
        *request.headers_mut() = headers;
        if is_own {
            request.headers_mut().extend(authorization);
        }
        *request.timeout_mut() = Some(WHOLE);
        let taken = Arc::new(AtomicU64::new(0));
        if has_body {
            let octets = HeaderValue::from_static("application/octet-stream");
            request.headers_mut().insert(CONTENT_TYPE, octets);
            if let Some(length) = content.length {
                request.headers_mut().insert(CONTENT_LENGTH, length.into());
            }
            let counter = Arc::clone(&taken);
            let pieces = content.pieces.inspect_ok(move |piece| {
                counter.fetch_add(piece.len() as u64, Ordering::Relaxed);
            });
            *request.body_mut() = Some(Body::wrap_stream(pieces.boxed()));
        }
        let host = endpoint.base.authority().to_owned();
        let silence = self.retry.silence * STORING;
        let answer = tokio::select! {
            answer = once(&endpoint.http, request, ANSWER, WHOLE) => answer,
            () = stalled(&taken, silence) => {
                let reason = format!("nothing moved for {} seconds", silence.as_secs());
                Err(Problem::Timeout { host, reason })
            }
        };
        match answer {
            Ok(answer) if answer.status.is_success() => Ok(answer),
            Ok(answer) => Err(subject.error(answer.problem(false))),
            Err(problem) => Err(subject.error(problem)),
        }
    }
}

/// The address that ends an upload.
fn finishing(mut url: Url, digest: &str) -> Url {
    url.query_pairs_mut().append_pair("digest", digest);
    url
}

/// Ends when `taken` has stayed the same for a while.
async fn stalled(taken: &AtomicU64, silence: std::time::Duration) {
    let mut before = None;
    loop {
        let now = taken.load(Ordering::Relaxed);
        if before == Some(now) {
            return;
        }
        before = Some(now);
        tokio::time::sleep(silence).await;
    }
}
