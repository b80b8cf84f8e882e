//! Deployments in memory: objects are kept by identity, and are ready immediately.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{CallKind, MemoryHost, MemoryState, Scripted, test_cluster};
use crate::cluster::{ApplySet, ObjectKey, owner_of};
use crate::deploy::chart::{
    ChartIdentity, ChartRequest, ReleaseList, StoredRelease, UninstallRequest, Upgraded, ValueLayers,
};
use crate::deploy::manifest::{ManifestDocument, fill_in};
use crate::deploy::objects::{
    AppliedManifests, ApplyEffect, ApplyOptions, LockOptions, ManifestComparison, ManifestSet, Removal,
    Removed,
};
use crate::deploy::wait::{NotReady, OnProgress, WaitLimits, WaitTarget};
use crate::error::StageError;
use crate::event::ObjectChange;
use crate::host::{Cluster as _, Deployer};
use crate::image::Digest;
use crate::process::OnLine;

/// `Deployment/web`, as tests name it.
fn short(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!("{}/{}", text(&object["kind"]), text(&object["metadata"]["name"]))
}

#[async_trait]
impl Deployer for MemoryHost {
    async fn create_namespace(&self, namespace: &str) -> Result<bool, StageError> {
        let object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } });
        let is_there = [&*test_cluster().namespace, &*self.needed_context()?.namespace].contains(&namespace);
        if is_there || self.state().objects.iter().any(|known| is_same(known, &object)) {
            return Ok(false);
        }
        let mut state = self.state();
        state.check_accepted(&object)?;
        state.put(&object);
        drop(state);
        self.did(CallKind::Namespace, namespace);
        Ok(true)
    }

    async fn compare(&self, manifests: ManifestSet) -> Result<ManifestComparison, StageError> {
        let state = self.state();
        manifests.documents.iter().try_for_each(|document| state.check_accepted(&document.value))?;
        Ok(ManifestComparison::with(manifests, &state.objects))
    }

    async fn apply(
        &self,
        comparison: &ManifestComparison,
        options: &ApplyOptions<'_>,
    ) -> Result<AppliedManifests, StageError> {
        let mut applied = AppliedManifests::default();
        for object in &comparison.objects {
            let value = &object.document.value;
            if object.difference != ApplyEffect::None {
                self.put(value);
                applied.changed += 1;
                if let Some(change) = object.change() {
                    (options.on_change)(&short(value), change, &object.details());
                }
            }
            applied.objects.push(value.clone());
        }
        for object in &comparison.pruning.deleted {
            self.delete(object);
            applied.deleted += 1;
            (options.on_change)(&short(object), ObjectChange::Deleted, "no longer in the manifests");
        }
        Ok(applied)
    }

    async fn remove(&self, removal: &Removal, _: LockOptions<'_>) -> Result<Removed, StageError> {
        let pruning = removal.find_among(&self.state().objects);
        let mut removed = Removed::default();
        for object in &pruning.deleted {
            self.delete(object);
            removed.deleted.push(ObjectKey::new(object)?);
        }
        for (object, reason) in pruning.kept {
            removed.kept.push((ObjectKey::new(&object)?, reason));
        }
        Ok(removed)
    }

    /// One object with the values of the chart.
    async fn render_chart(&self, chart: &ChartRequest, _: &CancellationToken) -> Result<String, StageError> {
        Ok(crate::deploy::manifest::print([&chart_object(chart)?]))
    }

    async fn identify_chart(
        &self,
        chart: &ChartRequest,
        _: &CancellationToken,
    ) -> Result<ChartIdentity, StageError> {
        Ok(ChartIdentity::Content(Digest::of(format!("{:?}", chart.chart))))
    }

    async fn releases(&self, chart: &ChartRequest) -> Result<ReleaseList, StageError> {
        let revision = self.state().releases.get(&release_of(&chart.namespace, &chart.release)).copied();
        let stored = revision.map(|revision| StoredRelease {
            object: format!("sh.helm.release.v1.{}.v{revision}", chart.release),
            labels: BTreeMap::from(
                [
                    ("owner", "helm"),
                    ("name", &chart.release),
                    ("status", "deployed"),
                    ("version", &revision.to_string()),
                ]
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
            ),
            data: Vec::new(),
        });
        Ok(ReleaseList::new(&chart.release, stored))
    }

    async fn release_objects(&self, chart: &ChartRequest, _: &ReleaseList) -> Result<Vec<Value>, StageError> {
        Ok(vec![chart_object(chart)?])
    }

    async fn upgrade(
        &self,
        chart: &ChartRequest,
        _: OnLine<'_>,
        _: &ApplyOptions<'_>,
    ) -> Result<Upgraded, StageError> {
        self.did(CallKind::Helm, format!("upgrade {}", chart.release));
        let object = chart_object(chart)?;
        let mut state = self.state();
        state.check_accepted(&object)?;
        state.put(&object);
        let revision = state.releases.entry(release_of(&chart.namespace, &chart.release)).or_default();
        *revision += 1;
        Ok(Upgraded { revision: Some(*revision), status: Some("deployed".to_owned()), notes: String::new() })
    }

    async fn uninstall(
        &self,
        release: &UninstallRequest,
        _: Option<&str>,
        _: OnLine<'_>,
        _: LockOptions<'_>,
    ) -> Result<bool, StageError> {
        self.did(CallKind::Helm, format!("uninstall {}", release.release));
        let chart = chart_with(&release.namespace, &release.release, Value::Null);
        let mut state = self.state();
        state.objects.retain(|object| !is_same(object, &chart));
        Ok(state.releases.remove(&release_of(&release.namespace, &release.release)).is_some())
    }

    async fn roll_back(
        &self,
        chart: &ChartRequest,
        revision: u64,
        _: OnLine<'_>,
        _: LockOptions<'_>,
    ) -> Result<u64, StageError> {
        self.did(CallKind::Helm, format!("rollback {} {revision}", chart.release));
        let mut state = self.state();
        let newest = state.releases.entry(release_of(&chart.namespace, &chart.release)).or_default();
        *newest += 1;
        Ok(*newest)
    }

    async fn object(&self, key: &ObjectKey) -> Result<Option<Value>, StageError> {
        let namespace = match &key.namespace {
            Some(namespace) => namespace.clone(),
            None => self.needed_context()?.namespace,
        };
        let is_found = |object: &&Value| {
            ObjectKey::new(object).is_ok_and(|known| {
                let namespace = known.namespace.as_ref().map(|_| namespace.clone());
                known.identity() == ObjectKey { namespace, ..key.clone() }.identity()
            })
        };
        Ok(self.state().objects.iter().find(is_found).cloned())
    }

    async fn apply_object(&self, object: &Value) -> Result<Value, StageError> {
        self.state().check_accepted(object)?;
        ObjectKey::new(object)?;
        let mut documents = [ManifestDocument::new(object.clone())];
        fill_in(&mut documents, &self.needed_context()?.namespace, &|_, _| None);
        self.put(&documents[0].value);
        Ok(documents[0].value.clone())
    }

    async fn delete_object(&self, key: &ObjectKey) -> Result<bool, StageError> {
        let found = self.object(key).await?;
        if let Some(object) = &found {
            self.delete(object);
        }
        Ok(found.is_some())
    }

    async fn restart(&self, key: &ObjectKey) -> Result<Value, StageError> {
        self.did(CallKind::Restart, format!("{}/{}", key.kind, key.name));
        Ok(self.object(key).await?.unwrap_or_default())
    }

    async fn members(&self, deployment: &str, namespace: &str) -> Result<Vec<Value>, StageError> {
        let set = ApplySet::new(deployment, namespace).id();
        let is_member = |object: &&Value| owner_of(object) == Some(set.as_str());
        Ok(self.state().objects.iter().filter(is_member).cloned().collect())
    }

    async fn wait_until_ready(
        &self,
        targets: &[WaitTarget],
        _: WaitLimits,
        _: OnProgress<'_>,
        _: &CancellationToken,
    ) -> Result<Vec<NotReady>, StageError> {
        let state = self.state();
        let mut failures = Vec::new();
        for target in targets {
            let unready = target.objects.iter().find_map(|object| {
                let name = short(object);
                state.unready.get(&name).map(|reason| (name, reason))
            });
            if let Some((object, reason)) = unready {
                let error = Scripted::unready_object(&target.deployment, &object, reason).into();
                failures.push(NotReady { deployment: target.deployment.clone(), error });
            }
        }
        Ok(failures)
    }
}

/// The rollout of a chart: an object with its values.
fn chart_object(chart: &ChartRequest) -> Result<Value, StageError> {
    let values = ValueLayers::read(chart)?.user_values();
    Ok(chart_with(&chart.namespace, &chart.release, values.into()))
}

fn chart_with(namespace: &str, release: &str, values: Value) -> Value {
    json!({
        "apiVersion": "windlass/v1",
        "kind": "Chart",
        "metadata": { "name": release, "namespace": namespace },
        "values": values,
    })
}

/// The key of a release.
fn release_of(namespace: &str, release: &str) -> (String, String) {
    (namespace.to_owned(), release.to_owned())
}

fn is_same(one: &Value, other: &Value) -> bool {
    match (ObjectKey::new(one), ObjectKey::new(other)) {
        (Ok(one), Ok(other)) => one.identity() == other.identity(),
        _ => false,
    }
}

impl MemoryHost {
    fn put(&self, object: &Value) {
        self.did(CallKind::Apply, short(object));
        self.state().put(object);
    }

    fn delete(&self, object: &Value) {
        self.did(CallKind::Delete, short(object));
        self.state().objects.retain(|known| !is_same(known, object));
    }
}

impl MemoryState {
    /// The objects named `name`, such as `Deployment/web`, in any namespace.
    pub fn objects_named(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.objects.iter().filter(move |object| short(object) == name)
    }

    fn put(&mut self, object: &Value) {
        match self.objects.iter_mut().find(|known| is_same(known, object)) {
            Some(known) => known.clone_from(object),
            None => self.objects.push(object.clone()),
        }
    }

    /// Refuses `object` if configured.
    fn check_accepted(&self, object: &Value) -> Result<(), StageError> {
        let name = short(object);
        let refused = self.unapplied.get(&name);
        refused.map_or(Ok(()), |reason| Err(Scripted::refused_object(&name, reason).into()))
    }
}
