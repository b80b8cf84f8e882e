//! Clients for the API server, over one set of connections.

use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::retry::RetryPolicy;
use kube::client::{Body, ClientBuilder, ConfigExt as _};
use kube::{Client, Config};
use tower::retry::RetryLayer;
use tower::{BoxError, ServiceBuilder};

/// The clients for a cluster, with the same credentials.
#[derive(Clone)]
pub(super) struct Clients {
    /// Retries requests that the API server postpones.
    pub(super) retrying: Client,
    /// Returns every response, for callers that report why a request was postponed.
    pub(super) plain: Client,
}

impl Clients {
    /// Clients for the cluster of `config`. Nothing is contacted.
    ///
    /// # Errors
    /// If credentials or certificates are invalid.
    pub(super) fn new(config: Config) -> kube::Result<Self> {
        if config.proxy_url.is_some() {
            let mut plain = config.clone();
            plain.default_retry = false;
            return Ok(Self { retrying: Client::try_from(config)?, plain: Client::try_from(plain)? });
        }
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        // The last message of a TLS handshake and the request after it are two writes. Without this, the second waits
        // until the server confirms the first, about 40 ms.
        tcp.set_nodelay(true);
        let mut connector = TimeoutConnector::new(config.rustls_https_connector_with_connector(tcp)?);
        connector.set_connect_timeout(config.connect_timeout);
        connector.set_read_timeout(config.read_timeout);
        connector.set_write_timeout(config.write_timeout);
        connector.set_reset_reader_on_write(config.reset_reader_on_write);
        let http =
            hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build::<_, Body>(connector);
        let client = |retry: Option<RetryPolicy>| -> kube::Result<Client> {
            let service = ServiceBuilder::new()
                .layer(config.base_uri_layer())
                .option_layer(retry.map(RetryLayer::new))
                .option_layer(config.auth_layer()?)
                .layer(config.extra_headers_layer()?)
                .map_err(BoxError::from)
                .service(http.clone());
            Ok(ClientBuilder::new(service, config.default_namespace.clone()).build())
        };
        Ok(Self { retrying: client(Some(RetryPolicy::server_retry()))?, plain: client(None)? })
    }
}
