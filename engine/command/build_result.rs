//! `--from`: the result of a build in another run, on this machine or another one.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use crate::config::Project;
use crate::image::{Digest, Tag};
use crate::run::{PinnedImage, Run};

/// The version of result files that can be deployed.
const VERSION: u32 = 2;

/// A file that `windlass build --result` wrote.
#[derive(Debug)]
pub struct BuildResult {
    path: PathBuf,
    content: Content,
}

#[derive(Debug, Deserialize)]
struct Versioned {
    version: u32,
}

#[derive(Debug, Deserialize)]
struct Content {
    project: Option<String>,
    commit: Option<String>,
    success: bool,
    images: Vec<Image>,
}

#[derive(Debug, Deserialize)]
struct Image {
    image: String,
    repository: String,
    tags: Vec<String>,
    digest: Option<String>,
    pushed: bool,
}

/// Why a result cannot be deployed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum BuildResultError {
    /// The file cannot be read.
    #[error("cannot read the build result `{path}`: {reason}")]
    #[diagnostic(code(deploy::result_unreadable), help("write it with `windlass build --result FILE`"))]
    Unreadable {
        /// The file.
        path: String,
        /// The reason.
        reason: String,
    },

    /// The build failed.
    #[error("cannot deploy the build result `{path}`: the build failed")]
    #[diagnostic(code(deploy::result_failed), help("build again"))]
    Failed {
        /// The file.
        path: String,
    },

    /// It is the result of another project.
    #[error("cannot deploy the build result `{path}`: it is of the project `{found}`, not of `{expected}`")]
    #[diagnostic(code(deploy::result_of_other_project))]
    OtherProject {
        /// The file.
        path: String,
        /// The project of the file.
        found: String,
        /// The project of devspace.yaml.
        expected: String,
    },

    /// It was built from another commit.
    #[error(
        "cannot deploy the build result `{path}`: it was built from commit {found}, and this is {expected}"
    )]
    #[diagnostic(
        code(deploy::result_of_other_commit),
        help(
            "check out that commit, or pass `--any-commit` to deploy these images with the charts and manifests of this one"
        )
    )]
    OtherCommit {
        /// The file.
        path: String,
        /// The commit of the file.
        found: String,
        /// The commit of the project.
        expected: String,
    },

    /// An image is missing, or is not in a registry.
    #[error("cannot deploy the build result `{path}`: {reason}")]
    #[diagnostic(code(deploy::result_incomplete), help("build all images, and push them"))]
    Incomplete {
        /// The file.
        path: String,
        /// The reason, with the image.
        reason: String,
    },
}

impl BuildResult {
    /// Reads the file `path`; `-` is standard input.
    ///
    /// # Errors
    /// [`BuildResultError::Unreadable`], also for a file of another version; [`BuildResultError::Failed`].
    pub fn read(path: &Path) -> Result<Self, BuildResultError> {
        let shown = || path.display().to_string();
        let unreadable = |reason: String| BuildResultError::Unreadable { path: shown(), reason };
        let read = match path.as_os_str() == "-" {
            true => {
                let mut bytes = Vec::new();
                std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
            }
            false => std::fs::read(path),
        };
        let bytes = read.map_err(|error| unreadable(error.to_string()))?;
        let invalid = |error: serde_json::Error| unreadable(format!("it is not a build result: {error}"));
        let Versioned { version } = serde_json::from_slice(&bytes).map_err(invalid)?;
        if version != VERSION {
            let reason = format!("it has version {version}, and this windlass deploys version {VERSION}");
            return Err(unreadable(reason));
        }
        let content: Content = serde_json::from_slice(&bytes).map_err(invalid)?;
        if !content.success {
            return Err(BuildResultError::Failed { path: shown() });
        }
        Ok(Self { path: path.to_owned(), content })
    }

    /// The images of the result, for a deploy of `project`.
    ///
    /// # Errors
    /// [`BuildResultError::OtherProject`], and [`BuildResultError::Incomplete`] if an enabled image of the project is
    /// missing, was not pushed or has another repository.
    pub fn images_for(
        &self,
        project: &Project,
    ) -> Result<Arc<BTreeMap<String, PinnedImage>>, BuildResultError> {
        let path = self.path.display().to_string();
        if let (Some(found), Some(expected)) = (&self.content.project, project.name())
            && found != expected
        {
            let (found, expected) = (found.clone(), expected.to_owned());
            return Err(BuildResultError::OtherProject { path, found, expected });
        }
        let incomplete = |reason: String| BuildResultError::Incomplete { path: path.clone(), reason };
        for config in project.images.values().filter(|config| !config.disabled) {
            let Some(image) = self.content.images.iter().find(|image| image.image == config.name) else {
                return Err(incomplete(format!("it has no image `{}`", config.name)));
            };
            if image.repository != config.repository.to_string() {
                let reason = format!(
                    "`{}` is {} there, but {} in devspace.yaml",
                    config.name, image.repository, config.repository
                );
                return Err(incomplete(reason));
            }
        }
        let mut images = BTreeMap::new();
        for image in &self.content.images {
            let digest = image
                .digest
                .as_ref()
                .filter(|_| image.pushed)
                .and_then(|digest| digest.parse::<Digest>().ok());
            let tag = image.tags.first().and_then(|tag| tag.parse::<Tag>().ok());
            if let (Some(tag), Some(digest)) = (tag, digest) {
                images.insert(image.image.clone(), PinnedImage { tag, digest });
            } else if project.images.get(&image.image).is_some_and(|config| !config.disabled) {
                return Err(incomplete(format!("`{}` was not pushed", image.image)));
            }
        }
        Ok(Arc::new(images))
    }

    /// Checks that the result was built from the commit of `run`. Without a commit on either side, it is not checked.
    ///
    /// # Errors
    /// [`BuildResultError::OtherCommit`].
    pub fn check_commit(&self, run: &Run) -> Result<(), BuildResultError> {
        let Some((expected, _)) = run.commit() else { return Ok(()) };
        match &self.content.commit {
            Some(found) if *found != expected => Err(BuildResultError::OtherCommit {
                path: self.path.display().to_string(),
                found: found.clone(),
                expected,
            }),
            _ => Ok(()),
        }
    }
}
