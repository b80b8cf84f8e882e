//! Watches objects.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures_util::stream::{BoxStream, select_all};
use futures_util::{Stream, StreamExt as _};
use kube::Api;
use kube::core::DynamicObject;
use kube::runtime::utils::Backoff;
use kube::runtime::{WatchStreamExt as _, watcher};
use serde_json::Value;

use super::super::ClusterAccess;
use super::watch_state::WatchState;
use super::{ApplyError, ObjectKey, ResourceType};
use crate::delays::Delays;

/// The number of objects in a page of the first list.
const PAGE: u32 = 250;

/// The delays before a watch connects again. A change must be seen soon after the API server responds again.
const FIRST_DELAY: Duration = Duration::from_millis(250);
const LONGEST_DELAY: Duration = Duration::from_secs(1);

/// The objects of a kind to watch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WatchTarget {
    /// The API group and version.
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// The namespace; `None` for cluster-scoped objects.
    pub namespace: Option<String>,
    /// The names; empty: all objects of the namespace.
    pub names: Vec<String>,
    /// A field selector: `type=Warning`; empty: all objects.
    pub fields: String,
}

/// A change of a watched object. Objects are without `managedFields`.
#[derive(Debug, Clone)]
pub enum WatchedObject {
    /// The object exists, in this state.
    Exists(Value),
    /// The object was deleted; after a lost connection, only its identity is known.
    Deleted(Value),
    /// All objects of a kind and namespace that exist were reported.
    Complete {
        /// The kind.
        kind: String,
        /// The namespace.
        namespace: Option<String>,
    },
    /// A watch lost its connection, and connects again.
    Interrupted(String),
    /// A watch has ended, because it is not permitted. The others continue.
    Failed(ApplyError),
}

impl WatchTarget {
    /// The watches for the objects `keys`, whose namespaces are known: the objects themselves, and in their namespaces
    /// the replica sets, the pods and the events with warnings.
    pub fn deployment(keys: &[ObjectKey]) -> Vec<Self> {
        let mut targets: Vec<Self> = Vec::new();
        for key in keys {
            let is_same = |target: &&mut Self| {
                target.api_version == key.api_version
                    && target.kind == key.kind
                    && target.namespace == key.namespace
            };
            match targets.iter_mut().find(is_same) {
                Some(target) => target.names.push(key.name.clone()),
                None => targets.push(Self {
                    api_version: key.api_version.clone(),
                    kind: key.kind.clone(),
                    namespace: key.namespace.clone(),
                    names: vec![key.name.clone()],
                    fields: String::new(),
                }),
            }
        }
        let mut namespaces: Vec<_> = keys.iter().filter_map(|key| key.namespace.clone()).collect();
        namespaces.sort();
        namespaces.dedup();
        let related = [("apps/v1", "ReplicaSet", ""), ("v1", "Pod", ""), ("v1", "Event", "type=Warning")];
        for namespace in namespaces {
            for (api_version, kind, fields) in related {
                let target = Self {
                    api_version: api_version.to_owned(),
                    kind: kind.to_owned(),
                    namespace: Some(namespace.clone()),
                    names: Vec::new(),
                    fields: fields.to_owned(),
                };
                // All objects of the kind contain those with names.
                targets.retain(|known| {
                    (&known.api_version, &known.kind, &known.namespace)
                        != (&target.api_version, &target.kind, &target.namespace)
                });
                targets.push(target);
            }
        }
        targets
    }
}

impl ClusterAccess {
    /// The objects of `targets`, and each of their changes. The stream connects again after a lost connection, without
    /// losing changes, and ends only when all watches have failed. It reads on only while it is polled.
    ///
    /// # Errors
    /// [`ApplyError::UnknownKind`].
    pub async fn watch_objects(
        &self,
        targets: &[WatchTarget],
    ) -> Result<impl Stream<Item = WatchedObject> + Send + Unpin + use<>, ApplyError> {
        let mut watches = Vec::with_capacity(targets.len());
        for target in targets {
            let resource = self.resource_type(&target.api_version, &target.kind).await?;
            watches.push(self.watch(resource, target).await?);
        }
        Ok(select_all(watches))
    }

    async fn watch(
        &self,
        resource: ResourceType,
        target: &WatchTarget,
    ) -> Result<BoxStream<'static, WatchedObject>, ApplyError> {
        let (context, client) = self.connect().await?;
        let (context, client) = (context.clone(), client.clone());
        let api: Api<DynamicObject> = match target.namespace.as_deref().filter(|_| resource.is_namespaced) {
            Some(namespace) => Api::namespaced_with(client, namespace, &resource.api_resource()),
            None => Api::all_with(client, &resource.api_resource()),
        };
        let fields = match (target.names.as_slice(), target.fields.as_str()) {
            ([name], "") => format!("metadata.name={name}"),
            (_, fields) => fields.to_owned(),
        };
        let config = watcher::Config { page_size: Some(PAGE), ..watcher::Config::default() };
        let config = if fields.is_empty() { config } else { config.fields(&fields) };
        let mut state = WatchState {
            doing: match &target.namespace {
                Some(namespace) => format!("watch the {} (namespace {namespace})", resource.plural),
                None => format!("watch the {}", resource.plural),
            },
            names: target.names.iter().cloned().collect(),
            namespace: target.namespace.clone(),
            known: HashMap::new(),
            listed: HashSet::new(),
            resource,
        };
        let changes = watcher::watcher(api, config).backoff(WatchDelays::default());
        // `Failed` is the last change of a watch.
        let changes = changes
            .map(move |event| state.changes(event, &context))
            .flat_map(futures_util::stream::iter)
            .scan(false, |has_failed, change| {
                let is_last = std::mem::replace(has_failed, matches!(change, WatchedObject::Failed(_)));
                std::future::ready((!is_last).then_some(change))
            });
        Ok(changes.boxed())
    }
}

/// The delays between attempts to watch.
pub(in crate::cluster) struct WatchDelays(Delays);

impl Default for WatchDelays {
    fn default() -> Self {
        Self(Delays::new(FIRST_DELAY, LONGEST_DELAY))
    }
}

impl Iterator for WatchDelays {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(self.0.advance())
    }
}

impl Backoff for WatchDelays {
    fn reset(&mut self) {
        self.0.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_is_watched_with_its_owned_objects() {
        let key = |kind: &str, name: &str, namespace: Option<&str>| ObjectKey {
            api_version: if kind == "Deployment" { "apps/v1" } else { "v1" }.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        };
        let keys = [
            key("Deployment", "a", Some("dev")),
            key("Deployment", "b", Some("dev")),
            key("Pod", "p", Some("dev")),
            key("Namespace", "dev", None),
        ];
        let targets = WatchTarget::deployment(&keys);
        let shown = |target: &WatchTarget| {
            format!("{} {} {}", target.kind, target.names.join(","), target.fields).trim().to_owned()
        };
        let shown: Vec<_> = targets.iter().map(shown).collect();
        assert_eq!(shown, ["Deployment a,b", "Namespace dev", "ReplicaSet", "Pod", "Event  type=Warning"]);
    }
}
