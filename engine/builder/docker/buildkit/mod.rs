//! Builds with the BuildKit in a Docker daemon, over our own session.
//!
//! A request starts the build (`POST /build`) and names a *session* from which the daemon fetches files and
//! credentials: a second connection with reversed roles, on which we are the server. Over it the daemon compares the
//! build context with its copy from the last build and requests only the files that changed, and the Dockerfile stays
//! out of the context. The daemon compares only size and time, so we mark a file as changed if we never sent its
//! content with this size and time.

mod auth;
mod connection;
mod file_sync;
mod health;
mod message;
mod progress;
mod session;
mod stat;
mod warning;
mod wire;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use form_urlencoded::Serializer;
use hyper::Method;
use tokio_util::sync::CancellationToken;

use super::cache_race::with_repeats;
use super::{Endpoint, TransportError};
use crate::builder::failure::Failure;
use crate::builder::{BuildError, BuildRequest, Builder, BuiltImage};
use crate::event::ImageEvents;
use crate::lock::lock;

pub use auth::CredentialLookup;
use connection::Connection;
use file_sync::{Remembered, Transfer};
use message::{Message, Messages};
use progress::Progress;
use session::Session;

/// How long the daemon may take to acknowledge a cancelled build.
const CANCEL_LIMIT: Duration = Duration::from_secs(2);

/// Builds with the BuildKit of a Docker daemon. Equals `docker build` with `DOCKER_BUILDKIT=1`.
#[derive(Clone)]
pub struct BuildKit {
    /// Where the daemon listens.
    pub endpoint: Endpoint,
    /// The API version to use, at least `1.39`: `1.41`.
    pub api_version: String,
    /// Looks up the credentials for a registry.
    pub credentials: CredentialLookup,
}

#[async_trait]
impl Builder for BuildKit {
    async fn build(
        &self,
        request: BuildRequest,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<BuiltImage, BuildError> {
        // The daemon might not have noticed yet that the session of an earlier attempt is over.
        let current = Mutex::new(String::new());
        let attempt = || {
            let id = random_id();
            lock(&current).clone_from(&id);
            self.run(id, &request, events)
        };
        tokio::select! {
            biased;
            () = cancel.cancelled() => {
                let id = lock(&current).clone();
                // Closing the connections stopped the build, unless a proxy kept its own connection open.
                let _ = tokio::time::timeout(CANCEL_LIMIT, self.cancel(&id)).await;
                Err(BuildError::Cancelled)
            }
            built = with_repeats(events, attempt) => built,
        }
    }
}

impl BuildKit {
    /// Builds the image. Dropping the future closes the connections, and the daemon then stops the build.
    async fn run(
        &self,
        id: String,
        request: &BuildRequest,
        events: &ImageEvents,
    ) -> Result<BuiltImage, BuildError> {
        let transfer = Arc::new(Transfer::new(request, events.clone()));
        let _remembered = Remembered(transfer.clone());
        let mut session = Session::open(self, &id, transfer.clone()).await?;
        let built = tokio::select! {
            built = self.solve(&id, request, events) => built,
            reason = session.closed() => Err(TransportError::lost(&self.endpoint, reason).into()),
        };
        match (built, transfer.failure()) {
            // The daemon only rewords the error that we sent to it.
            (Err(_), Some(failure)) => Err(failure),
            (built, _) => built,
        }
    }

    /// Requests the build and follows it to its end.
    async fn solve(
        &self,
        id: &str,
        request: &BuildRequest,
        events: &ImageEvents,
    ) -> Result<BuiltImage, BuildError> {
        let target = self.path("build", &query(id, request));
        let connection = Connection::open(&self.endpoint).await?;
        let answer = match connection.send(Method::POST, &target, &[]).await {
            Err(TransportError::Refused { reason }) => {
                return Err(Failure { reason, step: None }.into_error(request));
            }
            answer => answer?,
        };
        let mut progress = Progress::new(&request.dockerfile, events);
        let mut image_id = None;
        let mut messages = Messages::new(answer);
        loop {
            match messages.next().await.map_err(|reason| TransportError::lost(&self.endpoint, reason))? {
                Some(Message::Status(status)) => progress.update(status),
                Some(Message::ImageId(id)) => image_id = Some(id),
                Some(Message::Error(reason)) => {
                    return Err(Failure { reason, step: progress.into_failed() }.into_error(request));
                }
                Some(Message::Other) => {}
                None => break,
            }
        }
        match image_id {
            Some(image_id) => Ok(BuiltImage::in_daemon(image_id)),
            None => {
                Err(TransportError::lost(&self.endpoint, "it ended the build without naming an image").into())
            }
        }
    }

    async fn cancel(&self, id: &str) -> Result<(), TransportError> {
        let target =
            self.path("build/cancel", &Serializer::new(String::new()).append_pair("id", id).finish());
        Connection::open(&self.endpoint).await?.send(Method::POST, &target, &[]).await?;
        Ok(())
    }

    fn path(&self, resource: &str, query: &str) -> String {
        format!("/v{}/{resource}?{query}", self.api_version)
    }
}

/// The query of `POST /build` (Docker Engine API, ImageBuild).
fn query(id: &str, request: &BuildRequest) -> String {
    let mut query = Serializer::new(String::new());
    query
        .append_pair("version", "2")
        .append_pair("remote", "client-session")
        .append_pair("session", id)
        .append_pair("buildid", id)
        .append_pair("dockerfile", file_sync::DOCKERFILE);
    for reference in &request.references {
        query.append_pair("t", &reference.to_string());
    }
    let mut build_args = request.given_args();
    if request.cache.is_inline {
        build_args.insert("BUILDKIT_INLINE_CACHE".to_owned(), "1".to_owned());
    }
    // Podman refuses an empty list.
    if !request.cache.from.is_empty() {
        query.append_pair("cachefrom", &serde_json::json!(request.cache.from).to_string());
    }
    for (name, values) in [("buildargs", &build_args), ("labels", &request.labels)] {
        if !values.is_empty() {
            query.append_pair(name, &serde_json::json!(values).to_string());
        }
    }
    let options =
        [("target", &request.target), ("networkmode", &request.network), ("platform", &request.platform)];
    for (name, value) in options {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    query.finish()
}

/// A unique name for a build and its session.
fn random_id() -> String {
    std::iter::repeat_with(fastrand::alphanumeric).take(25).collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{UnixListener, UnixStream};

    use super::*;
    use crate::event::Events;
    use crate::image::Dockerfile;
    use crate::image::context::Selection;

    /// The first line and the headers of a request.
    async fn head(stream: &mut UnixStream) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("a request"));
        }
        String::from_utf8(head).expect("UTF-8")
    }

    /// A daemon that keeps the sessions of clients that disconnected, and whose first build fails because of a missing
    /// image. Returns the IDs of its sessions, and its connections, so that they stay open.
    async fn daemon(socket: &Path) -> (Vec<String>, Vec<UnixStream>) {
        let listener = UnixListener::bind(socket).expect("a socket");
        let (mut ids, mut connections) = (Vec::new(), Vec::new());
        loop {
            let (mut stream, _) = listener.accept().await.expect("a client");
            let head = head(&mut stream).await;
            let header = |name: &str| {
                let mut lines = head.lines().filter_map(|line| line.split_once(": "));
                lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
            };
            if let Some(id) = header("X-Docker-Expose-Session-Uuid") {
                assert!(!ids.contains(&id), "session {id} already exists");
                ids.push(id);
                let answer = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
                stream.write_all(answer.as_bytes()).await.expect("it is read");
                connections.push(stream);
                continue;
            }
            let body = match ids.len() {
                1 => r#"{"errorDetail":{"message":"unable to find image \"sha256:1\""}}"#,
                _ => r#"{"id":"moby.image.id","aux":{"ID":"sha256:2"}}"#,
            };
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.expect("it is read");
            connections.push(stream);
            if ids.len() == 2 {
                return (ids, connections);
            }
        }
    }

    #[tokio::test]
    async fn each_attempt_has_its_own_session() {
        let folder = tempfile::tempdir().expect("a directory");
        let socket = folder.path().join("socket");
        let daemon = {
            let socket = socket.clone();
            tokio::spawn(async move { daemon(&socket).await })
        };
        while !socket.exists() {
            tokio::task::yield_now().await;
        }
        let builder = BuildKit {
            endpoint: Endpoint::Unix(socket),
            api_version: "1.41".to_owned(),
            credentials: Arc::new(|_| Box::pin(async { None })),
        };
        let request = BuildRequest::new(
            "api",
            Dockerfile::parse("Dockerfile", "FROM scratch\n").expect("a Dockerfile"),
            Selection::from_entries(Vec::new()),
            "/none",
        );
        let events = Events::none().of_image("api");
        let built = builder.build(request, &events, &CancellationToken::new()).await.expect("it is built");
        assert_eq!(built.image_id.as_deref(), Some("sha256:2"));
        let (ids, _) = daemon.await.expect("no panic");
        assert_eq!(ids.len(), 2);
    }
}
