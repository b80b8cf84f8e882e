//! The options that `build` and the pipelines of a project have in common.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap_complete::engine::ArgValueCandidates;

use super::completions;
use super::exit_status::Failure;
use super::pod_options::PodOptions;
use crate::config::{BuilderKind, Project};
use crate::dependency::{DependencyError, Request, Selection, Tree};
use crate::image::TagTemplate;
use crate::run::RunOptions;
use crate::script::ScriptFile;

/// Reads the name of a builder that can be asked for.
fn builder() -> impl TypedValueParser<Value = BuilderKind> {
    PossibleValuesParser::new(BuilderKind::OF_DOCKERFILES.map(BuilderKind::as_str))
        .try_map(|name| name.parse::<BuilderKind>())
}

/// The options of every pipeline.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct PipelineOptions {
    /// Build every image, changed or not
    #[arg(short = 'b', long)]
    pub force_build: bool,

    /// Build this image, changed or not; repeat it for several
    #[arg(long, value_name = "IMAGE", add = ArgValueCandidates::new(completions::images))]
    pub force: Vec<String>,

    /// Push nothing, whatever the pipeline says
    #[arg(long)]
    pub skip_push: bool,

    /// Push nothing that a local cluster has without (the default)
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

    /// Ask the registry whether pushed images are still there
    #[arg(long, alias = "verify")]
    pub check_registry: bool,

    /// Use this tag for every image; `#` is a random character
    #[arg(short, long = "tag", value_name = "TAG", value_delimiter = ',')]
    pub tags: Vec<TagTemplate>,

    /// Build with docker, buildkit, kaniko or oci (no daemon)
    #[arg(long, value_name = "NAME", value_parser = builder(), hide_possible_values = true)]
    pub builder: Option<BuilderKind>,

    /// Build one image after another
    #[arg(long, conflicts_with = "max_concurrent_builds")]
    pub build_sequential: bool,

    /// Build so many images at once [default: one a core, at least 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub max_concurrent_builds: Option<u16>,

    /// Go on with the other images after one failed
    #[arg(long)]
    pub keep_going: bool,

    /// Build only this dependency; repeat it for several
    #[arg(long = "dependency", value_name = "NAME", add = ArgValueCandidates::new(completions::dependencies))]
    pub dependencies: Vec<String>,

    /// Leave this dependency out; repeat it for several
    #[arg(long = "skip-dependency", value_name = "NAME", add = ArgValueCandidates::new(completions::dependencies))]
    pub skip_dependency: Vec<String>,

    /// Build the project without those it depends on
    #[arg(long, conflicts_with_all = ["dependencies", "skip_dependency"])]
    pub skip_dependencies: bool,

    /// Apply this script of overrides last; repeat it for several
    #[arg(long = "script", value_name = "FILE")]
    pub scripts: Vec<PathBuf>,

    /// Write what was built, skipped or failed to this file as JSON
    #[arg(long, value_name = "FILE")]
    pub result: Option<PathBuf>,

    /// Build pods.
    #[command(flatten)]
    pub pods: PodOptions,
}

impl AsRef<Self> for PipelineOptions {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl PipelineOptions {
    /// What they ask of a run on `images`; none: all.
    pub fn run_options(&self, images: Vec<String>) -> RunOptions {
        let jobs = self.max_concurrent_builds.map_or_else(RunOptions::default_jobs, usize::from);
        RunOptions {
            images,
            force_build: self.force_build,
            force: self.force.iter().cloned().collect(),
            skip_push: self.skip_push,
            skip_push_local_kube: self.skip_push_local_kube,
            check_registry: self.check_registry,
            jobs: if self.build_sequential { 1 } else { jobs },
            builder: self.builder,
            keep_going: self.keep_going,
            tags: self.tags.clone(),
            dry_run: false,
            state: None,
            ignores_files: false,
            pods: self.pods.settings(),
            environment: Vec::new(),
        }
    }

    /// What is built of `project` and the `tree` below it, when `images` were named.
    ///
    /// # Errors
    /// When a dependency is named that is not there.
    pub fn selection(
        &self,
        tree: &Tree,
        project: &Project,
        images: &[String],
    ) -> Result<Selection, DependencyError> {
        let request = Request {
            images: images.to_vec(),
            force: self.force.clone(),
            only: self.dependencies.clone(),
            without: self.skip_dependency.clone(),
        };
        Selection::new(tree, project, &request)
    }

    /// The scripts of `project`, in the order in which they are merged.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn scripts_of(&self, project: &Project) -> Result<Vec<ScriptFile>, Failure> {
        scripts(project, &self.scripts)
    }
}

/// The scripts of `project` and `more`, in the order in which they are merged.
///
/// # Errors
/// When one of them cannot be read.
pub fn scripts(project: &Project, more: &[PathBuf]) -> Result<Vec<ScriptFile>, Failure> {
    let overrides = ScriptFile::overrides(&project.root, &project.profiles, more);
    let overrides = overrides.map_err(Failure::wrong_use)?;
    Ok(std::iter::once(ScriptFile::default_build()).chain(overrides).collect())
}
