//! Moves data between a connection and the ends that the caller has.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use kube::core::Status;
use tokio::io::{AsyncReadExt as _, DuplexStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::TerminalSize;
use super::channel::{Channel, status};
use crate::connection_reason::connection_reason;

/// The maximum size of a block of stdin in one message.
const BLOCK: usize = 32 * 1024;

/// How many bytes of stdin a container accepts without reading them, at least. With more on the way, the peer may be
/// unable to answer a ping because the program does not read.
const ACCEPTED: u64 = 32 * 1024;

/// How long a broken connection may take to report the reason.
const REASON_LIMIT: Duration = Duration::from_secs(1);

/// The intervals of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// The interval of pings, which keep load balancers from closing an idle connection.
    pub(super) ping: Duration,
    /// How long the peer may be silent.
    pub(super) silence: Duration,
}

impl Pace {
    /// The intervals with clusters.
    pub(super) const NORMAL: Self = Self { ping: Duration::from_secs(15), silence: Duration::from_secs(45) };
}

/// A connection that carries channels.
pub(super) trait Connection:
    Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Send + 'static
{
}

impl<S> Connection for S where
    S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Send + 'static
{
}

/// The regular end of a connection.
pub(super) struct Ended {
    pub(super) status: Status,
    /// The beginning of stdout.
    pub(super) beginning: Vec<u8>,
}

/// How much of the beginning of stdout is kept.
const BEGINNING: usize = 1024;

/// A sender of the container's output.
pub(super) type OutputSender = mpsc::Sender<io::Result<Bytes>>;

/// The inner ends of a connection.
pub(super) struct Ends {
    pub(super) stdin: Option<DuplexStream>,
    pub(super) sizes: Option<watch::Receiver<TerminalSize>>,
    pub(super) stdout: OutputSender,
    pub(super) stderr: OutputSender,
    /// Whether the protocol can close stdin.
    pub(super) closes_stdin: bool,
}

/// Moves data until the command ends, and returns its status, or why the connection broke. Reading and writing do not
/// wait for each other.
pub(super) async fn pump(connection: impl Connection, ends: Ends, pace: Pace) -> Result<Ended, String> {
    let Ends { stdin, sizes, stdout, stderr, closes_stdin } = ends;
    let (sink, source) = connection.split();
    let counts = Counts::default();
    let ended = {
        let send = send(sink, stdin, sizes, closes_stdin, &counts, pace);
        let receive = receive(source, [&stdout, &stderr], &counts, pace);
        tokio::pin!(send, receive);
        tokio::select! {
            ended = &mut receive => ended,
            error = &mut send => match timeout(REASON_LIMIT, receive).await {
                Ok(ended) => ended,
                Err(_) => Err(connection_reason(&error)),
            },
        }
    };
    if let Err(reason) = &ended {
        for output in [stdout, stderr] {
            // The reader may have stopped, or may read only later.
            let error = io::Error::new(io::ErrorKind::ConnectionReset, reason.clone());
            tokio::spawn(async move { _ = output.send(Err(error)).await });
        }
    }
    ended
}

/// The number of bytes of stdin.
#[derive(Default)]
struct Counts {
    /// Those that were sent.
    sent: AtomicU64,
    /// Those that the peer has read.
    confirmed: AtomicU64,
}

impl Counts {
    fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Whether the program may be the reason why the peer does not respond.
    fn may_be_blocked(&self) -> bool {
        self.sent().saturating_sub(self.confirmed.load(Ordering::Relaxed)) > ACCEPTED
    }
}

async fn receive(
    mut source: impl Stream<Item = Result<Message, Error>> + Unpin,
    [stdout, stderr]: [&OutputSender; 2],
    counts: &Counts,
    pace: Pace,
) -> Result<Ended, String> {
    let mut beginning = Vec::new();
    loop {
        let message = match timeout(pace.silence, source.next()).await {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(Error::ConnectionClosed)) | None) => {
                return Err(connection_reason(&Error::ConnectionClosed));
            }
            Ok(Some(Err(error))) => return Err(connection_reason(&error)),
            Err(_) if counts.may_be_blocked() => continue,
            Err(_) => return Err(format!("no response within {} seconds", pace.silence.as_secs())),
        };
        if let Message::Pong(count) = &message {
            if let Ok(count) = count.as_ref().try_into().map(u64::from_be_bytes) {
                counts.confirmed.fetch_max(count, Ordering::Relaxed);
            }
            continue;
        }
        // A dropped receiver is not interested. The first message of each channel is empty.
        match Channel::of(message) {
            Some((_, content)) if content.is_empty() => {}
            Some((Channel::Stdout, content)) => {
                let missing = BEGINNING.saturating_sub(beginning.len()).min(content.len());
                beginning.extend_from_slice(&content[..missing]);
                let _ = stdout.send(Ok(content)).await;
            }
            Some((Channel::Stderr, content)) => _ = stderr.send(Ok(content)).await,
            Some((Channel::Status, content)) => return Ok(Ended { status: status(&content), beginning }),
            Some((Channel::Stdin | Channel::Size, _)) | None => {}
        }
    }
}

/// Sends until the connection breaks; returns why.
async fn send(
    mut sink: impl Sink<Message, Error = Error> + Unpin,
    mut stdin: Option<DuplexStream>,
    mut sizes: Option<watch::Receiver<TerminalSize>>,
    closes_stdin: bool,
    counts: &Counts,
    pace: Pace,
) -> Error {
    let mut block = vec![0; BLOCK];
    let mut pings = interval_at(Instant::now() + pace.ping, pace.ping);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let message = tokio::select! {
            count = read(&mut stdin, &mut block) => if count == 0 {
                stdin = None;
                if !closes_stdin {
                    continue;
                }
                Channel::Stdin.closing()
            } else {
                counts.sent.fetch_add(count as u64, Ordering::Relaxed);
                Channel::Stdin.message(&block[..count])
            },
            size = changed(&mut sizes) => match size {
                Some(size) => Channel::Size.message(size.json().as_bytes()),
                None => {
                    sizes = None;
                    continue;
                }
            },
            _ = pings.tick() => Message::Ping(Bytes::copy_from_slice(&counts.sent().to_be_bytes())),
        };
        if let Err(error) = sink.send(message).await {
            return error;
        }
    }
}

/// Reads a block of stdin; 0 at its end.
async fn read(stdin: &mut Option<DuplexStream>, block: &mut [u8]) -> usize {
    match stdin {
        Some(stdin) => stdin.read(block).await.unwrap_or(0),
        None => std::future::pending().await,
    }
}

/// The size of the terminal when it has changed; `None` if it will not change again.
async fn changed(sizes: &mut Option<watch::Receiver<TerminalSize>>) -> Option<TerminalSize> {
    match sizes {
        Some(sizes) => sizes.changed().await.ok().map(|()| *sizes.borrow_and_update()),
        None => std::future::pending().await,
    }
}
