//! Objects that a cluster does not accept, with their places in the manifests.

use std::collections::HashSet;

use miette::Diagnostic as _;

use crate::cluster::ApplyError;
use crate::deploy::manifest::{ManifestDocument, ManifestProblem};
use crate::error::StageError;
use crate::plural::counted;

/// The cluster does not accept several objects of a deployment. Nothing was changed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error(
    "cannot deploy {deployment}: the cluster reports {}; nothing was changed",
    counted(problems.len(), "problem")
)]
#[diagnostic(code(deploy::refused))]
struct RefusedObjects {
    deployment: String,
    #[related]
    problems: Vec<ObjectProblem>,
}

/// Why the cluster does not accept an object.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(super) enum ObjectProblem {
    /// A problem with a place in a manifest.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Located(ManifestProblem),
    /// A problem of the object as a whole.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Other(ApplyError),
}

/// The error about `problems`, of which there is at least one. A problem that concerns the cluster or the namespace as a
/// whole is reported alone, and a missing permission once, because every other object has it too.
pub(super) fn refused(deployment: &str, mut problems: Vec<ObjectProblem>) -> StageError {
    if let Some(index) = problems.iter().position(ObjectProblem::is_general) {
        return problems.swap_remove(index).into();
    }
    let mut told = HashSet::new();
    problems.retain(|problem| problem.missing_right().is_none_or(|right| told.insert(right)));
    match problems.len() {
        1 => problems.remove(0).into(),
        _ => RefusedObjects { deployment: deployment.to_owned(), problems }.into(),
    }
}

impl ObjectProblem {
    /// Whether it concerns the cluster or the namespace as a whole.
    fn is_general(&self) -> bool {
        let Self::Other(error) = self else { return false };
        matches!(
            error,
            ApplyError::Cluster(_)
                | ApplyError::NamespaceMissing { .. }
                | ApplyError::NamespaceTerminating { .. }
                | ApplyError::Overloaded { .. }
        )
    }

    /// The verb, the resource and the scope of a missing permission.
    fn missing_right(&self) -> Option<[String; 3]> {
        let Self::Other(ApplyError::Forbidden { verb, resource, scope, .. }) = self else { return None };
        Some([verb.clone(), resource.clone(), scope.clone()])
    }
}

/// The problems that `error` reports about the object of `document`, each at its place.
pub(super) fn problems(document: &ManifestDocument, error: ApplyError) -> Vec<ObjectProblem> {
    let help = error.help().map(|help| help.to_string());
    let at = |code, field: &str, message: String| {
        ObjectProblem::Located(document.problem(code, field, message, help.clone()))
    };
    let in_fields = match &error {
        ApplyError::Immutable { doing, fields, .. } => Some(("deploy::immutable", doing, fields)),
        ApplyError::Invalid { doing, fields } => Some(("deploy::invalid", doing, fields)),
        ApplyError::Schema { doing, fields } => Some(("deploy::schema", doing, fields)),
        _ => None,
    };
    if let Some((code, doing, fields)) = in_fields.filter(|(_, _, fields)| !fields.is_empty()) {
        return fields
            .iter()
            .map(|field| at(code, &field.field, format!("cannot {doing}: {field}")))
            .collect();
    }
    let (code, field) = match &error {
        ApplyError::FieldConflict { doing, fields } => {
            let owned = fields.iter();
            return owned
                .map(|owned| at("deploy::field_conflict", &owned.field, format!("cannot {doing}: {owned}")))
                .collect();
        }
        ApplyError::Denied { .. } => ("deploy::denied", "metadata.name"),
        ApplyError::InvalidName { .. } => ("deploy::invalid_name", "metadata.name"),
        ApplyError::OwnedElsewhere { .. } => ("deploy::owned_by_other", "metadata.name"),
        ApplyError::Quota { .. } => ("deploy::quota", "metadata.name"),
        ApplyError::TooLarge { .. } => ("deploy::too_large", "metadata.name"),
        ApplyError::UnknownKind { .. } => ("deploy::unknown_kind", "kind"),
        _ => return vec![ObjectProblem::Other(error)],
    };
    vec![at(code, field, error.to_string())]
}
