//! The interface of stages to deployments in the cluster.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::cluster::ObjectKey;
use crate::deploy::chart::{ChartIdentity, ChartRequest, Release, ReleaseList, UninstallRequest, Upgraded};
use crate::deploy::objects::{
    AppliedManifests, ApplyOptions, LockOptions, ManifestComparison, ManifestSet, Removal, Removed,
};
use crate::deploy::wait::{NotReady, Observed, OnProgress, WaitLimits, WaitTarget};
use crate::error::StageError;
use crate::git::{Checkouts, GitSource};
use crate::process::OnLine;

/// The operations of stages on objects and releases in a Kubernetes cluster.
#[async_trait]
pub trait Deployer: Send + Sync {
    /// Creates `namespace` if it does not exist, and returns whether it was created.
    ///
    /// # Errors
    /// `cluster::...`.
    async fn create_namespace(&self, namespace: &str) -> Result<bool, StageError>;

    /// Compares manifests with the cluster. Changes nothing.
    ///
    /// # Errors
    /// `deploy::...` if the cluster does not accept them, `cluster::...`.
    async fn compare(&self, manifests: ManifestSet) -> Result<ManifestComparison, StageError>;

    /// Applies manifests that were compared.
    ///
    /// # Errors
    /// `deploy::...`, `cluster::...`, `run::cancelled`.
    async fn apply(
        &self,
        comparison: &ManifestComparison,
        options: &ApplyOptions<'_>,
    ) -> Result<AppliedManifests, StageError>;

    /// Deletes the objects of a deployment.
    ///
    /// # Errors
    /// `deploy::locked`, `deploy::not_deleted`, `cluster::...`, `run::cancelled`.
    async fn remove(&self, removal: &Removal, lock: LockOptions<'_>) -> Result<Removed, StageError>;

    /// Checks out the git repository of a chart and returns its directory; `None` on a host that contacts nothing.
    ///
    /// # Errors
    /// `git::...`, `run::cancelled`.
    async fn check_out_chart(
        &self,
        _source: &GitSource,
        _checkouts: &Checkouts,
        _cancel: &CancellationToken,
    ) -> Result<Option<PathBuf>, StageError> {
        Ok(None)
    }

    /// The objects of a chart as YAML, without its hooks. Contacts no cluster.
    ///
    /// # Errors
    /// `deploy::...` if helm is missing or fails.
    async fn render_chart(
        &self,
        chart: &ChartRequest,
        cancel: &CancellationToken,
    ) -> Result<String, StageError>;

    /// The release that an upgrade would create; `None` if helm cannot determine it. Changes nothing.
    ///
    /// # Errors
    /// As for [`Deployer::render_chart`].
    async fn preview_chart(
        &self,
        _chart: &ChartRequest,
        _cancel: &CancellationToken,
    ) -> Result<Option<Release>, StageError> {
        Ok(None)
    }

    /// The identity of a chart, which is part of the key of its deployment.
    ///
    /// # Errors
    /// As for [`Deployer::render_chart`].
    async fn identify_chart(
        &self,
        chart: &ChartRequest,
        cancel: &CancellationToken,
    ) -> Result<ChartIdentity, StageError>;

    /// The revisions of the release of a chart in the cluster; none if it was never deployed.
    ///
    /// # Errors
    /// `cluster::...`.
    async fn releases(&self, chart: &ChartRequest) -> Result<ReleaseList, StageError>;

    /// The objects of the newest release of a chart in their current state in the cluster.
    ///
    /// # Errors
    /// `deploy::release_unreadable`, `cluster::...`.
    async fn release_objects(
        &self,
        chart: &ChartRequest,
        releases: &ReleaseList,
    ) -> Result<Vec<Value>, StageError>;

    /// Deploys a chart, and passes warnings of helm to `on_line`.
    ///
    /// # Errors
    /// `deploy::...` if helm is missing or fails, `run::cancelled`.
    async fn upgrade(
        &self,
        chart: &ChartRequest,
        on_line: OnLine<'_>,
        options: &ApplyOptions<'_>,
    ) -> Result<Upgraded, StageError>;

    /// Removes a release; returns whether it existed.
    ///
    /// # Errors
    /// As for [`Deployer::upgrade`].
    async fn uninstall(
        &self,
        release: &UninstallRequest,
        program: Option<&str>,
        on_line: OnLine<'_>,
        lock: LockOptions<'_>,
    ) -> Result<bool, StageError>;

    /// Returns a release to an earlier revision, and returns the revision that this creates.
    ///
    /// # Errors
    /// As for [`Deployer::upgrade`].
    async fn roll_back(
        &self,
        chart: &ChartRequest,
        revision: u64,
        on_line: OnLine<'_>,
        lock: LockOptions<'_>,
    ) -> Result<u64, StageError>;

    /// Announces that a chart will be deployed with the helm command `program`, which is found and checked meanwhile.
    async fn expect_helm(&self, _program: Option<&str>, _directory: &Path, _cancel: &CancellationToken) {}

    /// The live object `key`; `None` if it does not exist, or its kind is unknown.
    ///
    /// # Errors
    /// `cluster::...`.
    async fn object(&self, key: &ObjectKey) -> Result<Option<Value>, StageError>;

    /// Creates or changes one object with server-side apply, and returns it.
    ///
    /// # Errors
    /// `deploy::...` if the cluster does not accept it, `cluster::...`.
    async fn apply_object(&self, object: &Value) -> Result<Value, StageError>;

    /// Deletes the object `key`; returns whether it existed.
    ///
    /// # Errors
    /// `cluster::...`.
    async fn delete_object(&self, key: &ObjectKey) -> Result<bool, StageError>;

    /// Restarts the pods of a Deployment, StatefulSet or DaemonSet, and returns it. Equals `kubectl rollout restart`.
    ///
    /// # Errors
    /// `cluster::...`.
    async fn restart(&self, key: &ObjectKey) -> Result<Value, StageError>;

    /// The objects of the manifests of `deployment` in their current state in the cluster; none if it was never
    /// deployed.
    ///
    /// # Errors
    /// `cluster::...`.
    async fn members(&self, deployment: &str, namespace: &str) -> Result<Vec<Value>, StageError>;

    /// Observes the objects of `targets` once. On a host without a cluster, nothing is known of them.
    ///
    /// # Errors
    /// `cluster::...`.
    async fn observe(&self, targets: &[WaitTarget]) -> Result<Vec<Observed>, StageError> {
        Ok(vec![Observed::default(); targets.len()])
    }

    /// Waits until the objects of `targets` are ready: on a host that deploys nothing, they are.
    ///
    /// # Errors
    /// `cluster::...`, `run::cancelled`; deployments that do not become ready are the result.
    async fn wait_until_ready(
        &self,
        _targets: &[WaitTarget],
        _limits: WaitLimits,
        _on_progress: OnProgress<'_>,
        _cancel: &CancellationToken,
    ) -> Result<Vec<NotReady>, StageError> {
        Ok(Vec::new())
    }
}
