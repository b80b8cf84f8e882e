//! Deletes objects.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::ClusterAccess;
use super::request::{Call, Failure};
use super::{ApplyError, ObjectKey};
use crate::delays::Delays;

/// The delay before the objects are read again; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// When the objects that a deleted object owns are deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    /// They are deleted after it.
    Background,
    /// They are deleted before it.
    Foreground,
}

impl ClusterAccess {
    /// Deletes the object `key`, only if it has the UID of `uid`. Returns whether it existed; it may exist for some time
    /// after that ([`ClusterAccess::wait_until_deleted`]).
    ///
    /// # Errors
    /// [`ApplyError`].
    pub async fn delete_object(
        &self,
        key: &ObjectKey,
        uid: Option<&str>,
        propagation: Propagation,
    ) -> Result<bool, ApplyError> {
        let (resource, key) = match self.resolve_key(key).await {
            // Its definition was deleted, and all objects with it.
            Err(ApplyError::UnknownKind { .. }) => return Ok(false),
            resolved => resolved?,
        };
        let policy = match propagation {
            Propagation::Background => "Background",
            Propagation::Foreground => "Foreground",
        };
        let mut options = json!({ "kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": policy });
        if let Some(uid) = uid {
            options["preconditions"] = json!({ "uid": uid });
        }
        let path = resource.object_path(key.namespace.as_deref(), &key.name);
        match self.send(Call::delete(path, &options)).await {
            Ok(_) => Ok(true),
            Err(Failure::Status(status)) if status.code == 404 => Ok(false),
            // Another object has its name now.
            Err(Failure::Status(status)) if status.code == 409 && uid.is_some() => Ok(false),
            Err(failure) => Err(self.problem(failure, &format!("delete {key}"), Some(&key))),
        }
    }

    /// Waits until `objects`, which were deleted, no longer exist. An object with another UID is another one.
    ///
    /// # Errors
    /// [`ApplyError::StillExists`] after `limit`, with the finalizers that prevent the deletion.
    pub async fn wait_until_deleted(&self, objects: &[Value], limit: Duration) -> Result<(), ApplyError> {
        let end = Instant::now() + limit;
        let mut waiting: Vec<_> = objects.iter().collect();
        let mut delays = Delays::new(FIRST_PAUSE, LONGEST_PAUSE);
        loop {
            let keys: Vec<_> =
                waiting.iter().map(|object| ObjectKey::new(object)).collect::<Result<_, _>>()?;
            let found = self.list_objects(&keys).await?;
            let mut existing = Vec::new();
            for (object, found) in waiting.into_iter().zip(found) {
                let uid = &object["metadata"]["uid"];
                let is_same = |found: &Value| uid.is_null() || found["metadata"]["uid"] == *uid;
                if let Some(found) = found.filter(is_same) {
                    existing.push((object, found));
                }
            }
            let Some((_, first)) = existing.first() else { return Ok(()) };
            let pause = delays.advance();
            if Instant::now() + pause >= end {
                return Err(still_exists(first, existing.len(), limit));
            }
            waiting = existing.into_iter().map(|(object, _)| object).collect();
            tokio::time::sleep(pause).await;
        }
    }
}

fn still_exists(object: &Value, count: usize, limit: Duration) -> ApplyError {
    let name = ObjectKey::new(object).map(|key| key.to_string()).unwrap_or_default();
    let finalizers = object["metadata"]["finalizers"].as_array().into_iter().flatten();
    let finalizers: Vec<_> = finalizers.filter_map(Value::as_str).map(|name| format!("`{name}`")).collect();
    let owned = finalizers.iter().any(|name| name == "`foregroundDeletion`");
    let waiting = match finalizers.as_slice() {
        [] => String::new(),
        _ if owned => ": objects that it owns still exist (finalizer `foregroundDeletion`)".to_owned(),
        [one] => format!(": the finalizer {one} remains"),
        several => format!(": the finalizers {} remain", several.join(", ")),
    };
    ApplyError::StillExists {
        object: if count == 1 { name } else { format!("{name} and {} more", count - 1) },
        seconds: limit.as_secs(),
        waiting,
    }
}
