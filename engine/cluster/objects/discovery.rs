//! The kinds that a cluster serves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::OnceCell;

use super::super::ClusterAccess;
use super::removed_apis::{successor, usual_version};
use super::request::{Call, Failure};
use super::resource::{root, segment};
use super::{ApplyError, ObjectKey, ResourceType};
use crate::suggestion::nearest;

/// The kinds of one API version.
type Kinds = Arc<OnceCell<Arc<Vec<ResourceType>>>>;

/// The kinds that the cluster serves, by API version: each version is queried once.
#[derive(Default)]
pub(in super::super) struct ResourceCache(Mutex<HashMap<String, Kinds>>);

impl ResourceCache {
    fn entry(&self, api_version: &str) -> Kinds {
        let mut versions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(versions.entry(api_version.to_owned()).or_default())
    }

    fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl ClusterAccess {
    /// The resource of `kind` in `api_version`. The kinds of an API version are queried once, until
    /// [`ClusterAccess::remove_resources`] is called.
    ///
    /// # Errors
    /// [`ApplyError::UnknownKind`] if the cluster does not serve it, with the nearest one that it serves.
    pub async fn resource_type(&self, api_version: &str, kind: &str) -> Result<ResourceType, ApplyError> {
        let served = self.served_kinds(api_version).await?;
        if let Some(found) = served.iter().find(|resource| resource.kind == kind) {
            return Ok(found.clone());
        }
        let help = self.unknown_kind_help(api_version, kind, &served).await?;
        Err(ApplyError::UnknownKind { kind: kind.to_owned(), api_version: api_version.to_owned(), help })
    }

    /// The resource of `kind` in the preferred version of `group` that has it; `None` if the cluster does not serve it.
    ///
    /// # Errors
    /// [`ApplyError`].
    pub async fn resource_of_group(
        &self,
        group: &str,
        kind: &str,
    ) -> Result<Option<ResourceType>, ApplyError> {
        for version in self.group_versions(group).await? {
            let served = self.served_kinds(&version).await?;
            if let Some(found) = served.iter().find(|resource| resource.kind == kind) {
                return Ok(Some(found.clone()));
            }
        }
        Ok(None)
    }

    /// Removes the recorded kinds, because custom resources were defined.
    pub fn remove_resources(&self) {
        self.resources().clear();
    }

    /// The resource of an object, and its identity with the namespace that it has in the cluster: that of the run for an
    /// object without one, none for a cluster-scoped object.
    ///
    /// # Errors
    /// [`ApplyError::UnknownKind`].
    pub async fn resolve_key(&self, key: &ObjectKey) -> Result<(ResourceType, ObjectKey), ApplyError> {
        let resource = self.resource_type(&key.api_version, &key.kind).await?;
        let mut key = key.clone();
        if !resource.is_namespaced {
            key.namespace = None;
        } else if key.namespace.is_none() {
            key.namespace = self.context()?.map(|context| context.namespace.clone());
        }
        Ok((resource, key))
    }

    async fn served_kinds(&self, api_version: &str) -> Result<Arc<Vec<ResourceType>>, ApplyError> {
        let entry = self.resources().entry(api_version);
        let served = entry.get_or_try_init(|| async {
            let doing = format!("list the kinds of `{api_version}`");
            match self.send(Call::get(root(api_version))).await {
                Ok(response) => Ok(Arc::new(kinds(api_version, &response.body))),
                Err(Failure::Status(status)) if status.code == 404 => Ok(Arc::default()),
                Err(failure) => Err(self.problem(failure, &doing, None)),
            }
        });
        served.await.map(Arc::clone)
    }

    /// The API versions of `group`, the preferred one first; empty if the cluster does not have it.
    async fn group_versions(&self, group: &str) -> Result<Vec<String>, ApplyError> {
        if group.is_empty() {
            return Ok(vec!["v1".to_owned()]);
        }
        let body = match self.send(Call::get(format!("/apis/{}", segment(group)))).await {
            Ok(response) => response.body,
            Err(Failure::Status(status)) if status.code == 404 => return Ok(Vec::new()),
            Err(failure) => {
                return Err(self.problem(failure, &format!("list the versions of `{group}`"), None));
            }
        };
        let preferred = body["preferredVersion"]["groupVersion"].as_str();
        let all = body["versions"].as_array().into_iter().flatten();
        let all = all.filter_map(|version| version["groupVersion"].as_str());
        let mut versions: Vec<_> = preferred.into_iter().map(str::to_owned).collect();
        versions.extend(all.filter(|version| Some(*version) != preferred).map(str::to_owned));
        Ok(versions)
    }

    /// The hint for a kind that `api_version` does not have; `served` are those that it has.
    async fn unknown_kind_help(
        &self,
        api_version: &str,
        kind: &str,
        served: &[ResourceType],
    ) -> Result<String, ApplyError> {
        if let Some(help) = successor(api_version, kind) {
            return Ok(help);
        }
        let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
        if let Some(other) = self.resource_of_group(group, kind).await? {
            return Ok(format!("use `apiVersion: {}`, which the cluster serves", other.api_version));
        }
        if let Some(near) = nearest(kind, served.iter().map(|resource| resource.kind.as_str())) {
            return Ok(format!("did you mean `{near}`?"));
        }
        if let Some(usual) = usual_version(kind).filter(|usual| *usual != api_version) {
            return Ok(format!("use `apiVersion: {usual}` for `{kind}`"));
        }
        Ok(match group.contains('.') {
            true => format!(
                "install the CustomResourceDefinition of `{kind}.{group}`, or add it to the manifests"
            ),
            false => "correct `kind` and `apiVersion` (`kubectl api-resources` lists them)".to_owned(),
        })
    }
}

/// The kinds in a list of resources, without subresources.
fn kinds(api_version: &str, list: &Value) -> Vec<ResourceType> {
    let resources = list["resources"].as_array().into_iter().flatten();
    let resource = |entry: &Value| {
        let plural = entry["name"].as_str().filter(|name| !name.contains('/'))?;
        Some(ResourceType {
            api_version: api_version.to_owned(),
            kind: entry["kind"].as_str()?.to_owned(),
            plural: plural.to_owned(),
            is_namespaced: entry["namespaced"].as_bool()?,
        })
    };
    resources.filter_map(resource).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn subresources_are_not_kinds() {
        let list = json!({ "resources": [
            { "name": "deployments", "kind": "Deployment", "namespaced": true },
            { "name": "deployments/scale", "kind": "Scale", "namespaced": true },
        ] });
        let kinds = kinds("apps/v1", &list);
        assert_eq!(kinds.len(), 1);
        assert_eq!((kinds[0].plural.as_str(), kinds[0].is_namespaced), ("deployments", true));
    }
}
