//! An admission webhook that denies everything.

use std::convert::Infallible;
use std::fs;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use super::make_certificates;

/// A server on a loopback port that denies every object with one message. Dropping it stops it.
pub struct Webhook {
    port: u16,
    certificates: TempDir,
    runtime: Option<Runtime>,
}

impl Webhook {
    /// Denies with `message`.
    pub fn denying(message: &'static str) -> Self {
        let certificates = TempDir::with_prefix("windlass-webhook-").expect("a directory can be created");
        make_certificates(certificates.path());
        let file = |name: &str| certificates.path().join(name);
        let certificate = CertificateDer::from_pem_file(file("cert.pem")).expect("a certificate");
        let key = PrivateKeyDer::from_pem_file(file("key.pem")).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the default versions are supported")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("key and certificate belong together");
        let tls = TlsAcceptor::from(Arc::new(config));
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().expect("a runtime can be created");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a loopback port is free");
        let port = listener.local_addr().expect("a listener has an address").port();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let tls = tls.clone();
                tokio::spawn(async move {
                    let Ok(stream) = tls.accept(stream).await else { return };
                    let deny = service_fn(move |request| deny(request, message));
                    // The API server closes connections as it likes.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), deny).await;
                });
            }
        });
        Self { port, certificates, runtime: Some(runtime) }
    }

    /// The `clientConfig` of a webhook configuration.
    pub fn client_config(&self) -> Value {
        let authority = fs::read(self.certificates.path().join("ca.pem")).expect("the authority");
        json!({
            "url": format!("https://127.0.0.1:{}/check", self.port),
            "caBundle": STANDARD.encode(authority),
        })
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn deny(request: Request<Incoming>, message: &str) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let review: Value = serde_json::from_slice(&body).unwrap_or_default();
    let answer = json!({
        "apiVersion": review["apiVersion"],
        "kind": "AdmissionReview",
        "response": {
            "uid": review["request"]["uid"],
            "allowed": false,
            "status": { "code": 403, "message": message },
        },
    });
    let response = Response::builder().header("content-type", "application/json");
    Ok(response.body(Full::from(answer.to_string())).expect("a valid response"))
}
