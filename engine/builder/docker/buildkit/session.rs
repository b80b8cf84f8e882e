//! A session: a connection to the daemon on which we are the server.

use std::sync::Arc;
use std::time::Duration;

use bollard_buildkit_proto::health::health_server::HealthServer;
use bollard_buildkit_proto::moby::filesync::v1::auth_server::AuthServer;
use hyper::header::{CONNECTION, UPGRADE};
use hyper::rt::{Read, Write};
use hyper::{Method, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio_util::task::AbortOnDropHandle;
use tonic::service::Routes;

use super::BuildKit;
use super::auth::Auth;
use super::connection::{Connection, describe};
use super::file_sync::{FileSync, Transfer};
use super::health::Health;
use super::wire::FileSyncServer;
use crate::builder::docker::TransportError;

/// How often the connection to the daemon is checked, and how long a response may take.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// How many unread bytes the daemon may send, per stream and on the whole connection.
///
/// It requests each file by a message of ten bytes, thousands of them at a time. h2 counts small unread frames as 256
/// bytes each and ends the connection if they exceed half of its window (`data_frame_budget` in h2). With these
/// sizes, the unread messages of a stream use at most a quarter of that.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * STREAM_WINDOW;

/// The methods that we serve, under the names that the daemon looks up.
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
        transfer: Arc<Transfer>,
    ) -> Result<Self, TransportError> {
        let mut headers = vec![
            (CONNECTION.as_str(), "Upgrade"),
            (UPGRADE.as_str(), "h2c"),
            ("X-Docker-Expose-Session-Uuid", id),
            ("X-Docker-Expose-Session-Name", "windlass"),
            ("X-Docker-Expose-Session-Sharedkey", transfer.name.as_str()),
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
            .add_service(FileSyncServer::new(FileSync::new(transfer)));
        Ok(Self { server: AbortOnDropHandle::new(tokio::spawn(serve(upgraded, routes))) })
    }

    /// Waits until the daemon closes the session, and returns the reason.
    pub(super) async fn closed(&mut self) -> String {
        (&mut self.server).await.unwrap_or_else(|error| error.to_string())
    }
}

/// Serves `routes` to the daemon at the other end of `stream`, and returns why it ended.
async fn serve(stream: impl Read + Write + Unpin + Send + 'static, routes: Routes) -> String {
    let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .serve_connection(stream, TowerToHyperService::new(routes.prepare()));
    match connection.await {
        Ok(()) => "it closed the session".to_owned(),
        Err(error) => describe(&error),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::time::SystemTime;

    use bollard_buildkit_proto::fsutil::types::packet::PacketType;
    use bytes::{Buf as _, Bytes};
    use futures_util::stream;
    use http_body_util::{BodyExt as _, StreamBody};
    use hyper::Request;
    use hyper::body::Frame;
    use hyper_util::rt::TokioIo;
    use prost::Message as _;
    use tokio::sync::oneshot;

    use super::super::stat::memory_file;
    use super::super::wire::Packet;
    use super::*;
    use crate::builder::BuildRequest;
    use crate::event::Events;
    use crate::image::{Dockerfile, Selection};

    const FILES: u32 = 20_000;
    const SIZE: usize = 1000;

    fn transfer() -> Arc<Transfer> {
        let content = Bytes::from_static(&[7; SIZE]);
        let file = |number| memory_file(&format!("{number:05}"), content.clone(), SystemTime::UNIX_EPOCH);
        let request = BuildRequest::new(
            "api",
            Dockerfile::parse("Dockerfile", "FROM scratch\n").expect("a Dockerfile"),
            Selection::from_entries((0..FILES).map(file).collect()),
            "/none",
        );
        Arc::new(Transfer::new(&request, Events::new(|_| ()).of_image("api")))
    }

    fn packet(kind: PacketType, id: u32) -> Bytes {
        let message = Packet { r#type: kind.into(), id, ..Packet::default() }.encode_to_vec();
        let length = u32::try_from(message.len()).expect("a small message").to_be_bytes();
        [&[0], &length[..], &message].concat().into()
    }

    /// The packets in `bytes`.
    fn packets(mut bytes: Bytes) -> Vec<Packet> {
        let mut packets = Vec::new();
        while bytes.has_remaining() {
            bytes.advance(1);
            let message = bytes.get_u32() as usize;
            packets.push(Packet::decode(bytes.split_to(message)).expect("a packet"));
        }
        packets
    }

    /// The goroutines of a daemon request every file, each in its own frame, long before one of them reads a response.
    #[tokio::test]
    async fn all_files_may_be_requested_before_one_is_read() {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let routes = Routes::new(FileSyncServer::new(FileSync::new(transfer())));
        let server = tokio::spawn(serve(TokioIo::new(ours), routes));
        let handshake =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(theirs)).await;
        let (mut requests, connection) = handshake.expect("a connection");
        tokio::spawn(connection);

        let (all_sent, sent) = oneshot::channel();
        let mut all_sent = Some(all_sent);
        let asked = (0..=FILES).map(move |id| {
            let packet = match id {
                FILES => packet(PacketType::PacketFin, 0),
                id => packet(PacketType::PacketReq, id),
            };
            if id == FILES {
                all_sent.take().map(|all_sent| all_sent.send(()));
            }
            Ok::<_, Infallible>(Frame::data(packet))
        });
        let request = Request::post("http://session/moby.filesync.v1.FileSync/DiffCopy")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("dir-name", "context")
            .body(StreamBody::new(stream::iter(asked)))
            .expect("a request");
        let response = requests.send_request(request).await.expect("a response");
        if sent.await.is_err() {
            panic!("the session ended: {}", server.await.expect("the server ends"));
        }
        let body = response.into_body().collect().await.expect("everything arrives").to_bytes();
        let packets = packets(body);
        let bytes = packets.iter().map(|packet| packet.data.len()).sum::<usize>();
        assert_eq!(bytes, SIZE * FILES as usize);
        assert_eq!(packets.last().map(Packet::r#type), Some(PacketType::PacketFin));
    }
}
