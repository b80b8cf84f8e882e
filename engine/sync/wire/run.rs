//! Commands in the container.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{RemoteProgram, Wire};
use crate::process::{Pipe, Tail};
use crate::sync::{CommandEnd, RemoteCommand, RemoteError};

/// Prints its process ID, then runs a command until the command or stdin ends.
const RUN: &str = include_str!("run.sh");

/// Ends a process and its group.
const STOP: &str = "kill -TERM -$1 || kill -TERM $1; sleep 2; kill -KILL -$1 || kill -KILL $1";

/// Restarts the program of the restart helper.
const RESTART: &str = include_str!("restart.sh");

/// How long a restart may take.
const RESTART_LIMIT: Duration = Duration::from_secs(20);

/// How long it may take to end a command.
const STOP_LIMIT: Duration = Duration::from_secs(10);

impl Wire {
    pub(super) async fn run_command(&self, command: &RemoteCommand) -> Result<CommandEnd, RemoteError> {
        let words = ["sh", "-c", RUN, "windlass-run"].into_iter().map(str::to_owned);
        let words: Vec<_> = words.chain(command.words.iter().cloned()).collect();
        let mut output = Output::default();
        let ended = timeout(command.limit, async {
            let connection = self.connector.start(&words).await?;
            collect(connection, &mut |pipe, line| output.take(pipe, line)).await
        })
        .await;
        match ended {
            Ok(code) => Ok(CommandEnd { code: code?, output: output.tail.into_lines() }),
            Err(_) => {
                if let Some(pid) =
                    output.pid.filter(|pid| !pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit()))
                {
                    let stop = ["sh", "-c", STOP, "windlass-stop", &pid].map(str::to_owned);
                    let stopped = async { collect(self.connector.start(&stop).await?, &mut |_, _| {}).await };
                    // A command that cannot be ended is reported anyway.
                    let _ = timeout(STOP_LIMIT, stopped).await;
                }
                let doing = format!("run `{}`", command.words.join(" "));
                Err(RemoteError::Hung { doing, limit: command.limit })
            }
        }
    }

    pub(super) async fn restart_program(&self) -> Result<(), RemoteError> {
        let words = ["sh", "-c", RESTART, "windlass-restart"].map(str::to_owned);
        let command = RemoteCommand { words: words.to_vec(), limit: RESTART_LIMIT };
        let doing = || "restart the program".to_owned();
        let end = self.run_command(&command).await.map_err(|error| match error {
            RemoteError::Hung { limit, .. } => RemoteError::Hung { doing: doing(), limit },
            error => error,
        })?;
        match end.code {
            0 => Ok(()),
            3 => Err(RemoteError::MissingTool {
                tool: "/devspace-restart-helper".to_owned(),
                needed_for: "its program cannot be restarted".to_owned(),
                help: "set `injectRestartHelper: true` for the image in devspace.yaml".to_owned(),
            }),
            code => {
                let reason = end.output.last().cloned().unwrap_or_else(|| format!("exit code {code}"));
                Err(RemoteError::Failed { doing: doing(), reason })
            }
        }
    }
}

/// The output of a command that [`RUN`] starts.
#[derive(Default)]
struct Output {
    /// Its process ID: the first line of its standard output. A line of its standard error may be read before that.
    pid: Option<String>,
    tail: Tail,
}

impl Output {
    fn take(&mut self, pipe: Pipe, line: String) {
        match (&self.pid, pipe) {
            (None, Pipe::Stdout) => self.pid = Some(line),
            _ => self.tail.push(line),
        }
    }
}

/// Passes all lines of a program to `on_line`; returns its exit code.
async fn collect(
    connection: RemoteProgram,
    on_line: &mut (dyn FnMut(Pipe, String) + Send),
) -> Result<i32, RemoteError> {
    let RemoteProgram { stdin: _stdin, stdout, stderr, ended } = connection;
    let (sender, mut receiver) = mpsc::channel(16);
    let pipes = [
        tokio::spawn(pass_on(Pipe::Stdout, stdout, sender.clone())),
        tokio::spawn(pass_on(Pipe::Stderr, stderr, sender)),
    ];
    while let Some((pipe, line)) = receiver.recv().await {
        on_line(pipe, line);
    }
    drop(pipes);
    ended.await
}

async fn pass_on(
    pipe: Pipe,
    stream: Box<dyn AsyncRead + Send + Unpin>,
    sender: mpsc::Sender<(Pipe, String)>,
) {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    while let Ok(1..) = stream.read_until(b'\n', &mut line).await {
        let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
        if sender.send((pipe, text)).await.is_err() {
            return;
        }
        line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_id_is_found_although_an_error_was_read_first() {
        let mut output = Output::default();
        for (pipe, line) in [(Pipe::Stderr, "err"), (Pipe::Stdout, "403"), (Pipe::Stdout, "out")] {
            output.take(pipe, line.to_owned());
        }
        assert_eq!(output.pid.as_deref(), Some("403"));
        assert_eq!(output.tail.into_lines(), ["err", "out"]);
    }
}
