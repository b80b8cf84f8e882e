//! The cluster the user means, as the kubeconfig describes it.

/// The cluster the user means, as the kubeconfig describes it: known without asking the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterContext {
    /// The context; `in-cluster` for windlass in a pod.
    pub name: String,
    /// The name of its cluster.
    pub cluster: String,
    /// The namespace: `--namespace`, else the context's, else `default`.
    pub namespace: String,
    /// The URL of the API server.
    pub server: String,
    /// Who wrote the cluster's entry, when it says so: `minikube.sigs.k8s.io`.
    pub provider: Option<String>,
}
