//! The nodes of a cluster.

use k8s_openapi::api::core::v1;
use kube::Api;
use kube::api::ListParams;

use super::{ClusterAccess, ClusterError};

/// The label with a node's host name.
const HOSTNAME: &str = "kubernetes.io/hostname";

/// A node of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterNode {
    /// Its name.
    pub name: String,
    /// The name of its machine.
    pub hostname: String,
    /// The platform of its images: `linux/amd64`.
    pub platform: String,
    /// Its container runtime: `docker://20.10.24`, `containerd://1.7.2`.
    pub runtime: String,
    /// Its kernel version.
    pub kernel: String,
}

impl ClusterAccess {
    /// The nodes.
    ///
    /// # Errors
    /// [`ClusterError`] if the cluster does not respond, or without the permission to list nodes.
    pub async fn nodes(&self) -> Result<Vec<ClusterNode>, ClusterError> {
        let (_, client) = self.connect().await?;
        let api: Api<v1::Node> = Api::all(client.clone());
        let nodes = self.call("list the nodes", api.list(&ListParams::default())).await?;
        Ok(nodes.items.into_iter().map(node).collect())
    }
}

fn node(node: v1::Node) -> ClusterNode {
    let name = node.metadata.name.unwrap_or_default();
    let hostname = node.metadata.labels.unwrap_or_default().remove(HOSTNAME);
    let info = node.status.and_then(|status| status.node_info).unwrap_or_default();
    ClusterNode {
        hostname: hostname.unwrap_or_else(|| name.clone()),
        name,
        platform: format!("{}/{}", info.operating_system, info.architecture),
        runtime: info.container_runtime_version,
        kernel: info.kernel_version,
    }
}
