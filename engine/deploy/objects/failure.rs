//! Objects that a cluster does not accept, with their places in the manifests.

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

/// The error about `problems`, of which there is at least one.
pub(super) fn refused(deployment: &str, mut problems: Vec<ObjectProblem>) -> StageError {
    match problems.len() {
        1 => problems.remove(0).into(),
        _ => RefusedObjects { deployment: deployment.to_owned(), problems }.into(),
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
        ApplyError::UnknownKind { .. } => {
            return vec![at("deploy::unknown_kind", "kind", error.to_string())];
        }
        ApplyError::InvalidName { .. } => {
            return vec![at("deploy::invalid_name", "metadata.name", error.to_string())];
        }
        _ => None,
    };
    match in_fields {
        Some((code, doing, fields)) if !fields.is_empty() => {
            fields.iter().map(|field| at(code, &field.field, format!("cannot {doing}: {field}"))).collect()
        }
        _ => vec![ObjectProblem::Other(error)],
    }
}
