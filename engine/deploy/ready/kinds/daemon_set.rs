//! DaemonSets.

use serde_json::Value;

use crate::deploy::ready::Readiness;
use crate::deploy::ready::fields::{number, text};

/// How far a DaemonSet is: an updated, available and ready pod on every node. With `OnDelete`, the user updates the
/// pods, so old ones count as well.
pub(in crate::deploy::ready) fn readiness(set: &Value) -> Readiness {
    let status = |field: &str| number(set, &format!("/status/{field}")).unwrap_or(0);
    // The controller always sets both.
    for field in ["/metadata/generation", "/status/observedGeneration"] {
        if number(set, field).is_none() {
            return Readiness::in_progress("NoObservedGeneration", "waiting for its controller");
        }
    }
    let Some(wanted) = number(set, "/status/desiredNumberScheduled") else {
        return Readiness::in_progress("NoDesiredNumber", "waiting for its controller");
    };
    let (current, ready, available) =
        (status("currentNumberScheduled"), status("numberReady"), status("numberAvailable"));
    let is_on_delete = text(set, "/spec/updateStrategy/type") == "OnDelete";
    let updated = if is_on_delete { wanted } else { status("updatedNumberScheduled") };
    let readiness = if wanted > current {
        Readiness::in_progress("LessCurrent", format!("{current} of {wanted} pods created"))
    } else if wanted > updated {
        Readiness::in_progress("LessUpdated", format!("{updated} of {wanted} pods updated"))
    } else if wanted > available {
        Readiness::in_progress("LessAvailable", format!("{available} of {wanted} pods available"))
    } else if wanted > ready {
        Readiness::in_progress("LessReady", format!("{ready} of {wanted} pods ready"))
    } else {
        Readiness::current("Available", "available")
    };
    readiness.with_count(ready.min(updated), wanted)
}
