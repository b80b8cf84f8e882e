//! A session: a connection to the daemon on which we are the server.

use std::sync::Arc;
use std::time::Duration;

use bollard_buildkit_proto::health::health_server::HealthServer;
use bollard_buildkit_proto::moby::filesync::packet::file_sync_server::FileSyncServer;
use bollard_buildkit_proto::moby::filesync::v1::auth_server::AuthServer;
use hyper::header::{CONNECTION, UPGRADE};
use hyper::{Method, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::service::TowerToHyperService;
use sha2::{Digest, Sha256};
use tokio_util::task::AbortOnDropHandle;
use tonic::service::Routes;

use super::BuildKit;
use super::auth::Auth;
use super::connection::{Connection, describe};
use super::file_sync::{FileSync, Transfer};
use super::health::Health;
use crate::builder::BuildRequest;
use crate::builder::docker::TransportError;

/// How often we ask whether the daemon is still there, and how long it may take to answer.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// The methods served, as the daemon looks them up.
const METHODS: [&str; 3] = [
    "/grpc.health.v1.Health/Check",
    "/moby.filesync.v1.FileSync/DiffCopy",
    "/moby.filesync.v1.Auth/Credentials",
];

/// A session of one build; closed when dropped.
pub(super) struct Session {
    server: AbortOnDropHandle<String>,
}

impl Session {
    /// Opens a session named `id` that serves the files of `transfer` and the credentials of `builder`.
    pub(super) async fn open(
        builder: &BuildKit,
        id: &str,
        request: &BuildRequest,
        transfer: Arc<Transfer>,
    ) -> Result<Self, TransportError> {
        let shared_key = shared_key(request);
        let mut headers = vec![
            (CONNECTION.as_str(), "Upgrade"),
            (UPGRADE.as_str(), "h2c"),
            ("X-Docker-Expose-Session-Uuid", id),
            ("X-Docker-Expose-Session-Name", "windlass"),
            ("X-Docker-Expose-Session-Sharedkey", shared_key.as_str()),
        ];
        headers.extend(METHODS.map(|method| ("X-Docker-Expose-Session-Grpc-Method", method)));
        let target = format!("/v{}/session", builder.api_version);
        let answer = Connection::open(&builder.endpoint).await?.send(Method::POST, &target, &headers).await?;
        if answer.response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(TransportError::refused(format!("no session: {}", answer.response.status())));
        }
        let upgraded = hyper::upgrade::on(answer.response)
            .await
            .map_err(|error| TransportError::lost(&builder.endpoint, describe(&error)))?;
        let routes = Routes::new(HealthServer::new(Health))
            .add_service(AuthServer::new(Auth::new(builder.credentials.clone())))
            .add_service(FileSyncServer::new(FileSync::new(transfer)))
            .prepare();
        let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE)
            .serve_connection(upgraded, TowerToHyperService::new(routes));
        let server = tokio::spawn(async move {
            match connection.await {
                Ok(()) => "it closed the session".to_owned(),
                Err(error) => describe(&error),
            }
        });
        Ok(Self { server: AbortOnDropHandle::new(server) })
    }

    /// Waits until the daemon closes the session, and says why it did.
    pub(super) async fn closed(&mut self) -> String {
        (&mut self.server).await.unwrap_or_else(|error| error.to_string())
    }
}

/// Names what the daemon may compare our files with: those of the last build of the same image of the same
/// project. Images that share a context folder send different parts of it, so each has a key of its own.
fn shared_key(request: &BuildRequest) -> String {
    let mut hash = Sha256::new();
    hash.update(request.directory.as_os_str().as_encoded_bytes());
    hash.update([0]);
    hash.update(&request.image);
    hex::encode(hash.finalize())
}
