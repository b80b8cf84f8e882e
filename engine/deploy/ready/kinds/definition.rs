//! CustomResourceDefinitions.

use serde_json::Value;

use crate::deploy::ready::Readiness;
use crate::deploy::ready::condition::condition;

/// How far a CustomResourceDefinition is: its names are accepted, and it is established.
pub(in crate::deploy::ready) fn readiness(definition: &Value) -> Readiness {
    let established = condition(definition, "Established");
    if let Some(names) = condition(definition, "NamesAccepted").filter(|condition| condition.is_false()) {
        return Readiness::failed(names.reason, names.message);
    }
    match established {
        Some(established) if established.is_true() => Readiness::current("Established", "established"),
        Some(established) if established.is_false() && established.reason != "Installing" => {
            Readiness::failed(established.reason, established.message)
        }
        _ => Readiness::in_progress("Installing", "being installed"),
    }
}
