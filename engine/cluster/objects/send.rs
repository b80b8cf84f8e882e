//! Sends requests, with a timeout and retries.

use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use kube::core::Status;
use tokio::time::Instant;

use super::super::ClusterAccess;
use super::lease_state::ServerClock;
use super::request::{Call, Failure, Response};
use crate::connection_reason::connection_reason;
use crate::delays::Delays;
use crate::plural::counted;

/// The maximum size of a response.
const BODY_LIMIT: usize = 64 << 20;

/// The delay before the first retry; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The maximum delay that windlass chooses itself.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// The number of attempts over connections that fail.
const CONNECTIONS: u32 = 3;

/// The maximum length of a response that is quoted because it is not a status.
const QUOTE_LIMIT: usize = 300;

impl ClusterAccess {
    /// Sends a request. It is repeated within its timeout while the API server postpones it, and if a connection fails;
    /// all requests of this module have the same effect if they are sent twice.
    pub(super) async fn send(&self, call: Call) -> Result<Response, Failure> {
        if call.limits.is_final
            && let Some(lost) = self.lost()
        {
            return Err(Failure::Cluster(lost.clone()));
        }
        let (context, client) = self.connect_plainly().await.map_err(Failure::Cluster)?;
        let (timeout, end) = (call.limits.timeout, Instant::now() + call.limits.timeout);
        let mut last = None;
        let attempts = async {
            let mut delays = Delays::new(FIRST_PAUSE, LONGEST_PAUSE);
            let mut broken = 0;
            loop {
                let pause = delays.advance();
                let wanted = match self.attempt(&client, &call).await {
                    Ok(Answer::Final(answer)) => return answer,
                    Ok(Answer::Postponed { status, delay }) => {
                        last = Some(Failure::Status(status));
                        delay.unwrap_or(pause)
                    }
                    Err(reason) => {
                        broken += 1;
                        let failure = Failure::Cluster(context.unreachable(reason));
                        if broken == CONNECTIONS {
                            return Err(failure);
                        }
                        last = Some(failure);
                        pause
                    }
                };
                if Instant::now() + wanted >= end {
                    return Err(last.take().expect("every attempt sets it"));
                }
                tokio::time::sleep(wanted).await;
            }
        };
        let answer = tokio::time::timeout(timeout, attempts).await;
        let failure = match answer {
            Ok(Ok(response)) => return Ok(response),
            Ok(Err(failure)) => failure,
            Err(_) => last.unwrap_or_else(|| {
                let reason = format!("no response within {}", counted(timeout.as_secs(), "second"));
                Failure::Cluster(context.unreachable(reason))
            }),
        };
        match failure {
            Failure::Cluster(error) if call.limits.is_final => Err(Failure::Cluster(self.lose(error))),
            failure => Err(failure),
        }
    }

    /// One attempt; without a response, the reason.
    async fn attempt(&self, client: &kube::Client, call: &Call) -> Result<Answer, String> {
        let request = match call.request() {
            Ok(request) => request,
            Err(failure) => return Ok(Answer::Final(Err(failure))),
        };
        let response = client.send(request).await.map_err(|error| connection_reason(&error))?;
        let (head, body) = response.into_parts();
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        let date = header("date").and_then(|date| httpdate::parse_http_date(date).ok());
        if let Some(date) = date {
            self.set_server_clock(ServerClock::new(Some(date)));
        }
        let delay = header("retry-after").and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
        let code = head.status.as_u16();
        let body = Limited::new(body, BODY_LIMIT).collect().await;
        let body = body.map_err(|error| connection_reason(error.as_ref()))?.to_bytes();
        if (200..300).contains(&code) {
            let body = match call.is_text {
                true => String::from_utf8_lossy(&body).into(),
                false => {
                    serde_json::from_slice(&body).map_err(|error| format!("invalid response: {error}"))?
                }
            };
            return Ok(Answer::Final(Ok(Response { is_created: code == 201, date, body })));
        }
        let status = status_of(code, &body).boxed();
        Ok(if is_postponed(&status) {
            let delay = delay.or_else(|| delay_of(&status));
            Answer::Postponed { status, delay }
        } else {
            Answer::Final(Err(Failure::Status(status)))
        })
    }
}

/// The result of an attempt.
enum Answer {
    Final(Result<Response, Failure>),
    Postponed { status: Box<Status>, delay: Option<Duration> },
}

/// The status in a response; the responses of proxies have none.
fn status_of(code: u16, body: &[u8]) -> Status {
    match serde_json::from_slice::<Status>(body) {
        Ok(status) if status.code != 0 => status,
        Ok(status) if !status.message.is_empty() => status.with_code(code),
        _ => {
            let text = String::from_utf8_lossy(body);
            let text: String = text.trim().chars().take(QUOTE_LIMIT).collect();
            let text = if text.is_empty() { format!("HTTP status {code}") } else { text };
            Status::failure(&text, "").with_code(code)
        }
    }
}

/// Whether the API server requests another attempt, or could not reach its storage.
fn is_postponed(status: &Status) -> bool {
    match status.code {
        429 | 503 | 504 => true,
        500 => {
            let is_storage = status.message.starts_with("etcdserver: ");
            status.reason == "ServerTimeout" || is_storage && !status.message.ends_with("too large")
        }
        _ => false,
    }
}

fn delay_of(status: &Status) -> Option<Duration> {
    let seconds = status.details.as_ref()?.retry_after_seconds;
    (seconds > 0).then(|| Duration::from_secs(seconds.into()))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::super::request::Limits;
    use super::*;

    /// A server that answers each connection with the next response, and the last one again. Returns its cluster.
    async fn server(responses: &'static [&'static str]) -> ClusterAccess {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            for index in 0.. {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                let _ = stream.read(&mut [0; 4096]).await;
                let response = responses[index.min(responses.len() - 1)];
                let _ = stream.write_all(response.as_bytes()).await;
            }
        });
        super::super::tests::access_to(&format!("http://{address}"), "dev")
    }

    async fn result(responses: &'static [&'static str], timeout: Duration) -> String {
        let cluster = server(responses).await;
        let limits = Limits { timeout, is_final: true };
        match cluster.send(Call::get("/version").with_limits(limits)).await {
            Ok(response) => response.body.to_string(),
            Err(failure) => cluster.problem(failure, "read it", None).to_string(),
        }
    }

    const OK: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
    const BUSY: &str =
        "HTTP/1.1 429 Busy\r\nconnection: close\r\nretry-after: 1\r\ncontent-length: 4\r\n\r\nbusy";

    #[tokio::test]
    async fn postponed_requests_are_retried() {
        let start = Instant::now();
        assert_eq!(result(&[BUSY, "", OK], Duration::from_secs(9)).await, "{}");
        assert!(start.elapsed() >= Duration::from_secs(1), "Retry-After");
        let overloaded = "cannot read it: API server overloaded (busy)";
        assert_eq!(result(&[BUSY], Duration::from_millis(900)).await, overloaded);
    }

    #[tokio::test]
    async fn lost_connections_are_errors() {
        let error = result(&[""], Duration::from_secs(9)).await;
        assert!(error.starts_with("cannot reach the cluster at `http://127.0.0.1:"), "{error}");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let cluster = super::super::tests::access_to(&format!("http://{address}"), "dev");
        let limits = Limits { timeout: Duration::from_secs(1), is_final: true };
        let silent = cluster.send(Call::get("/version").with_limits(limits)).await.expect_err("silent");
        let silent = cluster.problem(silent, "read it", None).to_string();
        assert!(silent.ends_with("no response within 1 second"), "{silent}");
        let again = cluster.send(Call::get("/version")).await.expect_err("not queried again");
        assert_eq!(cluster.problem(again, "read it", None).to_string(), silent);
    }

    #[test]
    fn responses_without_a_status_are_quoted() {
        let check = |code, body: &str, expected: &str| {
            let status = status_of(code, body.as_bytes());
            assert_eq!((status.code, status.message.as_str()), (code, expected));
        };
        check(502, "<html>bad gateway</html>\n", "<html>bad gateway</html>");
        check(500, "", "HTTP status 500");
        check(500, r#"{"kind":"Status","message":"failed"}"#, "failed");
        check(413, r#"{"kind":"Status","message":"too large","code":413}"#, "too large");
    }

    #[test]
    fn only_temporary_failures_are_retried() {
        let check = |status: Status, expected| assert_eq!(is_postponed(&status), expected, "{status:?}");
        check(Status::failure("m", "TooManyRequests").with_code(429), true);
        check(Status::failure("m", "ServerTimeout").with_code(500), true);
        check(Status::failure("etcdserver: request timed out", "").with_code(500), true);
        check(Status::failure("failed to create typed patch object", "").with_code(500), false);
        check(Status::failure("etcdserver: request is too large", "").with_code(500), false);
        check(Status::failure("m", "Forbidden").with_code(403), false);
    }
}
