//! The requests to the loop in a container, and its responses.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::time::timeout;

use super::lines::Lines;
use super::{Connector, WireOptions};
use crate::process::Tail;
use crate::sync::RemoteError;

/// The loop, line by line.
const LOOP: &str = include_str!("loop.sh");

/// Reads a script from stdin up to a line with a point, and runs it: the loop is too long for a URL.
const START: &str = "s=;while IFS= read -r l&&[ \"$l\" != . ];do s=\"$s$l\n\";done;eval \"$s\"";

/// The name of the loop among the processes of the container.
const NAME: &str = "windlass-sync";

/// The file by which the restart helper notices that files are being synced.
const MARK: &str = "/tmp/sync";

/// The number of bytes of one write.
const PIECE: usize = 64 * 1024;

/// How long a piece may take to be written.
const WRITE_LIMIT: Duration = Duration::from_secs(30);

/// The timeout for the report of a program's end after its output has ended.
const END_LIMIT: Duration = Duration::from_secs(2);

/// The status of a response if the root does not exist, and if a path is not as expected.
const GONE: i32 = 3;
pub(super) const CHANGED: i32 = 2;

/// The purpose of a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It changes the directory.
    Writer,
    /// It only reads.
    Reader,
}

/// A request to the loop.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) verb: &'static str,
    /// Its action, for messages: `upload files`.
    pub(super) doing: &'static str,
    /// The first list of lines.
    pub(super) paths: Vec<String>,
    /// The second list of lines.
    pub(super) lines: Vec<String>,
    /// Simple words, without spaces.
    pub(super) arguments: String,
    pub(super) body: Bytes,
    /// The maximum time without output before and within the response.
    pub(super) limit: Duration,
}

impl Request {
    pub(super) fn new(verb: &'static str, doing: &'static str, paths: Vec<String>) -> Self {
        let limit = Duration::from_secs(60);
        Self { verb, doing, paths, lines: Vec::new(), arguments: String::new(), body: Bytes::new(), limit }
    }

    pub(super) fn arguments(mut self, arguments: impl Into<String>) -> Self {
        self.arguments = arguments.into();
        self
    }

    pub(super) fn lines(mut self, lines: Vec<String>) -> Self {
        self.lines = lines;
        self
    }

    pub(super) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(super) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }
}

/// The response to a request.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) lines: Lines,
    pub(super) status: i32,
}

impl Answer {
    /// The lines as strings; invalid UTF-8 is replaced.
    pub(super) fn texts(&self) -> impl Iterator<Item = String> {
        self.lines.iter().map(|line| String::from_utf8_lossy(line).into_owned())
    }

    /// The errors: a key and a message each.
    pub(super) fn errors(&self) -> impl Iterator<Item = String> {
        self.texts().filter_map(|line| line.strip_prefix("e ").map(str::to_owned))
    }
}

/// The connection to a loop.
pub(super) struct Channel {
    stdin: Box<dyn AsyncWrite + Send + Unpin>,
    stdout: BufReader<Box<dyn AsyncRead + Send + Unpin>>,
    ended: Option<BoxFuture<'static, Result<i32, RemoteError>>>,
    errors: Arc<Mutex<Tail>>,
    root: String,
    token: String,
    /// Why it has ended, if it has.
    broken: Option<RemoteError>,
    /// Bytes per second to write at most.
    pace: Option<u64>,
}

impl Channel {
    /// Starts a loop for `root`; returns its facts too.
    pub(super) async fn start(
        connector: &dyn Connector,
        role: Role,
        options: &WireOptions,
    ) -> Result<(Self, Answer), RemoteError> {
        let token = format!("{:016x}", fastrand::u64(..));
        let (root, pace) = (&options.root, options.upload_limit.filter(|_| role == Role::Writer));
        let steal = if options.steals { "steal" } else { "" };
        let role = if role == Role::Writer { "rw" } else { "ro" };
        let command =
            ["sh", "-c", START, NAME, root, role, &options.owner, &token, MARK, steal].map(str::to_owned);
        let doing = "connect";
        let limit = Duration::from_secs(20);
        let hung = |_| RemoteError::Hung { doing: doing.to_owned(), limit };
        let connection = timeout(limit, connector.start(&command)).await.map_err(hung)??;
        let errors = Arc::new(Mutex::new(Tail::default()));
        tokio::spawn(keep_tail(connection.stderr, Arc::clone(&errors)));
        let mut channel = Self {
            stdin: connection.stdin,
            stdout: BufReader::with_capacity(PIECE, connection.stdout),
            ended: Some(connection.ended),
            errors,
            root: root.clone(),
            token,
            broken: None,
            pace,
        };
        let lines = LOOP.lines().map(str::trim_start).filter(|line| !line.starts_with('#'));
        let script = lines.flat_map(|line| [line, "\n"]).chain([".\n"]).collect::<String>();
        let facts = match channel.write(script.as_bytes(), None, doing).await {
            Ok(()) => channel.answer(doing, limit).await?,
            Err(error) => return Err(error),
        };
        Ok((channel, facts))
    }

    /// Sends a request, and returns its response. Must not be dropped before that.
    pub(super) async fn ask(&mut self, request: &Request) -> Result<Answer, RemoteError> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        let Request { verb, paths, lines, arguments, .. } = request;
        let mut head = format!("{verb} {} {} {arguments}\n", paths.len(), lines.len());
        for line in paths.iter().chain(lines) {
            head.push_str(line);
            head.push('\n');
        }
        let asked = async {
            self.write(head.as_bytes(), None, request.doing).await?;
            let pace = self.pace;
            self.write(&request.body, pace, request.doing).await?;
            self.answer(request.doing, request.limit).await
        };
        let answer = asked.await;
        self.broken = answer.as_ref().err().cloned();
        let answer = answer?;
        if answer.status == GONE {
            let reason = "the directory no longer exists".to_owned();
            return Err(RemoteError::Root { root: self.root.clone(), reason });
        }
        Ok(answer)
    }

    /// Ends the loop.
    pub(super) async fn end(&mut self) {
        if self.write(b"end 0 0\n", None, "disconnect").await.is_ok()
            && let Some(ended) = self.ended.take()
        {
            let _ = timeout(END_LIMIT, ended).await;
        }
        let gone = RemoteError::Lost { reason: "it was closed".to_owned() };
        self.broken.get_or_insert(gone);
    }

    async fn write(&mut self, bytes: &[u8], pace: Option<u64>, doing: &str) -> Result<(), RemoteError> {
        // With a limit, a piece is a quarter of a second.
        let piece = pace.map_or(PIECE, |pace| usize::try_from(pace / 4).unwrap_or(PIECE).clamp(1, PIECE));
        for piece in bytes.chunks(piece) {
            let written = async {
                self.stdin.write_all(piece).await?;
                self.stdin.flush().await
            };
            match timeout(WRITE_LIMIT, written).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Err(self.reason_of_end(error.to_string()).await),
                Err(_) => {
                    return Err(RemoteError::Hung { doing: doing.to_owned(), limit: WRITE_LIMIT });
                }
            }
            if let Some(pace) = pace {
                tokio::time::sleep(Duration::from_secs_f64(piece.len() as f64 / pace.max(1) as f64)).await;
            }
        }
        Ok(())
    }

    async fn answer(&mut self, doing: &str, limit: Duration) -> Result<Answer, RemoteError> {
        let mut answer = Answer::default();
        loop {
            let read = timeout(limit, self.stdout.read_until(b'\n', answer.lines.buffer())).await;
            let read = read.map_err(|_| RemoteError::Hung { doing: doing.to_owned(), limit })?;
            let line = answer.lines.rest();
            match read {
                Ok(_) if line.last() == Some(&b'\n') => {}
                // The loop may have printed the reason before its end.
                Ok(_) if answer.lines.last().is_some_and(|line| line.starts_with(b"!")) => {
                    answer.lines.drop_rest();
                    return Ok(answer);
                }
                Ok(_) => return Err(self.reason_of_end("its output has ended".to_owned()).await),
                Err(error) => return Err(self.reason_of_end(error.to_string()).await),
            }
            let end = line.strip_prefix(b"=").and_then(|line| line.strip_prefix(self.token.as_bytes()));
            if let Some(status) = end {
                answer.status = String::from_utf8_lossy(status).trim().parse().unwrap_or(-1);
                answer.lines.drop_rest();
                return Ok(answer);
            }
            answer.lines.end_line();
        }
    }

    /// Why the connection has ended.
    async fn reason_of_end(&mut self, default: String) -> RemoteError {
        let ended = match self.ended.take() {
            Some(ended) => timeout(END_LIMIT, ended).await.ok(),
            None => None,
        };
        let output = self.errors.lock().map(|mut tail| std::mem::take(&mut *tail).into_lines());
        let said = output.ok().and_then(|lines| lines.last().cloned()).map(|line| format!(": {line}"));
        let said = said.unwrap_or_default();
        match ended {
            Some(Err(error)) => error,
            Some(Ok(code @ (126 | 127))) => RemoteError::without_shell(&format!("exit code {code}{said}")),
            Some(Ok(code @ (137 | 143))) => {
                RemoteError::Gone { reason: format!("the shell was killed, exit code {code}") }
            }
            Some(Ok(code)) => {
                RemoteError::Lost { reason: format!("the shell has ended with exit code {code}{said}") }
            }
            None => RemoteError::Lost { reason: format!("{default}{said}") },
        }
    }
}

/// Keeps the last lines of what a program prints.
async fn keep_tail(pipe: impl AsyncRead + Send + Unpin, tail: Arc<Mutex<Tail>>) {
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    while let Ok(1..) = pipe.read_until(b'\n', &mut line).await {
        if let Ok(mut tail) = tail.lock() {
            tail.push(String::from_utf8_lossy(&line).trim_end());
        }
        line.clear();
    }
}
