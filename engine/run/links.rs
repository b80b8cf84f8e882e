//! The links of a run to the other projects that are built with it.

use std::sync::Arc;

use super::Run;
use crate::dependency::{Claims, Jobs};

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
    pub dependencies: Vec<(String, Arc<Run>)>,
    /// The dependencies that its pipeline builds first.
    pub targets: Vec<Arc<Run>>,
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
    pub fn all_dependencies(&self) -> Vec<Arc<Run>> {
        let direct = self.dependencies.iter().map(|(_, dependency)| dependency);
        each_once(direct, |dependency| dependency.links().all_dependencies())
    }

    /// All projects that are built before this one, each once, in dependency order.
    pub fn all_targets(&self) -> Vec<Arc<Run>> {
        each_once(self.targets.iter(), |target| target.links().all_targets())
    }
}

/// `direct` and those `below` each of them, each once, in dependency order.
pub fn each_once<'a, T: 'a>(
    direct: impl Iterator<Item = &'a Arc<T>>,
    below: impl Fn(&T) -> Vec<Arc<T>>,
) -> Vec<Arc<T>> {
    let mut all: Vec<Arc<T>> = Vec::new();
    for one in direct {
        for found in below(one).into_iter().chain([Arc::clone(one)]) {
            if !all.iter().any(|known| Arc::ptr_eq(known, &found)) {
                all.push(found);
            }
        }
    }
    all
}
