//! Checks of a project in every profile.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use miette::Diagnostic;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::finding::{Finding, Owner};
use super::unused_base::unused_bases;
use crate::command::cli::GlobalOptions;
use crate::command::exit_status::Failure;
use crate::command::load::{load_explained, load_options};
use crate::command::pipeline_options::scripts;
use crate::command::pipeline_run::{PipelineCall, call_pipeline, new_runtime};
use crate::command::unused_script::unused_scripts;
use crate::config::{self, ConfigDiagnostic, ConfigError, Explain, LoadOptions, Loaded};
use crate::dependency::{DependencyError, Fetch, FetchEvent, ProjectSelection, Request, Tree};
use crate::error::ErrorKind;
use crate::event::Events;
use crate::host::{Host, HostOptions};
use crate::plural::counted;
use crate::run::{ImageChange, RunOptions, Session};
use crate::script::{Execution, Pipeline, ScriptError, Setup, syntax_error};
use crate::state::FunctionStore;
use crate::testing;

/// The checked items, and the problems found.
#[derive(Default)]
pub(super) struct ProjectCheck {
    pub(super) findings: Vec<Finding>,
    /// Functions of the project that became overrides with this version of windlass.
    pub(super) new_overrides: BTreeSet<String>,
    /// Unsupported settings in the `dev` sections of the projects, each in one line.
    pub(super) notices: BTreeSet<String>,
    /// Repositories of dependencies that are not fetched.
    pub(super) left_out: BTreeSet<String>,
    profiles: usize,
    images: usize,
    tests: usize,
    dependencies: BTreeSet<String>,
    /// The base images outside of the project, as complete references.
    used_bases: BTreeSet<String>,
    /// The project directory, if the base images of all its images are known.
    known_root: Option<PathBuf>,
}

/// Checks the project with the selected profiles only, and additionally with each of its profiles.
///
/// # Errors
/// If the configuration is invalid regardless of the profile.
pub(super) fn check_project(global: &GlobalOptions) -> Result<ProjectCheck, Failure> {
    let (explanation, _) = load_explained(global, Explain::ProjectCheck)?;
    let profiles: Vec<_> = explanation.profiles.into_iter().map(|profile| profile.name).collect();
    let runtime = new_runtime()?;
    let mut check = ProjectCheck { profiles: profiles.len(), ..ProjectCheck::default() };
    let options = LoadOptions { ask: None, ..load_options(global) };
    for profile in std::iter::once(None).chain(profiles.iter().map(Some)) {
        let mut options = LoadOptions { profiles: options.profiles.clone(), ..options.clone() };
        options.profiles.extend(profile.cloned());
        check.look(&options, profile.map(String::as_str), &profiles, &runtime);
    }
    runtime.shutdown_timeout(Duration::from_secs(2));
    // An image with a problem may use any base image.
    if let Some(root) = check.known_root.take().filter(|_| check.findings.is_empty()) {
        unused_bases(&root, &check.used_bases).into_iter().for_each(|unused| check.note(unused, None));
    }
    Ok(check)
}

impl ProjectCheck {
    /// `no problems in 3 images and 2 profiles`; with tests and dependencies if there are any.
    pub(super) fn summary(&self) -> String {
        let dependencies = match self.dependencies.len() {
            0 => String::new(),
            1 => ", and in 1 dependency".to_owned(),
            number => format!(", and in {number} dependencies"),
        };
        let tests =
            if self.tests == 0 { String::new() } else { format!(", {}", counted(self.tests, "test file")) };
        let problems = match self.findings.len() {
            0 => "no problems".to_owned(),
            found => counted(found, "problem"),
        };
        let (images, profiles) = (counted(self.images, "image"), counted(self.profiles, "profile"));
        format!("{problems} in {images}{tests} and {profiles}{dependencies}")
    }

    /// Records a finding, unless it is known from another profile.
    fn note(&mut self, diagnostic: impl Diagnostic + Send + Sync + 'static, profile: Option<&str>) {
        self.record_shared(Arc::new(diagnostic), profile);
    }

    fn record_shared(&mut self, diagnostic: Arc<dyn Diagnostic + Send + Sync>, profile: Option<&str>) {
        self.add(Finding::new(diagnostic, profile));
    }

    fn add(&mut self, finding: Finding) {
        match self.findings.iter_mut().find(|known| known.is_same(&finding)) {
            // A problem that occurs without profiles also occurs with them.
            Some(known) if known.profiles.is_empty() => {}
            Some(known) => {
                let new = finding.profiles.into_iter().filter(|name| !known.profiles.contains(name));
                let new: Vec<_> = new.collect();
                known.profiles.extend(new);
            }
            None => self.findings.push(finding),
        }
    }

    /// Checks the project as `options` load it.
    fn look(&mut self, options: &LoadOptions, profile: Option<&str>, profiles: &[String], runtime: &Runtime) {
        let loaded = match config::load(options) {
            Ok(loaded) => loaded,
            Err(ConfigError::Invalid { problems, .. }) => {
                return problems.into_iter().for_each(|problem| self.note(problem, profile));
            }
            Err(error) => return self.note(error, profile),
        };
        self.images = self.images.max(loaded.project.images.len());
        for problem in &loaded.project.dev.problems {
            self.note(problem.clone(), profile);
        }
        self.notices.extend(loaded.project.dev.notices.iter().map(ConfigDiagnostic::in_one_line));
        if profile.is_none() {
            for file in unused_scripts(&loaded.project.root, profiles) {
                self.note(file, None);
            }
            self.look_at_tests(&loaded.project.root, options.config.as_deref());
        }
        let files = match scripts(&loaded.project, &[]) {
            Ok(files) => files,
            Err(failure) => return self.record_shared(failure.into_diagnostic(), profile),
        };
        let broken: Vec<_> = files.iter().filter_map(syntax_error).collect();
        if !broken.is_empty() {
            return broken.into_iter().for_each(|error| self.note(error, profile));
        }
        let pipeline = match Pipeline::compile(files, &loaded.project.root) {
            Ok(pipeline) => pipeline,
            Err(error) => return self.note(error, profile),
        };
        let known = FunctionStore::new(&loaded.project.root, false).read();
        self.new_overrides.extend(pipeline.new_overrides(&known));
        for mistake in pipeline.mistakes() {
            self.note(mistake, profile);
        }
        let tree = self.dependencies(&loaded, options, profile);
        self.call((loaded, tree), pipeline, profile, runtime);
    }

    /// Reads the tests in the project directory; `config` is the configuration file, if it was given.
    fn look_at_tests(&mut self, folder: &Path, config: Option<&Path>) {
        for file in testing::find_each(folder, config) {
            self.tests += 1;
            match file {
                Ok(file) => {
                    let mistakes = file.mistakes().into_iter().chain(file.never_run());
                    mistakes.for_each(|mistake| self.note(mistake, None));
                }
                Err(error) => self.note(error, None),
            }
        }
    }

    /// The dependencies of `loaded` that are already fetched.
    fn dependencies(&mut self, loaded: &Loaded, options: &LoadOptions, profile: Option<&str>) -> Tree {
        let left_out = &mut self.left_out;
        let tree = Tree::load(loaded, options, Fetch::Nothing, &mut |news| {
            if let FetchEvent::LeftOut(source) = news {
                left_out.insert(source.to_string());
            }
        });
        match tree {
            Ok(tree) => return tree,
            Err(DependencyError::Config(ConfigError::Invalid { problems, .. })) => {
                problems.into_iter().for_each(|problem| self.note(problem, profile));
            }
            Err(error) => self.note(error, profile),
        }
        Tree::default()
    }

    /// Calls the pipeline for every image on an offline host, images of dependencies first.
    fn call(
        &mut self,
        (loaded, tree): (Loaded, Tree),
        pipeline: Pipeline,
        profile: Option<&str>,
        runtime: &Runtime,
    ) {
        let options = RunOptions {
            environment: loaded.environment,
            force_build: true,
            keep_going: true,
            ignores_files: true,
            keeps_plans: true,
            jobs: 1,
            ..RunOptions::default()
        };
        let events = Events::none();
        let host = Host::live(&events, &HostOptions::default()).offline().planning(&Arc::default());
        let session = Session::new(host, &events, CancellationToken::new(), runtime.handle().clone());
        let selection = match ProjectSelection::new(&tree, &loaded.project, &Request::default()) {
            Ok(selection) => selection,
            Err(error) => return self.note(error, profile),
        };
        let project = loaded.project;
        let setup =
            Setup { project, pipeline: Arc::new(pipeline), options, session, tree, selection, no_warn: true };
        let execution = match setup.start() {
            Ok(execution) => execution,
            Err(error) => return self.note(error, profile),
        };
        let outcome = call_pipeline(&execution, PipelineCall::build(Vec::new()), true);
        for dependency in execution.all_targets() {
            self.record_dependency(&dependency, profile);
        }
        let bases = execution.take_plans().into_iter().flat_map(|(_, plan)| plan.outside_bases());
        self.used_bases.extend(bases.map(|base| base.reference.full()));
        self.known_root = Some(execution.run.project.root.clone());
        let last = outcome.err().filter(|error| !error.is_summary());
        // The results of a dependency that is not fetched are unknown.
        let is_unknown = |error: &ScriptError| {
            error.stage().is_some_and(|stage| stage.kind() == ErrorKind::DependencyOmitted)
        };
        for error in failures(&execution).chain(last).filter(|error| !is_unknown(error)) {
            self.record_shared(error, profile);
        }
        self.call_dev(&execution, profile);
    }

    /// Calls the functions of a dev session that need no cluster, if the project overrides any.
    fn call_dev(&mut self, execution: &Arc<Execution>, profile: Option<&str>) {
        let functions = execution.pipeline.functions();
        let mut of_dev = functions.filter(|function| function.default_pipeline() == Some("dev"));
        if of_dev.all(|function| function.file.is_built_in()) {
            return;
        }
        let called = ["before_dev", "connect", "after_dev"].map(|name| execution.call(name, Vec::new()));
        let errors = called.into_iter().filter_map(Result::err);
        let reloaded = execution.run.selected().iter().map(|image| {
            let change = ImageChange {
                files: vec![execution.run.project.file.display().to_string()],
                reason: "a file changed".to_owned(),
                is_automatic: true,
                is_covered: false,
            };
            execution.reloads(image, &change)
        });
        for error in errors.chain(reloaded.filter_map(Result::err)) {
            self.record_shared(error, profile);
        }
    }

    /// Records the problems of a dependency.
    fn record_dependency(&mut self, dependency: &Execution, profile: Option<&str>) {
        let name = dependency.run.links().name.clone().unwrap_or_default();
        let owner = Owner { name, folder: dependency.folder.clone() };
        let mistakes = dependency
            .pipeline
            .mistakes()
            .into_iter()
            .map(|mistake| Arc::new(mistake) as Arc<dyn Diagnostic + Send + Sync>);
        let last = dependency.failure().filter(|error| !error.is_summary()).cloned();
        let stopped =
            failures(dependency).chain(last).map(|error| error as Arc<dyn Diagnostic + Send + Sync>);
        for diagnostic in mistakes.chain(stopped) {
            self.add(Finding::new(diagnostic, profile).within(&owner));
        }
        self.dependencies.insert(owner.name);
    }
}

/// The errors of the images of a project.
fn failures(execution: &Execution) -> impl Iterator<Item = Arc<ScriptError>> {
    execution.failures().into_iter().map(|(_, error)| error)
}
