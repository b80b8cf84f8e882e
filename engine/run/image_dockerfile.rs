//! The Dockerfile of an image, as scripts edit it and plans build it.

use std::sync::Arc;

use super::Image;
use crate::error::StageError;
use crate::image::Dockerfile;
use crate::image::dockerfile::{BuildArgs, DockerfileError, RESTART_HELPER_PATH};

/// A Dockerfile and its image: edits change the build target of that image.
#[derive(Clone)]
pub struct ImageDockerfile {
    /// The Dockerfile itself.
    pub inner: Dockerfile,
    /// The build target; `None` for the last build stage.
    pub target: Option<Arc<str>>,
    /// The build arguments, including the proxies.
    pub args: Arc<BuildArgs>,
    /// The proxies of the Docker configuration.
    pub proxies: Arc<BuildArgs>,
    /// Files that windlass adds to the context.
    pub files: Vec<AddedFile>,
    /// The image.
    pub(crate) image: Image,
}

/// A file that windlass adds to a build context.
#[derive(Clone)]
pub struct AddedFile {
    /// Its path in the context.
    pub path: &'static str,
    /// Permission bits.
    pub mode: u32,
    /// Its content.
    pub content: bytes::Bytes,
}

impl ImageDockerfile {
    /// The Dockerfile `inner` of `image`, with the image's build arguments.
    ///
    /// # Errors
    /// If a build argument has no value.
    pub(crate) fn of_image(inner: Dockerfile, image: &Image) -> Result<Self, StageError> {
        let proxies = image.proxies();
        let args = proxies.clone().into_iter().chain(image.build_args()?).collect();
        Ok(Self {
            inner,
            target: image.config().options.target.as_deref().map(Into::into),
            args: Arc::new(args),
            proxies: Arc::new(proxies),
            files: Vec::new(),
            image: image.clone(),
        })
    }

    /// The build arguments without the proxies of the Docker configuration.
    pub fn own_args(&self) -> BuildArgs {
        let own = self.args.iter().filter(|(name, _)| !self.proxies.contains_key(*name));
        own.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// A copy whose content is changed by `edit`, which receives the build target.
    pub(crate) fn edited(
        &self,
        edit: impl FnOnce(&Dockerfile, Option<&str>) -> Result<Dockerfile, DockerfileError>,
    ) -> Result<Self, StageError> {
        let inner = edit(&self.inner, self.target.as_deref())?;
        Ok(Self { inner, ..self.clone() })
    }

    /// A copy that starts through the restart helper, and a warning for the user.
    ///
    /// # Errors
    /// `dockerfile::no_program` if no command to start is set.
    pub(crate) fn with_helper(
        &self,
        entrypoint: Option<&[String]>,
        command: Option<&[String]>,
    ) -> Result<(Self, Option<String>), StageError> {
        let target = self.target.as_deref();
        let (inner, warning) = self.inner.with_restart_helper(target, &self.args, entrypoint, command)?;
        let mut edited = Self { inner, ..self.clone() };
        let content = self.image.restart_helper()?;
        edited.files.push(AddedFile { path: RESTART_HELPER_PATH, mode: 0o755, content });
        Ok((edited, warning))
    }
}
