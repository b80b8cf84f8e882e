//! Manifests compared with the cluster.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use serde_json::Value;

use crate::cluster::{ApplySet, ObjectKey, Pruning, owner_of};
use crate::deploy::manifest::{ManifestDocument, ObjectDiff, diff};
use crate::error::StageError;
use crate::event::ObjectChange;
use crate::plural::counted;

/// The reason of a plan without the cluster, as a phrase.
pub const UNQUERIED: &str = "the cluster was not queried";

/// The complete manifests of a deployment, in the order in which they are applied.
#[derive(Debug, Clone)]
pub struct ManifestSet {
    /// The deployment.
    pub deployment: String,
    /// Its namespace, which has its record.
    pub namespace: String,
    /// The objects with their locations.
    pub documents: Vec<ManifestDocument>,
    /// The objects that may be deleted and created again if they cannot be changed: `Job/migrate`.
    pub recreate: Vec<String>,
    /// The kubectl command that applies the objects; `None`: windlass does it.
    pub kubectl: Option<Kubectl>,
    /// The namespaces that do not exist yet, and will be created before the apply.
    pub planned: HashSet<String>,
}

/// A kubectl command that applies objects, because devspace.yaml configures it or its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kubectl {
    /// The command: a path, or a name in `PATH`.
    pub program: String,
    /// Additional arguments of `kubectl apply`.
    pub arguments: Vec<String>,
    /// The directory in which it runs.
    pub directory: PathBuf,
}

/// The effect that an apply would have on an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApplyEffect {
    /// It does not exist.
    New,
    /// It would change.
    Changed,
    /// It cannot be changed: it must be deleted and created again.
    Immutable,
    /// It is as in its manifest.
    None,
}

/// An object compared with the cluster.
#[derive(Debug, Clone)]
pub struct ComparedObject {
    /// The object, as a member of its deployment, with its location.
    pub document: ManifestDocument,
    /// The object in the cluster; without `managedFields` if it does not change.
    pub live: Option<Value>,
    /// The object after a dry run, without `managedFields`; `None` if it does not change, and if none was possible,
    /// because its kind or namespace does not exist yet.
    pub result: Option<Value>,
    /// The effect that an apply would have.
    pub difference: ApplyEffect,
}

/// Manifests compared with the cluster.
#[derive(Debug, Clone)]
pub struct ManifestComparison {
    /// The manifests.
    pub manifests: ManifestSet,
    /// The objects, in the order of the manifests.
    pub objects: Vec<ComparedObject>,
    /// The members of the deployment that have left the manifests.
    pub pruning: Pruning,
    /// The record of the objects of the manifests.
    pub(super) wanted: ApplySet,
    /// The record in the cluster; `None` if it was never deployed.
    pub(super) recorded: Option<ApplySet>,
    /// Why a plan did without the cluster; `None` if it was queried.
    pub unqueried: Option<StageError>,
}

impl ComparedObject {
    /// The difference as text.
    pub fn diff(&self) -> ObjectDiff {
        diff(self.live.as_ref(), Some(self.result.as_ref().unwrap_or(&self.document.value)))
    }

    /// The change that an apply would make; `None` if it makes none.
    pub fn change(&self) -> Option<ObjectChange> {
        match self.difference {
            ApplyEffect::New => Some(ObjectChange::Created),
            ApplyEffect::Changed => Some(ObjectChange::Changed),
            ApplyEffect::Immutable => Some(ObjectChange::Recreated),
            ApplyEffect::None => None,
        }
    }

    /// The parts that would change, as a phrase: `image, replicas`; empty for an object that is created, also again:
    /// without a dry run, it has none of the defaults of the cluster.
    pub fn details(&self) -> String {
        match self.difference {
            ApplyEffect::Changed => self.diff().summary(),
            ApplyEffect::New | ApplyEffect::Immutable | ApplyEffect::None => String::new(),
        }
    }
}

impl ManifestComparison {
    /// Compares `manifests` with all objects of a cluster in memory, which stores objects as they are applied.
    pub fn with(manifests: ManifestSet, cluster: &[Value]) -> Self {
        let mut wanted = ApplySet::new(&manifests.deployment, &manifests.namespace);
        let id = wanted.id();
        let members: Vec<_> =
            cluster.iter().filter(|object| owner_of(object) == Some(id.as_str())).cloned().collect();
        let keys: Vec<_> = cluster.iter().map(|object| ObjectKey::new(object).ok()).collect();
        let known =
            keys.iter().zip(cluster).filter_map(|(key, object)| Some((key.as_ref()?.identity(), object)));
        let known: HashMap<_, _> = known.collect();
        let live = |object: &Value| {
            let key = ObjectKey::new(object).ok()?;
            known.get(&key.identity()).map(|object| Value::clone(object))
        };
        let mut objects = Vec::with_capacity(manifests.documents.len());
        for document in &manifests.documents {
            wanted.insert_member(&document.value);
            let document = document.with_value(wanted.with_label(&document.value));
            let live = live(&document.value);
            let difference = match &live {
                None => ApplyEffect::New,
                Some(live) if *live == document.value => ApplyEffect::None,
                Some(_) => ApplyEffect::Changed,
            };
            objects.push(ComparedObject { document, live, result: None, difference });
        }
        let present: Vec<_> = objects.iter().map(|object| object.document.value.clone()).collect();
        let recorded = (!members.is_empty()).then(|| wanted.clone());
        let pruning = Pruning::new(members, &present);
        Self { manifests, objects, pruning, wanted, recorded, unqueried: None }
    }

    /// `manifests` for a plan without the cluster, because of `error`.
    pub fn unqueried(manifests: ManifestSet, error: StageError) -> Self {
        Self { unqueried: Some(error), ..Self::with(manifests, &[]) }
    }

    /// Whether the cluster has everything, and nothing more.
    pub fn is_up_to_date(&self) -> bool {
        self.changed().next().is_none()
            && self.pruning.deleted.is_empty()
            && self.recorded.as_ref() == Some(&self.record())
    }

    /// The objects that an apply would create or change.
    pub fn changed(&self) -> impl Iterator<Item = &ComparedObject> {
        self.objects.iter().filter(|object| object.difference != ApplyEffect::None)
    }

    /// Why it is deployed or kept, as a phrase.
    pub fn reason(&self) -> String {
        if self.unqueried.is_some() {
            return UNQUERIED.to_owned();
        }
        let count = |difference| self.objects.iter().filter(|object| object.difference == difference).count();
        let parts = [
            (count(ApplyEffect::New), "new"),
            (count(ApplyEffect::Changed), "changed"),
            (count(ApplyEffect::Immutable), "to recreate"),
            (self.pruning.deleted.len(), "to delete"),
        ];
        let parts: Vec<_> = parts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{} {what}", counted(count, "object")))
            .collect();
        match parts.as_slice() {
            [] if self.is_up_to_date() => "unchanged".to_owned(),
            [] => "its record in the cluster changes".to_owned(),
            parts => parts.join(", "),
        }
    }

    /// The record after the apply: of the objects of the manifests, and of those that are kept although they have left
    /// them.
    pub(super) fn record(&self) -> ApplySet {
        let mut set = self.wanted.clone();
        self.pruning.kept.iter().for_each(|(object, _)| set.insert_member(object));
        set
    }
}
