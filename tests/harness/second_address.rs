//! A second address for a registry of a test.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use super::missing::leave_out;
use super::{Daemon, Registry};

/// Passes connections to an address of this machine that is not loopback on to a [`Registry`], which Docker
/// then does not take for one on this machine.
#[derive(Debug)]
pub struct SecondAddress {
    address: SocketAddr,
}

impl SecondAddress {
    /// A second address of `registry`. `None`, after saying so, when the daemon has no bridge.
    pub fn before(daemon: &Daemon, registry: &Registry) -> Option<Self> {
        let Some(ip) = own_address(daemon) else {
            leave_out("the daemon has no bridge");
            return None;
        };
        let listener = TcpListener::bind((ip, 0)).expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let upstream = registry.address();
        // Ends with the process: a thread that waits for connections holds nothing but its port.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if let Ok(server) = TcpStream::connect(&upstream) {
                    join(&stream, &server);
                }
            }
        });
        Some(Self { address })
    }

    /// `ADDRESS:PORT`: the registry's part of a repository.
    pub fn address(&self) -> String {
        self.address.to_string()
    }
}

/// The machine's own end of the daemon's bridge: an address that is not loopback, and that only this machine and
/// its containers can reach.
fn own_address(daemon: &Daemon) -> Option<IpAddr> {
    let gateway = "{{(index .IPAM.Config 0).Gateway}}";
    daemon.docker(["network", "inspect", "bridge", "--format", gateway]).trim().parse().ok()
}

/// Copies both ways until either side ends.
fn join(client: &TcpStream, server: &TcpStream) {
    for (from, to) in [(client, server), (server, client)] {
        let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else { return };
        thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(std::net::Shutdown::Both);
            let _ = from.shutdown(std::net::Shutdown::Both);
        });
    }
}
