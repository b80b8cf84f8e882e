//! What of the projects below one is built.

use super::{DependencyError, Tree};
use crate::config::{ImageConfig, Project};
use crate::suggestion::nearest;

/// What the user asked for.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Images by name; those of dependencies as `auth.api`. None: all.
    pub images: Vec<String>,
    /// Images that are built in any case.
    pub force: Vec<String>,
    /// Only these dependencies, and not the project itself.
    pub only: Vec<String>,
    /// Not these dependencies.
    pub without: Vec<String>,
}

/// What of the projects below one is built.
#[derive(Debug, Default)]
pub struct Selection {
    /// Images of the project itself; none: all.
    pub images: Vec<String>,
    /// Its images that are built in any case.
    pub force: Vec<String>,
    /// Whether it is built itself, after its dependencies.
    pub builds_root: bool,
    /// What is built of each node of the tree.
    pub nodes: Vec<NodeSelection>,
    /// The nodes that the project's own pipeline builds first.
    pub targets: Vec<usize>,
}

/// What is built of one node.
#[derive(Debug, Clone, Default)]
pub struct NodeSelection {
    /// Its images; none: all.
    pub images: Vec<String>,
    /// Its images that are built in any case.
    pub force: Vec<String>,
    /// Whether nothing of it is built.
    pub is_left_out: bool,
}

impl Selection {
    /// What `request` means for `project` and the `tree` below it. A name that is no image of a dependency is left to
    /// the project itself, which knows better what to say about it.
    ///
    /// # Errors
    /// [`DependencyError::Unknown`] for a name that is no dependency.
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

    /// Whether one of the project's own images that were named refers to the dependency `node`.
    fn needs(&self, tree: &Tree, project: &Project, node: usize) -> bool {
        let mut names = tree.root.iter().filter(|(_, index)| *index == node).map(|(name, _)| name);
        names.any(|name| {
            let mut images = self.images.iter().filter_map(|name| project.images.get(name));
            images.any(|image| refers_to(image, name, None))
        })
    }
}

/// Whether a text of `image` refers to the dependency that its project calls `dependency`, and there to the image
/// `named`; to any of its images without.
pub fn refers_to(image: &ImageConfig, dependency: &str, named: Option<&str>) -> bool {
    let start = format!("${{runtime.dependencies.{dependency}.");
    let of_image = named.map(|named| format!("{start}images.{named}"));
    let refers = |text: &String| match &of_image {
        None => text.contains(&start),
        // Behind the name comes the end, or the part that is meant.
        Some(start) => {
            text.match_indices(start).any(|(at, _)| text[at + start.len()..].starts_with(['}', '.']))
        }
    };
    texts(image).any(refers)
}

/// The texts of an image in which runtime variables are filled in.
fn texts(image: &ImageConfig) -> impl Iterator<Item = &String> {
    let custom = image.custom.iter().flat_map(|custom| {
        let commands = custom.commands.iter().map(|command| &command.command);
        custom.command.iter().chain(commands).chain(custom.args.iter().flatten()).chain(&custom.append_args)
    });
    image.options.build_args.values().flatten().chain(custom)
}

impl Tree {
    /// The node called `name`.
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

    /// The node and image that `auth.api` means, unless an image of `project` itself is called so.
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
