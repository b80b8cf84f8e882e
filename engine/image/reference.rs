//! Names of images: registry, repository, tag, digest.

use std::fmt;
use std::str::FromStr;

use super::Tag;

/// A registry and a repository in it, without tag or digest: `ghcr.io/acme/api`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Repository {
    domain: String,
    path: String,
}

impl Repository {
    /// The registry's host and port, `docker.io` for Docker Hub.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The path inside the registry, with `library/` for official images.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The reference with `tag`.
    pub fn with_tag(&self, tag: Tag) -> ImageReference {
        ImageReference { repository: self.clone(), tag: Some(tag), digest: None }
    }
}

/// The familiar (short) form: `docker.io/library/nginx` prints as `nginx`.
impl fmt::Display for Repository {
    fn fmt(&self, _formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}

/// An image reference: a repository plus a tag, a digest, both or neither.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageReference {
    /// The repository.
    pub repository: Repository,
    /// The tag, when written.
    pub tag: Option<Tag>,
    /// The digest as written (`sha256:...`, `sha512:...`), when written.
    pub digest: Option<String>,
}

impl fmt::Display for ImageReference {
    fn fmt(&self, _formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}

/// A text that is no image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("`{text}` is not a valid image reference: {reason}")]
#[diagnostic(code(image::reference))]
pub struct ReferenceError {
    /// The refused text.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

impl FromStr for ImageReference {
    type Err = ReferenceError;

    fn from_str(_text: &str) -> Result<Self, ReferenceError> {
        todo!()
    }
}

/// Refuses a tag or digest.
impl FromStr for Repository {
    type Err = ReferenceError;

    fn from_str(_text: &str) -> Result<Self, ReferenceError> {
        todo!()
    }
}
