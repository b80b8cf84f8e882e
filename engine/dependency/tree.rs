//! Finds and loads the dependencies of a project.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::DependencyError;
use crate::config::{self, DependencyConfig, DependencySource, LoadOptions, Loaded, Origin};
use crate::git::{Checkout, Checkouts, Freshness, GitSource};
use crate::host::ProjectPath;
use crate::secret::Secret;

/// The maximum length of a chain of dependencies.
const DEPTH: usize = 64;

/// All transitive dependencies of a project, each once.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// The projects in dependency order.
    pub nodes: Vec<ProjectNode>,
    /// The names of the root's direct dependencies, and their nodes.
    pub root: Vec<(String, usize)>,
}

/// One project.
#[derive(Debug, Clone)]
pub struct ProjectNode {
    /// Its name in messages: its own name if unique, otherwise the path to it, joined with `.`.
    pub name: String,
    /// Where it was declared first.
    pub origin: Origin,
    /// Its declared profiles.
    pub profiles: Vec<String>,
    /// The project.
    pub loaded: Loaded,
    /// The names of its direct dependencies, and their nodes.
    pub needs: Vec<(String, usize)>,
    /// `skipBuild`, if any declaration sets it.
    pub skip_build: bool,
}

/// Which repositories may be fetched while a tree is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetch {
    /// None: a dependency in a missing repository is skipped.
    Nothing,
    /// Missing repositories.
    Missing,
    /// All repositories, in their current state.
    Everything,
}

/// Events of repositories while a tree is loaded.
pub enum FetchEvent<'a> {
    /// A repository is missing, and its dependency is skipped.
    LeftOut(&'a GitSource),
    /// A repository will be cloned.
    Cloning(&'a GitSource),
    /// A repository is on disk.
    Ready(&'a GitSource, &'a Freshness),
}

/// The identity of a project in several declarations: its file, profiles and variables.
type Identity = (PathBuf, Vec<String>, Vec<(String, String)>);

struct Loader<'a> {
    options: &'a LoadOptions,
    checkouts: Checkouts,
    fetch: Fetch,
    report: &'a mut dyn FnMut(FetchEvent<'_>),
    /// The fetched repositories, each once.
    fetched: HashSet<GitSource>,
    nodes: Vec<ProjectNode>,
    /// The first path to each node.
    paths: Vec<Vec<String>>,
    known: HashMap<Identity, usize>,
    /// The projects from the root to the current one.
    stack: Vec<LoadFrame>,
}

struct LoadFrame {
    name: String,
    file: PathBuf,
    profiles: Vec<String>,
    origin: Option<Origin>,
}

impl Tree {
    /// Loads the transitive dependencies of `root`. `options` are those that loaded `root`; `tell` receives events of
    /// repositories. Blocks: clones or updates repositories according to `fetch`, and may prompt.
    ///
    /// # Errors
    /// [`DependencyError`].
    pub fn load(
        root: &Loaded,
        options: &LoadOptions,
        fetch: Fetch,
        report: &mut dyn FnMut(FetchEvent<'_>),
    ) -> Result<Self, DependencyError> {
        if root.project.dependencies.is_empty() {
            return Ok(Self::default());
        }
        let file = real(&root.project.file);
        let name = root
            .project
            .root
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let step = LoadFrame { name, file, profiles: root.project.profiles.clone(), origin: None };
        let mut loader = Loader {
            options,
            checkouts: options.checkouts(),
            fetch,
            report,
            fetched: HashSet::new(),
            nodes: Vec::new(),
            paths: Vec::new(),
            known: HashMap::new(),
            stack: vec![step],
        };
        let direct = loader.descend(root, &[])?;
        let mut tree = Self { nodes: loader.nodes, root: direct };
        tree.name(&loader.paths);
        Ok(tree)
    }

    /// Gives each node a unique name.
    fn name(&mut self, paths: &[Vec<String>]) {
        let short: Vec<_> = paths.iter().map(|path| path.last().cloned().unwrap_or_default()).collect();
        for (index, node) in self.nodes.iter_mut().enumerate() {
            let is_unique = short.iter().filter(|name| **name == short[index]).count() == 1;
            node.name = if is_unique { short[index].clone() } else { paths[index].join(".") };
        }
    }
}

impl Loader<'_> {
    /// Loads the dependencies of the project at `path`.
    fn descend(&mut self, parent: &Loaded, path: &[String]) -> Result<Vec<(String, usize)>, DependencyError> {
        let mut needs = Vec::new();
        for dependency in parent.project.dependencies.values() {
            let path: Vec<_> = path.iter().chain([&dependency.name]).cloned().collect();
            if let Some(node) = self.node(dependency, parent, &path)? {
                needs.push((dependency.name.clone(), node));
            }
        }
        Ok(needs)
    }

    /// The node of a dependency of `parent`; `None` if it is skipped.
    fn node(
        &mut self,
        dependency: &DependencyConfig,
        parent: &Loaded,
        path: &[String],
    ) -> Result<Option<usize>, DependencyError> {
        let Some(file) = self.find(dependency, &parent.project.root)? else { return Ok(None) };
        self.check_circle(dependency, &file)?;
        let vars = vars(dependency, parent);
        let identity = (file.clone(), dependency.profiles.clone(), vars.clone());
        if let Some(&index) = self.known.get(&identity) {
            self.nodes[index].skip_build &= dependency.skip_build;
            return Ok(Some(index));
        }
        let loaded = config::load(&self.options_for(dependency, &file, vars))?;
        self.stack.push(LoadFrame {
            name: dependency.name.clone(),
            file,
            profiles: dependency.profiles.clone(),
            origin: Some(dependency.origin.clone()),
        });
        let ignored = dependency.ignore_dependencies;
        let needs = if ignored { Vec::new() } else { self.descend(&loaded, path)? };
        self.stack.pop();
        let index = self.nodes.len();
        self.nodes.push(ProjectNode {
            name: dependency.name.clone(),
            origin: dependency.origin.clone(),
            profiles: dependency.profiles.clone(),
            loaded,
            needs,
            skip_build: dependency.skip_build,
        });
        self.paths.push(path.to_vec());
        self.known.insert(identity, index);
        Ok(Some(index))
    }

    /// The configuration file of `dependency`, which is declared by the project in `root`; `None` if it must be fetched
    /// first.
    fn find(
        &mut self,
        dependency: &DependencyConfig,
        root: &Path,
    ) -> Result<Option<PathBuf>, DependencyError> {
        let name = || dependency.name.clone();
        let folder = match &dependency.source {
            DependencySource::Path(path) => root.join(path),
            DependencySource::Git { source, sub_path } => {
                let Some(checkout) = self.check_out(source)? else { return Ok(None) };
                let sub_path = sub_path.as_deref().unwrap_or(".");
                let inside = ProjectPath::new(&checkout.folder, sub_path);
                let outside =
                    |_| DependencyError::Outside { name: name(), origin: dependency.origin.clone() };
                inside.map_err(outside)?.absolute().to_owned()
            }
        };
        let is_file = folder.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        let config_name = dependency.config_name.as_deref().unwrap_or("devspace.yaml");
        let file = if is_file { folder } else { folder.join(config_name) };
        if !file.is_file() {
            let path = file.strip_prefix(&self.options.directory).unwrap_or(&file).display().to_string();
            return Err(DependencyError::Missing { name: name(), path, origin: dependency.origin.clone() });
        }
        Ok(Some(real(&file)))
    }

    fn check_out(&mut self, source: &GitSource) -> Result<Option<Checkout>, DependencyError> {
        let is_new = !self.checkouts.folder_of(source).exists();
        let is_first = self.fetched.insert(source.clone());
        match self.fetch {
            Fetch::Nothing if is_new => {
                (self.report)(FetchEvent::LeftOut(source));
                return Ok(None);
            }
            _ if is_new => (self.report)(FetchEvent::Cloning(source)),
            _ => {}
        }
        let update = self.fetch == Fetch::Everything && is_first;
        let checkout = self.checkouts.check_out_blocking(source, update)?;
        if is_first {
            (self.report)(FetchEvent::Ready(source, &checkout.freshness));
        }
        Ok(Some(checkout))
    }

    /// Checks that `file` does not belong to one of the projects on the path to it.
    fn check_circle(&self, dependency: &DependencyConfig, file: &Path) -> Result<(), DependencyError> {
        // The root has the profiles of the run, not those of a declaration as a dependency.
        let is_same = |(index, step): (usize, &LoadFrame)| {
            step.file == *file && (index == 0 || step.profiles == dependency.profiles)
        };
        let start = self.stack.iter().enumerate().position(is_same);
        let Some(start) = start.or((self.stack.len() > DEPTH).then_some(0)) else { return Ok(()) };
        let circle = &self.stack[start..];
        let names = circle.iter().map(|step| step.name.as_str()).chain([circle[0].name.as_str()]);
        let origins = circle.iter().skip(1).filter_map(|step| step.origin.as_ref());
        let places = origins.chain([&dependency.origin]).map(|origin| format!("{origin}"));
        Err(DependencyError::Cycle {
            path: names.collect::<Vec<_>>().join(" -> "),
            places: places.collect::<Vec<_>>().join("\n"),
        })
    }

    fn options_for(
        &self,
        dependency: &DependencyConfig,
        file: &Path,
        vars: Vec<(String, String)>,
    ) -> LoadOptions {
        let vars = vars.into_iter().map(|(name, value)| format!("{name}={value}"));
        LoadOptions {
            config: Some(file.to_owned()),
            profiles: dependency.profiles.clone(),
            vars: self.options.vars.iter().cloned().chain(vars).collect(),
            namespace: dependency.namespace.clone().or_else(|| self.options.namespace.clone()),
            disable_profile_activation: self.options.disable_profile_activation
                || dependency.disable_profile_activation,
            checks_vars: false,
            ..self.options.clone()
        }
    }
}

/// The variables that `dependency` gets from `parent`; its own values take precedence.
fn vars(dependency: &DependencyConfig, parent: &Loaded) -> Vec<(String, String)> {
    let inherited = parent.variables.iter().filter(|_| dependency.overwrite_vars);
    let inherited =
        inherited.map(|(name, value): &(String, Secret)| (name.clone(), value.expose().to_owned()));
    inherited.chain(dependency.vars.iter().cloned()).collect()
}

/// The canonical path of a file.
fn real(file: &Path) -> PathBuf {
    file.canonicalize().unwrap_or_else(|_| file.to_owned())
}
