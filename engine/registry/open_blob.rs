//! Opens a blob of a registry for reading.

use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use reqwest::header::{CONTENT_RANGE, HeaderValue, RANGE};
use reqwest::{Method, Request, Response, StatusCode};
use tokio::time::Instant;

use super::client::{Call, Subject};
use super::retry_after::spoken;
use super::transport::{Answer, authority, next_piece, open};
use super::{RegistryClient, RegistryError, RegistryErrorKind};
use crate::image::Repository;

/// The timeout for a whole blob. In practice, the timeout without data and the minimum speed apply first.
pub(super) const WHOLE: Duration = Duration::from_secs(24 * 3600);

/// The minimum speed, in bytes per second.
pub(super) const SLOWEST: u64 = 1 << 10;

/// The measuring period of the speed, as a multiple of the timeout without data.
const MEASURED: u32 = 2;

/// A blob that is being received from a registry.
pub(super) struct OpenBlob {
    response: Response,
    silence: Duration,
    /// Since the last speed check: the time spent waiting for the registry, and the bytes received.
    waited: Duration,
    came: u64,
}

impl RegistryClient {
    /// Opens the blob `digest` of `repository` from byte `offset` on. A registry that does not support ranges responds
    /// with 200 instead of 206, and sends the whole blob.
    pub(super) async fn open_blob(
        &self,
        subject: &Subject<'_>,
        repository: &Repository,
        digest: &str,
        mut offset: u64,
    ) -> Result<OpenBlob, RegistryError> {
        let path = format!("{}/blobs/{digest}", repository.path());
        let mut is_renewed = false;
        loop {
            let (endpoint, authorization) = self.authorized(subject).await?;
            let url = endpoint.base.join(&path).map_err(|error| {
                subject.error(RegistryErrorKind::Malformed { reason: format!("invalid URL: {error}") })
            })?;
            let mut request = Request::new(Method::GET, url);
            *request.headers_mut() = authorization;
            if offset > 0
                && let Ok(range) = HeaderValue::try_from(format!("bytes={offset}-"))
            {
                request.headers_mut().insert(RANGE, range);
            }
            *request.timeout_mut() = Some(WHOLE);
            let silence = self.retry.silence;
            let response = open(&endpoint.http, request, (&self.retry, silence)).await;
            let response = response.map_err(|problem| subject.error(problem))?;
            match response.status() {
                status if status.is_success() => {
                    return Ok(OpenBlob { response, silence, waited: Duration::ZERO, came: 0 });
                }
                // A small request renews the authorization: a token may have expired since the last one.
                StatusCode::UNAUTHORIZED if !is_renewed => {
                    self.send(subject, &Call::new(Method::HEAD, &path)).await?;
                    is_renewed = true;
                }
                // The range is not supported: start from the beginning.
                StatusCode::RANGE_NOT_SATISFIABLE if offset > 0 => offset = 0,
                _ => return Err(subject.error(Answer::head_of(&response).problem(false))),
            }
        }
    }
}

impl OpenBlob {
    /// The number of bytes to receive, if the registry declared it.
    pub(super) fn length(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// Whether this is a part of the blob that begins at `offset`.
    pub(super) fn begins_at(&self, offset: u64) -> bool {
        let range = self.response.headers().get(CONTENT_RANGE);
        self.response.status() == StatusCode::PARTIAL_CONTENT
            && range.is_some_and(|range| range.as_bytes().starts_with(format!("bytes {offset}-").as_bytes()))
    }

    /// The next piece; `None` at the end. No data within the timeout is an error, and so is a speed below the minimum.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, RegistryErrorKind> {
        let begun = Instant::now();
        let piece = next_piece(&mut self.response, self.silence).await?;
        // The time of a slow reader does not count.
        self.waited += begun.elapsed();
        self.came += piece.as_ref().map_or(0, |piece| piece.len() as u64);
        let measured = self.silence * MEASURED;
        if piece.is_some() && self.waited >= measured {
            if self.came < least(measured) {
                let reason = format!("less than {SLOWEST} bytes per second for {}", spoken(measured));
                return Err(RegistryErrorKind::Timeout { host: authority(self.response.url()), reason });
            }
            (self.waited, self.came) = (Duration::ZERO, 0);
        }
        Ok(piece)
    }

    /// All pieces.
    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Bytes, RegistryErrorKind>> + Send {
        futures_util::stream::try_unfold(self, async |mut blob| {
            Ok(blob.next().await?.map(|piece| (piece, blob)))
        })
    }
}

/// The minimum number of bytes in `time`.
pub(super) fn least(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).saturating_mul(SLOWEST) / 1000
}
