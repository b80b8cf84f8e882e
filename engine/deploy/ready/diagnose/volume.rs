//! Claims without a volume.

use serde_json::Value;

use super::Deployed;
use crate::deploy::ready::fields::{group, list, text};
use crate::deploy::ready::kinds::volume_claim::waits_for_pod;
use crate::deploy::ready::{Permanence, Problem, ProblemKind};

/// Why the claim that was deployed has no volume.
pub(super) fn of_claim(deployed: &Deployed<'_>) -> Option<Problem> {
    let object = deployed.object;
    if (group(object), text(object, "/kind")) != ("", "PersistentVolumeClaim") {
        return None;
    }
    Some(deployed.problem(pending(deployed, object)?, Permanence::Temporary))
}

/// Why the claims of `pod` have no volumes.
pub(super) fn of_pod(deployed: &Deployed<'_>, pod: &Value) -> Option<Problem> {
    let namespace = text(pod, "/metadata/namespace");
    let claims =
        list(pod, "/spec/volumes").iter().map(|volume| text(volume, "/persistentVolumeClaim/claimName"));
    let mut claims = claims.filter_map(|name| deployed.view.object("PersistentVolumeClaim", namespace, name));
    let (name, mut kind) =
        claims.find_map(|claim| Some((text(claim, "/metadata/name"), pending(deployed, claim)?)))?;
    if let ProblemKind::VolumePending { claim, .. } = &mut kind {
        *claim = Some(name.to_owned());
    }
    Some(deployed.pod_problem(pod, kind, Permanence::Temporary))
}

fn pending(deployed: &Deployed<'_>, claim: &Value) -> Option<ProblemKind> {
    if text(claim, "/status/phase") != "Pending" || waits_for_pod(claim, deployed.view) {
        return None;
    }
    let event = deployed.view.last_event(claim, &["ProvisioningFailed", "FailedBinding", "VolumeMismatch"]);
    let message = event.map(|event| {
        // failed to provision volume with StorageClass "fast": rpc error: code = Internal desc = no space
        super::cause(event.message())
    });
    // An empty name means no class.
    let class =
        claim.pointer("/spec/storageClassName").and_then(Value::as_str).filter(|class| !class.is_empty());
    let near = class
        .filter(|class| deployed.view.object("StorageClass", "", class).is_none())
        .and_then(|class| deployed.view.nearest("StorageClass", "", class))
        .filter(|near| Some(near.as_str()) != class);
    Some(ProblemKind::VolumePending { claim: None, class: class.map(str::to_owned), message, near })
}
