//! Compares manifests with the cluster.

use std::collections::HashSet;

use futures_util::{FutureExt as _, StreamExt as _};
use serde_json::Value;

use super::failure::{ObjectProblem, problems, refused};
use super::{ApplyEffect, ComparedObject, ManifestComparison, ManifestSet};
use crate::cluster::{
    ApplyError, ApplyOutcome, ApplySet, ClusterAccess, ObjectKey, Pruning, group_of, without_managed_fields,
};
use crate::deploy::manifest::ManifestDocument;
use crate::error::StageError;

/// The number of objects that are checked in parallel.
pub(super) const PARALLEL: usize = 16;

/// The kinds and namespaces that the manifests themselves create.
struct Upcoming {
    /// Groups and kinds of custom resources.
    kinds: HashSet<(String, String)>,
    namespaces: HashSet<String>,
}

/// Compares `manifests` with the cluster: lists the live objects, sends a dry run of each object, and finds the members
/// of the deployment that have left the manifests. Changes nothing.
///
/// # Errors
/// `deploy::...` and `cluster::...` with everything that the cluster does not accept, and the places in the manifests.
pub async fn compare(
    access: &ClusterAccess,
    manifests: ManifestSet,
) -> Result<ManifestComparison, StageError> {
    let recorded = access.apply_set(&manifests.deployment, &manifests.namespace).await?;
    let upcoming = Upcoming::of(&manifests);
    let (keys, wanted) = identify(access, &manifests, &upcoming).await?;
    let live = access.list_objects(&keys).await?;
    let context = Context { access, wanted: &wanted, manifests: &manifests, upcoming };
    let mut compared = Vec::with_capacity(live.len());
    for (document, live) in manifests.documents.iter().zip(live) {
        compared.push(context.compare(document, live).boxed());
    }
    let compared: Vec<_> = futures_util::stream::iter(compared).buffered(PARALLEL).collect().await;
    let (mut objects, mut failures) = (Vec::with_capacity(compared.len()), Vec::new());
    for result in compared {
        match result {
            Ok(object) => objects.push(object),
            Err(problems) => failures.extend(problems),
        }
    }
    if !failures.is_empty() {
        return Err(refused(&manifests.deployment, failures));
    }
    let pruning = match &recorded {
        Some(recorded) => {
            let members = access.apply_set_members(recorded).await?;
            let present = objects.iter().zip(&keys);
            let present: Vec<_> = present.map(|(object, key)| identity(key, object.live.as_ref())).collect();
            Pruning::new(members, &present)
        }
        None => Pruning::default(),
    };
    Ok(ManifestComparison { manifests, objects, pruning, wanted, recorded, unqueried: None })
}

/// An object with nothing but its identity, and that of `live`.
fn identity(key: &ObjectKey, live: Option<&Value>) -> Value {
    let uid = live.map(|live| &live["metadata"]["uid"]);
    serde_json::json!({
        "apiVersion": key.api_version,
        "kind": key.kind,
        "metadata": { "name": key.name, "namespace": key.namespace, "uid": uid },
    })
}

/// The identities of the objects in the cluster, and the record of the deployment.
async fn identify(
    access: &ClusterAccess,
    manifests: &ManifestSet,
    upcoming: &Upcoming,
) -> Result<(Vec<ObjectKey>, ApplySet), StageError> {
    let mut wanted = ApplySet::new(&manifests.deployment, &manifests.namespace);
    let mut keys = Vec::with_capacity(manifests.documents.len());
    let mut failures: Vec<ObjectProblem> = Vec::new();
    for document in &manifests.documents {
        let resolved = async {
            let key = ObjectKey::new(&document.value)?;
            match access.resolve_key(&key).await {
                Ok((resource, key)) => {
                    wanted.insert(&resource, &key);
                    Ok(key)
                }
                Err(ApplyError::UnknownKind { .. }) if upcoming.has_kind(document) => {
                    wanted.insert_member(&document.value);
                    Ok(key)
                }
                Err(error) => Err(error),
            }
        };
        match resolved.await {
            Ok(key) => keys.push(key),
            Err(error @ (ApplyError::Cluster(_) | ApplyError::Overloaded { .. })) => return Err(error.into()),
            Err(error) => failures.extend(problems(document, error)),
        }
    }
    if failures.is_empty() { Ok((keys, wanted)) } else { Err(refused(&manifests.deployment, failures)) }
}

/// The inputs for the comparison of an object.
struct Context<'a> {
    access: &'a ClusterAccess,
    wanted: &'a ApplySet,
    manifests: &'a ManifestSet,
    upcoming: Upcoming,
}

impl Context<'_> {
    async fn compare(
        &self,
        document: &ManifestDocument,
        live: Option<Value>,
    ) -> Result<ComparedObject, Vec<ObjectProblem>> {
        if let Some(live) = &live {
            self.access.check_owner(self.wanted, live).await.map_err(|error| problems(document, error))?;
        }
        let document = document.with_value(self.wanted.with_label(&document.value));
        let (difference, result) = match self.access.dry_run_object(&document.value, live.as_ref()).await {
            Ok(applied) => {
                let difference = match applied.outcome {
                    ApplyOutcome::Created => ApplyEffect::New,
                    ApplyOutcome::Changed => ApplyEffect::Changed,
                    ApplyOutcome::Unchanged => ApplyEffect::None,
                };
                (difference, Some(applied.object))
            }
            Err(ApplyError::Immutable { object, .. }) if self.manifests.recreate.contains(&object) => {
                (ApplyEffect::Immutable, None)
            }
            Err(ApplyError::UnknownKind { .. }) if self.upcoming.has_kind(&document) => {
                (ApplyEffect::New, None)
            }
            Err(ApplyError::NamespaceMissing { namespace, .. })
                if self.upcoming.namespaces.contains(&namespace)
                    || self.manifests.planned.contains(&namespace) =>
            {
                (ApplyEffect::New, None)
            }
            Err(error) => return Err(problems(&document, error)),
        };
        // Thousands of objects need much memory: drops the fields that an apply does not need.
        let live = if difference == ApplyEffect::None { live.map(without_managed_fields) } else { live };
        let result = result.filter(|_| difference != ApplyEffect::None).map(without_managed_fields);
        Ok(ComparedObject { document, live, result, difference })
    }
}

impl Upcoming {
    fn of(manifests: &ManifestSet) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let of_kind =
            |kind: &'static str| manifests.documents.iter().filter(move |document| document.kind() == kind);
        let kinds = of_kind("CustomResourceDefinition").map(|definition| {
            let spec = &definition.value["spec"];
            (text(&spec["group"]), text(&spec["names"]["kind"]))
        });
        let namespaces = of_kind("Namespace").map(|namespace| text(&namespace.value["metadata"]["name"]));
        Self { kinds: kinds.collect(), namespaces: namespaces.collect() }
    }

    /// Whether a definition of the manifests defines the kind of `document`.
    fn has_kind(&self, document: &ManifestDocument) -> bool {
        let group = group_of(document.api_version()).to_owned();
        self.kinds.contains(&(group, document.kind().to_owned()))
    }
}
