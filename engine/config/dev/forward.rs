//! A forwarded port.

use serde::Serialize;

use super::ContainerSelection;
use crate::config::Origin;

/// One of `ports[].forward`, or of `ports` of a pod: a local port whose connections go to a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Forward {
    /// The location of the port.
    #[serde(skip)]
    pub origin: Origin,
    /// `name` of the entry, or the name of the pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The container.
    pub selection: ContainerSelection,
    /// `port`: the local port.
    pub port: u16,
    /// `remotePort`: the port in the container.
    pub remote_port: u16,
    /// `bindAddress`: the local address; if absent, `127.0.0.1` and `::1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bind_address: Option<String>,
}

/// "localhost:8080 -> port 80 of image `web`".
impl std::fmt::Display for Forward {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { selection, port, remote_port, bind_address, .. } = self;
        let address = bind_address.as_deref().unwrap_or("localhost");
        write!(formatter, "{address}:{port} -> port {remote_port} of {selection}")
    }
}
