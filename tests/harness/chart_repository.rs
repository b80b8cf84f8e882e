//! A helm repository for one test.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{PASSWORD, USER};

/// A helm repository at a local port with one chart, which requires [`USER`] and [`PASSWORD`].
pub struct ChartRepository {
    address: SocketAddr,
}

impl ChartRepository {
    /// Serves `archive`, the packed chart `name` of the version 0.1.0, until the tests end.
    pub fn serve(name: &str, archive: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let file = format!("{name}-0.1.0.tgz");
        let index = format!(
            "apiVersion: v1\nentries:\n  {name}:\n  - {{apiVersion: v2, name: {name}, version: 0.1.0, urls: \
             ['http://{address}/charts/{file}']}}\n"
        );
        let login = format!("authorization: basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")));
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let lines = BufReader::new(&stream).lines().map_while(Result::ok);
                let lines: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
                let is_known = lines.iter().any(|line| line.eq_ignore_ascii_case(&login));
                let path = lines.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
                let (status, body) = match path.strip_prefix("/charts/") {
                    _ if !is_known => ("401 Unauthorized", &[][..]),
                    Some("index.yaml") => ("200 OK", index.as_bytes()),
                    Some(name) if name == file => ("200 OK", &archive[..]),
                    _ => ("404 Not Found", &[][..]),
                };
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                // The client may have closed the connection.
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
            }
        });
        Self { address }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}/charts", self.address)
    }
}
