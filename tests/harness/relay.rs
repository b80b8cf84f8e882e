//! A TCP relay to a server, which can stop answering.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How a relay handles connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// It passes them on.
    Open,
    /// It closes them.
    Closed,
    /// It accepts them and sends nothing.
    Silent,
    /// It accepts them, and sends nothing on any.
    Frozen,
}

/// A TCP relay on a loopback port. Dropping it closes every connection.
#[derive(Debug)]
pub struct Relay {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    mode: Mutex<Mode>,
    streams: Mutex<Vec<TcpStream>>,
}

impl Relay {
    /// A relay to `target`, such as `127.0.0.1:6443`.
    pub fn start(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
        let port = listener.local_addr().expect("a listener has an address").port();
        let shared = Arc::new(Shared { mode: Mutex::new(Mode::Open), streams: Mutex::default() });
        let (target, own) = (target.to_owned(), Arc::clone(&shared));
        // The thread ends with the process.
        thread::spawn(move || {
            for stream in listener.incoming().filter_map(io::Result::ok) {
                own.accept(stream, &target);
            }
        });
        Self { port, shared }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Closes all connections, and new ones immediately, like a server that died.
    pub fn die(&self) {
        self.shared.set(Mode::Closed);
    }

    /// From now on, accepts connections but never answers.
    pub fn hush(&self) {
        self.shared.set(Mode::Silent);
    }

    /// From now on, passes nothing on, but keeps all connections, as a balancer that has forgotten them.
    pub fn freeze(&self) {
        *self.shared.lock_mode() = Mode::Frozen;
    }

    /// Passes new connections on again.
    pub fn recover(&self) {
        self.shared.set(Mode::Open);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.die();
    }
}

impl Shared {
    fn lock_mode(&self) -> MutexGuard<'_, Mode> {
        self.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, mode: Mode) {
        *self.lock_mode() = mode;
        let streams = std::mem::take(&mut *self.streams.lock().unwrap_or_else(PoisonError::into_inner));
        for stream in streams {
            // The other side may have closed it.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn accept(self: &Arc<Self>, client: TcpStream, target: &str) {
        let mode = *self.lock_mode();
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        match mode {
            Mode::Closed => {}
            Mode::Silent | Mode::Frozen => streams.push(client),
            Mode::Open => {
                let Ok(server) = TcpStream::connect(target) else { return };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else { return };
                    let shared = Arc::clone(self);
                    thread::spawn(move || {
                        // A closed connection ends it.
                        let mut buffer = [0; 16 * 1024];
                        while let Ok(count @ 1..) = from.read(&mut buffer) {
                            while *shared.lock_mode() == Mode::Frozen {
                                thread::sleep(Duration::from_millis(10));
                            }
                            if to.write_all(&buffer[..count]).is_err() {
                                break;
                            }
                        }
                        let _ = to.shutdown(Shutdown::Write);
                    });
                }
                streams.extend([client, server]);
            }
        }
    }
}
