//! The selected cluster, as described by the kubeconfig.

use super::{ClusterError, LocalCluster};

/// The name of the context in a pod.
pub(super) const IN_CLUSTER: &str = "in-cluster";

/// The selected cluster, as described by the kubeconfig: available without querying the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterContext {
    /// The context; `in-cluster` for windlass in a pod.
    pub name: String,
    /// The name of its cluster.
    pub cluster: String,
    /// The namespace: `--namespace`, otherwise the context's, otherwise `default`.
    pub namespace: String,
    /// The URL of the API server.
    pub server: String,
    /// The provider of the cluster's entry, if it is recorded: `minikube.sigs.k8s.io`.
    pub provider: Option<String>,
}

impl ClusterContext {
    /// Whether it is on this machine, or windlass runs in it: transfers do not cross a slow network.
    pub fn is_near(&self) -> bool {
        let host = url::Url::parse(&self.server).ok();
        let is_loopback = match host.as_ref().and_then(url::Url::host) {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        is_loopback || self.name == IN_CLUSTER || LocalCluster::of(self).is_some()
    }

    /// The error for a request without a response.
    pub(super) fn unreachable(&self, reason: String) -> ClusterError {
        ClusterError::Unreachable { server: self.server.clone(), context: self.name.clone(), reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_machine_are_local() {
        let check = |name: &str, server: &str, expected: bool| {
            let context = ClusterContext {
                name: name.to_owned(),
                cluster: name.to_owned(),
                namespace: "default".to_owned(),
                server: server.to_owned(),
                provider: None,
            };
            assert_eq!(context.is_near(), expected, "{name} {server}");
        };
        check("prod", "https://127.0.0.1:6443", true);
        check("prod", "https://localhost:6443", true);
        check("prod", "https://[::1]:6443", true);
        check("in-cluster", "https://10.96.0.1", true);
        check("prod", "https://10.0.0.1:6443", false);
        check("prod", "https://k8s.example", false);
        check("prod", "nonsense", false);
    }
}
