//! The tests' daemon behind a TCP port.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, UnixStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use super::Daemon;

/// Passes connections to a loopback port on to a daemon's socket. Dropping it closes them all.
#[derive(Debug)]
pub struct Forwarder {
    port: u16,
    connections: Arc<AtomicUsize>,
    runtime: Option<Runtime>,
}

impl Forwarder {
    /// Plain TCP.
    pub fn plain(daemon: &Daemon) -> Self {
        Self::start(daemon, None)
    }

    /// TLS for clients with a certificate of the authority in `folder`, made by [`make_certificates`].
    pub fn tls(daemon: &Daemon, folder: &Path) -> Self {
        let certificate = |name: &str| {
            CertificateDer::from_pem_file(folder.join(name)).expect("the certificate can be read")
        };
        let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).expect("the key can be read");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(certificate("ca.pem")).expect("the authority is valid");
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the default versions are supported")
            .with_client_cert_verifier(clients.build().expect("the authority is valid"))
            .with_single_cert(vec![certificate("cert.pem")], key)
            .expect("key and certificate belong together");
        Self::start(daemon, Some(TlsAcceptor::from(Arc::new(config))))
    }

    fn start(daemon: &Daemon, tls: Option<TlsAcceptor>) -> Self {
        let socket =
            daemon.host().strip_prefix("unix://").expect("the daemon listens on a socket").to_owned();
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().expect("a runtime can be created");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a loopback port is free");
        let port = listener.local_addr().expect("a listener has an address").port();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let (socket, tls) = (socket.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => join(tls.accept(stream).await?, &socket).await,
                        None => join(stream, &socket).await,
                    }
                });
            }
        });
        Self { port, connections, runtime: Some(runtime) }
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// How many connections have been opened so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn join(mut near: impl AsyncRead + AsyncWrite + Unpin, socket: &str) -> std::io::Result<()> {
    let mut far = UnixStream::connect(socket).await?;
    copy_bidirectional(&mut near, &mut far).await?;
    Ok(())
}

/// Writes `ca.pem`, and `cert.pem` with `key.pem` for 127.0.0.1, as Docker names them, to `folder`.
pub fn make_certificates(folder: &Path) {
    fs::create_dir_all(folder).expect("a directory can be created");
    fs::write(folder.join("extensions"), "subjectAltName=IP:127.0.0.1\nbasicConstraints=critical,CA:FALSE\n")
        .expect("a file can be written");
    let new_key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    for arguments in [
        format!("req -x509 {new_key} -days 2 -subj /CN=authority -keyout ca-key.pem -out ca.pem"),
        format!("req -new {new_key} -subj /CN=daemon -keyout key.pem -out request.pem"),
        "x509 -req -in request.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 -extfile extensions \
         -out cert.pem"
            .to_owned(),
    ] {
        let mut command = Command::new("openssl");
        let output = command.args(arguments.split_whitespace()).current_dir(folder).output();
        let output = output.expect("openssl can be run");
        assert!(output.status.success(), "openssl failed: {}", String::from_utf8_lossy(&output.stderr));
    }
}
