//! In-memory web servers.

use async_trait::async_trait;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::{CallKind, MemoryHost};
use crate::host::{Http, HttpError, HttpMethod, HttpRequest, HttpResponse};

/// The configured response of a web server.
#[derive(Debug, Clone)]
pub struct HttpRule {
    /// The prefix of the URL.
    pub url: String,
    /// The status of the response.
    pub status: u16,
    /// Its content.
    pub body: String,
    /// The remaining number of uses; `None`: unlimited.
    pub times: Option<usize>,
}

/// A request that was sent.
#[derive(Debug, Clone)]
pub struct SentRequest {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The URL.
    pub url: String,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The content.
    pub body: Bytes,
}

/// A server without a rule responds with status 200 and an empty body.
#[async_trait]
impl Http for MemoryHost {
    async fn send(&self, request: &HttpRequest, _: &CancellationToken) -> Result<HttpResponse, HttpError> {
        let method = match request.method {
            HttpMethod::Get => "GET",
            HttpMethod::Post => "POST",
        };
        let url = request.url.to_string();
        self.did(CallKind::Http, format!("{method} {}", request.shown_url()));
        let mut state = self.state();
        let (headers, body) = (request.headers.clone(), request.body.clone());
        state.requests.push(SentRequest { method, url: url.clone(), headers, body });
        let rule =
            state.servers.iter_mut().rev().find(|rule| rule.times != Some(0) && url.starts_with(&rule.url));
        Ok(match rule {
            Some(rule) => {
                rule.times = rule.times.map(|times| times - 1);
                HttpResponse { status: rule.status, body: rule.body.clone() }
            }
            None => HttpResponse { status: 200, body: String::new() },
        })
    }
}
