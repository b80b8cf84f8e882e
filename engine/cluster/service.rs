//! Services and ingresses, which can be opened in a browser.

use std::collections::BTreeMap;
use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::api::ListParams;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

use super::{ClusterAccess, ClusterError};

/// A service that selects pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterService {
    /// Its name.
    pub name: String,
    /// Its selector: `app=web,tier=front`.
    pub labels: String,
    /// Its first TCP port.
    pub port: u16,
    /// The port of the pods, a number or the name of a port.
    pub target: String,
}

impl ClusterAccess {
    /// The services of `namespace` that select pods and have a TCP port.
    ///
    /// # Errors
    /// [`ClusterError`].
    pub async fn services(&self, namespace: &str) -> Result<Vec<ClusterService>, ClusterError> {
        Ok(self.all::<Service>(namespace, "services").await?.into_iter().filter_map(service).collect())
    }

    /// The URLs of the hosts of the ingresses in `namespace`.
    ///
    /// # Errors
    /// [`ClusterError`].
    pub async fn ingress_urls(&self, namespace: &str) -> Result<Vec<String>, ClusterError> {
        Ok(self.all::<Ingress>(namespace, "ingresses").await?.into_iter().flat_map(urls).collect())
    }

    async fn all<K>(&self, namespace: &str, plural: &str) -> Result<Vec<K>, ClusterError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        let (_, client) = self.connect().await?;
        let api = Api::<K>::namespaced(client, namespace);
        let doing = format!("list the {plural} in the namespace `{namespace}`");
        Ok(self.call(&doing, api.list(&ListParams::default())).await?.items)
    }
}

fn service(service: Service) -> Option<ClusterService> {
    let spec = service.spec?;
    let selector: BTreeMap<_, _> = spec.selector.filter(|selector| !selector.is_empty())?;
    let ports = spec.ports.unwrap_or_default();
    let port = ports.into_iter().find(|port| port.protocol.as_deref().unwrap_or("TCP") == "TCP")?;
    Some(ClusterService {
        name: service.metadata.name?,
        labels: selector.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(","),
        port: u16::try_from(port.port).ok()?,
        target: match port.target_port {
            Some(IntOrString::Int(number)) => number.to_string(),
            Some(IntOrString::String(name)) => name,
            None => port.port.to_string(),
        },
    })
}

fn urls(ingress: Ingress) -> Vec<String> {
    let Some(spec) = ingress.spec else { return Vec::new() };
    let secured: Vec<_> = spec.tls.iter().flatten().flat_map(|tls| tls.hosts.iter().flatten()).collect();
    let hosts = spec.rules.iter().flatten().filter_map(|rule| rule.host.as_ref());
    let hosts = hosts.filter(|host| !host.contains('*'));
    let url = |host: &String| format!("http{}://{host}", if secured.contains(&host) { "s" } else { "" });
    hosts.map(url).collect()
}
