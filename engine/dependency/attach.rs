//! Creates a run for each project.

use std::sync::{Arc, OnceLock};

use miette::Diagnostic;

use super::{Claims, Jobs, NodeSelection, ProjectNode, Selection, Tree};
use crate::event::Level;
use crate::graph::project_image;
use crate::run::{Run, RunOptions};
use crate::script::{Pipeline, ScriptError, ScriptFile};

/// The links of a run to the other projects that are built with it.
#[derive(Default)]
pub struct RunLinks {
    /// The shared job limit.
    pub jobs: Option<Arc<Jobs>>,
    /// The references that all of them created.
    pub claims: Arc<Claims>,
    /// Its name; `None` for the user's project.
    pub name: Option<String>,
    /// Its dependencies, by their names in this project.
    pub dependencies: Vec<(String, Arc<Dependency>)>,
    /// The dependencies that its pipeline builds first.
    pub targets: Vec<Arc<Dependency>>,
}

/// A dependency and its run.
pub struct Dependency {
    /// Its name: `auth`.
    pub name: String,
    /// Its directory, for display.
    pub folder: String,
    /// Its run.
    pub run: Arc<Run>,
    /// The result of its pipeline, after its call.
    pub(super) outcome: OnceLock<Result<(), Arc<ScriptError>>>,
}

/// Creates a run for each project of `tree`, with the host, limits and options of `root`.
///
/// # Errors
/// If the images or scripts of one of them are invalid.
pub fn attach(
    root: &Arc<Run>,
    tree: Tree,
    selection: &Selection,
    no_warn: bool,
) -> Result<(), Box<dyn Diagnostic + Send + Sync>> {
    let jobs = Arc::new(Jobs::new(root.options.jobs));
    let claims = Arc::new(Claims::default());
    let targets = targets(root, &tree, selection);
    let mut all: Vec<Arc<Dependency>> = Vec::new();
    for (node, selected) in tree.nodes.into_iter().zip(&selection.nodes) {
        let needs: Vec<_> = node.needs.iter().map(|(name, index)| (name.clone(), *index)).collect();
        let kin = RunLinks {
            jobs: Some(Arc::clone(&jobs)),
            claims: Arc::clone(&claims),
            name: Some(node.name.clone()),
            dependencies: needs
                .iter()
                .map(|(name, index)| (name.clone(), Arc::clone(&all[*index])))
                .collect(),
            targets: needs
                .iter()
                .filter(|(_, index)| !selection.nodes[*index].is_left_out)
                .map(|(_, index)| Arc::clone(&all[*index]))
                .collect(),
        };
        all.push(dependency(root, node, selected, kin, no_warn)?);
    }
    root.set_kin(RunLinks {
        jobs: Some(jobs),
        claims,
        name: None,
        dependencies: tree
            .root
            .iter()
            .map(|(name, index)| (name.clone(), Arc::clone(&all[*index])))
            .collect(),
        targets: targets.into_iter().map(|index| Arc::clone(&all[index])).collect(),
    });
    Ok(())
}

/// The nodes that the project's own pipeline builds first: the selected ones, and those with base images of the run.
fn targets(root: &Run, tree: &Tree, selection: &Selection) -> Vec<usize> {
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

fn dependency(
    root: &Arc<Run>,
    node: ProjectNode,
    selected: &NodeSelection,
    kin: RunLinks,
    no_warn: bool,
) -> Result<Arc<Dependency>, Box<dyn Diagnostic + Send + Sync>> {
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
    let files = std::iter::once(ScriptFile::default_build()).chain(overrides).collect();
    let pipeline = Pipeline::compile(files, &project.root)?;
    let options = RunOptions {
        images: selected.images.clone(),
        force: selected.force.iter().cloned().collect(),
        environment: node.loaded.environment,
        ..root.options.clone()
    };
    let run = Run::new(project, options, session)?;
    if !no_warn {
        for warning in pipeline.near_misses() {
            run.session.notice(Level::Warning, warning);
        }
    }
    run.set_pipeline(Arc::new(pipeline));
    run.set_kin(kin);
    Ok(Arc::new(Dependency { name: node.name, folder, run, outcome: OnceLock::new() }))
}

impl Dependency {
    /// Whether its pipeline was called and succeeded.
    pub fn is_built(&self) -> bool {
        self.outcome.get().is_some_and(Result::is_ok)
    }

    /// The error of its pipeline, if it failed.
    pub fn failure(&self) -> Option<&Arc<ScriptError>> {
        self.outcome.get()?.as_ref().err()
    }
}

impl RunLinks {
    /// The full name of an image of the project: `auth.api`.
    pub fn full_name(&self, image: &str) -> String {
        match &self.name {
            Some(project) => format!("{project}.{image}"),
            None => image.to_owned(),
        }
    }

    /// All transitive dependencies, each once, in dependency order.
    pub fn all_dependencies(&self) -> Vec<Arc<Dependency>> {
        below(self.dependencies.iter().map(|(_, dependency)| dependency), &Self::all_dependencies)
    }

    /// All projects that are built before this one, each once, in dependency order.
    pub fn all_targets(&self) -> Vec<Arc<Dependency>> {
        below(self.targets.iter(), &Self::all_targets)
    }
}

/// `direct` and the dependencies `below` each of them, each once, in dependency order.
fn below<'a>(
    direct: impl Iterator<Item = &'a Arc<Dependency>>,
    below: &dyn Fn(&RunLinks) -> Vec<Arc<Dependency>>,
) -> Vec<Arc<Dependency>> {
    let mut all: Vec<Arc<Dependency>> = Vec::new();
    for dependency in direct {
        for dependency in below(dependency.run.kin()).into_iter().chain([Arc::clone(dependency)]) {
            if !all.iter().any(|known| Arc::ptr_eq(known, &dependency)) {
                all.push(dependency);
            }
        }
    }
    all
}
