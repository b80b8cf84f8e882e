//! The dependency graph of a project's images.

use std::collections::HashMap;

use indexmap::{IndexMap, IndexSet};

use crate::config::{ImageConfig, Project};
use crate::image::{ImageReference, TagTemplate};
use crate::suggestion::nearest;

/// The build order of images.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    /// The base images of each image, with their place in the Dockerfile.
    needs: IndexMap<String, IndexMap<String, String>>,
    /// For each image, the used references that do not belong to images of the project.
    others: HashMap<String, Vec<String>>,
}

/// An image that a Dockerfile uses.
#[derive(Debug, Clone)]
pub struct NamedBase {
    /// The reference with expanded variables.
    pub reference: String,
    /// Its place in the Dockerfile: `api/Dockerfile:3`.
    pub place: String,
}

impl Graph {
    /// The graph of `project`, where `bases` returns the images that an image uses.
    ///
    /// # Errors
    /// [`GraphError::Cycle`] if there is a dependency cycle.
    pub fn new(
        project: &Project,
        mut bases: impl FnMut(&ImageConfig) -> Vec<NamedBase>,
    ) -> Result<Self, GraphError> {
        let mut needs = IndexMap::new();
        let mut others: HashMap<String, Vec<String>> = HashMap::new();
        for image in project.images.values() {
            let mut parents = IndexMap::new();
            for base in bases(image) {
                match project_image(project, &base.reference) {
                    // The image itself is not built yet, so this refers to an earlier one in its repository.
                    Some(parent) if parent.name == image.name => {}
                    Some(parent) => {
                        parents.entry(parent.name.clone()).or_insert(base.place);
                    }
                    None => others.entry(image.name.clone()).or_default().push(base.reference),
                }
            }
            needs.insert(image.name.clone(), parents);
        }
        let graph = Self { needs, others };
        graph.ordered(graph.needs.keys().cloned())?;
        Ok(graph)
    }

    /// The base images of `image` in the project.
    pub fn needs(&self, image: &str) -> impl Iterator<Item = &str> {
        self.needs.get(image).into_iter().flat_map(IndexMap::keys).map(String::as_str)
    }

    /// The references that `image` uses and that do not belong to images of the project.
    pub fn others(&self, image: &str) -> &[String] {
        self.others.get(image).map_or(&[], Vec::as_slice)
    }

    /// The images `names` and all their base images, base images first and otherwise in the given order. Empty: all.
    ///
    /// # Errors
    /// [`GraphError::Unknown`] for a name that is not an image of the project.
    pub fn select(&self, names: &[String]) -> Result<Vec<String>, GraphError> {
        if let Some(unknown) = names.iter().find(|name| !self.needs.contains_key(*name)) {
            return Err(self.unknown(unknown));
        }
        if names.is_empty() {
            self.ordered(self.needs.keys().cloned())
        } else {
            self.ordered(names.iter().cloned())
        }
    }

    /// Checks that `name` is one of `selected`.
    ///
    /// # Errors
    /// [`GraphError::Unknown`] for a name that is not an image of the project, otherwise [`GraphError::NotSelected`].
    pub fn check_selected(&self, name: &str, selected: &[String]) -> Result<(), GraphError> {
        if !self.needs.contains_key(name) {
            return Err(self.unknown(name));
        }
        if !selected.iter().any(|selected| selected == name) {
            return Err(GraphError::NotSelected { name: name.to_owned() });
        }
        Ok(())
    }

    /// The error for an unknown image.
    pub fn unknown(&self, name: &str) -> GraphError {
        let known = self.needs.keys().map(String::as_str);
        let help = match nearest(name, known.clone()) {
            Some(name) => format!("did you mean `{name}`?"),
            None if self.needs.is_empty() => "the project has no images".to_owned(),
            None if self.needs.len() > 40 => format!("choose one of its {} images", self.needs.len()),
            None => format!("choose one of {}", known.collect::<Vec<_>>().join(", ")),
        };
        GraphError::Unknown { name: name.to_owned(), help }
    }

    /// The error for a cycle, in which each image needs the next one.
    fn cycle(&self, circle: &[&str]) -> GraphError {
        let place = |image: &str, need: &str| Some(self.needs.get(image)?.get(need)?.as_str());
        let steps = circle.windows(2).filter_map(|pair| {
            let [image, need] = pair else { return None };
            Some(format!("{}: `{image}` uses `{need}`", place(image, need)?))
        });
        let places = steps.collect::<Vec<_>>().join("\n");
        GraphError::Cycle { path: circle.join(" -> "), places }
    }

    fn ordered(&self, names: impl Iterator<Item = String>) -> Result<Vec<String>, GraphError> {
        let mut done = IndexSet::new();
        for name in names {
            // The images from `name` to the current one, each with its remaining base images.
            let mut path =
                IndexMap::from([(name.clone(), self.needs(&name).collect::<Vec<_>>().into_iter())]);
            while let Some((name, needs)) = path.last_mut() {
                let Some(need) = needs.find(|need| !done.contains(*need)) else {
                    done.insert(name.clone());
                    path.pop();
                    continue;
                };
                if let Some(start) = path.get_index_of(need) {
                    let circle: Vec<_> = path.keys().skip(start).map(String::as_str).chain([need]).collect();
                    return Err(self.cycle(&circle));
                }
                path.insert(need.to_owned(), self.needs(need).collect::<Vec<_>>().into_iter());
            }
        }
        Ok(done.into_iter().collect())
    }
}

/// The image of `project` that `reference` refers to: the same repository, and no tag, `latest`, or one of the image's
/// fixed tags. Any other tag or a digest pins a version that this run does not build.
pub fn project_image<'a>(project: &'a Project, reference: &str) -> Option<&'a ImageConfig> {
    let reference: ImageReference = reference.parse().ok()?;
    if reference.digest.is_some() {
        return None;
    }
    let mut images = project.images.values().filter(|image| image.repository == reference.repository);
    let names_tag = |image: &ImageConfig, tag: &str| {
        image.tags.iter().any(|config| {
            config
                .text
                .parse::<TagTemplate>()
                .ok()
                .and_then(|template| template.fixed())
                .is_some_and(|fixed| fixed.as_str() == tag)
        })
    };
    match &reference.tag {
        None => images.next(),
        Some(tag) => {
            let all: Vec<_> = images.collect();
            let named = all.iter().find(|image| names_tag(image, tag.as_str()));
            named.or_else(|| all.first().filter(|_| tag.as_str() == "latest")).copied()
        }
    }
}

/// Errors in the dependency graph of a project's images.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
pub enum GraphError {
    /// There is a dependency cycle.
    #[error("image dependency cycle: {path}")]
    #[diagnostic(code(image::cycle), help("change the base image in one of these lines:\n{places}"))]
    Cycle {
        /// The cycle: `api -> base -> api`.
        path: String,
        /// The line of each step of the cycle.
        places: String,
    },
    /// The image is unknown.
    #[error("unknown image `{name}`")]
    #[diagnostic(code(image::unknown))]
    Unknown {
        /// The name.
        name: String,
        /// A suggestion: the most similar name, or all names.
        #[help]
        help: String,
    },
    /// A forced image is not built in this run.
    #[error("`{name}` is forced but is not an image of this run")]
    #[diagnostic(code(image::not_selected), help("select it too: `windlass build {name} --force {name}`"))]
    NotSelected {
        /// Its name.
        name: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(needs: &[(&str, &[&str])]) -> Graph {
        let named = |need: &&str| ((*need).to_owned(), "Dockerfile:1".to_owned());
        let needs = needs.iter().map(|(name, needs)| ((*name).to_owned(), needs.iter().map(named).collect()));
        Graph { needs: needs.collect(), others: HashMap::new() }
    }

    #[test]
    fn bases_come_first_and_are_selected_too() {
        let graph = graph(&[("api", &["base"]), ("worker", &[]), ("base", &[])]);
        assert_eq!(graph.select(&[]).unwrap(), ["base", "api", "worker"]);
        assert_eq!(graph.select(&["api".to_owned()]).unwrap(), ["base", "api"]);
    }

    #[test]
    fn long_chains_are_no_matter_of_the_stack() {
        let name = |number: usize| format!("i{number}");
        let chain = |number: usize| (name(number), IndexMap::from([(name(number + 1), String::new())]));
        let mut needs: IndexMap<_, _> = (0..100_000).map(chain).collect();
        needs.insert(name(100_000), IndexMap::new());
        let graph = Graph { needs, others: HashMap::new() };
        assert_eq!(graph.select(&[]).unwrap()[0], "i100000");
    }

    #[test]
    fn circle_shows_its_path() {
        let graph = graph(&[("x", &["a"]), ("a", &["b"]), ("b", &["a"])]);
        assert_eq!(graph.select(&[]).unwrap_err().to_string(), "image dependency cycle: a -> b -> a");
    }

    #[test]
    fn a_forced_image_must_be_selected() {
        let graph = graph(&[("api", &[]), ("worker", &[])]);
        let check = |name: &str| graph.check_selected(name, &["api".to_owned()]);
        assert!(check("api").is_ok());
        assert!(matches!(check("worker"), Err(GraphError::NotSelected { .. })));
        assert!(matches!(check("apo"), Err(GraphError::Unknown { .. })));
    }

    #[test]
    fn unknown_image_suggests_the_nearest() {
        let Err(GraphError::Unknown { help, .. }) = graph(&[("worker", &[])]).select(&["workr".to_owned()])
        else {
            panic!("an unknown image was selected");
        };
        assert_eq!(help, "did you mean `worker`?");
    }
}
