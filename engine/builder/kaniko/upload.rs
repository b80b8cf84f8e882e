//! Sending the build context into the pod.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use kube::client::Connection;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::cluster::exec::channel::{Channel, status};
use crate::connection_reason::connection_reason;
use crate::process::Tail;

/// How long the peer may take to confirm that everything is received. Not every peer confirms it.
const CONFIRMATION_LIMIT: Duration = Duration::from_secs(10);

/// How long to wait for the error message of `tar` after a failure.
const REASON_LIMIT: Duration = Duration::from_secs(1);

/// Why the context was not received.
#[derive(Debug)]
pub(super) struct UploadError {
    pub(super) reason: String,
    /// The output of `tar`.
    pub(super) output: Option<String>,
}

/// Sends `body` to the standard input of the container behind `connection`, and closes it. Fails if a block cannot be
/// sent within `stall_limit`.
///
/// Since version 5, the protocol can close standard input alone. With older versions, the connection is closed: with
/// `stdinOnce`, this closes the standard input of the container as well.
pub(super) async fn upload(
    connection: Connection,
    body: impl Stream<Item = io::Result<Bytes>>,
    stall_limit: Duration,
) -> Result<(), UploadError> {
    let closes_stdin = connection.supports_stream_close();
    let (mut sink, source) = connection.into_stream().split();
    let mut answers = Answers::default();
    let broken = {
        let send = send(&mut sink, body, closes_stdin, stall_limit);
        let receive = answers.receive(source);
        tokio::pin!(send, receive);
        tokio::select! {
            sent = &mut send => {
                // After an error, `tar` may be about to print why it stopped reading.
                let limit = if sent.is_ok() { CONFIRMATION_LIMIT } else { REASON_LIMIT };
                let _ = tokio::time::timeout(limit, receive).await;
                sent.err()
            }
            () = &mut receive => Some("the connection was closed".to_owned()),
        }
    };
    match answers.failure.take().or(broken) {
        Some(reason) => Err(answers.error(reason)),
        None => Ok(()),
    }
}

/// The response of the container.
#[derive(Default)]
struct Answers {
    errors: Tail,
    /// Why it failed, if it did.
    failure: Option<String>,
}

impl Answers {
    /// Reads until the end of the connection, or the status that comes before it.
    async fn receive(&mut self, mut source: impl Stream<Item = Result<Message, Error>> + Unpin) {
        while let Some(Ok(message)) = source.next().await {
            match Channel::of(message) {
                Some((Channel::Stderr, text)) => {
                    String::from_utf8_lossy(&text).lines().for_each(|line| self.errors.push(line));
                }
                Some((Channel::Status, content)) => {
                    let status = status(&content);
                    self.failure = status.is_failure().then_some(status.message);
                    return;
                }
                _ => {}
            }
        }
    }

    fn error(self, reason: String) -> UploadError {
        UploadError { reason, output: self.errors.into_help() }
    }
}

async fn send(
    sink: &mut (impl Sink<Message, Error = Error> + Unpin),
    body: impl Stream<Item = io::Result<Bytes>>,
    closes_stdin: bool,
    stall_limit: Duration,
) -> Result<(), String> {
    let mut body = std::pin::pin!(body);
    let stalled = || format!("no progress for {} seconds", stall_limit.as_secs());
    while let Some(block) = body.next().await {
        let block = block.map_err(|error| error.to_string())?;
        let sent = tokio::time::timeout(stall_limit, sink.send(Channel::Stdin.message(&block))).await;
        sent.map_err(|_| stalled())?.map_err(|error| connection_reason(&error))?;
    }
    let ended =
        async { if closes_stdin { sink.send(Channel::Stdin.closing()).await } else { sink.close().await } };
    let ended = tokio::time::timeout(stall_limit, ended).await;
    ended.map_err(|_| stalled())?.map_err(|error| connection_reason(&error))
}
