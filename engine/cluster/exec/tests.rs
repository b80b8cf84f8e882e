//! The protocol against a peer in memory.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::channel::Channel;
use super::error::Attempt;
use super::pump::Pace;
use super::{ContainerTarget, ExecError, ExecOptions, ExecStream, TerminalSize};

type Peer = WebSocketStream<DuplexStream>;

/// A command whose peer is the test.
async fn start(closes_stdin: bool, options: ExecOptions, pace: Pace) -> (ExecStream, Peer) {
    let (near, far) = duplex(1024);
    let near = WebSocketStream::from_raw_socket(near, Role::Client, None).await;
    let far = WebSocketStream::from_raw_socket(far, Role::Server, None).await;
    let target = ContainerTarget { namespace: "dev".to_owned(), pod: "web".to_owned(), container: None };
    let attempt = Attempt { target, doing: "run `x` in".to_owned(), program: Some("x".to_owned()) };
    (ExecStream::start(near, closes_stdin, attempt, options, pace), far)
}

/// The next message with content.
async fn next(peer: &mut Peer) -> Vec<u8> {
    loop {
        if let Message::Binary(content) = peer.next().await.expect("a message").expect("a message") {
            return content.to_vec();
        }
    }
}

async fn say(peer: &mut Peer, channel: Channel, content: &[u8]) {
    peer.send(channel.message(content)).await.expect("a message is sent");
}

async fn exit(peer: &mut Peer, status: serde_json::Value) {
    say(peer, Channel::Status, status.to_string().as_bytes()).await;
}

#[tokio::test]
async fn each_channel_carries_its_content() {
    let size = TerminalSize { columns: 80, lines: 24 };
    let options = ExecOptions { stdin: true, terminal: Some(size) };
    let (mut stream, mut peer) = start(true, options, Pace::NORMAL).await;
    assert_eq!(next(&mut peer).await, b"\x04{\"Width\":80,\"Height\":24}");
    let sizes = stream.size.take().expect("it has a terminal");
    sizes.send(TerminalSize { columns: 100, lines: 30 }).expect("it is running");
    assert_eq!(next(&mut peer).await, b"\x04{\"Width\":100,\"Height\":30}");
    let mut stdin = stream.stdin.take().expect("it has a stdin");
    stdin.write_all(b"hello").await.expect("stdin");
    assert_eq!(next(&mut peer).await, b"\0hello");
    drop(stdin);
    assert_eq!(next(&mut peer).await, b"\xff\0", "version 5 closes stdin");

    say(&mut peer, Channel::Stdout, b"").await;
    say(&mut peer, Channel::Stdout, b"out").await;
    say(&mut peer, Channel::Stderr, b"err").await;
    let causes = json!([{ "reason": "ExitCode", "message": "7" }]);
    exit(
        &mut peer,
        json!({ "status": "Failure", "reason": "NonZeroExitCode", "details": { "causes": causes } }),
    )
    .await;
    let (mut stdout, mut stderr) = (String::new(), String::new());
    stream.stdout.read_to_string(&mut stdout).await.expect("stdout ends regularly");
    stream.stderr.read_to_string(&mut stderr).await.expect("stderr ends regularly");
    assert_eq!((stdout.as_str(), stderr.as_str()), ("out", "err"));
    assert_eq!(stream.end.wait().await.expect("an exit code"), 7);
}

#[tokio::test]
async fn the_end_of_stdin_is_not_sent_with_version_4_and_output_continues() {
    let options = ExecOptions { stdin: true, terminal: None };
    let (mut stream, mut peer) = start(false, options, Pace::NORMAL).await;
    drop(stream.stdin.take());
    say(&mut peer, Channel::Stdout, b"more").await;
    exit(&mut peer, json!({ "status": "Success" })).await;
    let mut stdout = String::new();
    stream.stdout.read_to_string(&mut stdout).await.expect("stdout ends regularly");
    assert_eq!(stdout, "more");
    assert_eq!(stream.end.wait().await.expect("an exit code"), 0);
    while let Some(Ok(message)) = peer.next().await {
        assert!(!message.is_binary(), "nothing but the end of the connection: {message:?}");
    }
}

#[tokio::test]
async fn stdin_is_sent_while_the_output_is_not_read() {
    let options = ExecOptions { stdin: true, terminal: None };
    let (mut stream, peer) = start(true, options, Pace::NORMAL).await;
    // More than the buffers: the sender blocks, and the other direction must not.
    let (sink, mut source) = {
        let (mut sink, source) = peer.split();
        let flood = tokio::spawn(async move {
            for _ in 0..64 {
                sink.send(Channel::Stdout.message(&[b'x'; 32 * 1024])).await.expect("a message is sent");
            }
            sink
        });
        (flood, source)
    };
    let mut stdin = stream.stdin.take().expect("it has a stdin");
    stdin.write_all(b"still here").await.expect("stdin");
    let received = source.next().await.expect("a message").expect("a message");
    assert_eq!(received.into_data().as_ref(), b"\0still here");
    let mut buffer = vec![0; 64 * 32 * 1024];
    stream.stdout.read_exact(&mut buffer).await.expect("all of the output");
    drop(sink.await);
}

#[tokio::test]
async fn a_peer_that_does_not_respond_ends_the_outputs_with_an_error() {
    let pace = Pace { ping: Duration::from_millis(10), silence: Duration::from_millis(100) };
    let (mut stream, peer) = start(true, ExecOptions::default(), pace).await;
    let mut text = String::new();
    let error = stream.stdout.read_to_string(&mut text).await.expect_err("no regular end");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let error = stream.end.wait().await.expect_err("no exit code");
    assert!(matches!(&error, ExecError::Lost { .. }), "{error}");
    assert_eq!(
        error.to_string(),
        "lost the connection to pod `web` (namespace `dev`): no response within 0 seconds"
    );
    drop(peer);
}

#[tokio::test]
async fn a_peer_that_answers_pings_is_not_lost() {
    let pace = Pace { ping: Duration::from_millis(10), silence: Duration::from_millis(200) };
    let (stream, mut peer) = start(true, ExecOptions::default(), pace).await;
    // Reading answers the pings.
    for _ in 0..40 {
        let message = peer.next().await.expect("a message").expect("a message");
        assert_eq!(message, Message::Ping(Bytes::copy_from_slice(&[0; 8])));
    }
    exit(&mut peer, json!({ "status": "Success" })).await;
    assert_eq!(stream.end.wait().await.expect("an exit code"), 0);
}

#[tokio::test]
async fn failures_without_an_exit_code_are_sorted() {
    let kind = |message: &'static str| async move {
        let (stream, mut peer) = start(true, ExecOptions::default(), Pace::NORMAL).await;
        exit(&mut peer, json!({ "status": "Failure", "message": message })).await;
        match stream.end.wait().await.expect_err("no exit code") {
            ExecError::ContainerNotFound { .. } => "container",
            ExecError::PodNotFound { .. } => "pod",
            ExecError::ProgramNotFound { .. } => "program",
            ExecError::Refused { .. } => "refused",
            _ => "other",
        }
    };
    assert_eq!(kind("container not found (\"c\")").await, "container");
    assert_eq!(kind("pod not found (\"web_dev\")").await, "pod");
    let message = "Internal error occurred: error executing command in container: failed to exec in container: failed to \
                   start exec \"1\": OCI runtime exec failed: exec failed: unable to start container process: exec: \"x\": \
                   executable file not found in $PATH: unknown";
    assert_eq!(kind(message).await, "program");
    assert_eq!(kind("something else").await, "refused");
    let (stream, peer) = start(true, ExecOptions::default(), Pace::NORMAL).await;
    drop(peer);
    assert!(matches!(stream.end.wait().await, Err(ExecError::Lost { .. })));
}
