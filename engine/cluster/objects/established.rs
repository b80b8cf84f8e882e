//! Waits for custom resources.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::super::ClusterAccess;
use super::{ApplyError, ObjectKey};

/// The delay before a definition is read again.
const PAUSE: Duration = Duration::from_millis(200);

impl ClusterAccess {
    /// Waits until the API server serves the custom resources of `definitions`, which were applied. The kinds are
    /// queried again afterwards.
    ///
    /// # Errors
    /// [`ApplyError::NotEstablished`] after `limit`, and immediately if another definition has its names.
    pub async fn wait_until_established(
        &self,
        definitions: &[Value],
        limit: Duration,
    ) -> Result<(), ApplyError> {
        let end = Instant::now() + limit;
        for definition in definitions {
            let key = ObjectKey::new(definition)?;
            let failed = |reason: &str| ApplyError::NotEstablished {
                name: key.name.clone(),
                reason: reason.to_owned(),
            };
            let established = loop {
                let found = self.get_object(&key).await?.ok_or_else(|| failed("it does not exist"))?;
                if let Some(rejected) = condition(&found, "NamesAccepted", "False") {
                    return Err(failed(rejected));
                }
                if condition(&found, "Established", "True").is_some() {
                    break found;
                }
                if Instant::now() >= end {
                    return Err(failed(&format!("not established after {} seconds", limit.as_secs())));
                }
                tokio::time::sleep(PAUSE).await;
            };
            for (api_version, kind) in served(&established) {
                loop {
                    // An established definition is served a moment later.
                    self.remove_resources();
                    match self.resource_type(&api_version, &kind).await {
                        Ok(_) => break,
                        Err(ApplyError::UnknownKind { .. }) if Instant::now() < end => {
                            tokio::time::sleep(PAUSE).await;
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
        }
        Ok(())
    }
}

/// The message of a condition with this status.
fn condition<'a>(object: &'a Value, kind: &str, status: &str) -> Option<&'a str> {
    let conditions = object["status"]["conditions"].as_array()?;
    let found = conditions.iter().find(|entry| entry["type"] == kind && entry["status"] == status)?;
    Some(found["message"].as_str().unwrap_or_default())
}

/// The API versions and the kind that a definition serves.
fn served(definition: &Value) -> Vec<(String, String)> {
    let spec = &definition["spec"];
    let (group, kind) = (spec["group"].as_str().unwrap_or_default(), spec["names"]["kind"].as_str());
    let versions = spec["versions"].as_array().into_iter().flatten();
    let versions = versions.filter(|version| version["served"] == true);
    let versions = versions.filter_map(|version| version["name"].as_str());
    versions.map(|version| (format!("{group}/{version}"), kind.unwrap_or_default().to_owned())).collect()
}
