//! Sets up the run of a project, and a run for each of its dependencies.

use std::sync::Arc;

use super::{Execution, Pipeline, ScriptError, ScriptFile};
use crate::config::Project;
use crate::dependency::{Claims, Jobs, NodeSelection, ProjectNode, ProjectSelection, Tree};
use crate::event::Level;
use crate::graph::project_image;
use crate::run::{Run, RunError, RunLinks, RunOptions, Session};

/// The inputs of a new run.
pub struct Setup {
    /// The project.
    pub project: Project,
    /// Its compiled scripts.
    pub pipeline: Arc<Pipeline>,
    /// The user's options.
    pub options: RunOptions,
    /// The session: its host, and its events.
    pub session: Session,
    /// Its dependencies.
    pub tree: Tree,
    /// The projects and images to build.
    pub selection: ProjectSelection,
    /// Whether warnings about dependencies are omitted.
    pub no_warn: bool,
}

/// A run cannot be set up.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum SetupError {
    /// The images of a project cannot be ordered or selected.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Run(#[from] RunError),

    /// The scripts of a dependency are invalid.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Script(#[from] ScriptError),
}

impl Setup {
    /// The run of the project, and below it one for each dependency, with the same host, limits and options.
    ///
    /// # Errors
    /// If the images or scripts of one of them are invalid.
    pub fn start(self) -> Result<Arc<Execution>, SetupError> {
        let Self { project, pipeline, options, session, tree, selection, no_warn } = self;
        let root = Run::new(project, pipeline.scripts(), options, session)?;
        let jobs = Arc::new(Jobs::new(root.options.jobs));
        let claims = Arc::new(Claims::default());
        let targets = targets(&root, &tree, &selection);
        let mut all: Vec<Arc<Execution>> = Vec::new();
        for (node, selected) in tree.nodes.into_iter().zip(&selection.nodes) {
            let needs: Vec<_> = node.needs.iter().map(|(name, index)| (name.clone(), *index)).collect();
            let own_targets: Vec<_> = needs
                .iter()
                .filter(|(_, index)| !selection.nodes[*index].is_left_out)
                .map(|(_, index)| *index)
                .collect();
            let name = node.name.clone();
            let (run, pipeline, folder) = dependency(&root, node, selected, no_warn)?;
            let place = Place { all: &all, name: Some(name), needs: &needs, targets: &own_targets };
            let execution = place.link(run, Arc::new(pipeline), &jobs, &claims);
            all.push(Arc::new(Execution { folder, ..execution }));
        }
        let place = Place { all: &all, name: None, needs: &tree.root, targets: &targets };
        Ok(Arc::new(place.link(root, pipeline, &jobs, &claims)))
    }
}

/// The place of a project among `all` that are set up before it.
struct Place<'a> {
    all: &'a [Arc<Execution>],
    name: Option<String>,
    needs: &'a [(String, usize)],
    targets: &'a [usize],
}

impl Place<'_> {
    /// Links `run` to the runs of its dependencies.
    fn link(
        self,
        run: Arc<Run>,
        pipeline: Arc<Pipeline>,
        jobs: &Arc<Jobs>,
        claims: &Arc<Claims>,
    ) -> Execution {
        let needs = self.needs.iter().map(|(name, index)| (name.clone(), Arc::clone(&self.all[*index])));
        let dependencies: Vec<_> = needs.collect();
        let targets: Vec<_> = self.targets.iter().map(|index| Arc::clone(&self.all[*index])).collect();
        run.set_links(RunLinks {
            jobs: Some(Arc::clone(jobs)),
            claims: Arc::clone(claims),
            name: self.name,
            dependencies: dependencies
                .iter()
                .map(|(name, dependency)| (name.clone(), Arc::clone(&dependency.run)))
                .collect(),
            targets: targets.iter().map(|target| Arc::clone(&target.run)).collect(),
        });
        Execution { dependencies, targets, ..Execution::new(run, pipeline) }
    }
}

/// The nodes that the project's own pipeline builds first: the selected ones, and those with base images of the run.
fn targets(root: &Run, tree: &Tree, selection: &ProjectSelection) -> Vec<usize> {
    let mut targets = selection.targets.clone();
    let images = if selection.builds_root { root.selected() } else { &[] };
    for base in images.iter().flat_map(|image| root.other_bases(image)) {
        let is_base = |node: &ProjectNode| project_image(&node.loaded.project, base).is_some();
        if let Some(index) = tree.nodes.iter().position(is_base)
            && !selection.nodes[index].is_left_out
            && !targets.contains(&index)
        {
            targets.push(index);
        }
    }
    targets
}

/// The run of the dependency `node`, its scripts, and its directory for display.
fn dependency(
    root: &Run,
    node: ProjectNode,
    selected: &NodeSelection,
    no_warn: bool,
) -> Result<(Arc<Run>, Pipeline, String), SetupError> {
    let mut project = node.loaded.project;
    if node.skip_build {
        project.images.clear();
    }
    let here = std::env::current_dir().unwrap_or_default();
    let folder = project.root.strip_prefix(&here).unwrap_or(&project.root).display().to_string();
    let session = root.session.of_dependency(&node.name);
    if !no_warn {
        for warning in &node.loaded.warnings {
            session.events.notice(Level::Warning, warning.in_one_line());
        }
    }
    let overrides = ScriptFile::overrides(&project.root, &project.profiles, &[])?;
    let overrides = overrides.into_iter().map(|file| file.of_dependency(&folder));
    let files = ScriptFile::defaults().chain(overrides).collect();
    let pipeline = Pipeline::compile(files, &project.root)?;
    let options = RunOptions {
        images: selected.images.clone(),
        deployments: Vec::new(),
        force: selected.force.iter().cloned().collect(),
        environment: node.loaded.environment,
        ..root.options.clone()
    };
    if !no_warn {
        for warning in pipeline.near_misses() {
            session.events.notice(Level::Warning, warning);
        }
    }
    let run = Run::new(project, pipeline.scripts(), options, session)?;
    Ok((run, pipeline, folder))
}
