//! Deletes the objects of a deployment.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use serde_json::Value;

use super::compare::PARALLEL;
use super::{LockOptions, Locked};
use crate::cluster::{ApplyError, ApplySet, ClusterAccess, ObjectKey, Propagation, Pruning, owner_of};
use crate::deploy::manifest::{ManifestDocument, object_rank};
use crate::error::{Cancelled, StageError};

/// The deployment to delete.
#[derive(Debug, Clone)]
pub struct Removal {
    /// The deployment.
    pub deployment: String,
    /// Its namespace.
    pub namespace: String,
    /// Its manifests, for a deployment without a record in the cluster: another tool has applied it.
    pub documents: Vec<ManifestDocument>,
    /// Whether to delete volume claims, namespaces and definitions too.
    pub all: bool,
    /// The timeout for objects that still exist after their deletion.
    pub limit: Duration,
}

/// The deleted and kept objects of a removal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removed {
    /// The deleted objects.
    pub deleted: Vec<ObjectKey>,
    /// The kept objects, each with the reason.
    pub kept: Vec<(ObjectKey, String)>,
}

impl Removal {
    /// Finds the objects to delete, in the order of their deletion, and those to keep.
    ///
    /// # Errors
    /// `cluster::...`.
    pub async fn find(&self, access: &ClusterAccess) -> Result<Pruning, StageError> {
        let members = match access.apply_set(&self.deployment, &self.namespace).await? {
            Some(set) => access.apply_set_members(&set).await?,
            None => self.live(access).await?,
        };
        Ok(self.choose(members))
    }

    /// Which of `members` to delete, in the order of their deletion, and which to keep.
    fn choose(&self, members: Vec<Value>) -> Pruning {
        let mut pruning = Pruning::new(members, &[]);
        if self.all {
            pruning.deleted.extend(std::mem::take(&mut pruning.kept).into_iter().map(|(object, _)| object));
        }
        pruning.deleted.sort_by_key(|object| std::cmp::Reverse(object_rank(object)));
        pruning
    }

    /// Finds the same among all objects of a cluster in memory.
    pub fn find_among(&self, cluster: &[Value]) -> Pruning {
        let id = ApplySet::new(&self.deployment, &self.namespace).id();
        let is_member = |object: &&Value| owner_of(object) == Some(id.as_str());
        let keys = self.documents.iter().filter_map(|document| ObjectKey::new(&document.value).ok());
        let keys: Vec<_> = keys.collect();
        let identities: HashSet<_> = keys.iter().map(ObjectKey::identity).collect();
        let is_unowned = |object: &&Value| {
            let is_known = || ObjectKey::new(object).is_ok_and(|key| identities.contains(&key.identity()));
            owner_of(object).is_none() && is_known()
        };
        let members: Vec<_> = cluster.iter().filter(is_member).cloned().collect();
        self.choose(match members.is_empty() {
            true => cluster.iter().filter(is_unowned).cloned().collect(),
            false => members,
        })
    }

    /// The objects of the manifests that exist and belong to no other deployment.
    async fn live(&self, access: &ClusterAccess) -> Result<Vec<Value>, StageError> {
        let keys: Vec<_> =
            self.documents.iter().filter_map(|document| ObjectKey::new(&document.value).ok()).collect();
        let live = access.list_objects(&keys).await?;
        Ok(live.into_iter().flatten().filter(|object| owner_of(object).is_none()).collect())
    }
}

/// Deletes the objects of a deployment, in reverse order, waits until they no longer exist, and deletes its record.
/// Volume claims, volumes, namespaces, definitions, and objects with `helm.sh/resource-policy: keep` are kept, unless
/// all are to be deleted. A deployment that does not exist is not an error.
///
/// # Errors
/// `deploy::locked` if another run holds the lock longer than the limit, `deploy::not_deleted` with the finalizers that
/// prevent the deletion, `cluster::...`, `run::cancelled`.
pub async fn remove(
    access: &ClusterAccess,
    removal: &Removal,
    lock: LockOptions<'_>,
) -> Result<Removed, StageError> {
    let work = async { delete(access, removal, removal.find(access).await?).await };
    match Locked::acquire_if_exists(access, &removal.namespace, &removal.deployment, lock).await? {
        Some(locked) => locked.run(lock.cancel, work).await,
        None => tokio::select! {
            biased;
            () = lock.cancel.cancelled() => Err(Cancelled.into()),
            removed = work => removed,
        },
    }
}

async fn delete(access: &ClusterAccess, removal: &Removal, pruning: Pruning) -> Result<Removed, StageError> {
    let mut removed = Removed::default();
    for group in pruning.deleted.chunk_by(|one, other| object_rank(one) == object_rank(other)) {
        let mut deletions = Vec::with_capacity(group.len());
        for object in group {
            let deletion = async move {
                let key = ObjectKey::new(object)?;
                let uid = object["metadata"]["uid"].as_str();
                let is_deleted = access.delete_object(&key, uid, Propagation::Foreground).await?;
                Ok::<_, ApplyError>(is_deleted.then_some(key))
            };
            deletions.push(deletion.boxed());
        }
        let deleted: Vec<_> = futures_util::stream::iter(deletions).buffered(PARALLEL).try_collect().await?;
        removed.deleted.extend(deleted.into_iter().flatten());
    }
    access.wait_until_deleted(&pruning.deleted, removal.limit).await?;
    let kept = pruning.kept.into_iter().map(|(object, reason)| Ok((ObjectKey::new(&object)?, reason)));
    removed.kept = kept.collect::<Result<_, ApplyError>>()?;
    if let Some(set) = access.apply_set(&removal.deployment, &removal.namespace).await?
        && removed.kept.is_empty()
    {
        access.delete_apply_set(&set).await?;
    }
    Ok(removed)
}
