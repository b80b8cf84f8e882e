//! Web servers, as stages see them.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use url::Url;

/// Web servers: notifications, and small questions.
#[async_trait]
pub trait Http: Send + Sync {
    /// Sends a request and reads the answer, whatever its status.
    ///
    /// # Errors
    /// [`HttpError`] when there is no answer.
    async fn send(
        &self,
        request: &HttpRequest,
        cancel: &CancellationToken,
    ) -> Result<HttpResponse, HttpError>;
}

/// What a request wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpMethod {
    /// To read something.
    Get,
    /// To tell or change something.
    Post,
}

/// A request. Prints as `http POST https://chat.example/hook`, without what may be secret.
#[derive(Clone)]
pub struct HttpRequest {
    /// What it wants.
    pub method: HttpMethod,
    /// Where it goes.
    pub url: Url,
    /// Whether the address itself is a secret, as those of web hooks are: then only its host is shown.
    pub is_secret_url: bool,
    /// Headers; may be secret.
    pub headers: Vec<(String, String)>,
    /// The content.
    pub body: Bytes,
    /// How long the whole exchange may take.
    pub limit: Duration,
}

impl HttpRequest {
    /// The address as it may be shown: no password, no query, and of a secret address only the host.
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

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// Its status: 200.
    pub status: u16,
    /// Its content as text.
    pub body: String,
}

/// Why there is no answer. Names the address as it may be shown.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
pub enum HttpError {
    /// A header is none.
    #[error("cannot send the header `{name}` to `{url}`: it contains characters that are invalid in a header")]
    #[diagnostic(code(http::bad_header))]
    BadHeader {
        /// Where the request should have gone.
        url: String,
        /// The header's name.
        name: String,
    },

    /// The run was cancelled.
    #[error("the request to `{url}` was cancelled")]
    #[diagnostic(code(run::cancelled))]
    Cancelled {
        /// Where the request went.
        url: String,
    },

    /// The server took too long.
    #[error("`{url}` timed out after {} seconds", limit.as_secs_f64())]
    #[diagnostic(code(http::timed_out))]
    TimedOut {
        /// Where the request went.
        url: String,
        /// How long it was waited for.
        limit: Duration,
    },

    /// The answer is longer than anyone wants.
    #[error("the response of `{url}` is longer than {limit} bytes")]
    #[diagnostic(code(http::too_long))]
    TooLong {
        /// Where the request went.
        url: String,
        /// The longest answer that is read.
        limit: usize,
    },

    /// The server cannot be reached, or broke off.
    #[error("cannot reach `{url}`: {reason}")]
    #[diagnostic(code(http::unreachable))]
    Unreachable {
        /// Where the request should have gone.
        url: String,
        /// Why.
        reason: String,
    },
}
