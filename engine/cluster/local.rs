//! Clusters on this machine (stricter than DevSpace: the name of a context alone does not make a cluster local).

use std::fmt;
use std::net::IpAddr;

use super::ClusterContext;
use crate::image::ImageReference;

/// The provider in minikube's entries of a kubeconfig.
const MINIKUBE_PROVIDER: &str = "minikube.sigs.k8s.io";

/// A cluster on this machine, by the tool that created it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocalCluster {
    /// Colima.
    Colima,
    /// Docker Desktop.
    DockerDesktop,
    /// k3d, with the cluster's name.
    K3d(String),
    /// kind, with the cluster's name.
    Kind(String),
    /// minikube, with the profile.
    Minikube(String),
    /// OrbStack.
    OrbStack,
    /// Rancher Desktop.
    RancherDesktop,
    /// A virtual cluster in one of the others.
    Vcluster,
}

/// The command that loads images into the nodes of a cluster with its own container engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loader {
    /// `k3d image import`, with the cluster's name.
    K3d(String),
    /// `kind load docker-image`, with the cluster's name.
    Kind(String),
    /// `minikube image load`, with the profile.
    Minikube(String),
}

/// A load of images from the daemon into the nodes of a local cluster. Displays as `load acme/api:1 into the kind
/// cluster dev`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageLoad {
    /// The images.
    pub references: Vec<ImageReference>,
    /// The loader and the target cluster.
    pub loader: Loader,
}

impl LocalCluster {
    /// The local cluster of `context`; `None` for any other cluster. Sends no requests.
    pub fn of(context: &ClusterContext) -> Option<Self> {
        if !is_near(&context.server) {
            return None;
        }
        if context.provider.as_deref() == Some(MINIKUBE_PROVIDER) || context.name == "minikube" {
            return Some(Self::Minikube(context.cluster.clone()));
        }
        // Contexts may be renamed; the name of the cluster stays.
        [context.cluster.as_str(), context.name.as_str()].into_iter().find_map(named)
    }

    /// The command that can load images into its nodes, if there is one.
    pub fn loader(&self) -> Option<Loader> {
        match self {
            Self::K3d(name) => Some(Loader::K3d(name.clone())),
            Self::Kind(name) => Some(Loader::Kind(name.clone())),
            Self::Minikube(profile) => Some(Loader::Minikube(profile.clone())),
            Self::Colima | Self::DockerDesktop | Self::OrbStack | Self::RancherDesktop | Self::Vcluster => {
                None
            }
        }
    }

    /// Whether its nodes may run their containers in the Docker daemon that windlass builds with.
    pub fn may_share_daemon(&self) -> bool {
        !matches!(self, Self::K3d(_) | Self::Kind(_))
    }
}

/// The local cluster with this name.
fn named(name: &str) -> Option<LocalCluster> {
    let is_profile_of = |program: &str| name == program || name.starts_with(&format!("{program}-"));
    if let Some(cluster) = name.strip_prefix("kind-") {
        return Some(LocalCluster::Kind(cluster.to_owned()));
    }
    if let Some(cluster) = name.strip_prefix("k3d-") {
        return Some(LocalCluster::K3d(cluster.to_owned()));
    }
    match name {
        "docker-desktop" | "docker-for-desktop" => Some(LocalCluster::DockerDesktop),
        "orbstack" => Some(LocalCluster::OrbStack),
        "rancher-desktop" => Some(LocalCluster::RancherDesktop),
        _ if is_profile_of("colima") => Some(LocalCluster::Colima),
        _ if is_local_vcluster(name) => Some(LocalCluster::Vcluster),
        _ => None,
    }
}

/// Whether `name` is the context of a virtual cluster in Docker or in a local cluster.
fn is_local_vcluster(name: &str) -> bool {
    let hosts = ["docker-desktop", "docker-for-desktop", "minikube"];
    name.starts_with("vcluster-docker_")
        || (name.starts_with("vcluster_")
            && (hosts.iter().any(|host| name.ends_with(host)) || name.contains("kind-")))
}

/// Whether an API server can be on this machine: loopback, a private address, or a local host name.
fn is_near(server: &str) -> bool {
    let Some(host) = url::Url::parse(server).ok().and_then(|url| url.host_str().map(str::to_owned)) else {
        return false;
    };
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    match address {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_private() || address.is_unspecified(),
        Ok(IpAddr::V6(address)) => {
            address.is_loopback() || address.is_unique_local() || address.is_unspecified()
        }
        Err(_) => {
            host == "localhost"
                || [".localhost", ".internal", ".local"].iter().any(|suffix| host.ends_with(suffix))
        }
    }
}

/// As a phrase: `the kind cluster dev`, `docker-desktop`.
impl fmt::Display for LocalCluster {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Colima => formatter.write_str("colima"),
            Self::DockerDesktop => formatter.write_str("docker-desktop"),
            Self::OrbStack => formatter.write_str("orbstack"),
            Self::RancherDesktop => formatter.write_str("rancher-desktop"),
            Self::Vcluster => formatter.write_str("the virtual cluster"),
            Self::K3d(name) => write!(formatter, "the k3d cluster {name}"),
            Self::Kind(name) => write!(formatter, "the kind cluster {name}"),
            Self::Minikube(profile) if profile == "minikube" => formatter.write_str("minikube"),
            Self::Minikube(profile) => write!(formatter, "the minikube profile {profile}"),
        }
    }
}

impl Loader {
    /// The command.
    pub fn program(&self) -> &'static str {
        match self {
            Self::K3d(_) => "k3d",
            Self::Kind(_) => "kind",
            Self::Minikube(_) => "minikube",
        }
    }

    /// Its arguments, for `references`.
    pub fn arguments(&self, references: &[ImageReference]) -> Vec<String> {
        let references = references.iter().map(ToString::to_string);
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let (before, after) = match self {
            Self::K3d(name) => (words(&["image", "import"]), words(&["--cluster", name])),
            Self::Kind(name) => (words(&["load", "docker-image"]), words(&["--name", name])),
            Self::Minikube(profile) => (words(&["image", "load"]), words(&["--profile", profile])),
        };
        before.into_iter().chain(references).chain(after).collect()
    }
}

/// The cluster it loads into, as a phrase.
impl fmt::Display for Loader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cluster = match self.clone() {
            Self::K3d(name) => LocalCluster::K3d(name),
            Self::Kind(name) => LocalCluster::Kind(name),
            Self::Minikube(profile) => LocalCluster::Minikube(profile),
        };
        cluster.fmt(formatter)
    }
}

impl fmt::Display for ImageLoad {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let references: Vec<_> = self.references.iter().map(ToString::to_string).collect();
        write!(formatter, "load {} into {}", references.join(" "), self.loader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(name: &str, cluster: &str, server: &str, provider: Option<&str>) -> ClusterContext {
        ClusterContext {
            name: name.to_owned(),
            cluster: cluster.to_owned(),
            namespace: "default".to_owned(),
            server: server.to_owned(),
            provider: provider.map(str::to_owned),
        }
    }

    #[test]
    fn clusters_are_recognized_by_name_provider_and_address() {
        let check = |name: &str, cluster: &str, server: &str, expected: Option<&str>| {
            let found = LocalCluster::of(&context(name, cluster, server, None));
            assert_eq!(
                found.map(|found| found.to_string()).as_deref(),
                expected,
                "{name} {cluster} {server}"
            );
        };
        let here = "https://127.0.0.1:6443";
        check("kind-dev", "kind-dev", here, Some("the kind cluster dev"));
        check("renamed", "kind-dev", "https://0.0.0.0:6443", Some("the kind cluster dev"));
        check("k3d-a", "k3d-a", "https://host.docker.internal:6443", Some("the k3d cluster a"));
        check(
            "docker-desktop",
            "docker-desktop",
            "https://kubernetes.docker.internal:6443",
            Some("docker-desktop"),
        );
        check(
            "docker-for-desktop",
            "docker-for-desktop-cluster",
            "https://localhost:6443",
            Some("docker-desktop"),
        );
        check("orbstack", "orbstack", "https://k8s.orb.local:26443", Some("orbstack"));
        check("rancher-desktop", "rancher-desktop", here, Some("rancher-desktop"));
        check("colima-work", "colima-work", here, Some("colima"));
        check("minikube", "minikube", "https://192.168.49.2:8443", Some("minikube"));
        check("vcluster-docker_x", "vcluster-docker_x", here, Some("the virtual cluster"));
        check("vcluster_x_ns_kind-dev", "vcluster_x_ns_kind-dev", here, Some("the virtual cluster"));
        // Remote, regardless of its name.
        check("kind-prod", "kind-prod", "https://prod.example.com", None);
        check("minikube", "minikube", "https://34.1.2.3", None);
        check("prod", "prod", here, None);
    }

    #[test]
    fn minikube_profiles_say_who_made_them() {
        let entry = context("work", "work", "https://192.168.49.2:8443", Some("minikube.sigs.k8s.io"));
        assert_eq!(LocalCluster::of(&entry), Some(LocalCluster::Minikube("work".to_owned())));
    }

    #[test]
    fn loaders_get_their_own_arguments() {
        let references =
            ["acme/api:1".parse().expect("a reference"), "acme/api:2".parse().expect("a reference")];
        let check = |loader: Loader, expected: &str| {
            assert_eq!(loader.arguments(&references).join(" "), expected);
        };
        check(Loader::Kind("dev".into()), "load docker-image acme/api:1 acme/api:2 --name dev");
        check(Loader::K3d("dev".into()), "image import acme/api:1 acme/api:2 --cluster dev");
        check(Loader::Minikube("dev".into()), "image load acme/api:1 acme/api:2 --profile dev");
        let load = ImageLoad { references: references.into(), loader: Loader::Kind("dev".into()) };
        assert_eq!(load.to_string(), "load acme/api:1 acme/api:2 into the kind cluster dev");
    }
}
