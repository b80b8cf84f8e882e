//! The responses of a server at a local port.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// How long to wait for more data: about as long as users wait before they load a page again.
const PATIENCE: Duration = Duration::from_secs(10);

/// The whole response of the server at the local `port` to `request`, if it closes the connection in time.
pub fn answer(port: u16, request: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
    stream.write_all(request.as_bytes()).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}
