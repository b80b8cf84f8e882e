//! The state of a watch, which its events change.

use std::collections::{HashMap, HashSet};

use kube::core::DynamicObject;
use kube::runtime::watcher;
use serde_json::{Value, json};

use super::super::ClusterContext;
use super::list::typed;
use super::status::apply_error;
use super::{ResourceType, WatchedObject};
use crate::connection_reason::connection_reason;

/// The state of a watch.
pub(super) struct WatchState {
    pub resource: ResourceType,
    pub namespace: Option<String>,
    pub names: HashSet<String>,
    pub doing: String,
    /// The objects that exist, by UID: those that are missing in a later list were deleted.
    pub known: HashMap<String, Value>,
    /// The UIDs in a list that is being read.
    pub listed: HashSet<String>,
}

impl WatchState {
    /// The changes from `event`.
    pub fn changes(
        &mut self,
        event: watcher::Result<watcher::Event<DynamicObject>>,
        context: &ClusterContext,
    ) -> Vec<WatchedObject> {
        use watcher::Error::{InitialListFailed, WatchError, WatchFailed, WatchStartFailed};
        use watcher::Event::{Apply, Delete, Init, InitApply, InitDone};
        match event {
            Ok(Init) => {
                self.listed.clear();
                Vec::new()
            }
            Ok(InitApply(object)) => {
                self.listed.extend(object.metadata.uid.clone());
                self.exists(object)
            }
            Ok(Apply(object)) => self.exists(object),
            Ok(Delete(object)) => {
                if let Some(uid) = &object.metadata.uid {
                    self.known.remove(uid);
                }
                self.value(object).map(WatchedObject::Deleted).into_iter().collect()
            }
            Ok(InitDone) => {
                let listed = std::mem::take(&mut self.listed);
                let (exist, deleted) =
                    std::mem::take(&mut self.known).into_iter().partition(|(uid, _)| listed.contains(uid));
                self.known = exist;
                let deleted: HashMap<_, _> = deleted;
                let deleted = deleted.into_values().map(WatchedObject::Deleted);
                let (kind, namespace) = (self.resource.kind.clone(), self.namespace.clone());
                deleted.chain([WatchedObject::Complete { kind, namespace }]).collect()
            }
            Err(InitialListFailed(error) | WatchStartFailed(error) | WatchFailed(error)) => {
                vec![match error {
                    kube::Error::Api(status) if matches!(status.code, 401 | 403 | 404) => {
                        WatchedObject::Failed(apply_error(*status, &self.doing, None, context))
                    }
                    error => WatchedObject::Interrupted(connection_reason(&error)),
                }]
            }
            // The list is too old: the watcher reads it again.
            Err(WatchError(status)) if status.code == 410 => Vec::new(),
            Err(error) => vec![WatchedObject::Interrupted(connection_reason(&error))],
        }
    }

    fn exists(&mut self, object: DynamicObject) -> Vec<WatchedObject> {
        let uid = object.metadata.uid.clone();
        let Some(object) = self.value(object) else { return Vec::new() };
        if let Some(uid) = uid {
            self.known.entry(uid).or_insert_with(|| identity(&object));
        }
        vec![WatchedObject::Exists(object)]
    }

    /// The object, if it is one of the watched names.
    fn value(&self, mut object: DynamicObject) -> Option<Value> {
        let name = object.metadata.name.as_deref().unwrap_or_default();
        if !self.names.is_empty() && !self.names.contains(name) {
            return None;
        }
        object.metadata.managed_fields = None;
        Some(typed(serde_json::to_value(object).ok()?, &self.resource))
    }
}

/// The object with its identity only.
fn identity(object: &Value) -> Value {
    let metadata = &object["metadata"];
    json!({
        "apiVersion": object["apiVersion"],
        "kind": object["kind"],
        "metadata": { "name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"] },
    })
}
