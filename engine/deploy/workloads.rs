//! The workloads of a namespace.

use std::collections::HashSet;

use serde_json::Value;

use crate::cluster::{ApplyError, ClusterAccess};
use crate::error::StageError;

/// The kinds of objects that run, or make others run.
const KINDS: [(&str, &str); 7] = [
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "ReplicaSet"),
    ("v1", "ReplicationController"),
    ("batch/v1", "Job"),
    ("v1", "Pod"),
];

/// The objects of `namespace` that run, without those that another one of them owns. Kinds without the permission to
/// list them are skipped; the objects that they own count instead.
///
/// # Errors
/// `cluster::...`, also without the permission to list any kind.
pub async fn workloads(access: &ClusterAccess, namespace: &str) -> Result<Vec<Value>, StageError> {
    let lists = KINDS.map(|(api_version, kind)| async move {
        let resource = access.resource_type(api_version, kind).await?;
        access.objects_with_labels(&resource, Some(namespace), "").await
    });
    let (mut objects, mut refused, mut listed) = (Vec::new(), None, 0);
    for list in futures_util::future::join_all(lists).await {
        match list {
            Ok(list) => {
                listed += 1;
                objects.extend(list);
            }
            Err(error @ ApplyError::Forbidden { .. }) => refused = Some(error),
            Err(error) => return Err(error.into()),
        }
    }
    if let Some(error) = refused.filter(|_| listed == 0) {
        return Err(error.into());
    }
    let known: HashSet<_> = objects.iter().filter_map(uid).map(str::to_owned).collect();
    objects.retain(|object| {
        let owners = object["metadata"]["ownerReferences"].as_array();
        !owners.is_some_and(|owners| {
            owners.iter().any(|owner| owner["uid"].as_str().is_some_and(|uid| known.contains(uid)))
        })
    });
    Ok(objects)
}

fn uid(object: &Value) -> Option<&str> {
    object["metadata"]["uid"].as_str()
}
