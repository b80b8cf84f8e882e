//! The user's options of a run.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::{DeployOptions, DevOptions, ShareMode, cluster_options};
use crate::builder::kaniko::PodSettings;
use crate::cluster::ClusterOptions;
use crate::config::{BuilderKind, Project};
use crate::image::TagTemplate;

/// The user's options of a run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// The images to build, with their base images; empty: all.
    pub images: Vec<String>,
    /// The deployments; empty: all.
    pub deployments: Vec<String>,
    /// Whether a deployment uses the last builds instead of building.
    pub skip_build: bool,
    /// The options for deployments.
    pub deploy: DeployOptions,
    /// The options for a dev session.
    pub dev: DevOptions,
    /// Build all images regardless of changes (`--force-build`).
    pub force_build: bool,
    /// Build these images regardless of changes (`--force NAME`).
    pub force: BTreeSet<String>,
    /// Push nothing.
    pub skip_push: bool,
    /// Do not push images that a local cluster gets without a push.
    pub skip_push_local_kube: bool,
    /// Look up pushed images instead of trusting that they still exist.
    pub check_registry: bool,
    /// Whether images are shared through their registries; `None`: as `WINDLASS_SHARE` or the pipeline requests.
    pub share: Option<ShareMode>,
    /// Query the digests of base images outside of the project that were not queried within this time, and rebuild the
    /// images whose base images have moved.
    pub update_bases: Option<Duration>,
    /// Fail if a base image outside of the project is not in the lock file, instead of adding it.
    pub locked: bool,
    /// The maximum number of images in parallel.
    pub jobs: usize,
    /// Build images with Dockerfiles with this builder, regardless of the pipeline.
    pub builder: Option<BuilderKind>,
    /// Continue with other images after a failure.
    pub keep_going: bool,
    /// Tags for all images instead of the configured ones.
    pub tags: Vec<TagTemplate>,
    /// The parent directory of `.windlass/`, where builds are recorded; default: the project directory.
    pub state: Option<PathBuf>,
    /// Treat all build contexts as empty, because only the scripts are checked.
    pub ignores_files: bool,
    /// Whether the build of an image begins again if its files change meanwhile.
    pub is_watching: bool,
    /// Whether the plan of each image is kept, to explain it: for runs that build nothing.
    pub keeps_plans: bool,
    /// The selection of the cluster; `None`: the project selects it.
    pub cluster: Option<ClusterOptions>,
    /// The user's options for build pods.
    pub pods: PodSettings,
    /// Variables of the project's `.env` file that are not set in the environment.
    pub environment: Vec<(String, String)>,
}

impl RunOptions {
    /// The default number of jobs: one per CPU core, at least 2, because builds wait more than they compute.
    pub fn default_jobs() -> usize {
        std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2))
    }

    /// The selection of the cluster: the one for all runs, otherwise that of `project`.
    pub fn cluster_of(&self, project: &Project) -> ClusterOptions {
        self.cluster.clone().unwrap_or_else(|| cluster_options(project, &self.environment))
    }

    /// The builder to use instead of `chosen`: the requested one, if a Dockerfile is built.
    pub fn builder_over(&self, chosen: BuilderKind) -> BuilderKind {
        self.builder.filter(|_| BuilderKind::OF_DOCKERFILES.contains(&chosen)).unwrap_or(chosen)
    }
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            images: Vec::new(),
            deployments: Vec::new(),
            skip_build: false,
            deploy: DeployOptions::default(),
            dev: DevOptions::default(),
            force_build: false,
            force: BTreeSet::new(),
            skip_push: false,
            skip_push_local_kube: true,
            check_registry: false,
            share: None,
            update_bases: None,
            locked: false,
            jobs: Self::default_jobs(),
            builder: None,
            keep_going: false,
            tags: Vec::new(),
            state: None,
            ignores_files: false,
            is_watching: false,
            keeps_plans: false,
            cluster: None,
            pods: PodSettings::default(),
            environment: Vec::new(),
        }
    }
}
