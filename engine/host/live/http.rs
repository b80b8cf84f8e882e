//! Real web servers.

use std::error::Error as _;

use async_trait::async_trait;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Client, Method, Request};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use crate::host::{Http, HttpError, HttpMethod, HttpRequest, HttpResponse};

/// The maximum response size, in bytes.
const LONGEST: usize = 16 << 20;

/// Sends requests to real web servers.
#[derive(Default)]
pub(super) struct LiveHttp {
    client: OnceCell<Client>,
}

impl LiveHttp {
    /// The client. Reading the system's certificates is slow, so one client is created on first use.
    async fn client(&self, request: &HttpRequest) -> Result<&Client, HttpError> {
        let make = async || {
            // Fails only if the process already has a provider, which is equivalent.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let agent = concat!("windlass/", env!("CARGO_PKG_VERSION"));
            Client::builder().user_agent(agent).build().map_err(|error| unreachable(request, &error))
        };
        self.client.get_or_try_init(make).await
    }

    async fn exchange(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        let client = self.client(request).await?;
        let mut response =
            client.execute(to_reqwest(request)?).await.map_err(|error| unreachable(request, &error))?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(request, &error))? {
            if body.len() + chunk.len() > LONGEST {
                return Err(HttpError::TooLong { url: request.shown_url(), limit: LONGEST });
            }
            body.extend_from_slice(&chunk);
        }
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(HttpResponse { status: response.status().as_u16(), body })
    }
}

#[async_trait]
impl Http for LiveHttp {
    async fn send(
        &self,
        request: &HttpRequest,
        cancel: &CancellationToken,
    ) -> Result<HttpResponse, HttpError> {
        let url = || request.shown_url();
        let exchange = tokio::time::timeout(request.limit, self.exchange(request));
        match cancel.run_until_cancelled(exchange).await {
            None => Err(HttpError::Cancelled { url: url() }),
            Some(Err(_)) => Err(HttpError::TimedOut { url: url(), limit: request.limit }),
            Some(Ok(answer)) => answer,
        }
    }
}

fn to_reqwest(request: &HttpRequest) -> Result<Request, HttpError> {
    let method = match request.method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Post => Method::POST,
    };
    let mut built = Request::new(method, request.url.clone());
    for (name, value) in &request.headers {
        let bad = || HttpError::BadHeader { url: request.shown_url(), name: name.clone() };
        let mut header = HeaderValue::try_from(value).map_err(|_| bad())?;
        header.set_sensitive(true);
        built.headers_mut().insert(HeaderName::try_from(name).map_err(|_| bad())?, header);
    }
    if !request.body.is_empty() {
        *built.body_mut() = Some(request.body.clone().into());
    }
    Ok(built)
}

/// The error with the message of the innermost cause: the errors around it only repeat the URL, which may be secret.
fn unreachable(request: &HttpRequest, error: &reqwest::Error) -> HttpError {
    let mut reason = error.source();
    while let Some(inner) = reason.and_then(std::error::Error::source) {
        reason = Some(inner);
    }
    let reason = reason.map_or_else(|| "the connection was lost".to_owned(), ToString::to_string);
    HttpError::Unreachable { url: request.shown_url(), reason }
}
