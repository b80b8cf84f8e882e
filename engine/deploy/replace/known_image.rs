//! A known image of a run.

use crate::image::{Digest, Repository, Tag, TagTemplate};

/// A known image of a run: of the project, or of one of its dependencies.
#[derive(Debug, Clone)]
pub struct KnownImage {
    /// The dependency that it belongs to; `None` for an image of the project itself.
    pub dependency: Option<String>,
    /// Its name in the devspace.yaml of its project.
    pub name: String,
    /// Its repository.
    pub repository: Repository,
    /// Its configured tags: they distinguish images with the same repository.
    pub tags: Vec<TagTemplate>,
    /// Its reference.
    pub reference: KnownReference,
    /// Whether it was only loaded into a local cluster: nodes cannot pull it.
    pub is_local_only: bool,
}

/// The reference with which an image is deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KnownReference {
    /// It has a tag.
    Tagged {
        /// The first tag of its build, or its configured tag.
        tag: Tag,
        /// The digest to deploy too, because the tag referred to another image before. Without it, no pod would
        /// restart.
        digest: Option<Digest>,
    },
    /// It was never built, so that each use of it is an error.
    NeverBuilt,
    /// It is not built by the run and has no fixed tag: values that refer to it are kept.
    Unmanaged {
        /// The reason: `it is disabled`.
        reason: String,
    },
}

impl KnownImage {
    /// The name with which other projects refer to it: `api`, or `auth.srv` for an image of the dependency `auth`.
    pub fn full_name(&self) -> String {
        match &self.dependency {
            Some(dependency) => format!("{dependency}.{}", self.name),
            None => self.name.clone(),
        }
    }

    /// Its tag, if it has one.
    pub fn tag(&self) -> Option<&Tag> {
        match &self.reference {
            KnownReference::Tagged { tag, .. } => Some(tag),
            KnownReference::NeverBuilt | KnownReference::Unmanaged { .. } => None,
        }
    }

    /// Whether one of its configured tags could have become `tag`.
    pub(super) fn fits(&self, tag: &str) -> bool {
        self.tags.iter().any(|template| {
            let template = template.as_str();
            template.len() == tag.len()
                && template.bytes().zip(tag.bytes()).all(|(expected, actual)| match expected {
                    b'#' => actual.is_ascii_alphanumeric(),
                    _ => expected == actual,
                })
        })
    }
}
