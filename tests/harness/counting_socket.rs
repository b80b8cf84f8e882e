//! A daemon's socket that counts the requests through it.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tempfile::TempDir;

use super::Daemon;

/// A Unix socket that passes everything on to a [`Daemon`] and records each request line.
#[derive(Debug)]
pub struct CountingSocket {
    folder: TempDir,
    sent: Arc<Mutex<Vec<u8>>>,
}

impl CountingSocket {
    /// A socket in front of `daemon`; `None` if the daemon itself does not listen on a Unix socket.
    pub fn before(daemon: &Daemon) -> Option<Self> {
        Self::answering(daemon, "", "")
    }

    /// A socket whose responses have `other` instead of `text`; both have the same length.
    pub fn answering(daemon: &Daemon, text: &'static str, other: &'static str) -> Option<Self> {
        assert_eq!(text.len(), other.len(), "no length in a header may change");
        let upstream = daemon.host().strip_prefix("unix://")?.to_owned();
        let folder = TempDir::with_prefix("windlass-socket-").expect("a directory can be created");
        let listener =
            UnixListener::bind(folder.path().join("docker.sock")).expect("a socket can be created");
        let sent = Arc::<Mutex<Vec<u8>>>::default();
        let log = Arc::clone(&sent);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = UnixStream::connect(&upstream) else { continue };
                let (Ok(answers), Ok(back)) = (server.try_clone(), client.try_clone()) else { continue };
                let log = Arc::clone(&log);
                thread::spawn(move || copy(client, server, |bytes| lock(&log).extend_from_slice(bytes)));
                thread::spawn(move || copy(answers, back, |bytes| replace(bytes, text, other)));
            }
        });
        Some(Self { folder, sent })
    }

    /// Its address, in the form of `DOCKER_HOST`.
    pub fn host(&self) -> String {
        format!("unix://{}", self.folder.path().join("docker.sock").display())
    }

    /// The requests since the last call, as `METHOD /path` without version and query.
    pub fn take_requests(&self) -> Vec<String> {
        let sent = std::mem::take(&mut *lock(&self.sent));
        let text = String::from_utf8_lossy(&sent);
        let lines = text.lines().filter_map(|line| line.strip_suffix(" HTTP/1.1"));
        lines.map(|line| line.split('?').next().unwrap_or(line).to_owned()).collect()
    }
}

/// Replaces `text` with `other`, which has the same length, in `bytes`.
fn replace(bytes: &mut [u8], text: &str, other: &str) {
    if text.is_empty() {
        return;
    }
    while let Some(at) = bytes.windows(text.len()).position(|window| window == text.as_bytes()) {
        bytes[at..at + text.len()].copy_from_slice(other.as_bytes());
    }
}

fn copy(mut from: UnixStream, mut to: UnixStream, mut note: impl FnMut(&mut [u8])) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        note(&mut buffer[..count]);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}

fn lock(sent: &Mutex<Vec<u8>>) -> std::sync::MutexGuard<'_, Vec<u8>> {
    sent.lock().unwrap_or_else(PoisonError::into_inner)
}
