//! Pages that are opened as soon as a server responds.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use tokio::time::{Instant, sleep};

use crate::connection_reason::connection_reason;

/// The pause between two requests.
const PAUSE: Duration = Duration::from_secs(1);

/// The timeout for one request.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);

/// How long to wait for a page.
const LIMIT: Duration = Duration::from_secs(300);

/// Why a page cannot be opened.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
pub enum PageError {
    /// The URL is invalid.
    #[error("invalid URL `{url}`: {reason}")]
    #[diagnostic(code(open::bad_url), help("use a URL such as `http://localhost:8080`"))]
    BadUrl {
        /// The URL.
        url: String,
        /// The reason.
        reason: String,
    },

    /// The server does not respond.
    #[error("{url} did not respond within {} seconds: {reason}", LIMIT.as_secs())]
    #[diagnostic(code(open::no_response), help("run `windlass logs` to see what the server does"))]
    NoResponse {
        /// The URL.
        url: String,
        /// The last response.
        reason: String,
    },
}

/// Waits until the server of `url` responds with a status below 500: an application that responds with 401 or 404 is
/// up. TLS is not checked on this machine.
///
/// # Errors
/// [`PageError`].
pub async fn wait_for_page(url: &str) -> Result<u16, PageError> {
    let bad = |reason: String| PageError::BadUrl { url: url.to_owned(), reason };
    let parsed: Url = url.parse().map_err(|error: url::ParseError| bad(error.to_string()))?;
    if !["http", "https"].contains(&parsed.scheme()) {
        return Err(bad("not an HTTP(S) URL".to_owned()));
    }
    // Fails only if the process already has a provider, which is equivalent.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder().redirect(Policy::none()).timeout(REQUEST_LIMIT);
    let builder =
        if is_local(&parsed) { builder.no_proxy().tls_danger_accept_invalid_certs(true) } else { builder };
    let client = builder.build().map_err(|error| bad(error.to_string()))?;
    let end = Instant::now() + LIMIT;
    loop {
        let reason = match client.get(parsed.clone()).send().await {
            Ok(response) if response.status().as_u16() < 500 => return Ok(response.status().as_u16()),
            Ok(response) => format!("status {}", response.status()),
            Err(error) => connection_reason(&error),
        };
        if Instant::now() + PAUSE >= end {
            return Err(PageError::NoResponse { url: url.to_owned(), reason });
        }
        sleep(PAUSE).await;
    }
}

/// Opens `url` in the browser; `false` without a desktop.
pub fn open_in_browser(url: &str) -> bool {
    has_desktop() && opener::open_browser(url).is_ok()
}

/// Whether there is a desktop that can show a page.
fn has_desktop() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(any(windows, target_os = "macos")) || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY")
}

/// Whether the host is this machine.
fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
