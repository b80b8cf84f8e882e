//! The record of the objects of a deployment: an ApplySet (Kubernetes enhancement proposal 3659).
//!
//! The parent is a Secret with the kinds and namespaces of the members; each member has a label with the ID of the set.
//! Before an apply, the parent is widened to all kinds and namespaces; afterwards, leftover objects are deleted, and
//! the parent is narrowed.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::super::{ClusterAccess, MANAGER};
use super::list::ListQuery;
use super::{ApplyError, ObjectKey, ResourceType};

/// The label of a member with the ID of its set.
pub const PART_OF: &str = "applyset.kubernetes.io/part-of";

const ID: &str = "applyset.kubernetes.io/id";
const TOOLING: &str = "applyset.kubernetes.io/tooling";
const KINDS: &str = "applyset.kubernetes.io/contains-group-kinds";
const NAMESPACES: &str = "applyset.kubernetes.io/additional-namespaces";

/// The record of the objects of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplySet {
    deployment: String,
    namespace: String,
    /// The kinds of the members: `Deployment.apps`.
    kinds: BTreeSet<String>,
    /// The namespaces of the members, and its own.
    namespaces: BTreeSet<String>,
}

impl ApplySet {
    /// The record of the deployment `deployment` in `namespace`, without members.
    pub fn new(deployment: &str, namespace: &str) -> Self {
        Self {
            deployment: deployment.to_owned(),
            namespace: namespace.to_owned(),
            kinds: BTreeSet::new(),
            namespaces: BTreeSet::from([namespace.to_owned()]),
        }
    }

    /// The name of the Secret.
    pub fn secret_name(&self) -> String {
        format!("{MANAGER}-{}", self.deployment)
    }

    /// The ID, which is the value of the label [`PART_OF`] of the members.
    pub fn id(&self) -> String {
        let parent = format!("{}.{}.Secret.", self.secret_name(), self.namespace);
        format!("applyset-{}-v1", URL_SAFE_NO_PAD.encode(Sha256::digest(parent)))
    }

    /// Adds the kind and namespace of an object.
    pub fn insert(&mut self, resource: &ResourceType, key: &ObjectKey) {
        self.kinds.insert(resource.group_kind());
        if resource.is_namespaced {
            self.namespaces.extend(key.namespace.clone());
        }
    }

    /// Adds the kind and namespace of `object`, which is in the cluster.
    pub fn insert_member(&mut self, object: &Value) {
        let Ok(key) = ObjectKey::new(object) else { return };
        self.kinds.insert(match key.group() {
            "" => key.kind.clone(),
            group => format!("{}.{group}", key.kind),
        });
        self.namespaces.extend(key.namespace);
    }

    /// The set with the kinds and namespaces of both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut set = self.clone();
        set.kinds.extend(other.kinds.iter().cloned());
        set.namespaces.extend(other.namespaces.iter().cloned());
        set
    }

    /// `object` as a member.
    pub fn with_label(&self, object: &Value) -> Value {
        let mut member = object.clone();
        if !member["metadata"]["labels"].is_object() {
            member["metadata"]["labels"] = json!({});
        }
        member["metadata"]["labels"][PART_OF] = self.id().into();
        member
    }

    fn from_secret(deployment: &str, namespace: &str, secret: &Value) -> Self {
        let mut set = Self::new(deployment, namespace);
        let list = |name: &str| {
            let text = secret["metadata"]["annotations"][name].as_str().unwrap_or_default().to_owned();
            let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
            names.map(str::to_owned).collect::<Vec<_>>()
        };
        set.kinds.extend(list(KINDS));
        set.namespaces.extend(list(NAMESPACES));
        set
    }

    fn secret(&self) -> Value {
        let joined = |names: &mut dyn Iterator<Item = &String>| {
            names.map(String::as_str).collect::<Vec<_>>().join(",")
        };
        let others = &mut self.namespaces.iter().filter(|name| **name != self.namespace);
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": self.secret_name(),
                "namespace": self.namespace,
                "labels": { ID: self.id(), "app.kubernetes.io/managed-by": MANAGER },
                "annotations": {
                    TOOLING: format!("{MANAGER}/v{}", env!("CARGO_PKG_VERSION")),
                    KINDS: joined(&mut self.kinds.iter()),
                    NAMESPACES: joined(others),
                },
            },
        })
    }

    fn key(&self) -> ObjectKey {
        ObjectKey {
            api_version: "v1".to_owned(),
            kind: "Secret".to_owned(),
            namespace: Some(self.namespace.clone()),
            name: self.secret_name(),
        }
    }
}

/// The ID of the ApplySet that `object` belongs to.
pub fn owner_of(object: &Value) -> Option<&str> {
    object["metadata"]["labels"][PART_OF].as_str().filter(|id| !id.is_empty())
}

impl ClusterAccess {
    /// The record of the deployment `deployment` in `namespace`; `None` if it was never deployed.
    ///
    /// # Errors
    /// [`ApplyError::OwnedElsewhere`] if the Secret is the record of another tool.
    pub async fn apply_set(&self, deployment: &str, namespace: &str) -> Result<Option<ApplySet>, ApplyError> {
        let set = ApplySet::new(deployment, namespace);
        let key = set.key();
        let Some(secret) = self.get_object(&key).await? else { return Ok(None) };
        let tooling = secret["metadata"]["annotations"][TOOLING].as_str().unwrap_or_default();
        let tool = tooling.split('/').next().unwrap_or_default();
        if tool != MANAGER {
            let owner = if tool.is_empty() { "another tool".to_owned() } else { format!("`{tool}`") };
            return Err(ApplyError::OwnedElsewhere { doing: format!("use {key}"), owner, label: ID });
        }
        Ok(Some(ApplySet::from_secret(deployment, namespace, &secret)))
    }

    /// Writes the record: before an apply with the kinds and namespaces of all objects, afterwards with those that are
    /// left.
    ///
    /// # Errors
    /// [`ApplyError`].
    pub async fn write_apply_set(&self, set: &ApplySet) -> Result<(), ApplyError> {
        self.apply_object(&set.secret(), None).await.map(drop)
    }

    /// Deletes the record, after all members.
    ///
    /// # Errors
    /// [`ApplyError`].
    pub async fn delete_apply_set(&self, set: &ApplySet) -> Result<(), ApplyError> {
        self.delete_object(&set.key(), None, super::Propagation::Background).await.map(drop)
    }

    /// The members of a set: `apiVersion`, `kind` and `metadata` of each. Kinds that the cluster no longer serves have
    /// none.
    ///
    /// # Errors
    /// [`ApplyError`].
    pub async fn apply_set_members(&self, set: &ApplySet) -> Result<Vec<Value>, ApplyError> {
        let labels = format!("{PART_OF}={}", set.id());
        let mut members = Vec::new();
        for group_kind in &set.kinds {
            let (kind, group) = group_kind.split_once('.').unwrap_or((group_kind, ""));
            let Some(resource) = self.resource_of_group(group, kind).await? else { continue };
            let namespaces: Vec<_> = match resource.is_namespaced {
                true => set.namespaces.iter().map(|name| Some(name.as_str())).collect(),
                false => vec![None],
            };
            for namespace in namespaces {
                let query = ListQuery { resource: &resource, namespace, labels: &labels, is_metadata: true };
                members.extend(self.list(&query, |_| true).await?);
            }
        }
        Ok(members)
    }

    /// Checks that the live object does not belong to another deployment.
    ///
    /// # Errors
    /// [`ApplyError::OwnedElsewhere`], with the deployment if it is in the same namespace.
    pub async fn check_owner(&self, set: &ApplySet, live: &Value) -> Result<(), ApplyError> {
        let Some(id) = owner_of(live).filter(|id| *id != set.id()) else { return Ok(()) };
        let key = ObjectKey::new(live)?;
        let namespace = key.namespace.clone().unwrap_or_else(|| set.namespace.clone());
        let secrets = self.resource_type("v1", "Secret").await?;
        let labels = format!("{ID}={id}");
        let query =
            ListQuery { resource: &secrets, namespace: Some(&namespace), labels: &labels, is_metadata: true };
        // The error is about the object, not about the name of its owner.
        let parents = self.list(&query, |_| true).await.unwrap_or_default();
        let name = parents.first().and_then(|parent| parent["metadata"]["name"].as_str());
        let owner = match name.map(|name| name.strip_prefix("windlass-").unwrap_or(name)) {
            Some(name) => format!("the deployment `{name}`"),
            None => format!("another deployment (ApplySet `{id}`)"),
        };
        Err(ApplyError::OwnedElsewhere { doing: format!("apply {key}"), owner, label: PART_OF })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_the_proposal() {
        let set = ApplySet::new("app", "dev");
        // printf windlass-app.dev.Secret. | sha256sum | xxd -r -p | basenc --base64url | tr -d =
        assert_eq!(set.id(), "applyset-3jRVkTuTir9Os_KL2_D3Aht_QYsaf9qNRAd0rsz924g-v1");
        assert!(set.id().len() <= 63);
    }

    #[test]
    fn records_are_read_back() {
        let mut set = ApplySet::new("app", "dev");
        let mut insert = |api_version: &str, kind: &str, namespace: Option<&str>| {
            let resource = ResourceType {
                api_version: api_version.to_owned(),
                kind: kind.to_owned(),
                plural: String::new(),
                is_namespaced: namespace.is_some(),
            };
            let key = ObjectKey {
                api_version: api_version.to_owned(),
                kind: kind.to_owned(),
                namespace: namespace.map(str::to_owned),
                name: "a".to_owned(),
            };
            set.insert(&resource, &key);
        };
        insert("v1", "Service", Some("dev"));
        insert("apps/v1", "Deployment", Some("ops"));
        insert("rbac.authorization.k8s.io/v1", "ClusterRole", None);
        let secret = set.secret();
        let annotations = &secret["metadata"]["annotations"];
        assert_eq!(annotations[KINDS], "ClusterRole.rbac.authorization.k8s.io,Deployment.apps,Service");
        assert_eq!(annotations[NAMESPACES], "ops");
        assert_eq!(ApplySet::from_secret("app", "dev", &secret), set);
        let member = set.with_label(&json!({ "metadata": { "name": "a" } }));
        assert_eq!(owner_of(&member), Some(set.id().as_str()));
    }
}
