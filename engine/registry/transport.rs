//! One exchange with a server: request, bounded answer, retries, and what went wrong in our words.

use std::error::Error;
use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, Request, Response, StatusCode, Url};
use serde::Deserialize;

use super::Problem;
use super::retry::Retry;

/// The longest reason taken over from a server, in characters.
const REASON_LENGTH: usize = 300;

/// A whole answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
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
    /// The answer that `response` begins, without its body.
    pub(super) fn head_of(response: &Response) -> Self {
        Self { status: response.status(), headers: response.headers().clone(), body: Bytes::new(), tries: 1 }
    }

    /// The header `name`, if it is there and is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// What an answer that is no success means. `anonymous`: no credentials were sent.
    pub(super) fn problem(&self, anonymous: bool) -> Problem {
        let reason = self.reason();
        match self.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if anonymous => Problem::CredentialsMissing,
            StatusCode::UNAUTHORIZED => Problem::CredentialsRefused { reason },
            StatusCode::FORBIDDEN => Problem::Denied { reason },
            StatusCode::NOT_FOUND => Problem::NotFound { reason },
            StatusCode::TOO_MANY_REQUESTS => Problem::TooManyRequests { reason },
            status if status.is_server_error() && self.tries > 1 => {
                Problem::Broken { reason: format!("{reason}, {} times", self.tries) }
            }
            status if status.is_server_error() => Problem::Broken { reason },
            _ => Problem::Refused { reason },
        }
    }

    /// The status and the server's own words.
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

    /// The wait the server asks for, when in seconds.
    fn retry_after(&self) -> Option<Duration> {
        let seconds = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds))
    }
}

/// Sends `request` and reads an answer of at most `limit` bytes. A busy or broken server and a lost
/// connection are tried again; silence is not, as it has taken its time already.
pub(super) async fn exchange(
    http: &Client,
    request: Request,
    limit: usize,
    retry: &Retry,
) -> Result<Answer, Problem> {
    let mut tries = 1;
    loop {
        // Only a streamed body cannot be cloned, and there is none here.
        let Some(copy) = request.try_clone() else {
            return Err(Problem::Malformed { reason: "the request cannot be repeated".to_owned() });
        };
        let outcome = once(http, copy, limit, retry.silence).await.map(|answer| Answer { tries, ..answer });
        let asked = match &outcome {
            Ok(answer) if is_temporary(answer.status) => answer.retry_after(),
            Err(Problem::Unreachable { .. }) => None,
            _ => return outcome,
        };
        if tries >= retry.tries {
            return outcome;
        }
        tokio::time::sleep(retry.pause_after(tries, asked)).await;
        tries += 1;
    }
}

fn is_temporary(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 500 | 502 | 503 | 504)
}

/// Sends `request` once, waiting for the answer and each piece of it at most for `silence`.
pub(super) async fn once(
    http: &Client,
    request: Request,
    limit: usize,
    silence: Duration,
) -> Result<Answer, Problem> {
    let mut response = open(http, request, silence).await?;
    let mut body = BytesMut::new();
    while let Some(chunk) = next_piece(&mut response, silence).await? {
        if body.len() + chunk.len() > limit {
            return Err(Problem::Malformed { reason: format!("it is longer than {limit} bytes") });
        }
        body.extend_from_slice(&chunk);
    }
    let headers = std::mem::take(response.headers_mut());
    Ok(Answer { status: response.status(), headers, body: body.freeze(), tries: 1 })
}

/// Sends `request` and waits for the head of the answer at most for `silence`.
pub(super) async fn open(http: &Client, request: Request, silence: Duration) -> Result<Response, Problem> {
    let host = authority(request.url());
    within(silence, &host, http.execute(request)).await
}

/// The next piece of an answer, waited for at most for `silence`; `None` at its end.
pub(super) async fn next_piece(response: &mut Response, silence: Duration) -> Result<Option<Bytes>, Problem> {
    let host = authority(response.url());
    within(silence, &host, response.chunk()).await
}

async fn within<T>(
    silence: Duration,
    host: &str,
    step: impl Future<Output = Result<T, reqwest::Error>>,
) -> Result<T, Problem> {
    match tokio::time::timeout(silence, step).await {
        Ok(done) => done.map_err(|error| problem(&error, host)),
        Err(_) => {
            let reason = format!("no answer for {} seconds", silence.as_secs());
            Err(Problem::Timeout { host: host.to_owned(), reason })
        }
    }
}

/// The host and, if not the scheme's own, the port of `url`.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// What a failed exchange with `host` means.
fn problem(error: &reqwest::Error, host: &str) -> Problem {
    let host = host.to_owned();
    let mut cause: &(dyn Error + 'static) = error;
    loop {
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return match tls {
                rustls::Error::InvalidMessage(_) => Problem::PlainHttp { host },
                _ => Problem::Tls { host, reason: tls.to_string() },
            };
        }
        // An I/O error hides the error it was made from: its `source` is already that one's cause.
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
    if error.is_timeout() { Problem::Timeout { host, reason } } else { Problem::Unreachable { host, reason } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::testing::{Reply, Server};

    const RETRY: Retry = Retry { tries: 3, pause: Duration::ZERO, silence: Duration::from_secs(30) };

    async fn get(server: &Server, scheme: &str) -> Result<Answer, Problem> {
        let http = super::super::endpoint::loopback_client().expect("client");
        let url = format!("{scheme}://{}/", server.domain()).parse().expect("url");
        exchange(&http, Request::new(reqwest::Method::GET, url), 100, &RETRY).await
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
        assert_eq!(problem.to_string(), "the registry is out of order (503 Service Unavailable, 3 times)");
        assert_eq!(server.calls().len(), 3);
    }

    #[tokio::test]
    async fn dropped_connections_are_given_up() {
        let server = Server::start(|_| Reply::Drop).await;
        assert!(matches!(get(&server, "http").await, Err(Problem::Unreachable { .. })));
        assert_eq!(server.calls().len(), 3);
    }

    #[tokio::test]
    async fn a_refusal_is_not_tried_again() {
        let server = Server::start(|_| Reply::status(403)).await;
        assert!(matches!(get(&server, "http").await.expect("answer").problem(false), Problem::Denied { .. }));
        assert_eq!(server.calls().len(), 1);
    }

    #[tokio::test]
    async fn an_endless_answer_is_cut() {
        let server = Server::start(|_| Reply::body("x".repeat(101))).await;
        let problem = get(&server, "http").await.err().expect("problem");
        assert_eq!(problem, Problem::Malformed { reason: "it is longer than 100 bytes".into() });
    }

    #[tokio::test]
    async fn plain_http_is_recognised() {
        let server = Server::start(|_| Reply::body("ok")).await;
        let problem = get(&server, "https").await.err().expect("problem");
        assert_eq!(problem, Problem::PlainHttp { host: server.domain().to_owned() });
    }

    #[tokio::test]
    async fn the_servers_words_are_kept() {
        let check = async |body: &'static str, expected: &str| {
            let server = Server::start(move |_| Reply::body(body).with_status(403)).await;
            let problem = get(&server, "http").await.expect("answer").problem(false);
            assert_eq!(problem, Problem::Denied { reason: expected.into() }, "{body}");
        };
        check(r#"{"errors":[{"code":"DENIED","message":"not\n  yours"}]}"#, "403 Forbidden: not yours").await;
        check(r#"{"errors":[{"code":"DENIED"}]}"#, "403 Forbidden: DENIED").await;
        check(r#"{"details":"quota"}"#, "403 Forbidden: quota").await;
        check("<html>", "403 Forbidden").await;
    }
}
