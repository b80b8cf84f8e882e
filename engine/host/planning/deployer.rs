//! Deployments that are compared with a cluster but not changed.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::effect::{Effect, EffectKind, Effects};
use crate::cluster::ObjectKey;
use crate::deploy::chart::{ChartIdentity, ChartRequest, Release, ReleaseList, UninstallRequest, Upgraded};
use crate::deploy::objects::{
    AppliedManifests, ApplyOptions, LockOptions, ManifestComparison, ManifestSet, Removal, Removed,
};
use crate::deploy::wait::{NotReady, Observed, OnProgress, WaitLimits, WaitTarget};
use crate::error::StageError;
use crate::git::{Checkouts, GitSource};
use crate::host::Deployer;
use crate::lock::lock;
use crate::process::OnLine;

/// Forwards queries, records the rest.
pub(super) struct PlanningDeployer {
    pub(super) inner: Arc<dyn Deployer>,
    pub(super) effects: Arc<Effects>,
    /// The namespaces that the run would create if they do not exist.
    pub(super) namespaces: Mutex<HashSet<String>>,
}

impl PlanningDeployer {
    fn record(&self, what: String, kind: EffectKind) {
        self.effects.push(Effect::new(None, what, kind));
    }
}

#[async_trait]
impl Deployer for PlanningDeployer {
    async fn create_namespace(&self, namespace: &str) -> Result<bool, StageError> {
        lock(&self.namespaces).insert(namespace.to_owned());
        Ok(false)
    }

    async fn compare(&self, manifests: ManifestSet) -> Result<ManifestComparison, StageError> {
        let planned = lock(&self.namespaces).clone();
        match self.inner.compare(ManifestSet { planned, ..manifests.clone() }).await {
            Err(error) if error.is_without_cluster() => Ok(ManifestComparison::unqueried(manifests, error)),
            compared => compared,
        }
    }

    async fn apply(
        &self,
        comparison: &ManifestComparison,
        _: &ApplyOptions<'_>,
    ) -> Result<AppliedManifests, StageError> {
        let manifests = &comparison.manifests;
        let kind = EffectKind::Deploy {
            deployment: manifests.deployment.clone(),
            namespace: manifests.namespace.clone(),
        };
        self.record(format!("deploy {}: {}", manifests.deployment, comparison.reason()), kind);
        Ok(AppliedManifests {
            objects: comparison.objects.iter().map(|object| object.document.value.clone()).collect(),
            changed: comparison.changed().count(),
            deleted: comparison.pruning.deleted.len(),
        })
    }

    async fn remove(&self, removal: &Removal, _: LockOptions<'_>) -> Result<Removed, StageError> {
        let Removal { deployment, namespace, .. } = removal;
        let kind = EffectKind::Remove { deployment: deployment.clone(), namespace: namespace.clone() };
        self.record(format!("delete the objects of {deployment} in the namespace {namespace}"), kind);
        Ok(Removed::default())
    }

    async fn check_out_chart(
        &self,
        source: &GitSource,
        checkouts: &Checkouts,
        cancel: &CancellationToken,
    ) -> Result<Option<PathBuf>, StageError> {
        self.inner.check_out_chart(source, checkouts, cancel).await
    }

    async fn render_chart(
        &self,
        chart: &ChartRequest,
        cancel: &CancellationToken,
    ) -> Result<String, StageError> {
        self.inner.render_chart(chart, cancel).await
    }

    async fn preview_chart(
        &self,
        chart: &ChartRequest,
        cancel: &CancellationToken,
    ) -> Result<Option<Release>, StageError> {
        self.inner.preview_chart(chart, cancel).await
    }

    async fn identify_chart(
        &self,
        chart: &ChartRequest,
        cancel: &CancellationToken,
    ) -> Result<ChartIdentity, StageError> {
        self.inner.identify_chart(chart, cancel).await
    }

    async fn releases(&self, chart: &ChartRequest) -> Result<ReleaseList, StageError> {
        self.inner.releases(chart).await
    }

    async fn release_objects(
        &self,
        chart: &ChartRequest,
        releases: &ReleaseList,
    ) -> Result<Vec<Value>, StageError> {
        self.inner.release_objects(chart, releases).await
    }

    async fn upgrade(
        &self,
        chart: &ChartRequest,
        _: OnLine<'_>,
        _: &ApplyOptions<'_>,
    ) -> Result<Upgraded, StageError> {
        let kind =
            EffectKind::Deploy { deployment: chart.release.clone(), namespace: chart.namespace.clone() };
        self.record(format!("deploy the release {} with helm", chart.release), kind);
        Ok(Upgraded::default())
    }

    async fn uninstall(
        &self,
        release: &UninstallRequest,
        _: Option<&str>,
        _: OnLine<'_>,
        _: LockOptions<'_>,
    ) -> Result<bool, StageError> {
        let kind =
            EffectKind::Remove { deployment: release.release.clone(), namespace: release.namespace.clone() };
        self.record(format!("delete the release {} with helm", release.release), kind);
        Ok(true)
    }

    async fn roll_back(
        &self,
        chart: &ChartRequest,
        revision: u64,
        _: OnLine<'_>,
        _: LockOptions<'_>,
    ) -> Result<u64, StageError> {
        let kind =
            EffectKind::Deploy { deployment: chart.release.clone(), namespace: chart.namespace.clone() };
        self.record(format!("roll back the release {} to revision {revision}", chart.release), kind);
        Ok(revision)
    }

    async fn expect_helm(&self, program: Option<&str>, directory: &Path, cancel: &CancellationToken) {
        self.inner.expect_helm(program, directory, cancel).await;
    }

    async fn object(&self, key: &ObjectKey) -> Result<Option<Value>, StageError> {
        self.inner.object(key).await
    }

    async fn apply_object(&self, object: &Value) -> Result<Value, StageError> {
        let key = ObjectKey::new(object)?;
        self.record(format!("apply {key}"), EffectKind::Object { object: key.to_string() });
        Ok(object.clone())
    }

    async fn delete_object(&self, key: &ObjectKey) -> Result<bool, StageError> {
        self.record(format!("delete {key}"), EffectKind::Object { object: key.to_string() });
        Ok(self.inner.object(key).await?.is_some())
    }

    async fn restart(&self, key: &ObjectKey) -> Result<Value, StageError> {
        self.record(format!("restart {key}"), EffectKind::Object { object: key.to_string() });
        Ok(self.inner.object(key).await?.unwrap_or_default())
    }

    async fn members(&self, deployment: &str, namespace: &str) -> Result<Vec<Value>, StageError> {
        self.inner.members(deployment, namespace).await
    }

    async fn observe(&self, targets: &[WaitTarget]) -> Result<Vec<Observed>, StageError> {
        self.inner.observe(targets).await
    }

    /// Nothing was deployed.
    async fn wait_until_ready(
        &self,
        _: &[WaitTarget],
        _: WaitLimits,
        _: OnProgress<'_>,
        _: &CancellationToken,
    ) -> Result<Vec<NotReady>, StageError> {
        Ok(Vec::new())
    }
}
