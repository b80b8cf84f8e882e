//! The options that are common to `build` and the pipelines of a project.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap_complete::engine::ArgValueCandidates;

use super::CiOptions;
use super::amount::age;
use super::completions;
use super::exit_status::Failure;
use super::pod_options::PodOptions;
use crate::config::{BuilderKind, Project};
use crate::dependency::{DependencyError, ProjectSelection, Request, Tree};
use crate::image::TagTemplate;
use crate::run::{RunOptions, ShareMode};
use crate::script::ScriptFile;

/// Parses the name of a builder that can be selected.
pub(super) fn builder() -> impl TypedValueParser<Value = BuilderKind> {
    PossibleValuesParser::new(BuilderKind::OF_DOCKERFILES.map(BuilderKind::as_str))
        .try_map(|name| name.parse::<BuilderKind>())
}

/// Parses the name of a sharing mode.
pub(super) fn share_mode() -> impl TypedValueParser<Value = ShareMode> {
    PossibleValuesParser::new(ShareMode::ALL.map(ShareMode::as_str)).try_map(|name| name.parse::<ShareMode>())
}

/// The options of every pipeline.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct PipelineOptions {
    /// Rebuild every image
    #[arg(short = 'b', long)]
    pub force_build: bool,

    /// Rebuild this image (repeatable)
    #[arg(long, value_name = "IMAGE", add = ArgValueCandidates::new(completions::images))]
    pub force: Vec<String>,

    /// Skip all pushes of the pipeline
    #[arg(long)]
    pub skip_push: bool,

    /// Skip pushes that a local cluster does not need [default: true]
    #[arg(
        long,
        value_name = "B",
        default_value_t = true,
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true,
        action = clap::ArgAction::Set,
        hide_possible_values = true,
        hide_default_value = true
    )]
    pub skip_push_local_kube: bool,

    /// Check that pushed images still exist in the registry
    #[arg(long, alias = "verify")]
    pub check_registry: bool,

    /// Share builds through the registry: off, read or write
    #[arg(long, value_name = "MODE", value_parser = share_mode(), hide_possible_values = true)]
    pub share: Option<ShareMode>,

    /// Rebuild if base images moved; ask at most once per AGE (7d)
    #[arg(long, value_name = "AGE", value_parser = age, num_args = 0..=1, require_equals = true, default_missing_value = "0s")]
    pub update_bases: Option<Duration>,

    /// Fail if windlass.lock does not have the digest of a base image
    #[arg(long)]
    pub locked: bool,

    /// Use this tag for every image; `#` is a random character
    #[arg(short, long = "tag", value_name = "TAG", value_delimiter = ',')]
    pub tags: Vec<TagTemplate>,

    /// Build with docker, buildkit, kaniko or oci (no daemon)
    #[arg(long, value_name = "NAME", value_parser = builder(), hide_possible_values = true)]
    pub builder: Option<BuilderKind>,

    /// Build one image at a time; equals `--max-concurrent-builds 1`
    #[arg(long, hide = true, conflicts_with = "max_concurrent_builds")]
    pub build_sequential: bool,

    /// Maximum parallel builds [default: CPU cores, at least 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub max_concurrent_builds: Option<u16>,

    /// Continue with the other images and deployments after a failure
    #[arg(long)]
    pub keep_going: bool,

    /// Build or deploy only this dependency (repeatable)
    #[arg(long = "dependency", value_name = "NAME", add = ArgValueCandidates::new(completions::dependencies))]
    pub dependencies: Vec<String>,

    /// Skip this dependency (repeatable)
    #[arg(long = "skip-dependency", value_name = "NAME", add = ArgValueCandidates::new(completions::dependencies))]
    pub skip_dependency: Vec<String>,

    /// Skip all dependencies
    #[arg(long, conflicts_with_all = ["dependencies", "skip_dependency"])]
    pub skip_dependencies: bool,

    /// Apply this script of overrides last (repeatable)
    #[arg(long = "script", value_name = "FILE")]
    pub scripts: Vec<PathBuf>,

    /// Write the result of every image to this file as JSON
    #[arg(long, value_name = "FILE")]
    pub result: Option<PathBuf>,

    /// Write what took how long to this file, for chrome://tracing
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,

    /// The files for later steps of a CI job.
    #[arg(skip)]
    pub ci: CiOptions,

    /// The options for build pods.
    #[command(flatten)]
    pub pods: PodOptions,
}

impl AsRef<Self> for PipelineOptions {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl PipelineOptions {
    /// The run options for `images`; without names, all images.
    pub fn run_options(&self, images: Vec<String>) -> RunOptions {
        let jobs = self.max_concurrent_builds.map_or_else(RunOptions::default_jobs, usize::from);
        RunOptions {
            images,
            force_build: self.force_build,
            force: self.force.iter().cloned().collect(),
            skip_push: self.skip_push,
            skip_push_local_kube: self.skip_push_local_kube,
            check_registry: self.check_registry,
            share: self.share,
            update_bases: self.update_bases,
            locked: self.locked,
            jobs: if self.build_sequential { 1 } else { jobs },
            builder: self.builder,
            keep_going: self.keep_going,
            tags: self.tags.clone(),
            state: None,
            ignores_files: false,
            pods: self.pods.settings(),
            environment: Vec::new(),
            ..RunOptions::default()
        }
    }

    /// The images of `project` and its dependencies `tree` to build, if `images` are selected.
    ///
    /// # Errors
    /// If a selected dependency does not exist.
    pub fn selection(
        &self,
        tree: &Tree,
        project: &Project,
        images: &[String],
    ) -> Result<ProjectSelection, DependencyError> {
        let request = Request {
            images: images.to_vec(),
            force: self.force.clone(),
            only: self.dependencies.clone(),
            without: self.skip_dependency.clone(),
        };
        ProjectSelection::new(tree, project, &request)
    }

    /// The scripts of `project`, in the order in which they are merged.
    ///
    /// # Errors
    /// If one of them cannot be read.
    pub fn scripts_of(&self, project: &Project) -> Result<Vec<ScriptFile>, Failure> {
        scripts(project, &self.scripts)
    }
}

/// The scripts of `project` and `more`, in the order in which they are merged.
///
/// # Errors
/// If one of them cannot be read.
pub fn scripts(project: &Project, more: &[PathBuf]) -> Result<Vec<ScriptFile>, Failure> {
    let overrides = ScriptFile::overrides(&project.root, &project.profiles, more);
    let overrides = overrides.map_err(Failure::wrong_use)?;
    Ok(ScriptFile::defaults().chain(overrides).collect())
}
