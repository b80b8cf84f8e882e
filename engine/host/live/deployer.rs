//! Deploys to a real cluster.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::cluster::{ClusterAccess, ObjectKey, Propagation};
use crate::deploy::chart::{
    self, ChartError, ChartIdentity, ChartRequest, Helm, HelmExec, HelmRun, KnownVersions, Release,
    ReleaseList, RenderOptions, UninstallRequest, Upgraded, check_tiller, hook_log, stored_releases,
};
use crate::deploy::objects::{
    self, AppliedManifests, ApplyOptions, LockOptions, Locked, ManifestComparison, ManifestSet, Removal,
    Removed,
};
use crate::deploy::wait::{self, NotReady, Observed, OnProgress, WaitLimits, WaitTarget};
use crate::error::StageError;
use crate::git::{Checkouts, GitSource};
use crate::host::Deployer;
use crate::process::OnLine;

/// A real cluster, and the helm command.
pub(super) struct LiveDeployer {
    access: ClusterAccess,
    helms: Helms,
}

/// The helm commands that were found, by their configured names.
#[derive(Clone)]
struct Helms {
    found: Arc<Mutex<HashMap<Option<String>, Arc<Helm>>>>,
    known: KnownVersions,
}

impl Helms {
    /// The helm command `program`, or that of `PATH`. While it is found, others wait for it.
    async fn find(
        &self,
        program: Option<&str>,
        directory: &Path,
        cancel: &CancellationToken,
    ) -> Result<Arc<Helm>, StageError> {
        let mut helms = self.found.lock().await;
        if let Some(helm) = helms.get(&program.map(str::to_owned)) {
            return Ok(Arc::clone(helm));
        }
        let helm =
            Arc::new(Helm::find(program, None, directory, &HelmExec, Some(&self.known), cancel).await?);
        helms.insert(program.map(str::to_owned), Arc::clone(&helm));
        Ok(helm)
    }
}

impl LiveDeployer {
    /// Deploys with `access`, and records the versions of helm in `known`.
    pub(super) fn new(access: ClusterAccess, known: KnownVersions) -> Self {
        Self { access, helms: Helms { found: Arc::default(), known } }
    }

    async fn helm_of(
        &self,
        chart: &ChartRequest,
        cancel: &CancellationToken,
    ) -> Result<Arc<Helm>, StageError> {
        self.helms.find(chart.program.as_deref(), &chart.directory, cancel).await
    }

    /// The helm command for `chart`, and the lock of its release, which is acquired meanwhile.
    async fn helm_and_lock(
        &self,
        chart: &ChartRequest,
        lock: LockOptions<'_>,
    ) -> Result<(Arc<Helm>, Locked), StageError> {
        let stop = lock.cancel.child_token();
        let helm = async {
            let found = self.helm_of(chart, lock.cancel).await;
            if found.is_err() {
                stop.cancel();
            }
            found
        };
        let options = LockOptions { cancel: &stop, ..lock };
        let locked = Locked::acquire(&self.access, &chart.namespace, &chart.release, options);
        match tokio::join!(helm, locked) {
            (Ok(helm), locked) => Ok((helm, locked?)),
            (Err(error), locked) => {
                if let Ok(locked) = locked {
                    locked.release().await;
                }
                Err(error)
            }
        }
    }

    /// `error` with details from the cluster that helm does not report.
    async fn explained(&self, chart: &ChartRequest, error: ChartError) -> ChartError {
        match error {
            ChartError::ReleasePending { .. } => {
                let releases = self.releases(chart).await.ok();
                releases.and_then(|releases| releases.pending(&chart.namespace)).unwrap_or(error)
            }
            ChartError::HookFailed(mut failure) => {
                // Without the permission to read it, the hint shows the command.
                let object = failure.object.as_deref().unwrap_or_default();
                failure.log = hook_log(&self.access, &chart.namespace, object).await.unwrap_or_default();
                ChartError::HookFailed(failure)
            }
            error => error,
        }
    }

    /// `chart` for the selected cluster.
    fn in_cluster(&self, chart: &ChartRequest) -> Result<ChartRequest, StageError> {
        Ok(ChartRequest {
            context: self.access.named_context()?,
            kubeconfig: self.access.kubeconfig_variable(),
            ..chart.clone()
        })
    }
}

fn run<'a>(helm: &'a Helm, cancel: &'a CancellationToken) -> HelmRun<'a> {
    HelmRun { helm, exec: &HelmExec, cancel }
}

#[async_trait]
impl Deployer for LiveDeployer {
    async fn create_namespace(&self, namespace: &str) -> Result<bool, StageError> {
        Ok(self.access.create_namespace(namespace).await?)
    }

    async fn compare(&self, manifests: ManifestSet) -> Result<ManifestComparison, StageError> {
        objects::compare(&self.access, manifests).await
    }

    async fn apply(
        &self,
        comparison: &ManifestComparison,
        options: &ApplyOptions<'_>,
    ) -> Result<AppliedManifests, StageError> {
        objects::apply(&self.access, comparison, options).await
    }

    async fn remove(&self, removal: &Removal, lock: LockOptions<'_>) -> Result<Removed, StageError> {
        objects::remove(&self.access, removal, lock).await
    }

    async fn check_out_chart(
        &self,
        source: &GitSource,
        checkouts: &Checkouts,
        cancel: &CancellationToken,
    ) -> Result<Option<PathBuf>, StageError> {
        Ok(Some(checkouts.check_out(source, false, cancel).await?.folder))
    }

    async fn render_chart(
        &self,
        chart: &ChartRequest,
        cancel: &CancellationToken,
    ) -> Result<String, StageError> {
        let helm = self.helm_of(chart, cancel).await?;
        Ok(chart::template(chart, &RenderOptions::default(), run(&helm, cancel)).await?)
    }

    async fn preview_chart(
        &self,
        chart: &ChartRequest,
        cancel: &CancellationToken,
    ) -> Result<Option<Release>, StageError> {
        let helm = self.helm_of(chart, cancel).await?;
        Ok(chart::preview(&self.in_cluster(chart)?, run(&helm, cancel)).await?)
    }

    async fn identify_chart(
        &self,
        chart: &ChartRequest,
        cancel: &CancellationToken,
    ) -> Result<ChartIdentity, StageError> {
        if chart.local_chart().is_some() && !chart::has_dependencies(chart)? {
            return Ok(chart::local_identity(chart)?);
        }
        let helm = self.helm_of(chart, cancel).await?;
        Ok(chart::chart_identity(chart, run(&helm, cancel)).await?)
    }

    async fn releases(&self, chart: &ChartRequest) -> Result<ReleaseList, StageError> {
        if let Some(namespace) = &chart.tiller_namespace {
            check_tiller(&self.access, &chart.release, namespace).await?;
        }
        Ok(stored_releases(&self.access, &chart.release, &chart.namespace, chart.driver.as_deref()).await?)
    }

    async fn release_objects(
        &self,
        _: &ChartRequest,
        releases: &ReleaseList,
    ) -> Result<Vec<Value>, StageError> {
        chart::release_objects(&self.access, releases).await
    }

    async fn upgrade(
        &self,
        chart: &ChartRequest,
        on_line: OnLine<'_>,
        options: &ApplyOptions<'_>,
    ) -> Result<Upgraded, StageError> {
        let (helm, lock) = self.helm_and_lock(chart, options.lock).await?;
        let chart = self.in_cluster(chart)?;
        // Helm is interrupted by the token and must not be dropped.
        let upgraded = chart::upgrade(&chart, on_line, run(&helm, options.lock.cancel)).await;
        lock.release().await;
        match upgraded {
            Ok(upgraded) => Ok(upgraded),
            Err(error) => Err(self.explained(&chart, error).await.into()),
        }
    }

    async fn uninstall(
        &self,
        release: &UninstallRequest,
        program: Option<&str>,
        on_line: OnLine<'_>,
        lock: LockOptions<'_>,
    ) -> Result<bool, StageError> {
        let helm = self.helms.find(program, &release.directory, lock.cancel).await?;
        let release = UninstallRequest {
            context: self.access.named_context()?,
            kubeconfig: self.access.kubeconfig_variable(),
            ..release.clone()
        };
        let (namespace, name) = (&release.namespace, &release.release);
        let locked = Locked::acquire_if_exists(&self.access, namespace, name, lock).await?;
        let removed = chart::uninstall(&release, on_line, run(&helm, lock.cancel)).await;
        if let Some(locked) = locked {
            locked.release().await;
        }
        Ok(removed?)
    }

    async fn roll_back(
        &self,
        chart: &ChartRequest,
        revision: u64,
        on_line: OnLine<'_>,
        lock: LockOptions<'_>,
    ) -> Result<u64, StageError> {
        let (helm, locked) = self.helm_and_lock(chart, lock).await?;
        let chart = self.in_cluster(chart)?;
        let rolled_back = chart::roll_back(&chart, revision, on_line, run(&helm, lock.cancel)).await;
        let newest = match rolled_back {
            Ok(()) => self.releases(&chart).await,
            Err(error) => Err(self.explained(&chart, error).await.into()),
        };
        locked.release().await;
        Ok(newest?.newest().map_or(revision, |(newest, _)| newest))
    }

    async fn expect_helm(&self, program: Option<&str>, directory: &Path, cancel: &CancellationToken) {
        let (helms, cancel) = (self.helms.clone(), cancel.clone());
        let (program, directory) = (program.map(str::to_owned), directory.to_owned());
        // The code that needs it finds it again, and reports the error.
        tokio::spawn(async move { helms.find(program.as_deref(), &directory, &cancel).await.map(drop) });
    }

    async fn object(&self, key: &ObjectKey) -> Result<Option<Value>, StageError> {
        let found = self.access.list_objects(std::slice::from_ref(key)).await?;
        Ok(found.into_iter().next().flatten())
    }

    async fn apply_object(&self, object: &Value) -> Result<Value, StageError> {
        let live = self.object(&ObjectKey::new(object)?).await?;
        Ok(self.access.apply_object(object, live.as_ref()).await?.object)
    }

    async fn delete_object(&self, key: &ObjectKey) -> Result<bool, StageError> {
        Ok(self.access.delete_object(key, None, Propagation::Background).await?)
    }

    async fn restart(&self, key: &ObjectKey) -> Result<Value, StageError> {
        Ok(self.access.restart_object(key).await?)
    }

    async fn members(&self, deployment: &str, namespace: &str) -> Result<Vec<Value>, StageError> {
        let Some(set) = self.access.apply_set(deployment, namespace).await? else { return Ok(Vec::new()) };
        let mut members = self.access.apply_set_members(&set).await?;
        // Controllers copy the label to the objects that they create.
        members.retain(|member| member["metadata"]["ownerReferences"].is_null());
        let keys = members.iter().map(ObjectKey::new).collect::<Result<Vec<_>, _>>()?;
        Ok(self.access.list_objects(&keys).await?.into_iter().flatten().collect())
    }

    async fn observe(&self, targets: &[WaitTarget]) -> Result<Vec<Observed>, StageError> {
        wait::observe(&self.access, targets).await
    }

    async fn wait_until_ready(
        &self,
        targets: &[WaitTarget],
        limits: WaitLimits,
        on_progress: OnProgress<'_>,
        cancel: &CancellationToken,
    ) -> Result<Vec<NotReady>, StageError> {
        wait::wait_until_ready(&self.access, targets, limits, on_progress, cancel).await
    }
}
