//! All other kinds.

use serde_json::Value;

use crate::deploy::ready::Readiness;
use crate::deploy::ready::condition::condition;

/// How far an object of any other kind is: as its condition `Ready` reports, and current if it has none.
pub(in crate::deploy::ready) fn readiness(object: &Value) -> Readiness {
    let Some(ready) = condition(object, "Ready") else {
        return Readiness::current("Current", "nothing to wait for");
    };
    let message = if ready.message.is_empty() { ready.reason } else { ready.message };
    match ready.status {
        "True" => Readiness::current("Ready", "ready"),
        _ if message.is_empty() => Readiness::in_progress("NotReady", "not ready"),
        _ => Readiness::in_progress("NotReady", message),
    }
}
