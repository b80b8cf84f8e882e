//! The API server of the tests without TLS.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;

use super::Cluster;

/// A loopback port that passes connections on to the API server, with TLS, so that a proxy in front of it sees requests.
/// Dropping it closes them.
#[derive(Debug)]
pub struct PlainCluster {
    port: u16,
    runtime: Option<Runtime>,
}

impl PlainCluster {
    /// Before the API server of `cluster`.
    pub fn before(cluster: &Cluster) -> Self {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&cluster.authority()) {
            roots.add(certificate.expect("a certificate")).expect("the authority is valid");
        }
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the default versions are supported")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = TlsConnector::from(Arc::new(config));
        let server = cluster.server().trim_start_matches("https://").to_owned();
        let host = server.split(':').next().unwrap_or_default().to_owned();
        let host = ServerName::try_from(host).expect("the name of a server");
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().expect("a runtime can be created");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a loopback port is free");
        let port = listener.local_addr().expect("a listener has an address").port();
        runtime.spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (connector, server, host) = (connector.clone(), server.clone(), host.clone());
                tokio::spawn(async move {
                    let far = TcpStream::connect(server).await?;
                    let mut far = connector.connect(host, far).await?;
                    copy_bidirectional(&mut near, &mut far).await
                });
            }
        });
        Self { port, runtime: Some(runtime) }
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for PlainCluster {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
