//! An image of the project, for stages and scripts.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::{Delivery, Run, RunError, fill};
use crate::config::{BuilderKind, ImageConfig};
use crate::event::ImageEvents;
use crate::image::dockerfile::{BuildArgs, RESTART_HELPER};
use crate::image::{TagTemplate, normal_platforms};

/// An image of the project: its configuration, with edits, and its chosen tags. Immutable.
#[derive(Clone)]
pub struct Image {
    run: Arc<Run>,
    config: Arc<ImageConfig>,
    templates: Option<Arc<[TagTemplate]>>,
}

impl Image {
    /// The image as configured; tags from the command line are already chosen.
    pub fn new(run: &Arc<Run>, config: &ImageConfig) -> Self {
        let forced = &run.options.tags;
        let templates = (!forced.is_empty()).then(|| without_repeats(forced.clone()));
        Self { run: Arc::clone(run), config: Arc::new(config.clone()), templates }
    }

    /// The run that it belongs to.
    pub fn run(&self) -> &Arc<Run> {
        &self.run
    }

    /// Its configuration.
    pub fn config(&self) -> &ImageConfig {
        &self.config
    }

    /// A copy with the configuration changed by `edit`.
    #[must_use]
    pub fn with_config(&self, edit: impl FnOnce(&mut ImageConfig)) -> Self {
        let mut config = ImageConfig::clone(&self.config);
        edit(&mut config);
        Self { config: Arc::new(config), ..self.clone() }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// The chosen tags; `None` before they are chosen.
    pub fn templates(&self) -> Option<&[TagTemplate]> {
        self.templates.as_deref()
    }

    /// A copy with these tags, each once.
    #[must_use]
    pub fn with_templates(&self, templates: Vec<TagTemplate>) -> Self {
        Self { templates: Some(without_repeats(templates)), ..self.clone() }
    }

    /// Whether its tags are pushed in this run: not if a local cluster gets it without a push. A custom command pushes
    /// itself.
    pub fn pushes(&self) -> bool {
        self.delivery() == Some(&Delivery::Registry)
    }

    /// Whether its tags get into the registry in this run: they are pushed, or its custom command pushes them.
    pub fn is_published(&self) -> bool {
        self.pushes() || (self.config.custom.is_some() && !self.run.options.skip_push)
    }

    /// The builder that is requested or configured. Whether it can be used, [`Image::choose_builder`] decides.
    pub fn wanted_builder(&self) -> BuilderKind {
        self.run.options.builder_over(self.config.builder())
    }

    /// How the nodes of the cluster get it; `None` if they do not.
    pub fn delivery(&self) -> Option<&Delivery> {
        let docker = self.config.docker.as_ref();
        let skips = self.run.options.skip_push || docker.is_some_and(|docker| docker.skip_push);
        if skips || self.config.custom.is_some() || self.config.disabled {
            return None;
        }
        // A build pod always pushes.
        if self.wanted_builder().is_in_cluster() {
            return Some(&Delivery::Registry);
        }
        match docker.and_then(|docker| docker.prefer_minikube) {
            Some(false) => Some(&Delivery::Registry),
            _ => Some(self.run.delivery()),
        }
    }

    /// Whether a build creates a pull secret for it: `createPullSecret: true`, unless it is disabled or nothing is
    /// pushed.
    pub fn wants_pull_secret(&self) -> bool {
        self.config.create_pull_secret == Some(true) && !self.config.disabled && !self.run.options.skip_push
    }

    /// The directory of its build context.
    pub fn context_folder(&self) -> std::path::PathBuf {
        self.run.project.root.join(&self.config.context)
    }

    /// The path of its Dockerfile.
    pub fn dockerfile_path(&self) -> std::path::PathBuf {
        self.run.project.root.join(&self.config.dockerfile)
    }

    /// Its build arguments, resolved.
    ///
    /// # Errors
    /// `stage::build_args::unset` for one without a value, `run::runtime_variable` for one that refers to an image that
    /// was never built.
    pub fn build_args(&self) -> Result<BuildArgs, RunError> {
        let mut args = self.run.build_args(&self.config)?;
        for value in args.values_mut() {
            *value = fill(&self.run, value)?;
        }
        Ok(args)
    }

    /// The proxies of the Docker configuration for its build, without those that are set as build arguments.
    pub fn proxies(&self) -> BuildArgs {
        let own = &self.config.options;
        let is_own = |name: &String| own.build_args.contains_key(name) || own.inherited_args.contains(name);
        self.run.session.host.docker.proxies().into_iter().filter(|(name, _)| !is_own(name)).collect()
    }

    /// The requested platforms, separated by commas: those of its configuration, otherwise `DOCKER_DEFAULT_PLATFORM`;
    /// `None`: the builder's default.
    pub fn platform(&self) -> Option<String> {
        let default = || self.run.variable("DOCKER_DEFAULT_PLATFORM");
        let platform = self.config.options.platform.clone().or_else(default)?;
        Some(normal_platforms(&platform)).filter(|platform| !platform.is_empty())
    }

    /// The content of the restart helper: the built-in one, or the file at `restartHelperPath`.
    ///
    /// # Errors
    /// `stage::restart_helper::unreadable`.
    pub fn restart_helper(&self) -> Result<Bytes, RunError> {
        let Some(path) = &self.config.restart_helper_path else {
            return Ok(Bytes::from_static(RESTART_HELPER.as_bytes()));
        };
        let unreadable = |reason: String| RunError::RestartHelper { path: path.clone(), reason };
        if path.contains("://") {
            return Err(unreadable("URLs are not supported".to_owned()));
        }
        crate::input_file::read(&self.root().join(path))
            .map(Bytes::from)
            .map_err(|error| unreadable(error.to_string()))
    }

    /// The events of this image.
    pub fn events(&self) -> ImageEvents {
        self.run.session.events.of_image(self.name())
    }

    /// The project directory.
    pub fn root(&self) -> &Path {
        &self.run.project.root
    }
}

/// `templates` without duplicates; random tags are never duplicates.
fn without_repeats(mut templates: Vec<TagTemplate>) -> Arc<[TagTemplate]> {
    let mut seen = std::collections::HashSet::new();
    templates.retain(|template| template.fixed().is_none_or(|tag| seen.insert(tag)));
    templates.into()
}
