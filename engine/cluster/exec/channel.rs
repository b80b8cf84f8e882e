//! The messages of exec and attach connections (Kubernetes: `remotecommand`): the first byte is the channel.

use bytes::{BufMut as _, Bytes, BytesMut};
use kube::core::Status;
use tokio_tungstenite::tungstenite::Message;

/// A channel of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    Stdin = 0,
    Stdout = 1,
    Stderr = 2,
    /// Carries one [`Status`] at the end.
    Status = 3,
    /// Carries the sizes of the terminal.
    Size = 4,
}

/// Instead of a channel, since version 5 of the protocol: closes the channel that follows.
const CLOSE: u8 = 255;

impl Channel {
    /// The message that carries `content`.
    pub(crate) fn message(self, content: &[u8]) -> Message {
        let mut message = BytesMut::with_capacity(content.len() + 1);
        message.put_u8(self as u8);
        message.extend_from_slice(content);
        Message::Binary(message.freeze())
    }

    /// The message that closes the channel. Only version 5 of the protocol has it.
    pub(crate) fn closing(self) -> Message {
        Message::Binary(Bytes::copy_from_slice(&[CLOSE, self as u8]))
    }

    /// The channel and the content of a received message; `None` for control messages.
    pub(crate) fn of(message: Message) -> Option<(Self, Bytes)> {
        let Message::Binary(mut bytes) = message else { return None };
        let channel = match bytes.first()? {
            1 => Self::Stdout,
            2 => Self::Stderr,
            3 => Self::Status,
            _ => return None,
        };
        Some((channel, bytes.split_off(1)))
    }
}

/// The status that ends a connection.
pub(crate) fn status(content: &[u8]) -> Status {
    serde_json::from_slice(content).unwrap_or_default()
}
