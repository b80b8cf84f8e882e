//! Why a connection ended, in the words of users.

use std::error::Error;
use std::io::{self, ErrorKind};

/// The other side closed the connection, without a reason.
const CLOSED: &str = "the connection was closed by the other side";

/// The other side did not respond in time.
const TIMED_OUT: &str = "the connection timed out";

/// Why a connection could not be opened, or ended: the innermost cause of `error`, which is the most
/// specific, without the words of libraries.
pub fn connection_reason(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    let mut known = None;
    loop {
        known = known_reason(cause).or(known);
        match next(cause) {
            Some(next) => cause = next,
            None => break,
        }
    }
    known.map_or_else(|| without_number(&cause.to_string()), str::to_owned)
}

/// The cause of `error`. `source` of an `io::Error` skips its content, which is the cause.
fn next<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    let content = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    content.map(|content| content as &(dyn Error + 'static)).or_else(|| error.source())
}

/// The reason, if `error` is one that connections often end with.
fn known_reason(error: &(dyn Error + 'static)) -> Option<&'static str> {
    use tokio_tungstenite::tungstenite::Error as WebsocketError;
    use tokio_tungstenite::tungstenite::error::ProtocolError::ResetWithoutClosingHandshake;
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return match error.kind() {
            ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::NotConnected => Some(CLOSED),
            ErrorKind::ConnectionRefused => Some("connection refused"),
            ErrorKind::TimedOut => Some(TIMED_OUT),
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => Some("the network is unreachable"),
            _ => None,
        };
    }
    if error.is::<tokio::time::error::Elapsed>() {
        return Some(TIMED_OUT);
    }
    if let Some(error) = error.downcast_ref::<WebsocketError>() {
        let is_closed = matches!(
            error,
            WebsocketError::ConnectionClosed
                | WebsocketError::AlreadyClosed
                | WebsocketError::Protocol(ResetWithoutClosingHandshake)
        );
        return is_closed.then_some(CLOSED);
    }
    let error = error.downcast_ref::<hyper::Error>()?;
    match error {
        _ if error.is_incomplete_message() || error.is_closed() || error.is_canceled() => Some(CLOSED),
        _ if error.is_timeout() => Some(TIMED_OUT),
        _ => None,
    }
}

/// `text` without the number of an error of the system.
fn without_number(text: &str) -> String {
    match text.rsplit_once(" (os error ") {
        Some((words, number)) if number.ends_with(')') => words.to_owned(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::sync::Arc;
    use std::time::Duration;

    use rustls::{ClientConfig, ClientConnection, RootCertStore};
    use tokio::io::AsyncWriteExt as _;
    use tokio_tungstenite::tungstenite;

    use super::*;

    /// The error of reading from a TLS connection that was cut.
    fn of_cut_tls() -> io::Error {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.expect("versions").with_root_certificates(RootCertStore::empty());
        let name = "localhost".try_into().expect("a name");
        let mut connection =
            ClientConnection::new(Arc::new(config.with_no_client_auth()), name).expect("a connection");
        connection.read_tls(&mut io::empty()).expect("the end");
        connection.reader().read(&mut [0]).expect_err("no regular end")
    }

    #[test]
    fn a_cut_connection_was_closed_whatever_the_library() {
        assert!(of_cut_tls().to_string().contains("https://docs.rs"), "the library explains itself");
        assert_eq!(connection_reason(&of_cut_tls()), CLOSED);
        let in_websocket = tungstenite::Error::Io(of_cut_tls());
        assert!(in_websocket.to_string().contains("docs.rs"));
        assert_eq!(connection_reason(&in_websocket), CLOSED);
        assert_eq!(connection_reason(&io::Error::other(in_websocket)), CLOSED);
        let protocol = tungstenite::error::ProtocolError::ResetWithoutClosingHandshake;
        assert_eq!(connection_reason(&tungstenite::Error::Protocol(protocol)), CLOSED);
        assert_eq!(connection_reason(&io::Error::from(ErrorKind::BrokenPipe)), CLOSED);
    }

    #[tokio::test]
    async fn a_server_that_ends_before_its_response_closed_the_connection() {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let io = hyper_util::rt::TokioIo::new(ours);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.expect("a connection");
        tokio::spawn(connection);
        let request = hyper::Request::new(String::new());
        let (response, ()) = tokio::join!(sender.send_request(request), async {
            theirs.write_all(b"HTTP/1.1 20").await.expect("written");
            drop(theirs);
        });
        let error = response.expect_err("no response");
        assert_eq!(connection_reason(&error), CLOSED, "{error:?}");
    }

    #[tokio::test]
    async fn other_reasons_have_words_and_no_numbers() {
        let refused = tokio::net::TcpStream::connect("127.0.0.1:1").await.expect_err("nothing listens");
        assert_eq!(connection_reason(&refused), "connection refused");
        let elapsed = tokio::time::timeout(Duration::ZERO, std::future::pending::<()>()).await;
        assert_eq!(connection_reason(&elapsed.expect_err("no end")), TIMED_OUT);
        // EMFILE.
        let many = io::Error::from_raw_os_error(24);
        assert!(!connection_reason(&many).contains("os error"), "{}", connection_reason(&many));
        assert_eq!(
            connection_reason(&io::Error::other("invalid peer certificate")),
            "invalid peer certificate"
        );
    }
}
