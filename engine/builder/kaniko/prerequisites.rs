//! Objects that must exist in the cluster before a pod can use them.

use super::KanikoBuild;
use super::error::KanikoError;
use crate::cluster::ClusterAccess;
use crate::config::MountKind;

/// Checks that the secrets and config maps in the configuration exist: a pod would wait for them until its timeout.
/// Objects that the user has no permission to read are not checked.
///
/// # Errors
/// [`KanikoError::Missing`].
pub(super) async fn check_prerequisites(
    access: &ClusterAccess,
    namespace: &str,
    build: &KanikoBuild,
) -> Result<(), KanikoError> {
    let config = &build.config;
    let pull_secret = config.pull_secret.as_deref().filter(|_| !config.skip_pull_secret_mount);
    let pull_secret = pull_secret.map(|name| (MountKind::Secret, name, "pullSecret"));
    let mounts = config.additional_mounts.iter();
    let mounts = mounts.map(|mount| (mount.kind, mount.name.as_str(), "additionalMounts"));
    for (kind, name, option) in pull_secret.into_iter().chain(mounts) {
        let (is_there, kind) = match kind {
            MountKind::Secret => (access.has_secret(namespace, name).await?, "secret"),
            MountKind::ConfigMap => (access.has_config_map(namespace, name).await?, "config map"),
        };
        if is_there == Some(false) {
            let (image, name) = (build.request.image.clone(), name.to_owned());
            return Err(KanikoError::Missing { image, kind, name, namespace: namespace.to_owned(), option });
        }
    }
    Ok(())
}
