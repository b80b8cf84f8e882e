//! The wire format of the file service. Names are bytes here: in the generated messages they are strings, but the
//! daemon accepts names that are not UTF-8.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bollard_buildkit_proto::fsutil::types::packet::PacketType;
use futures_util::Stream;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc, NamedService, StreamingService};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

/// A message of the file service.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Packet {
    #[prost(enumeration = "PacketType", tag = "1")]
    pub(super) r#type: i32,
    #[prost(message, optional, tag = "2")]
    pub(super) stat: Option<Stat>,
    #[prost(uint32, tag = "3")]
    pub(super) id: u32,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) data: Vec<u8>,
}

/// A file, directory or symlink; the owner is omitted, because it is root.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Stat {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) path: Vec<u8>,
    #[prost(uint32, tag = "2")]
    pub(super) mode: u32,
    #[prost(int64, tag = "5")]
    pub(super) size: i64,
    #[prost(int64, tag = "6")]
    pub(super) mod_time: i64,
    #[prost(bytes = "vec", tag = "7")]
    pub(super) linkname: Vec<u8>,
}

/// The stream of packets to send.
pub(super) type Packets = Pin<Box<dyn Stream<Item = Result<Packet, Status>> + Send>>;

/// Compares and sends files.
#[tonic::async_trait]
pub(super) trait DiffCopy: Send + Sync + 'static {
    /// Handles `request`, whose metadata names the directory.
    async fn diff_copy(&self, request: Request<Streaming<Packet>>) -> Result<Response<Packets>, Status>;
}

/// Serves `moby.filesync.v1.FileSync`.
pub(super) struct FileSyncServer<T>(Arc<T>);

impl<T> FileSyncServer<T> {
    pub(super) fn new(inner: T) -> Self {
        Self(Arc::new(inner))
    }
}

impl<T> Clone for FileSyncServer<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> NamedService for FileSyncServer<T> {
    const NAME: &'static str = "moby.filesync.v1.FileSync";
}

impl<T: DiffCopy> Service<http::Request<Body>> for FileSyncServer<T> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let method = Method(Arc::clone(&self.0));
        Box::pin(async move {
            Ok(match request.uri().path() {
                "/moby.filesync.v1.FileSync/DiffCopy" => {
                    Grpc::new(ProstCodec::default()).streaming(method, request).await
                }
                path => Status::unimplemented(path.to_owned()).into_http(),
            })
        })
    }
}

/// The only method of the service that we implement.
struct Method<T>(Arc<T>);

impl<T: DiffCopy> StreamingService<Packet> for Method<T> {
    type Response = Packet;
    type ResponseStream = Packets;
    type Future = BoxFuture<Response<Packets>, Status>;

    fn call(&mut self, request: Request<Streaming<Packet>>) -> Self::Future {
        let inner = Arc::clone(&self.0);
        Box::pin(async move { inner.diff_copy(request).await })
    }
}

#[cfg(test)]
mod tests {
    use bollard_buildkit_proto::fsutil::types as generated;
    use prost::Message as _;

    use super::*;

    #[test]
    fn a_packet_is_the_generated_one() {
        let stat = Stat { path: b"a/b".to_vec(), mode: 0o644, size: 7, mod_time: 5, linkname: b"c".to_vec() };
        let kind = PacketType::PacketStat.into();
        let packet = Packet { r#type: kind, stat: Some(stat), id: 3, data: b"d".to_vec() };
        let stat = generated::Stat {
            path: "a/b".into(),
            mode: 0o644,
            size: 7,
            mod_time: 5,
            linkname: "c".into(),
            ..generated::Stat::default()
        };
        let expected = generated::Packet { r#type: kind, stat: Some(stat), id: 3, data: b"d".to_vec() };
        assert_eq!(packet.encode_to_vec(), expected.encode_to_vec());
    }
}
