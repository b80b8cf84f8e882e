//! The objects and events of a cluster at one moment.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use serde_json::Value;

use super::event::Event;
use super::fields::{group, list, text};

/// The objects and events of a cluster at one moment.
///
/// The API server omits `apiVersion` and `kind` of the items of a list: they must be filled in.
#[derive(Debug)]
pub struct ClusterView<'a> {
    now: Timestamp,
    objects: HashMap<(&'a str, Key<'a>), &'a Value>,
    owned: HashMap<&'a str, Vec<&'a Value>>,
    events: HashMap<Key<'a>, Vec<Event<'a>>>,
    unpushed: HashSet<String>,
}

/// Kind, namespace and name.
type Key<'a> = (&'a str, &'a str, &'a str);

impl<'a> ClusterView<'a> {
    /// The view at the time `now` of `objects` and `events`.
    ///
    /// `objects` are the deployed objects, the ReplicaSets, Jobs and Pods that they own, and, if known, their
    /// PersistentVolumeClaims, StorageClasses and Nodes. `events` are the Warning events. With the Normal ones, the
    /// view also records which images are being pulled, which volumes wait for a pod, and whether an autoscaler adds
    /// nodes.
    pub fn new(
        now: Timestamp,
        objects: impl IntoIterator<Item = &'a Value>,
        events: impl IntoIterator<Item = &'a Value>,
    ) -> Self {
        let mut view = Self {
            now,
            objects: HashMap::new(),
            owned: HashMap::new(),
            events: HashMap::new(),
            unpushed: HashSet::new(),
        };
        for object in objects {
            let Entry::Vacant(entry) = view.objects.entry((group(object), key(object))) else {
                // It is both deployed and owned.
                continue;
            };
            entry.insert(object);
            for owner in list(object, "/metadata/ownerReferences") {
                view.owned.entry(text(owner, "/uid")).or_default().push(object);
            }
        }
        for event in events.into_iter().map(Event::new) {
            view.events.entry(event.object()).or_default().push(event);
        }
        for events in view.events.values_mut() {
            events.sort_by_key(Event::last_time);
        }
        view
    }

    /// Adds the references of images that were built but not pushed.
    #[must_use]
    pub fn with_unpushed(mut self, images: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.unpushed.extend(images.into_iter().map(Into::into));
        self
    }

    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// The object of `kind` (core or storage group) called `name` in `namespace`, which is empty for objects of the
    /// cluster.
    pub(super) fn object(&self, kind: &str, namespace: &str, name: &str) -> Option<&'a Value> {
        let group = if kind == "StorageClass" { "storage.k8s.io" } else { "" };
        self.objects.get(&(group, (kind, namespace, name))).copied()
    }

    /// All objects of `kind`.
    pub(super) fn objects<'v>(&'v self, kind: &'v str) -> impl Iterator<Item = &'a Value> + 'v {
        self.objects.iter().filter(move |((_, (found, ..)), _)| *found == kind).map(|(_, object)| *object)
    }

    /// The objects that `owner` owns directly, in a stable order.
    pub(super) fn owned(&self, owner: &Value) -> Vec<&'a Value> {
        let uid = text(owner, "/metadata/uid");
        let mut owned =
            if uid.is_empty() { Vec::new() } else { self.owned.get(uid).cloned().unwrap_or_default() };
        owned.sort_by_key(|object| text(object, "/metadata/name"));
        owned
    }

    /// The events of `object`, the last one at the end.
    pub(super) fn events(&self, object: &Value) -> Vec<Event<'a>> {
        let (uid, found) = (text(object, "/metadata/uid"), self.events.get(&key(object)));
        // An object that was deleted and created again has another UID.
        let is_same = |event: &&Event<'_>| uid.is_empty() || event.uid().is_empty() || event.uid() == uid;
        found.into_iter().flatten().filter(is_same).copied().collect()
    }

    /// The last event of `object` that has one of the `reasons`.
    pub(super) fn last_event(&self, object: &Value, reasons: &[&str]) -> Option<Event<'a>> {
        self.events(object).into_iter().rev().find(|event| reasons.contains(&event.reason()))
    }

    /// The known name of a `kind` in `namespace` that is nearest to `name`.
    pub(super) fn nearest(&self, kind: &str, namespace: &str, name: &str) -> Option<String> {
        let mut names: Vec<&str> = self
            .objects(kind)
            .filter(|object| text(object, "/metadata/namespace") == namespace)
            .map(|object| text(object, "/metadata/name"))
            .collect();
        names.sort_unstable();
        crate::suggestion::nearest(name, names).map(str::to_owned)
    }

    /// Whether `image` was built but not pushed.
    pub(super) fn is_unpushed(&self, image: &str) -> bool {
        self.unpushed.contains(image)
    }
}

fn key(object: &Value) -> Key<'_> {
    (text(object, "/kind"), text(object, "/metadata/namespace"), text(object, "/metadata/name"))
}
