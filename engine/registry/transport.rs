//! One exchange with a server: request, size-limited response, retries, and errors.

use std::error::Error;
use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Client, Request, Response, StatusCode, Url};
use serde::Deserialize;

use super::RegistryErrorKind;
use super::endpoint::CONNECT;
use super::retry::{Retry, is_temporary};
use super::retry_after::{retry_after, spoken};

/// The maximum length of a reason from a server, in characters.
const REASON_LENGTH: usize = 300;

/// A whole response.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The final URL after redirects, which a `Location` is relative to (RFC 9110, section 10.2.2).
    pub(super) url: Url,
    tries: u32,
}

/// The error body of the distribution specification ("error codes"), and of token servers.
#[derive(Deserialize)]
struct ErrorBody {
    #[serde(default)]
    errors: Vec<ErrorEntry>,
    #[serde(default)]
    details: String,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct ErrorEntry {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl Answer {
    /// The status and headers of `response`, without its body.
    pub(super) fn head_of(response: &Response) -> Self {
        let (status, headers, url) = (response.status(), response.headers().clone(), response.url().clone());
        Self { status, headers, body: Bytes::new(), url, tries: 1 }
    }

    /// The header `name`, if it exists and is valid text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The URL in the `Location` header.
    pub(super) fn location(&self) -> Option<Url> {
        self.url.join(self.header(LOCATION.as_str())?).ok()
    }

    /// The problem for a response without a success status. `anonymous`: no credentials were sent.
    pub(super) fn problem(&self, anonymous: bool) -> RegistryErrorKind {
        let is_temporary = is_temporary(self.status, &self.headers);
        let after = if is_temporary { retry_after(&self.headers) } else { None };
        let mut reason = self.reason();
        if let Some(after) = after.filter(|after| !after.is_zero()) {
            reason += &format!(", retry after {}", spoken(after));
        } else if is_temporary && self.tries > 1 {
            reason += &format!(", {} attempts", self.tries);
        }
        match self.status.as_u16() {
            401 | 403 if anonymous => RegistryErrorKind::CredentialsMissing,
            401 => RegistryErrorKind::CredentialsRefused { reason },
            403 => RegistryErrorKind::Denied { reason },
            404 | 410 => RegistryErrorKind::NotFound { reason },
            407 => RegistryErrorKind::Proxy { reason },
            429 => RegistryErrorKind::TooManyRequests { reason, after },
            _ if is_temporary => RegistryErrorKind::Broken { reason, after },
            402 | 507 => RegistryErrorKind::Full { reason },
            405 | 406 | 415 | 501 | 505 => RegistryErrorKind::Unsupported { reason },
            409 | 412 => RegistryErrorKind::Conflict { reason },
            413 => RegistryErrorKind::TooLarge { reason },
            416 => RegistryErrorKind::OutOfRange { reason },
            511 => RegistryErrorKind::Captive { reason },
            // A redirect that cannot be followed: without a location, or after the request body was sent.
            300..=399 => match self.location() {
                Some(to) => {
                    let to = authority(&to);
                    RegistryErrorKind::Malformed {
                        reason: format!("{reason}: the request body would go to {to}"),
                    }
                }
                None => {
                    RegistryErrorKind::Malformed { reason: format!("{reason} without a `Location` header") }
                }
            },
            500.. => RegistryErrorKind::Broken { reason, after },
            _ => RegistryErrorKind::Refused { reason },
        }
    }

    /// The status and the server's message.
    fn reason(&self) -> String {
        let said = serde_json::from_slice::<ErrorBody>(&self.body).ok().and_then(|body| {
            let first = body.errors.into_iter().next();
            let entry = first.map(|entry| if entry.message.is_empty() { entry.code } else { entry.message });
            [entry.unwrap_or_default(), body.details, body.message].into_iter().find(|text| !text.is_empty())
        });
        match said {
            Some(said) => {
                let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
                let said: String = said.chars().filter(|c| !c.is_control()).take(REASON_LENGTH).collect();
                format!("{}: {said}", self.status)
            }
            None => self.status.to_string(),
        }
    }
}

/// Sends `request` and reads a response of at most `limit` bytes. Temporary server errors and lost connections are
/// retried; timeouts are not, because they already took long.
pub(super) async fn exchange(
    http: &Client,
    request: Request,
    limit: usize,
    retry: &Retry,
) -> Result<Answer, RegistryErrorKind> {
    let mut tries =
        retry.tries(|problem| problem.may_pass() && !matches!(problem, RegistryErrorKind::Timeout { .. }));
    loop {
        // Only a streamed body cannot be cloned, and no request here has one.
        let Some(copy) = request.try_clone() else {
            return Err(RegistryErrorKind::Malformed { reason: "the request cannot be repeated".to_owned() });
        };
        let outcome = once(http, copy, limit, (retry, retry.silence)).await;
        let outcome = outcome.map(|answer| Answer { tries: tries.number(), ..answer });
        let problem = match &outcome {
            Ok(answer) if answer.status.is_success() => return outcome,
            Ok(answer) => &answer.problem(false),
            Err(problem) => problem,
        };
        if !tries.again(problem).await {
            return outcome;
        }
    }
}

/// Sends `request` once; waits for the response, and for each piece of it, at most for `silence`.
pub(super) async fn once(
    http: &Client,
    request: Request,
    limit: usize,
    (retry, silence): (&Retry, Duration),
) -> Result<Answer, RegistryErrorKind> {
    let mut response = open(http, request, (retry, silence)).await?;
    let mut body = BytesMut::new();
    while let Some(chunk) = next_piece(&mut response, silence).await? {
        if body.len() + chunk.len() > limit {
            return Err(RegistryErrorKind::Malformed {
                reason: format!("the response is longer than {limit} bytes"),
            });
        }
        body.extend_from_slice(&chunk);
    }
    let headers = std::mem::take(response.headers_mut());
    let (status, url) = (response.status(), response.url().clone());
    Ok(Answer { status, headers, body: body.freeze(), url, tries: 1 })
}

/// Sends `request` after the delay that its host requested, and waits for the response headers at most for `silence`.
/// Every request uses this function.
pub(super) async fn open(
    http: &Client,
    request: Request,
    (retry, silence): (&Retry, Duration),
) -> Result<Response, RegistryErrorKind> {
    let host = authority(request.url());
    retry.until_welcome(&host).await;
    let response = within(silence, &host, http.execute(request)).await?;
    // Redirects are followed, so the delay applies to the host of the original request.
    retry.heed(&host, response.status(), response.headers());
    Ok(response)
}

/// The next piece of a response, after a wait of at most `silence`; `None` at its end.
pub(super) async fn next_piece(
    response: &mut Response,
    silence: Duration,
) -> Result<Option<Bytes>, RegistryErrorKind> {
    let host = authority(response.url());
    within(silence, &host, response.chunk()).await
}

async fn within<T>(
    silence: Duration,
    host: &str,
    step: impl Future<Output = Result<T, reqwest::Error>>,
) -> Result<T, RegistryErrorKind> {
    match tokio::time::timeout(silence, step).await {
        Ok(done) => done.map_err(|error| problem(&error, host)),
        Err(_) => {
            let reason = format!("no response for {} seconds", silence.as_secs());
            Err(RegistryErrorKind::Timeout { host: host.to_owned(), reason })
        }
    }
}

/// The host and, if not the default, the port of `url`.
pub(super) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The problem of a failed exchange with `host`.
fn problem(error: &reqwest::Error, host: &str) -> RegistryErrorKind {
    let host = host.to_owned();
    let mut cause: &(dyn Error + 'static) = error;
    loop {
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return match tls {
                rustls::Error::InvalidMessage(_) => RegistryErrorKind::PlainHttp { host },
                _ => RegistryErrorKind::Tls { host, reason: tls.to_string() },
            };
        }
        // An I/O error hides the error that it wraps: its `source` is the cause of the wrapped error.
        let inner = match cause.downcast_ref::<io::Error>() {
            Some(error) => error.get_ref().map(|inner| inner as &(dyn Error + 'static)),
            None => cause.source(),
        };
        match inner {
            Some(inner) => cause = inner,
            None => break,
        }
    }
    let reason = cause.to_string();
    if error.is_timeout() {
        let reason = match error.is_connect() {
            true => format!("no connection within {}", spoken(CONNECT)),
            false => "the response took too long".to_owned(),
        };
        RegistryErrorKind::Timeout { host, reason }
    } else if error.is_redirect() {
        RegistryErrorKind::Malformed { reason: "too many redirects".to_owned() }
    } else if reason.contains("proxy authorization required") {
        RegistryErrorKind::Proxy { reason }
    } else {
        RegistryErrorKind::Unreachable { host, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::testing::{Reply, Server};

    async fn get(server: &Server, scheme: &str) -> Result<Answer, RegistryErrorKind> {
        let http = super::super::endpoint::loopback_client().expect("client");
        let url = format!("{scheme}://{}/", server.domain()).parse().expect("url");
        let mut retry = Retry::default();
        retry.pause = Duration::ZERO;
        exchange(&http, Request::new(reqwest::Method::GET, url), 100, &retry).await
    }

    #[tokio::test]
    async fn a_server_that_recovers_is_tried_three_times() {
        let server = Server::start(|call| match call.number {
            0 => Reply::status(500),
            1 => Reply::Drop,
            _ => Reply::body("ok"),
        })
        .await;
        let answer = get(&server, "http").await.expect("answer");
        assert_eq!((answer.body.as_ref(), server.calls().len()), (b"ok".as_slice(), 3));
    }

    #[tokio::test]
    async fn a_broken_server_is_given_up() {
        let server = Server::start(|_| Reply::status(503)).await;
        let problem = get(&server, "http").await.expect("answer").problem(false);
        assert_eq!(problem.to_string(), "registry server error (503 Service Unavailable, 3 attempts)");
        assert_eq!(server.calls().len(), 3);
    }

    #[tokio::test]
    async fn dropped_connections_are_given_up() {
        let server = Server::start(|_| Reply::Drop).await;
        assert!(matches!(get(&server, "http").await, Err(RegistryErrorKind::Unreachable { .. })));
        assert_eq!(server.calls().len(), 3);
    }

    #[tokio::test]
    async fn a_refusal_is_not_tried_again() {
        let server = Server::start(|_| Reply::status(403)).await;
        assert!(matches!(
            get(&server, "http").await.expect("answer").problem(false),
            RegistryErrorKind::Denied { .. }
        ));
        assert_eq!(server.calls().len(), 1);
    }

    #[tokio::test]
    async fn an_endless_answer_is_cut() {
        let server = Server::start(|_| Reply::body("x".repeat(101))).await;
        let problem = get(&server, "http").await.err().expect("problem");
        assert_eq!(
            problem,
            RegistryErrorKind::Malformed { reason: "the response is longer than 100 bytes".into() }
        );
    }

    #[tokio::test]
    async fn plain_http_is_recognised() {
        let server = Server::start(|_| Reply::body("ok")).await;
        let problem = get(&server, "https").await.err().expect("problem");
        assert_eq!(problem, RegistryErrorKind::PlainHttp { host: server.domain().to_owned() });
    }

    #[tokio::test]
    async fn the_servers_words_are_kept() {
        let check = async |body: &'static str, expected: &str| {
            let server = Server::start(move |_| Reply::body(body).with_status(403)).await;
            let problem = get(&server, "http").await.expect("answer").problem(false);
            assert_eq!(problem, RegistryErrorKind::Denied { reason: expected.into() }, "{body}");
        };
        check(r#"{"errors":[{"code":"DENIED","message":"not\n  yours"}]}"#, "403 Forbidden: not yours").await;
        check(r#"{"errors":[{"code":"DENIED"}]}"#, "403 Forbidden: DENIED").await;
        check(r#"{"details":"quota"}"#, "403 Forbidden: quota").await;
        check("<html>", "403 Forbidden").await;
    }
}
