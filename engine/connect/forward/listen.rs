//! The local side of a forwarded port.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};

use tokio::net::TcpListener;

use super::ForwardError;
use super::owner::owner;
use crate::config::Forward;

/// A port to forward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardSpec {
    /// The local port; 0 for a free one.
    pub port: u16,
    /// The port in the container.
    pub remote_port: u16,
    /// The local address; `None` for `127.0.0.1` and `::1`.
    pub bind_address: Option<String>,
    /// The key to change if the port is in use: `` `dev.ports[0].forward[0].port` ``.
    pub key: String,
}

impl From<&Forward> for ForwardSpec {
    /// An entry of `dev.ports`.
    fn from(forward: &Forward) -> Self {
        Self {
            port: forward.port,
            remote_port: forward.remote_port,
            bind_address: forward.bind_address.clone(),
            key: format!("`port: {}` of `dev.ports` at {}", forward.port, forward.origin),
        }
    }
}

/// A local port that is reserved: its connections wait until they are served.
#[derive(Debug)]
pub struct ListeningPort {
    pub(super) spec: ForwardSpec,
    pub(super) listeners: Vec<TcpListener>,
}

impl ListeningPort {
    /// Listens on the local port. Must be called inside a runtime.
    ///
    /// # Errors
    /// [`ForwardError`] if the port is in use or not permitted, or the address is not one of this machine.
    pub async fn open(spec: ForwardSpec) -> Result<Self, ForwardError> {
        let mut listeners: Vec<TcpListener> = Vec::new();
        for address in addresses(&spec)? {
            // A free port is the same for all addresses.
            let port = listeners.first().and_then(|first| first.local_addr().ok()).map(|first| first.port());
            match TcpListener::bind(SocketAddr::new(address, port.unwrap_or(spec.port))).await {
                Ok(listener) => listeners.push(listener),
                // Many machines have no IPv6.
                Err(error) if !listeners.is_empty() && is_missing(&error) => {}
                Err(error) => return Err(failure(&error, spec, address)),
            }
        }
        Ok(Self { spec, listeners })
    }

    /// The local port.
    pub fn port(&self) -> u16 {
        let address = self.listeners.first().and_then(|listener| listener.local_addr().ok());
        address.map_or(self.spec.port, |address| address.port())
    }

    /// The local address for people: `localhost:8080`.
    pub fn address(&self) -> String {
        format!("{}:{}", self.spec.bind_address.as_deref().unwrap_or("localhost"), self.port())
    }

    /// The port in the container.
    pub fn remote_port(&self) -> u16 {
        self.spec.remote_port
    }
}

fn addresses(spec: &ForwardSpec) -> Result<Vec<IpAddr>, ForwardError> {
    let name = spec.bind_address.as_deref().unwrap_or("localhost");
    if name == "localhost" {
        return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    if let Ok(address) = name.parse() {
        return Ok(vec![address]);
    }
    let found = (name, spec.port).to_socket_addrs();
    found
        .map(|found| found.map(|address| address.ip()).collect())
        .map_err(|error| bad_address(&error, spec, name))
}

/// Whether the machine does not have the address.
fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::AddrNotAvailable | ErrorKind::Unsupported)
        || error.to_string().contains("not supported")
}

fn failure(error: &io::Error, spec: ForwardSpec, address: IpAddr) -> ForwardError {
    let ForwardSpec { port, key, .. } = spec.clone();
    match error.kind() {
        ErrorKind::AddrInUse => ForwardError::PortTaken { port, owner: owner(port), key },
        ErrorKind::PermissionDenied => ForwardError::NotPermitted { port, key },
        _ => bad_address(error, &spec, &address.to_string()),
    }
}

fn bad_address(error: &io::Error, spec: &ForwardSpec, address: &str) -> ForwardError {
    ForwardError::BadAddress { address: address.to_owned(), key: spec.key.clone(), reason: error.to_string() }
}
