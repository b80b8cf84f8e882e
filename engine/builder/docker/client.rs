//! The HTTP client of a daemon: bollard over our own connections.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use hyper::Uri;
use hyper::header::HeaderValue;
use hyper_util::rt::TokioIo;

use super::{Endpoint, transport};

/// The timeout of ordinary calls.
const CALL_LIMIT: Duration = Duration::from_secs(60);

/// The `Builder-Version` in a daemon's response to a ping, once received: `2` if BuildKit is its default, `1` if the
/// classic builder is, empty if it is not Docker and has no BuildKit. Docker before 23 may omit the header.
pub(super) type BuilderVersion = Arc<OnceLock<String>>;

/// A client of the daemon at `endpoint`, and the version in its response to a ping. Each request opens its own
/// connection, because a build may occupy one for a long time.
pub(super) fn open(endpoint: &Endpoint) -> Result<(Docker, BuilderVersion), bollard::errors::Error> {
    let endpoint = Arc::new(endpoint.clone());
    let builder_version = BuilderVersion::default();
    let heard = Arc::clone(&builder_version);
    let transport = move |request: BollardRequest| {
        let (endpoint, heard) = (Arc::clone(&endpoint), Arc::clone(&heard));
        async move {
            let stream = transport::dial(&endpoint).await.map_err(std::io::Error::other)?;
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
            // Ends with the response, or when its reader is dropped.
            tokio::spawn(connection);
            let is_ping = request.uri().path().ends_with("/_ping");
            let response = sender.send_request(request).await?;
            let version = response.headers().get("builder-version").and_then(|version| version.to_str().ok());
            if let (true, Some(version)) = (is_ping, version) {
                let _ = heard.set(version.to_owned());
            }
            Ok(response)
        }
    };
    let client =
        Docker::connect_with_custom_transport(transport, Some("http://docker"), 0, API_DEFAULT_VERSION)?;
    Ok((adjusted(&client, CALL_LIMIT, |_| None), builder_version))
}

/// `client` with another timeout until a response starts; `redirect` rewrites the path and query of its requests.
pub(super) fn adjusted(
    client: &Docker,
    limit: Duration,
    redirect: impl Fn(&Uri) -> Option<String> + Send + Sync + 'static,
) -> Docker {
    client.clone().with_timeout(limit).with_request_modifier(move |mut request| {
        // The daemon decodes these headers with the URL-safe alphabet of base64, and treats an undecodable value as
        // no credentials; bollard encodes them with the standard alphabet.
        for name in ["x-registry-auth", "x-registry-config"] {
            let Some(value) = request.headers().get(name).and_then(|value| value.to_str().ok()) else {
                continue;
            };
            if let Ok(mut value) = HeaderValue::from_str(&value.replace('+', "-").replace('/', "_")) {
                value.set_sensitive(true);
                request.headers_mut().insert(name, value);
            }
        }
        if !request.headers().contains_key(hyper::header::HOST) {
            request.headers_mut().insert(hyper::header::HOST, HeaderValue::from_static("docker"));
        }
        // The connection is already open: the request line contains only path and query.
        let path = redirect(request.uri())
            .or_else(|| request.uri().path_and_query().map(|path| path.as_str().to_owned()));
        if let Some(uri) = path.and_then(|path| path.parse().ok()) {
            *request.uri_mut() = uri;
        }
        request
    })
}
