//! A Docker daemon on another machine, through `ssh HOST docker system dial-stdio`.

use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use url::Url;

/// How much of the error output of ssh is kept, in bytes.
const COMPLAINT_LIMIT: usize = 4096;

/// The standard input and output of an ssh process, which is killed on drop.
pub(super) struct Tunnel {
    input: ChildStdin,
    output: ChildStdout,
    errors: ChildStderr,
    complaint: Vec<u8>,
    answered: bool,
    _process: Child,
}

impl Tunnel {
    /// Starts ssh to the machine of `url`: `ssh://[user@]host[:port][/socket]`.
    pub(super) fn open(url: &str) -> io::Result<Self> {
        let mut process = Command::new("ssh")
            .args(arguments(url)?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("cannot run `ssh`: {error}")))?;
        match (process.stdin.take(), process.stdout.take(), process.stderr.take()) {
            (Some(input), Some(output), Some(errors)) => {
                Ok(Self { input, output, errors, complaint: Vec::new(), answered: false, _process: process })
            }
            _ => Err(io::Error::other("ssh has no standard input or output")),
        }
    }

    /// Reads the standard error of ssh, so that ssh never blocks on it; ready at its end.
    fn poll_errors(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut chunk = [0; 512];
        loop {
            let mut buffer = ReadBuf::new(&mut chunk);
            match ready!(Pin::new(&mut self.errors).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {
                    let room = COMPLAINT_LIMIT.saturating_sub(self.complaint.len());
                    self.complaint.extend(buffer.filled().iter().take(room));
                }
                _ => return Poll::Ready(()),
            }
        }
    }
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let ended = self.poll_errors(context);
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.output).poll_read(context, buffer))?;
        if buffer.filled().len() > before || buffer.remaining() == 0 {
            self.answered = true;
        } else if !self.answered {
            // The stream ended before the first byte: ssh itself failed, and its standard error has the reason.
            ready!(ended);
            let complaint = String::from_utf8_lossy(&self.complaint).trim().to_owned();
            return Poll::Ready(Err(io::Error::other(complaint)));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.input).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.input).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.input).poll_shutdown(context)
    }
}

/// The URL for messages.
pub(super) fn without_password(url: &str) -> String {
    let mut url = match Url::parse(url) {
        Ok(url) => url,
        Err(_) => return "ssh:".to_owned(),
    };
    match url.set_password(None) {
        Ok(()) => url.into(),
        Err(()) => "ssh:".to_owned(),
    }
}

/// The arguments of ssh, which are those of the docker CLI.
fn arguments(url: &str) -> io::Result<Vec<String>> {
    let invalid = |reason: &str| io::Error::new(io::ErrorKind::InvalidInput, reason.to_owned());
    let url = Url::parse(url).map_err(|error| invalid(&error.to_string()))?;
    if url.password().is_some() {
        return Err(invalid("an SSH URL cannot contain a password"));
    }
    let host =
        url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| invalid("the URL has no host"))?;
    let mut arguments: Vec<String> = vec!["-T".into(), "-o".into(), "ConnectTimeout=15".into()];
    if !url.username().is_empty() {
        arguments.extend(["-l".to_owned(), url.username().to_owned()]);
    }
    if let Some(port) = url.port() {
        arguments.extend(["-p".to_owned(), port.to_string()]);
    }
    // `--` prevents a host that starts with a dash from being parsed as an option.
    arguments.extend(["--", host.trim_matches(['[', ']']), "docker"].map(String::from));
    if !matches!(url.path(), "" | "/") {
        arguments.extend(["--host".to_owned(), shell_words::quote(&format!("unix://{}", url.path())).into()]);
    }
    arguments.extend(["system", "dial-stdio"].map(String::from));
    Ok(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: &str) {
        assert_eq!(
            arguments(url).map(|words| words.join(" ")).unwrap_or_else(|error| error.to_string()),
            expected
        );
    }

    #[test]
    fn ssh_gets_user_port_and_socket() {
        check("ssh://box", "-T -o ConnectTimeout=15 -- box docker system dial-stdio");
        check("ssh://me@box:2222", "-T -o ConnectTimeout=15 -l me -p 2222 -- box docker system dial-stdio");
        check(
            "ssh://box/run/user/1000/docker.sock",
            "-T -o ConnectTimeout=15 -- box docker --host unix:///run/user/1000/docker.sock system dial-stdio",
        );
        check("ssh:box", "the URL has no host");
        check("ssh://me:hunter2@box", "an SSH URL cannot contain a password");
    }

    #[test]
    fn password_in_an_ssh_url_is_never_shown() {
        assert_eq!(without_password("ssh://me:hunter2@box:22"), "ssh://me@box:22");
    }
}
