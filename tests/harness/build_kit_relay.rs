//! A relay from pods to a BuildKit on this machine.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::thread;

use super::ImageStore;
use super::docker_programs::Programs;
use super::private_daemon::DaemonProcess;

/// The request that turns a connection to a Docker daemon into one to its BuildKit.
const UPGRADE: &[u8] = b"POST /grpc HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

/// The daemon whose BuildKit builds, for as long as a test needs it.
static DAEMON: Mutex<Weak<DaemonProcess>> = Mutex::new(Weak::new());

/// A daemon of a new enough Docker, shared by concurrent tests. Without one, prints a notice and returns `None`.
pub(super) fn build_kit() -> Option<Arc<DaemonProcess>> {
    let mut daemon = DAEMON.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(daemon) = daemon.upgrade() {
        return Some(daemon);
    }
    let started = Arc::new(DaemonProcess::start(&Programs::modern(ImageStore::Containerd)?)?);
    *daemon = Arc::downgrade(&started);
    Some(started)
}

/// The address at which that BuildKit is reached from the network of `ip`, an address of this machine. It stays the
/// same while the process runs, and always leads to the current daemon.
pub(super) fn relay(ip: IpAddr) -> SocketAddr {
    static ADDRESS: OnceLock<SocketAddr> = OnceLock::new();
    *ADDRESS.get_or_init(|| {
        let listener = TcpListener::bind((ip, 0)).expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // Outside the lock: dropping the last reference waits for the daemon to end.
                let daemon = DAEMON.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
                if let Some(daemon) = daemon {
                    let _ = connect(&client, &daemon);
                }
            }
        });
        address
    })
}

/// Connects `client` with the BuildKit of `daemon`.
fn connect(client: &TcpStream, daemon: &DaemonProcess) -> io::Result<()> {
    let mut server = UnixStream::connect(daemon.socket())?;
    server.write_all(UPGRADE)?;
    let mut answer = BufReader::new(server.try_clone()?);
    let mut line = String::new();
    while answer.read_line(&mut line)? > 2 {
        line.clear();
    }
    let (mut from_client, mut to_client) = (client.try_clone()?, client.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut server);
        let _ = server.shutdown(std::net::Shutdown::Write);
    });
    thread::spawn(move || {
        let _ = io::copy(&mut answer, &mut to_client);
        let _ = to_client.shutdown(std::net::Shutdown::Both);
    });
    Ok(())
}
