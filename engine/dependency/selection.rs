//! Selects the dependencies and images to build.

use super::{DependencyError, Tree};
use crate::config::{ImageConfig, Project};
use crate::suggestion::nearest;

/// The user's selection.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Images by name; those of dependencies as `auth.api`. Empty: all.
    pub images: Vec<String>,
    /// Images to force.
    pub force: Vec<String>,
    /// Only these dependencies, and not the project itself.
    pub only: Vec<String>,
    /// Dependencies to skip.
    pub without: Vec<String>,
}

/// Selects the dependencies and images to build.
#[derive(Debug, Default)]
pub struct ProjectSelection {
    /// Images of the project itself; empty: all.
    pub images: Vec<String>,
    /// Its images to force.
    pub force: Vec<String>,
    /// Whether it is built itself, after its dependencies.
    pub builds_root: bool,
    /// The selection in each node of the tree.
    pub nodes: Vec<NodeSelection>,
    /// The nodes that the project's own pipeline builds first.
    pub targets: Vec<usize>,
}

/// The selection in one node.
#[derive(Debug, Clone, Default)]
pub struct NodeSelection {
    /// Its images; empty: all.
    pub images: Vec<String>,
    /// Its images to force.
    pub force: Vec<String>,
    /// Whether it is skipped.
    pub is_left_out: bool,
}

impl ProjectSelection {
    /// The selection of `request` in `project` and the `tree` below it. A name that is not an image of a dependency is
    /// passed to the project itself, which reports it if it is unknown.
    ///
    /// # Errors
    /// [`DependencyError::Unknown`] for a name that is not a dependency.
    pub fn new(tree: &Tree, project: &Project, request: &Request) -> Result<Self, DependencyError> {
        let mut selection =
            Self { nodes: vec![NodeSelection::default(); tree.nodes.len()], ..Self::default() };
        for name in &request.images {
            match tree.image(project, name) {
                Some((node, image)) => selection.nodes[node].images.push(image.to_owned()),
                None => selection.images.push(name.clone()),
            }
        }
        for name in &request.force {
            match tree.image(project, name) {
                Some((node, image)) => selection.nodes[node].force.push(image.to_owned()),
                None => selection.force.push(name.clone()),
            }
        }
        for name in &request.without {
            selection.nodes[tree.find(name)?].is_left_out = true;
        }
        selection.targets = if !request.only.is_empty() {
            request.only.iter().map(|name| tree.find(name)).collect::<Result<_, _>>()?
        } else if request.images.is_empty() {
            tree.root.iter().map(|(_, node)| *node).collect()
        } else {
            let is_wanted = |node: &usize| {
                !selection.nodes[*node].images.is_empty() || selection.needs(tree, project, *node)
            };
            (0..tree.nodes.len()).filter(is_wanted).collect()
        };
        selection.targets.retain(|node| !selection.nodes[*node].is_left_out);
        let names_only_others = !request.images.is_empty() && selection.images.is_empty();
        selection.builds_root = request.only.is_empty() && !names_only_others;
        Ok(selection)
    }

    /// Whether one of the project's selected images refers to the dependency `node`.
    fn needs(&self, tree: &Tree, project: &Project, node: usize) -> bool {
        let mut names = tree.root.iter().filter(|(_, index)| *index == node).map(|(name, _)| name);
        names.any(|name| {
            let mut images = self.images.iter().filter_map(|name| project.images.get(name));
            images.any(|image| refers_to(image, name, None))
        })
    }
}

/// Whether a value of `image` refers to the dependency `dependency` of its project, and to its image `named`; without
/// `named`, to any of its images.
pub fn refers_to(image: &ImageConfig, dependency: &str, named: Option<&str>) -> bool {
    let start = format!("${{runtime.dependencies.{dependency}.");
    let of_image = named.map(|named| format!("{start}images.{named}"));
    let refers = |text: &String| match &of_image {
        None => text.contains(&start),
        // The name is followed by the end, or by the selected part.
        Some(start) => {
            text.match_indices(start).any(|(at, _)| text[at + start.len()..].starts_with(['}', '.']))
        }
    };
    texts(image).any(refers)
}

/// The values of an image in which runtime variables are resolved.
fn texts(image: &ImageConfig) -> impl Iterator<Item = &String> {
    let custom = image.custom.iter().flat_map(|custom| {
        let commands = custom.commands.iter().map(|command| &command.command);
        custom.command.iter().chain(commands).chain(custom.args.iter().flatten()).chain(&custom.append_args)
    });
    image.options.build_args.values().flatten().chain(custom)
}

impl Tree {
    /// The node `name`.
    ///
    /// # Errors
    /// [`DependencyError::Unknown`].
    pub fn find(&self, name: &str) -> Result<usize, DependencyError> {
        let found = self.nodes.iter().position(|node| node.name == name);
        found.or_else(|| self.root.iter().find(|(own, _)| own == name).map(|(_, node)| *node)).ok_or_else(
            || {
                let known = self.nodes.iter().map(|node| node.name.as_str());
                let help = match nearest(name, known.clone()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if self.nodes.is_empty() => "the project has no dependencies".to_owned(),
                    None => format!("the dependencies are {}", known.collect::<Vec<_>>().join(", ")),
                };
                DependencyError::Unknown { name: name.to_owned(), help }
            },
        )
    }

    /// The node and image that `auth.api` refers to, unless `project` itself has an image with this name.
    fn image<'n>(&self, project: &Project, name: &'n str) -> Option<(usize, &'n str)> {
        if project.images.contains_key(name) {
            return None;
        }
        self.nodes.iter().enumerate().find_map(|(index, node)| {
            let image = name.strip_prefix(&node.name)?.strip_prefix('.')?;
            node.loaded.project.images.contains_key(image).then_some((index, image))
        })
    }
}
