//! A connection to a port of a pod, over a separate websocket.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use k8s_openapi::api::core::v1::Pod;
use kube::Resource as _;
use kube::api::Request;
use kube::client::Connection;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::access::refusal;
use super::{ClusterAccess, ClusterError};
use crate::connection_reason::connection_reason;

/// The channels of a port (Kubernetes: `portforward`), the first byte of each message.
const DATA: u8 = 0;
const ERROR: u8 = 1;

/// The maximum size of a block in one message.
const BLOCK: usize = 32 * 1024;

/// How many bytes a pod accepts without reading them, at least. With more on the way, the peer may be unable to answer
/// a ping because the program does not read.
const ACCEPTED: u64 = 32 * 1024;

/// The timeout for opening a connection.
const OPEN_LIMIT: Duration = Duration::from_secs(10);

/// The interval of pings, which keep load balancers from closing an idle connection, and how long the peer may be
/// silent.
const PING: Duration = Duration::from_secs(15);
const SILENCE: Duration = Duration::from_secs(45);

/// How long the pod may be silent after the local side has closed its half. The protocol cannot pass that on, and a
/// client that has exited looks the same.
const HALF_CLOSED: Duration = Duration::from_secs(60);

/// A connection to a port of a pod.
pub struct PortConnection(Connection);

/// How a connection to a port ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortEnd {
    /// One of the sides closed it.
    Closed,
    /// The pod does not accept it, for this reason.
    Refused(String),
    /// The connection to the cluster broke, for this reason.
    Lost(String),
}

impl ClusterAccess {
    /// Opens a connection to `port` of a pod. Whether a process listens on it is known only later.
    ///
    /// # Errors
    /// [`ClusterError`].
    pub async fn connect_port(
        &self,
        namespace: &str,
        pod: &str,
        port: u16,
    ) -> Result<PortConnection, ClusterError> {
        let (context, client) = self.connect_plainly().await?;
        let doing = format!("connect to port {port} of the pod `{pod}` in the namespace `{namespace}`");
        let request = Request::new(Pod::url_path(&(), Some(namespace))).portforward(pod, &[port]);
        let request = request
            .map_err(|error| ClusterError::Refused { doing: doing.clone(), reason: error.to_string() })?;
        match timeout(OPEN_LIMIT, client.connect(request)).await {
            Ok(Ok(connection)) => Ok(PortConnection(connection)),
            Ok(Err(kube::Error::Api(status))) => Err(refusal(*status, &doing, context)),
            Ok(Err(error)) => Err(context.unreachable(connection_reason(&error))),
            Err(_) => {
                Err(context.unreachable(format!("no response within {} seconds", OPEN_LIMIT.as_secs())))
            }
        }
    }
}

impl PortConnection {
    /// Moves data between `local` and the pod until one of them closes the connection. If `local` closes only its half,
    /// the response of the pod still arrives.
    pub async fn carry(self, local: TcpStream) -> PortEnd {
        let (sink, source) = self.0.into_stream().split();
        let (reader, mut writer) = local.into_split();
        let counts = Counts::default();
        let ended = {
            let upload = upload(sink, reader, &counts);
            let download = download(source, &mut writer, &counts);
            tokio::pin!(upload, download);
            tokio::select! {
                ended = &mut download => ended,
                ended = &mut upload => match ended {
                    // The reason may be on its way.
                    Upload::Broken(reason) => match timeout(Duration::from_secs(1), download).await {
                        Ok(PortEnd::Lost(_)) | Err(_) => PortEnd::Lost(reason),
                        Ok(ended) => ended,
                    },
                    Upload::Gone => PortEnd::Closed,
                },
            }
        };
        let _ = writer.shutdown().await;
        ended
    }
}

/// The number of bytes to the pod.
#[derive(Default)]
struct Counts {
    sent: AtomicU64,
    confirmed: AtomicU64,
    /// Whether the local side has closed its half.
    is_half_closed: AtomicBool,
}

impl Counts {
    fn may_be_blocked(&self) -> bool {
        let (sent, confirmed) = (self.sent.load(Ordering::Relaxed), self.confirmed.load(Ordering::Relaxed));
        sent.saturating_sub(confirmed) > ACCEPTED
    }
}

enum Upload {
    /// The connection to the cluster broke.
    Broken(String),
    /// The local side has closed the connection.
    Gone,
}

/// Sends until the connection breaks; after the end of the local half, only pings.
async fn upload(
    mut sink: impl Sink<Message, Error = Error> + Unpin,
    mut local: tokio::net::tcp::OwnedReadHalf,
    counts: &Counts,
) -> Upload {
    let mut block = vec![0; BLOCK];
    let mut pings = interval_at(Instant::now() + PING, PING);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_open = true;
    loop {
        let message = tokio::select! {
            read = local.read(&mut block), if is_open => match read {
                Ok(0) => {
                    is_open = false;
                    counts.is_half_closed.store(true, Ordering::Relaxed);
                    continue;
                }
                Ok(count) => {
                    counts.sent.fetch_add(count as u64, Ordering::Relaxed);
                    let mut message = BytesMut::with_capacity(count + 1);
                    message.put_u8(DATA);
                    message.extend_from_slice(&block[..count]);
                    Message::Binary(message.freeze())
                }
                Err(_) => {
                    let _ = timeout(Duration::from_secs(1), sink.close()).await;
                    return Upload::Gone;
                }
            },
            _ = pings.tick() => {
                let sent = counts.sent.load(Ordering::Relaxed);
                Message::Ping(Bytes::copy_from_slice(&sent.to_be_bytes()))
            }
        };
        if let Err(error) = sink.send(message).await {
            return Upload::Broken(connection_reason(&error));
        }
    }
}

async fn download(
    mut source: impl Stream<Item = Result<Message, Error>> + Unpin,
    local: &mut tokio::net::tcp::OwnedWriteHalf,
    counts: &Counts,
) -> PortEnd {
    // The first message of each channel is the number of the port.
    let mut is_begun = [false; 2];
    let mut last_data = Instant::now();
    loop {
        let message = match timeout(SILENCE, source.next()).await {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(Error::ConnectionClosed)) | None) => return PortEnd::Closed,
            Ok(Some(Err(error))) => return PortEnd::Lost(connection_reason(&error)),
            Err(_) if counts.may_be_blocked() => continue,
            Err(_) => return PortEnd::Lost(format!("no response within {} seconds", SILENCE.as_secs())),
        };
        let is_data = matches!(&message, Message::Binary(bytes) if !bytes.is_empty());
        match message {
            Message::Binary(bytes) if !bytes.is_empty() => {
                let (channel, content) = (bytes[0], bytes.slice(1..));
                if let Some(begun @ false) = is_begun.get_mut(usize::from(channel)) {
                    *begun = true;
                } else if channel == DATA {
                    if local.write_all(&content).await.is_err() {
                        return PortEnd::Closed;
                    }
                } else if channel == ERROR {
                    return PortEnd::Refused(String::from_utf8_lossy(&content).trim().to_owned());
                }
            }
            Message::Pong(count) => {
                if let Ok(count) = count.as_ref().try_into().map(u64::from_be_bytes) {
                    counts.confirmed.fetch_max(count, Ordering::Relaxed);
                }
            }
            Message::Close(_) => return PortEnd::Closed,
            _ => {}
        }
        if is_data {
            last_data = Instant::now();
        } else if counts.is_half_closed.load(Ordering::Relaxed) && last_data.elapsed() >= HALF_CLOSED {
            return PortEnd::Closed;
        }
    }
}
