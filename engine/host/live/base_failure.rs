//! Detects builds that failed because a base image could not be pulled.

use crate::builder::{BuildError, BuildRequest};
use crate::image::ImageReference;
use crate::registry::{Action, CredentialStore, RegistryError, RegistryErrorKind};

/// The registry error of a base image, if it is the cause of `error` in a build of `request`. Each builder reports it
/// differently.
pub(super) async fn base_failure(
    error: &BuildError,
    request: &BuildRequest,
    store: &CredentialStore,
) -> Option<RegistryError> {
    let (step, reason) = match error {
        BuildError::Refused { reason, .. } => ("", reason),
        BuildError::StepFailed { step, reason, exit_code: None, .. } if step.contains("FROM ") => {
            (step.as_str(), reason)
        }
        _ => return None,
    };
    let bases = request.dockerfile.bases(request.target.as_deref(), &request.build_args).ok()?;
    let mut bases = bases.iter().filter_map(|base| base.reference.parse::<ImageReference>().ok());
    let base = bases.find(|base| is_about(reason, base) || is_about(step, base))?;
    let known = store.get(base.repository.domain()).await;
    let found = RegistryError::from_daemon(Action::Pull, &base, &known, reason);
    (!matches!(found.problem, RegistryErrorKind::Refused { .. })).then_some(found)
}

/// Whether `text` contains `base` or its registry.
fn is_about(text: &str, base: &ImageReference) -> bool {
    let repository = &base.repository;
    text.contains(&repository.to_string())
        || (!repository.is_docker_hub() && text.contains(repository.domain()))
        || text.contains(&format!("{}/{}", repository.domain(), repository.path()))
}
