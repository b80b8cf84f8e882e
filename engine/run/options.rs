//! What the user asked of a run.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::builder::kaniko::PodSettings;
use crate::config::BuilderKind;
use crate::image::TagTemplate;

/// What the user asked of a run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// The images to build, with what they need; empty: all.
    pub images: Vec<String>,
    /// Build every image, whatever is known (`--force-build`).
    pub force_build: bool,
    /// Build these images, whatever is known (`--force NAME`).
    pub force: BTreeSet<String>,
    /// Push nothing.
    pub skip_push: bool,
    /// Push nothing that a local cluster has without it.
    pub skip_push_local_kube: bool,
    /// Look pushed images up instead of trusting that they are still there.
    pub check_registry: bool,
    /// How many images may be worked on at a time.
    pub jobs: usize,
    /// Build images with Dockerfiles by this builder, whatever the pipeline says.
    pub builder: Option<BuilderKind>,
    /// Go on with other images after one failed.
    pub keep_going: bool,
    /// Tags for every image in place of its own.
    pub tags: Vec<TagTemplate>,
    /// Change nothing and remember nothing: what happens is only planned.
    pub dry_run: bool,
    /// The folder that holds `.windlass/`, where earlier builds are remembered; the project's own when absent.
    pub state: Option<PathBuf>,
    /// Take every build context for empty: only the scripts are of interest.
    pub ignores_files: bool,
    /// What the user says about build pods.
    pub pods: PodSettings,
    /// Variables of the project's `.env` file that the real environment has not.
    pub environment: Vec<(String, String)>,
}

impl RunOptions {
    /// The default number of jobs: one for each core, at least two, for builds wait more than they compute.
    pub fn default_jobs() -> usize {
        std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2))
    }

    /// The builder that takes the place of `chosen`: the one that was asked for, where a Dockerfile is built.
    pub fn builder_over(&self, chosen: BuilderKind) -> BuilderKind {
        self.builder.filter(|_| BuilderKind::OF_DOCKERFILES.contains(&chosen)).unwrap_or(chosen)
    }
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            images: Vec::new(),
            force_build: false,
            force: BTreeSet::new(),
            skip_push: false,
            skip_push_local_kube: true,
            check_registry: false,
            jobs: Self::default_jobs(),
            builder: None,
            keep_going: false,
            tags: Vec::new(),
            dry_run: false,
            state: None,
            ignores_files: false,
            pods: PodSettings::default(),
            environment: Vec::new(),
        }
    }
}
