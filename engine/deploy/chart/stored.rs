//! Reads releases from the cluster, without helm.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{ChartError, ReleaseList, StoredRelease};
use crate::cluster::{ApplyError, ClusterAccess, ObjectKey, ResourceType};
use crate::deploy::manifest::{ManifestOrigin, fill_in, load_text};
use crate::error::StageError;

/// The revisions of the release `name` that helm has stored in `namespace`: in Secrets, or in ConfigMaps with the
/// driver `configmap`. The driver `memory` stores none.
///
/// # Errors
/// [`ApplyError`]; [`ApplyError::Forbidden`] without the permission to list them.
pub async fn stored_releases(
    access: &ClusterAccess,
    name: &str,
    namespace: &str,
    driver: Option<&str>,
) -> Result<ReleaseList, ApplyError> {
    let kind = match driver {
        Some("memory") => return Ok(ReleaseList::default()),
        Some("configmap") => "ConfigMap",
        _ => "Secret",
    };
    // Every cluster has these kinds, so it is not asked for them.
    let resource = ResourceType {
        api_version: "v1".to_owned(),
        kind: kind.to_owned(),
        plural: format!("{}s", kind.to_lowercase()),
        is_namespaced: true,
    };
    let selector = StoredRelease::selector(name);
    let found = access.objects_with_labels(&resource, Some(namespace), &selector).await?;
    Ok(ReleaseList::new(name, found.iter().map(|object| stored(object, kind))))
}

/// Checks that Helm 2 has no release `name`, whose records are in the namespace of Tiller.
///
/// # Errors
/// [`ChartError::Tiller`]; [`ApplyError`]s, but not for a missing permission.
pub async fn check_tiller(access: &ClusterAccess, name: &str, namespace: &str) -> Result<(), StageError> {
    let resource = access.resource_type("v1", "ConfigMap").await?;
    let selector = format!("OWNER=TILLER,NAME={name}");
    match access.objects_with_labels(&resource, Some(namespace), &selector).await {
        Ok(found) if found.is_empty() => Ok(()),
        Ok(_) => Err(ChartError::Tiller { release: name.to_owned(), namespace: namespace.to_owned() }.into()),
        Err(ApplyError::Forbidden { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The objects of the newest release of `releases` that exist in the cluster, in the order of the release.
///
/// # Errors
/// [`ChartError::ReleaseUnreadable`], and [`ApplyError`]s.
pub async fn release_objects(
    access: &ClusterAccess,
    releases: &ReleaseList,
) -> Result<Vec<Value>, StageError> {
    let Some(release) = releases.decode_newest()? else { return Ok(Vec::new()) };
    let mut documents = load_text(&release.manifest, ManifestOrigin::Script)?;
    fill_in(&mut documents, &release.namespace, &|_, _| None);
    let keys = documents.iter().map(|document| ObjectKey::new(&document.value));
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    Ok(access.list_objects(&keys).await?.into_iter().flatten().collect())
}

fn stored(object: &Value, kind: &str) -> StoredRelease {
    let labels = object["metadata"]["labels"].as_object().into_iter().flatten();
    let labels: BTreeMap<_, _> =
        labels.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect();
    let data = object["data"]["release"].as_str().unwrap_or_default();
    let data = match kind {
        "Secret" => STANDARD.decode(data).unwrap_or_default(),
        _ => data.as_bytes().to_vec(),
    };
    let object = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    StoredRelease { object, labels, data }
}
