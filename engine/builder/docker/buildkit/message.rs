//! The response to `POST /build`: a JSON object on each line.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bollard_buildkit_proto::moby::buildkit::v1::StatusResponse;
use http_body_util::BodyExt;
use prost::Message as _;
use serde::Deserialize;
use serde_json::Value;

use super::connection::{Answer, describe};

/// The longest line that is read, in bytes.
const LINE_LIMIT: usize = 32 * 1024 * 1024;

/// A message of the daemon about a build.
#[derive(Debug)]
pub(super) enum Message {
    /// An update about the steps.
    Status(StatusResponse),
    /// The ID of the finished image.
    ImageId(String),
    /// The build failed.
    Error(String),
    /// Anything else, which is not used.
    Other,
}

/// The messages of a response, in order.
pub(super) struct Messages {
    answer: Answer,
    buffer: Vec<u8>,
    /// Up to where `buffer` was searched for a line feed.
    searched: usize,
    ended: bool,
}

impl Messages {
    pub(super) fn new(answer: Answer) -> Self {
        Self { answer, buffer: Vec::new(), searched: 0, ended: false }
    }

    /// The next message; `None` at the end.
    ///
    /// # Errors
    /// Why the response ended early.
    pub(super) async fn next(&mut self) -> Result<Option<Message>, String> {
        loop {
            if let Some(length) = self.line() {
                let message = Message::parse(&self.buffer[..length])?;
                self.buffer.drain(..length);
                self.searched = 0;
                return Ok(Some(message));
            }
            if self.ended {
                return Ok(None);
            }
            if self.buffer.len() > LINE_LIMIT {
                return Err("its response has a line that is too long".to_owned());
            }
            match self.answer.response.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                Some(Err(error)) => return Err(describe(&error)),
                None => self.ended = true,
            }
        }
    }

    /// The length of the first line in the buffer, line feed included.
    fn line(&mut self) -> Option<usize> {
        match self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') {
            Some(found) => Some(self.searched + found + 1),
            None => {
                self.searched = self.buffer.len();
                (self.ended && !self.buffer.is_empty()).then_some(self.buffer.len())
            }
        }
    }
}

impl Message {
    fn parse(line: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Line {
            id: Option<String>,
            aux: Option<Value>,
            error: Option<String>,
            #[serde(rename = "errorDetail")]
            detail: Option<Detail>,
        }
        #[derive(Deserialize)]
        struct Detail {
            message: Option<String>,
        }
        #[derive(Deserialize)]
        struct Image {
            #[serde(rename = "ID")]
            id: String,
        }
        if line.trim_ascii().is_empty() {
            return Ok(Self::Other);
        }
        let unreadable = |error: &dyn std::fmt::Display| format!("its response cannot be parsed: {error}");
        let line: Line = serde_json::from_slice(line).map_err(|error| unreadable(&error))?;
        if let Some(reason) = line.detail.and_then(|detail| detail.message).or(line.error) {
            return Ok(Self::Error(reason));
        }
        match (line.id.as_deref(), line.aux) {
            (Some("moby.buildkit.trace"), Some(Value::String(text))) => {
                let bytes = BASE64_STANDARD.decode(text).map_err(|error| unreadable(&error))?;
                StatusResponse::decode(bytes.as_slice()).map(Self::Status).map_err(|error| unreadable(&error))
            }
            (Some("moby.image.id"), Some(aux)) => serde_json::from_value::<Image>(aux)
                .map(|image| Self::ImageId(image.id))
                .map_err(|error| unreadable(&error)),
            _ => Ok(Self::Other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &str) {
        let message = match Message::parse(line.as_bytes()) {
            Ok(message) => format!("{message:?}"),
            Err(error) => error,
        };
        assert_eq!(message, expected);
    }

    #[test]
    fn lines_become_messages() {
        check("\r\n", "Other");
        check(r#"{"stream":"hello"}"#, "Other");
        check(r#"{"id":"moby.image.id","aux":{"ID":"sha256:ab"}}"#, r#"ImageId("sha256:ab")"#);
        check(r#"{"errorDetail":{"message":"no"},"error":"no"}"#, r#"Error("no")"#);
        check(r#"{"error":"no"}"#, r#"Error("no")"#);
        check(
            r#"{"id":"moby.buildkit.trace","aux":""}"#,
            "Status(StatusResponse { vertexes: [], statuses: [], logs: [], warnings: [] })",
        );
    }

    #[test]
    fn broken_lines_are_errors() {
        check("{", "its response cannot be parsed: EOF while parsing an object at line 1 column 1");
        check(
            r#"{"id":"moby.buildkit.trace","aux":"*"}"#,
            "its response cannot be parsed: Invalid symbol 42, offset 0.",
        );
    }
}
