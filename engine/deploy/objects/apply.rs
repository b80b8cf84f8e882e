//! Applies manifests that were compared with the cluster.

use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use serde_json::Value;

use super::compare::{PARALLEL, compare};
use super::failure::{problems, refused};
use super::kubectl;
use super::{ApplyEffect, ComparedObject, LockOptions, Locked, ManifestComparison};
use crate::cluster::{ClusterAccess, ObjectKey, Propagation, without_managed_fields};
use crate::deploy::manifest::object_rank;
use crate::error::StageError;
use crate::event::ObjectChange;

/// The timeout for custom resource definitions, and for an object that is recreated.
const STEP_LIMIT: Duration = Duration::from_secs(60);

/// How to apply.
pub struct ApplyOptions<'a> {
    /// How to wait for another run that deploys the same; its `cancel` stops between two objects.
    pub lock: LockOptions<'a>,
    /// Receives each object that was changed, with details as a phrase.
    pub on_change: &'a (dyn Fn(&str, ObjectChange, &str) + Send + Sync),
}

/// The result of an apply.
#[derive(Debug, Clone, Default)]
pub struct AppliedManifests {
    /// The state in the cluster of all objects of the manifests, without `managedFields`.
    pub objects: Vec<Value>,
    /// The number of objects that were created or changed.
    pub changed: usize,
    /// The number of objects that were deleted because they had left the manifests.
    pub deleted: usize,
}

/// Applies `comparison`: locks the deployment, records its objects, applies those that differ, in their order, and
/// deletes those that have left the manifests. If another run held the lock, everything is compared again.
///
/// # Errors
/// `deploy::locked` if another run holds the lock longer than the limit, `run::cancelled`, and `deploy::...` or
/// `cluster::...` for the first objects that fail. The record contains whatever was applied.
pub async fn apply(
    access: &ClusterAccess,
    comparison: &ManifestComparison,
    options: &ApplyOptions<'_>,
) -> Result<AppliedManifests, StageError> {
    let manifests = &comparison.manifests;
    let lock = Locked::acquire(access, &manifests.namespace, &manifests.deployment, options.lock).await?;
    let has_waited = lock.has_waited;
    let work = async {
        if has_waited {
            let again = compare(access, manifests.clone()).await?;
            return apply_locked(access, &again, options).await;
        }
        apply_locked(access, comparison, options).await
    };
    lock.run(options.lock.cancel, work).await
}

async fn apply_locked(
    access: &ClusterAccess,
    comparison: &ManifestComparison,
    options: &ApplyOptions<'_>,
) -> Result<AppliedManifests, StageError> {
    let recorded = comparison.recorded.as_ref();
    // Until the apply has finished, the record names the previous and the new objects.
    let wide =
        recorded.map_or_else(|| comparison.wanted.clone(), |recorded| recorded.union(&comparison.wanted));
    if recorded != Some(&wide) {
        access.write_apply_set(&wide).await?;
    }
    let mut applied = AppliedManifests::default();
    let manifests = &comparison.manifests;
    if let Some(kubectl) = &manifests.kubectl {
        let changed = comparison.changed().map(|object| &object.document.value);
        kubectl::apply(access, kubectl, &manifests.namespace, changed, options.lock.cancel).await?;
        applied.changed = comparison.changed().count();
        for object in comparison.changed() {
            let change = object.change().unwrap_or(ObjectChange::Changed);
            (options.on_change)(&name(&object.document.value), change, &object.details());
        }
        let keys = manifests.documents.iter().map(|document| ObjectKey::new(&document.value));
        let live = access.list_objects(&keys.collect::<Result<Vec<_>, _>>()?).await?;
        applied.objects = live.into_iter().flatten().collect();
    }
    let own = if manifests.kubectl.is_some() { &[][..] } else { &comparison.objects[..] };
    let rank = |object: &ComparedObject| object_rank(&object.document.value);
    for group in own.chunk_by(|one, other| rank(one) == rank(other)) {
        let mut results = Vec::with_capacity(group.len());
        for object in group {
            results.push(apply_one(access, object).boxed());
        }
        let results: Vec<_> = futures_util::stream::iter(results).buffered(PARALLEL).collect().await;
        let mut failures = Vec::new();
        let mut definitions = Vec::new();
        for (object, result) in group.iter().zip(results) {
            match result {
                Ok(live) => {
                    if let Some(change) = object.change() {
                        applied.changed += 1;
                        (options.on_change)(&name(&live), change, &object.details());
                        if object.document.kind() == "CustomResourceDefinition" {
                            definitions.push(live.clone());
                        }
                    }
                    applied.objects.push(live);
                }
                Err(error) => failures.extend(problems(&object.document, error)),
            }
        }
        if !failures.is_empty() {
            return Err(refused(&manifests.deployment, failures));
        }
        if !definitions.is_empty() {
            access.wait_until_established(&definitions, STEP_LIMIT).await?;
        }
    }
    for object in &comparison.pruning.deleted {
        let key = ObjectKey::new(object)?;
        let uid = object["metadata"]["uid"].as_str();
        if access.delete_object(&key, uid, Propagation::Background).await? {
            applied.deleted += 1;
            (options.on_change)(&key.to_string(), ObjectChange::Deleted, "no longer in the manifests");
        }
    }
    for (object, reason) in &comparison.pruning.kept {
        (options.on_change)(&name(object), ObjectChange::Kept, reason);
    }
    let record = comparison.record();
    if record != wide {
        access.write_apply_set(&record).await?;
    }
    Ok(applied)
}

async fn apply_one(
    access: &ClusterAccess,
    object: &ComparedObject,
) -> Result<Value, crate::cluster::ApplyError> {
    let live = object.live.as_ref();
    match (object.difference, live) {
        (ApplyEffect::None, Some(live)) => return Ok(live.clone()),
        (ApplyEffect::Immutable, Some(live)) => {
            let key = ObjectKey::new(live)?;
            access.delete_object(&key, live["metadata"]["uid"].as_str(), Propagation::Foreground).await?;
            access.wait_until_deleted(std::slice::from_ref(live), STEP_LIMIT).await?;
            let applied = access.apply_object(&object.document.value, None).await?;
            return Ok(without_managed_fields(applied.object));
        }
        _ => {}
    }
    Ok(without_managed_fields(access.apply_object(&object.document.value, live).await?.object))
}

/// `Deployment/web (namespace dev)`.
fn name(object: &Value) -> String {
    ObjectKey::new(object).map(|key| key.to_string()).unwrap_or_default()
}
