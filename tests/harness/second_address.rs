//! A second address for a registry of a test.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;

use super::missing::leave_out;
use super::{Daemon, Registry};

/// Passes connections from an address of this machine that is not loopback on to a server, such as a [`Registry`],
/// which Docker then does not treat as local.
#[derive(Debug)]
pub struct SecondAddress {
    address: SocketAddr,
}

impl SecondAddress {
    /// A second address of `registry`. `None`, with a notice, if the daemon has no bridge.
    pub fn before(daemon: &Daemon, registry: &Registry) -> Option<Self> {
        Self::before_server(daemon, &registry.address())
    }

    /// A second address of the server at `upstream`. `None`, with a notice, if the daemon has no bridge.
    pub fn before_server(daemon: &Daemon, upstream: &str) -> Option<Self> {
        let Some(ip) = own_address(daemon) else {
            leave_out("the daemon has no bridge");
            return None;
        };
        let listener = TcpListener::bind((ip, 0)).expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let upstream = upstream.to_owned();
        // Ends with the process: a thread that waits for connections occupies only its port.
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

/// The machine's own address on the daemon's bridge: not loopback, and reachable only from this machine and its
/// containers.
pub(super) fn own_address(daemon: &Daemon) -> Option<IpAddr> {
    let gateway = "{{(index .IPAM.Config 0).Gateway}}";
    let told = daemon.docker(["network", "inspect", "bridge", "--format", gateway]);
    // A daemon that uses an existing bridge does not report its name.
    told.trim()
        .parse()
        .ok()
        .or_else(|| address_of(&daemon.docker(["network", "inspect", "bridge", "--format", NAME])))
}

/// The option with the interface name of the daemon's bridge.
const NAME: &str = r#"{{index .Options "com.docker.network.bridge.name"}}"#;

/// The first address of an interface: the part after `inet` in `5: docker0 inet 172.17.0.1/16 brd ...`.
fn address_of(interface: &str) -> Option<IpAddr> {
    let interface = interface.trim();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("ip");
    command
        .args(["-4", "-o", "address", "show", "dev", interface])
        .env("PATH", format!("{path}:/usr/sbin:/sbin"));
    let output = String::from_utf8(command.output().ok()?.stdout).ok()?;
    let mut words = output.split_whitespace().skip_while(|word| *word != "inet");
    words.nth(1)?.split('/').next()?.parse().ok()
}

/// Copies in both directions until either side ends.
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
