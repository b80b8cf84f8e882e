//! Loads the project that a test requests.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use miette::Diagnostic;
use rhai::Engine;

use super::test_context::{DeploymentResults, LoadedProject, TestContext};
use crate::config::{self, LoadOptions, Project};
use crate::dependency::{ProjectSelection, Tree};
use crate::error::StageError;
use crate::host::memory::test_cluster;
use crate::image::TagTemplate;
use crate::rollout;
use crate::run::{DeployOptions, DevOptions, RunOptions, Session};
use crate::script::{Execution, Pipeline, ScriptFile, Setup, new_engine};

/// The options of a test for a project.
#[derive(Debug, Clone)]
pub struct ProjectOptions {
    /// The profiles; those of the command line when absent.
    pub profiles: Option<Vec<String>>,
    /// Variables, each `NAME=VALUE`.
    pub vars: Vec<String>,
    /// The test's own `devspace.yaml`.
    pub config: Option<String>,
    /// Files in addition to those of the project.
    pub files: Vec<(String, Vec<u8>)>,
    /// Additional overrides, which are applied last.
    pub script: Option<String>,
    /// `--skip-push`.
    pub skip_push: bool,
    /// `--force-build`.
    pub force_build: bool,
    /// `--keep-going`.
    pub keep_going: bool,
    /// `--tag`.
    pub tags: Vec<TagTemplate>,
    /// The selected images; all if empty.
    pub images: Vec<String>,
    /// The selected deployments; all if empty.
    pub deployments: Vec<String>,
    /// `--skip-build`.
    pub skip_build: bool,
    /// `--force-deploy`.
    pub force_deploy: bool,
    /// `--wait`.
    pub waits: bool,
    /// `--namespace`.
    pub namespace: Option<String>,
    /// `--skip-pipeline` of `dev`.
    pub skip_pipeline: bool,
    /// `--terminal` of `dev`.
    pub terminal: bool,
}

impl Default for ProjectOptions {
    fn default() -> Self {
        Self {
            profiles: None,
            vars: Vec::new(),
            config: None,
            files: Vec::new(),
            script: None,
            skip_push: false,
            force_build: false,
            keep_going: false,
            tags: Vec::new(),
            images: Vec::new(),
            deployments: Vec::new(),
            skip_build: false,
            force_deploy: false,
            waits: true,
            namespace: None,
            skip_pipeline: false,
            terminal: false,
        }
    }
}

/// The test's copy of the project cannot be created.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("cannot write the test's copy of `{path}`: {source}")]
#[diagnostic(code(test::copy))]
struct NoCopy {
    path: String,
    source: std::io::Error,
}

/// A path of the test leaves the project.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("`{path}` is outside the project")]
#[diagnostic(code(test::outside), help("in `files`, use paths relative to the project directory"))]
struct Outside {
    path: String,
}

impl TestContext {
    /// The project that `wanted` describes, loaded on the host of this test.
    ///
    /// # Errors
    /// If the configuration or a script is invalid, or files cannot be copied.
    pub fn load(&self, wanted: &ProjectOptions) -> Result<LoadedProject, StageError> {
        let root = self.folder_for(wanted)?;
        let project = self.project(wanted, root)?;
        let mut files: Vec<_> = ScriptFile::defaults().collect();
        let overrides = ScriptFile::overrides(&project.root, &project.profiles, &[])?;
        files.extend(overrides.into_iter().map(|file| self.file.overrides.counted(file)));
        let more = |text: &String| ScriptFile::new("script", text, Some(project.root.join("script")));
        files.extend(wanted.script.as_ref().map(more));
        let pipeline = Pipeline::compile(files, &project.root)?;
        rollout::selected(&project, &wanted.deployments)?;
        self.memory.owns(project.images.values().map(|image| image.repository.clone()));
        let options = RunOptions {
            images: wanted.images.clone(),
            deployments: wanted.deployments.clone(),
            skip_build: wanted.skip_build,
            deploy: DeployOptions {
                force: wanted.force_deploy,
                waits: wanted.waits,
                ..DeployOptions::default()
            },
            dev: DevOptions {
                skip_pipeline: wanted.skip_pipeline,
                is_interactive: wanted.terminal,
                ..DevOptions::default()
            },
            // For `reloaded`.
            is_watching: true,
            force_build: wanted.force_build,
            skip_push: wanted.skip_push,
            keep_going: wanted.keep_going,
            tags: wanted.tags.clone(),
            // One after the other, so that the order is fixed.
            jobs: 1,
            state: Some(self.state()),
            ..RunOptions::default()
        };
        let deployments = DeploymentResults::default();
        let execution = self.execution(project, Arc::new(pipeline), options, &deployments)?;
        let mut engine = new_engine(&execution);
        self.file.overrides.register(&mut engine);
        let loaded = LoadedProject { engine: Arc::new(engine), execution, deployments };
        self.add(loaded.clone());
        Ok(loaded)
    }

    /// A run of `pipeline` and `project` on the host of this test, without dependencies. The results of its deployments
    /// go to `deployments`.
    fn execution(
        &self,
        project: Project,
        pipeline: Arc<Pipeline>,
        options: RunOptions,
        deployments: &DeploymentResults,
    ) -> Result<Arc<Execution>, StageError> {
        let (host, events) = (self.memory.host(), self.events(deployments));
        let session = Session::new(host, &events, self.cancel.clone(), self.runtime.clone());
        let (tree, selection) = (Tree::default(), ProjectSelection::default());
        let setup = Setup { project, pipeline, options, session, tree, selection, no_warn: true };
        Ok(setup.start()?)
    }

    /// An engine for the test itself: its stages act on a project without images in the same directory.
    ///
    /// # Errors
    /// If that project cannot be set up.
    pub fn engine(&self) -> Result<Engine, StageError> {
        let options = RunOptions { jobs: 1, state: Some(self.state()), ..RunOptions::default() };
        let project = Project::empty(self.root());
        let deployments = DeploymentResults::default();
        Ok(new_engine(&self.execution(project, Arc::clone(&self.file.program), options, &deployments)?))
    }

    fn project(&self, wanted: &ProjectOptions, root: Option<PathBuf>) -> Result<Project, StageError> {
        let profiles = wanted.profiles.clone();
        let in_copy = root.is_some();
        let directory = root.unwrap_or_else(|| self.root().to_owned());
        let options = LoadOptions {
            config: self.file.config.clone().filter(|_| !in_copy),
            directory,
            profiles: profiles.unwrap_or_else(|| self.defaults.profiles.clone()),
            vars: [self.predefined(wanted), self.defaults.vars.clone(), wanted.vars.clone()].concat(),
            namespace: wanted.namespace.clone(),
            environment: Some(self.variables()),
            no_exec: self.defaults.no_exec,
            state: Some(self.state()),
            ..LoadOptions::default()
        };
        Ok(config::load(&options)?.project)
    }

    /// The environment, which only the test sets. The developer's shell and installed commands must not affect a test.
    fn variables(&self) -> HashMap<String, String> {
        let nowhere = ("PATH".to_owned(), "/nowhere".to_owned());
        std::iter::once(nowhere).chain(self.memory.state().variables.clone()).collect()
    }

    /// The predefined variables of the project `wanted` on the host of this test.
    fn predefined(&self, wanted: &ProjectOptions) -> Vec<String> {
        let state = self.memory.state();
        let cluster = state.cluster.as_ref().map_or_else(test_cluster, |(context, _)| context.clone());
        let mut values = vec![
            ("TIMESTAMP", state.now.as_second().to_string()),
            ("RANDOM", state.random.iter().cycle().take(6).collect()),
            ("USER_HOME", "/home/test".to_owned()),
            ("CONTEXT", cluster.name),
            ("NAMESPACE", wanted.namespace.clone().unwrap_or(cluster.namespace)),
        ];
        if let Some(git) = &state.git {
            values.push(("GIT_COMMIT", git.commit.chars().take(8).collect()));
            values.push(("GIT_BRANCH", git.branch.clone().unwrap_or_else(|| "HEAD".to_owned())));
        }
        let names = |(name, value): (&str, String)| {
            let dotted = name.to_lowercase().replace('_', ".").replace("user.home", "userHome");
            [format!("DEVSPACE_{name}={value}"), format!("devspace.{dotted}={value}")]
        };
        values.into_iter().flat_map(names).collect()
    }

    /// The test's copy of the project, if `wanted` or an earlier call changes files; `None` for the unchanged project.
    fn folder_for(&self, wanted: &ProjectOptions) -> Result<Option<PathBuf>, StageError> {
        let copy = self.copy();
        if wanted.config.is_none() && wanted.files.is_empty() && !copy.exists() {
            return Ok(None);
        }
        if !copy.exists() {
            make_folder(&copy)?;
            if wanted.config.is_none() {
                copy_files(self.root(), &copy)?;
            }
        }
        let config =
            wanted.config.as_ref().map(|text| ("devspace.yaml".to_owned(), text.clone().into_bytes()));
        for (path, content) in config.iter().chain(&wanted.files) {
            let relative = Path::new(path);
            let is_inside = relative
                .components()
                .all(|part| matches!(part, std::path::Component::Normal(_) | std::path::Component::CurDir));
            if !is_inside {
                return Err(Outside { path: path.clone() }.into());
            }
            let path = copy.join(relative);
            make_folder(path.parent().unwrap_or(&copy))?;
            std::fs::write(&path, content).map_err(|source| no_copy(&path, source))?;
        }
        Ok(Some(copy))
    }
}

/// Copies the files that git does not ignore.
fn copy_files(from: &Path, to: &Path) -> Result<(), StageError> {
    let walk = ignore::WalkBuilder::new(from).hidden(false).require_git(false).build();
    let is_wanted = |path: &Path| !path.starts_with(".git") && !path.starts_with(".windlass");
    for entry in walk.filter_map(Result::ok) {
        let Ok(relative) = entry.path().strip_prefix(from) else { continue };
        let target = to.join(relative);
        match entry.file_type() {
            Some(kind) if kind.is_file() && is_wanted(relative) => {
                make_folder(target.parent().unwrap_or(to))?;
                std::fs::copy(entry.path(), &target).map_err(|source| no_copy(entry.path(), source))?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn make_folder(path: &Path) -> Result<(), StageError> {
    Ok(std::fs::create_dir_all(path).map_err(|source| no_copy(path, source))?)
}

fn no_copy(path: &Path, source: std::io::Error) -> NoCopy {
    NoCopy { path: path.display().to_string(), source }
}
