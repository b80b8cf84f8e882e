//! Splits output into lines.

use futures_util::{Stream, stream};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

use super::Pipe;

/// The maximum length of a piece of a line, in bytes: for displayed output, and for captured output.
const LONGEST_SHOWN: usize = 16 << 10;
const LONGEST_CAPTURED: usize = 16 << 20;

/// The form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As in a terminal: the characters after the last carriage return. Long lines are split into pieces.
    Shown,
    /// Unchanged.
    Captured,
}

impl Form {
    fn longest(self) -> usize {
        match self {
            Self::Shown => LONGEST_SHOWN,
            Self::Captured => LONGEST_CAPTURED,
        }
    }

    fn text(self, line: &[u8]) -> String {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let start = match self {
            Self::Shown => line.iter().rposition(|byte| *byte == b'\r').map_or(0, |at| at + 1),
            Self::Captured => 0,
        };
        String::from_utf8_lossy(&line[start..]).into_owned()
    }
}

/// The lines of a pipe that is not that of a process, without line feeds, otherwise unchanged.
pub fn lines_of(
    pipe: impl AsyncRead + Unpin + Send,
    name: Pipe,
) -> impl Stream<Item = (Pipe, String)> + Send {
    read(pipe, name, Form::Captured)
}

/// The lines from `pipe`, without line feeds; ends at its end or with the first error.
pub(super) fn read(
    pipe: impl AsyncRead + Unpin + Send,
    name: Pipe,
    form: Form,
) -> impl Stream<Item = (Pipe, String)> + Send {
    let state = (BufReader::with_capacity(LONGEST_SHOWN, pipe), Vec::new());
    stream::unfold(state, move |(mut reader, mut line)| async move {
        loop {
            let Ok(buffer) = reader.fill_buf().await else { return None };
            if buffer.is_empty() {
                // The last line may have no line feed.
                return (!line.is_empty()).then(|| ((name, form.text(&line)), (reader, Vec::new())));
            }
            let room = buffer.len().min(form.longest() - line.len());
            let end = buffer[..room].iter().position(|byte| *byte == b'\n');
            line.extend_from_slice(&buffer[..end.unwrap_or(room)]);
            reader.consume(end.map_or(room, |end| end + 1));
            if end.is_some() || line.len() == form.longest() {
                let item = (name, form.text(&line));
                line.clear();
                return Some((item, (reader, line)));
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    async fn check(bytes: &[u8], expected: &[&str]) {
        check_as(Form::Shown, bytes, expected).await;
    }

    async fn check_as(form: Form, bytes: &[u8], expected: &[&str]) {
        let lines: Vec<_> = read(bytes, Pipe::Stdout, form).map(|(_, line)| line).collect().await;
        assert_eq!(lines, expected);
    }

    #[tokio::test]
    async fn output_is_split_into_lines() {
        check(b"", &[]).await;
        check(b"one\ntwo\n", &["one", "two"]).await;
        check(b"one\r\n\nlast", &["one", "", "last"]).await;
        check(b"10%\r50%\r100%\n", &["100%"]).await;
        check(b"\xff ok\n", &["\u{fffd} ok"]).await;
    }

    #[tokio::test]
    async fn endless_lines_come_in_pieces() {
        let long = "x".repeat(LONGEST_SHOWN);
        check(format!("{long}yy\nz\n").as_bytes(), &[&long, "yy", "z"]).await;
    }

    #[tokio::test]
    async fn captured_lines_stay_as_they_are() {
        let long = "x".repeat(LONGEST_SHOWN + 1);
        check_as(Form::Captured, format!("a\rb\r\n{long}\n").as_bytes(), &["a\rb", &long]).await;
    }
}
