//! A Docker daemon that only reports that it runs.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

/// Reports its version and has no content: enough for a plan, which names the builder.
#[derive(Debug)]
pub struct IdleDaemon(SocketAddr);

impl IdleDaemon {
    /// Starts one.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                thread::spawn(move || answer(client));
            }
        });
        Self(address)
    }

    /// Its address, in the form of `DOCKER_HOST`.
    pub fn host(&self) -> String {
        format!("tcp://{}", self.0)
    }
}

/// Answers one request.
fn answer(client: TcpStream) {
    let mut lines = BufReader::new(&client).lines().map_while(Result::ok);
    let path = lines.next().unwrap_or_default();
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    let (status, body) = if path.contains("/version ") {
        (
            "200 OK",
            r#"{"Version":"28.0.0","ApiVersion":"1.48","MinAPIVersion":"1.24","Os":"linux","Arch":"amd64"}"#,
        )
    } else if path.contains("/_ping ") {
        ("200 OK", "OK")
    } else {
        ("404 Not Found", r#"{"message":"there is nothing here"}"#)
    };
    let head = "Content-Type: application/json\r\nApi-Version: 1.48\r\nBuilder-Version: 2\r\nOstype: linux";
    let length = body.len();
    // A client that has disconnected needs no response.
    let _ = write!(
        &client,
        "HTTP/1.1 {status}\r\n{head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
}
