//! An offline host: queries to the daemon, the cluster and registries succeed, but find no images.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::builder::docker::BuildxBuild;
use crate::builder::kaniko::KanikoBuild;
use crate::builder::{BuildMethod, BuildRequest, BuiltImage};
use crate::cluster::{
    ClusterContext, ClusterNode, ImageLoad, Loader, ObjectKey, PodLogs, PullSecret, PullSecretResult,
};
use crate::config::DockerConfig;
use crate::connect::ContainerTask;
use crate::deploy::chart::{ChartIdentity, ChartRequest, ReleaseList, UninstallRequest, Upgraded};
use crate::deploy::objects::{
    AppliedManifests, ApplyOptions, LockOptions, ManifestComparison, ManifestSet, Removal, Removed,
};
use crate::error::StageError;
use crate::event::{Events, ImageEvents};
use crate::host::{Attachment, Cluster, Deployer, Docker, ImageCopy, Machine, Oci, ProjectPath, Registry};
use crate::image::dockerfile::BaseConfig;
use crate::image::{Digest, ImageReference, Repository, Tag};
use crate::oci::Compression;
use crate::process::OnLine;
use crate::registry::{ManifestFacts, ShareDocument};

/// Has no images and does nothing.
pub(super) struct OfflineHost;

/// The host is offline.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("nothing is queried here")]
#[diagnostic(code(host::offline))]
struct Offline;

#[async_trait]
impl Docker for OfflineHost {
    async fn reachable(&self) -> Result<(), StageError> {
        Ok(())
    }

    async fn machine(&self) -> Result<Machine, StageError> {
        Err(Offline.into())
    }

    async fn image_ids(&self, _: &[ImageReference]) -> Result<HashMap<ImageReference, String>, StageError> {
        Ok(HashMap::new())
    }

    async fn base_config(&self, _: &str) -> Result<Option<BaseConfig>, StageError> {
        Ok(None)
    }

    async fn method(&self, _: &DockerConfig, _: &BuildRequest) -> Result<BuildMethod, StageError> {
        Ok(BuildMethod::default())
    }

    async fn build(
        &self,
        _: BuildRequest,
        _: &DockerConfig,
        _: &ImageEvents,
        _: &CancellationToken,
    ) -> Result<BuiltImage, StageError> {
        Err(Offline.into())
    }

    async fn tag(&self, _: &str, _: &ImageReference) -> Result<(), StageError> {
        Err(Offline.into())
    }

    async fn push(
        &self,
        _: &ImageReference,
        _: &ImageEvents,
        _: &CancellationToken,
    ) -> Result<Option<String>, StageError> {
        Err(Offline.into())
    }
}

#[async_trait]
impl Cluster for OfflineHost {
    fn context(&self) -> Result<Option<ClusterContext>, StageError> {
        Ok(None)
    }

    /// Assumes that there will be a cluster.
    fn needed_context(&self) -> Result<ClusterContext, StageError> {
        let empty = String::new;
        Ok(ClusterContext {
            name: empty(),
            cluster: empty(),
            namespace: empty(),
            server: empty(),
            provider: None,
        })
    }

    async fn nodes(&self) -> Result<Vec<ClusterNode>, StageError> {
        Err(Offline.into())
    }

    async fn create_pull_secret(&self, _: &PullSecret) -> Result<PullSecretResult, StageError> {
        Err(Offline.into())
    }

    async fn build(
        &self,
        _: &KanikoBuild,
        _: &ImageEvents,
        _: &CancellationToken,
    ) -> Result<BuiltImage, StageError> {
        Err(Offline.into())
    }

    async fn build_with_buildx(
        &self,
        _: &BuildxBuild,
        _: &ImageEvents,
        _: &CancellationToken,
    ) -> Result<BuiltImage, StageError> {
        Err(Offline.into())
    }

    async fn in_container(
        &self,
        _: &ContainerTask,
        _: &Events,
        _: OnLine<'_>,
        _: &CancellationToken,
    ) -> Result<i32, StageError> {
        Err(Offline.into())
    }

    async fn pod_logs(&self, _: &PodLogs) -> Result<String, StageError> {
        Err(Offline.into())
    }

    fn can_load(&self, _: &Loader) -> bool {
        false
    }

    async fn load(&self, _: &ImageLoad, _: &ImageEvents, _: &CancellationToken) -> Result<(), StageError> {
        Err(Offline.into())
    }
}

#[async_trait]
impl Oci for OfflineHost {
    async fn has(&self, _: &Digest) -> Result<bool, StageError> {
        Ok(false)
    }

    async fn names_of(&self, _: &Digest, _: &[ImageReference]) -> Result<Vec<ImageReference>, StageError> {
        Ok(Vec::new())
    }

    async fn base_config(&self, _: &str) -> Result<Option<BaseConfig>, StageError> {
        Ok(None)
    }

    async fn build(
        &self,
        _: BuildRequest,
        _: Compression,
        _: &ImageEvents,
        _: &CancellationToken,
    ) -> Result<BuiltImage, StageError> {
        Err(Offline.into())
    }

    async fn annotate(
        &self,
        _: &Digest,
        _: &BTreeMap<String, String>,
        _: &[ImageReference],
    ) -> Result<Digest, StageError> {
        Err(Offline.into())
    }

    async fn attach(&self, _: &Digest, _: &Attachment) -> Result<(), StageError> {
        Err(Offline.into())
    }

    async fn save(
        &self,
        _: &Digest,
        _: &[ImageReference],
        _: &ProjectPath,
        _: bool,
        _: &ImageEvents,
        _: &CancellationToken,
    ) -> Result<(), StageError> {
        Err(Offline.into())
    }

    async fn tag(&self, _: &Digest, _: &ImageReference) -> Result<(), StageError> {
        Err(Offline.into())
    }

    async fn remove(&self, _: &[ImageReference]) -> Result<(), StageError> {
        Ok(())
    }

    async fn load(
        &self,
        _: &Digest,
        _: &[ImageReference],
        _: &CancellationToken,
    ) -> Result<bool, StageError> {
        Ok(false)
    }

    async fn push(
        &self,
        _: &Digest,
        _: &ImageReference,
        _: &ImageEvents,
        _: &CancellationToken,
    ) -> Result<Option<String>, StageError> {
        Err(Offline.into())
    }
}

#[async_trait]
impl Registry for OfflineHost {
    async fn check_push(&self, _: &Repository) -> Result<(), StageError> {
        Ok(())
    }

    async fn digest(&self, _: &ImageReference) -> Result<Option<String>, StageError> {
        Ok(None)
    }

    async fn find_digest(&self, _: &ImageReference) -> Result<Option<String>, String> {
        Ok(None)
    }

    async fn share(&self, _: &ImageReference, _: &Tag) -> Result<bool, String> {
        Err(Offline.to_string())
    }

    async fn share_document(
        &self,
        _: &ImageReference,
        _: Option<&str>,
    ) -> Result<Option<ShareDocument>, String> {
        Ok(None)
    }

    async fn attach_share_document(
        &self,
        _: &ImageReference,
        _: &ShareDocument,
        _: bool,
    ) -> Result<(), String> {
        Err(Offline.to_string())
    }

    async fn base_config(&self, _: &ImageReference) -> Result<BaseConfig, StageError> {
        Err(Offline.into())
    }

    async fn retag(&self, _: &ImageReference, _: &Tag) -> Result<String, StageError> {
        Err(Offline.into())
    }

    async fn inspect(&self, _: &ImageReference) -> Result<Option<ManifestFacts>, StageError> {
        Ok(None)
    }

    async fn copy(&self, _: &ImageCopy) -> Result<String, StageError> {
        Err(Offline.into())
    }
}

#[async_trait]
impl Deployer for OfflineHost {
    async fn create_namespace(&self, _: &str) -> Result<bool, StageError> {
        Err(Offline.into())
    }

    async fn compare(&self, manifests: ManifestSet) -> Result<ManifestComparison, StageError> {
        Ok(ManifestComparison::with(manifests, &[]))
    }

    async fn apply(
        &self,
        _: &ManifestComparison,
        _: &ApplyOptions<'_>,
    ) -> Result<AppliedManifests, StageError> {
        Err(Offline.into())
    }

    async fn remove(&self, _: &Removal, _: LockOptions<'_>) -> Result<Removed, StageError> {
        Err(Offline.into())
    }

    async fn render_chart(&self, _: &ChartRequest, _: &CancellationToken) -> Result<String, StageError> {
        Err(Offline.into())
    }

    async fn identify_chart(
        &self,
        _: &ChartRequest,
        _: &CancellationToken,
    ) -> Result<ChartIdentity, StageError> {
        Err(Offline.into())
    }

    async fn releases(&self, _: &ChartRequest) -> Result<ReleaseList, StageError> {
        Ok(ReleaseList::default())
    }

    async fn release_objects(&self, _: &ChartRequest, _: &ReleaseList) -> Result<Vec<Value>, StageError> {
        Ok(Vec::new())
    }

    async fn upgrade(
        &self,
        _: &ChartRequest,
        _: OnLine<'_>,
        _: &ApplyOptions<'_>,
    ) -> Result<Upgraded, StageError> {
        Err(Offline.into())
    }

    async fn uninstall(
        &self,
        _: &UninstallRequest,
        _: Option<&str>,
        _: OnLine<'_>,
        _: LockOptions<'_>,
    ) -> Result<bool, StageError> {
        Err(Offline.into())
    }

    async fn roll_back(
        &self,
        _: &ChartRequest,
        _: u64,
        _: OnLine<'_>,
        _: LockOptions<'_>,
    ) -> Result<u64, StageError> {
        Err(Offline.into())
    }

    async fn object(&self, _: &ObjectKey) -> Result<Option<Value>, StageError> {
        Ok(None)
    }

    async fn apply_object(&self, _: &Value) -> Result<Value, StageError> {
        Err(Offline.into())
    }

    async fn delete_object(&self, _: &ObjectKey) -> Result<bool, StageError> {
        Err(Offline.into())
    }

    async fn restart(&self, _: &ObjectKey) -> Result<Value, StageError> {
        Err(Offline.into())
    }

    async fn members(&self, _: &str, _: &str) -> Result<Vec<Value>, StageError> {
        Ok(Vec::new())
    }
}
