//! The HTTP interface of stages.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use url::Url;

/// Web servers, for notifications and small queries.
#[async_trait]
pub trait Http: Send + Sync {
    /// Sends a request and reads the response, regardless of its status.
    ///
    /// # Errors
    /// [`HttpError`] without a response.
    async fn send(
        &self,
        request: &HttpRequest,
        cancel: &CancellationToken,
    ) -> Result<HttpResponse, HttpError>;
}

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpMethod {
    /// Reads data.
    Get,
    /// Sends data.
    Post,
}

/// A request. Displays as `http POST https://chat.example/hook`, without secrets.
#[derive(Clone)]
pub struct HttpRequest {
    /// Its method.
    pub method: HttpMethod,
    /// Its URL.
    pub url: Url,
    /// Whether the URL itself is a secret, as for webhooks: then only its host is shown.
    pub is_secret_url: bool,
    /// Headers; may be secret.
    pub headers: Vec<(String, String)>,
    /// The content.
    pub body: Bytes,
    /// The timeout for the whole exchange.
    pub limit: Duration,
}

impl HttpRequest {
    /// The URL for display: without password and query; for a secret URL, only the host.
    pub fn shown_url(&self) -> String {
        let origin = self.url.origin().ascii_serialization();
        if self.is_secret_url { format!("{origin}/***") } else { format!("{origin}{}", self.url.path()) }
    }
}

impl fmt::Display for HttpRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = match self.method {
            HttpMethod::Get => "GET",
            HttpMethod::Post => "POST",
        };
        write!(formatter, "http {method} {}", self.shown_url())
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// Its status: 200.
    pub status: u16,
    /// Its content as text.
    pub body: String,
}

/// The reason of a missing response. Contains only the URL for display.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
pub enum HttpError {
    /// A header is invalid.
    #[error(
        "cannot send the header `{name}` to `{url}`: it contains characters that are invalid in a header"
    )]
    #[diagnostic(code(http::bad_header))]
    BadHeader {
        /// The URL of the request.
        url: String,
        /// The header's name.
        name: String,
    },

    /// The run was cancelled.
    #[error("the request to `{url}` was cancelled")]
    #[diagnostic(code(run::cancelled))]
    Cancelled {
        /// The URL of the request.
        url: String,
    },

    /// The server took too long.
    #[error("`{url}` timed out after {} seconds", limit.as_secs_f64())]
    #[diagnostic(code(http::timed_out))]
    TimedOut {
        /// The URL of the request.
        url: String,
        /// The timeout.
        limit: Duration,
    },

    /// The response is too long.
    #[error("the response of `{url}` is longer than {limit} bytes")]
    #[diagnostic(code(http::too_long))]
    TooLong {
        /// The URL of the request.
        url: String,
        /// The maximum response size, in bytes.
        limit: usize,
    },

    /// The server is unreachable, or closed the connection.
    #[error("cannot reach `{url}`: {reason}")]
    #[diagnostic(code(http::unreachable))]
    Unreachable {
        /// The URL of the request.
        url: String,
        /// The reason.
        reason: String,
    },
}
