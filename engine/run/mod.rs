//! One run of a pipeline: its options, its session, its caches, and its progress.

mod builder_choice;
mod claim;
mod cluster_options;
mod cluster_progress;
mod daemon_images;
mod delivery;
mod dependency_images;
mod deploy_options;
mod dev_options;
mod dockerfiles;
mod error;
mod git_answer;
mod image;
mod image_change;
mod image_dockerfile;
mod image_progress;
mod links;
mod memory;
mod options;
mod outside_bases;
mod pull_secret;
mod pull_secret_hooks;
mod restarts;
mod results;
mod runtime_variable;
mod scripts;
mod session;
mod sharing;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use futures_util::future::poll_immediate;

use crate::cache_folder::cache_folder;
use crate::config::Project;
use crate::dependency::JobPermit;
use crate::event::{Event, Level};
use crate::graph::{Graph, GraphError};
use crate::image::ImageReference;
use crate::own_file;
use crate::process::{ExecRequest, Pipe, ProcessError};
use crate::scope::Scope;

pub use claim::Claim;
pub use cluster_options::cluster_options;
pub use cluster_progress::ClusterProgress;
pub use delivery::Delivery;
pub use dependency_images::{ForeignBase, disabled_base, foreign_base};
pub use deploy_options::{DeployOptions, PinnedImage};
pub use dev_options::DevOptions;
pub use error::RunError;
pub(crate) use git_answer::GitAnswer;
pub use image::Image;
pub use image_change::ImageChange;
pub use image_dockerfile::{AddedFile, ImageDockerfile};
pub use image_progress::{Finished, ImageProgress};
pub use links::{RunLinks, each_once};
pub use memory::Memory;
pub use options::RunOptions;
pub use outside_bases::OutsideBases;
pub use pull_secret_hooks::PullSecretHooks;
pub use restarts::Restarts;
pub use results::Results;
pub use runtime_variable::{
    RuntimeVariableError, fill, fill_custom, has_runtime_variables, named_images, reference,
};
pub use scripts::Scripts;
pub use session::Session;
pub use sharing::{ShareMode, SharedBuilds, TagLookup, UnknownShareMode, Wrote};

/// One run of a pipeline. Shared by all its threads.
pub struct Run {
    /// The project.
    pub project: Project,
    /// The user's options.
    pub options: RunOptions,
    /// Its host and events.
    pub session: Session,
    /// The records of earlier runs and its caches.
    pub memory: Memory,
    /// How far it is with its images.
    pub progress: ImageProgress,
    /// How far it is with the cluster.
    pub cluster: ClusterProgress,
    graph: Graph,
    selected: Vec<String>,
    scripts: Scripts,
    links: OnceLock<RunLinks>,
}

impl Run {
    /// Prepares a run: reads the Dockerfiles to find the base images, and selects images.
    ///
    /// # Errors
    /// [`GraphError`] for a dependency cycle, or if a selected image does not exist, or a forced one is not selected.
    /// An unreadable Dockerfile is a later error of its image.
    pub fn new(
        project: Project,
        scripts: Scripts,
        options: RunOptions,
        session: Session,
    ) -> Result<Arc<Self>, RunError> {
        let root = options.state.as_deref().unwrap_or(&project.root);
        let cache = cache_folder(|name| session.host.environment.variable(name));
        let store = (session.host.records)(root);
        // Inside the project, the directory above it would be a new input of the second run.
        if store.writes() && cache.starts_with(&project.root) {
            let _ = own_file::create_folder(&cache);
        }
        for password in project.all_passwords() {
            session.secrets.add(password.expose());
        }
        let mut run = Self {
            memory: Memory::new(store, root, &project.root, cache),
            options,
            session,
            progress: ImageProgress::default(),
            cluster: ClusterProgress::default(),
            graph: Graph::default(),
            selected: Vec::new(),
            scripts,
            links: OnceLock::new(),
            project,
        };
        run.graph = Graph::new(&run.project, |image| run.configured_bases(image))?;
        run.selected = run.graph.select(&run.options.images)?;
        for name in &run.options.force {
            run.graph.check_selected(name, &run.selected)?;
        }
        Ok(Arc::new(run))
    }

    /// Whether another image of the project is built from `image`.
    pub fn is_base(&self, image: &str) -> bool {
        self.project.images.keys().any(|other| self.graph.needs(other).any(|base| base == image))
    }

    /// The names of the selected images, base images first.
    pub fn selected(&self) -> &[String] {
        &self.selected
    }

    /// The images that `image` is built from.
    pub fn needs<'a>(&'a self, image: &'a str) -> impl Iterator<Item = &'a str> {
        self.graph.needs(image)
    }

    /// The references that `image` uses and that do not belong to images of the project.
    pub fn other_bases(&self, image: &str) -> &[String] {
        self.graph.others(image)
    }

    /// The error for a name that is not an image of the project.
    pub fn unknown_image(&self, name: &str) -> GraphError {
        self.graph.unknown(name)
    }

    /// Its scripts.
    pub fn scripts(&self) -> &Scripts {
        &self.scripts
    }

    /// Whether this run may push to `reference`. With `--skip-push`, it must not, which is reported.
    pub fn may_push(&self, reference: &ImageReference) -> bool {
        if self.options.skip_push {
            let message = format!("not pushing {reference}: --skip-push");
            self.session.events.emit(Event::Notice {
                image: Scope::current().image,
                level: Level::Info,
                message,
            });
        }
        !self.options.skip_push
    }

    /// Sets the other projects that are built with this one.
    pub fn set_links(&self, links: RunLinks) {
        // A run is linked once; a second time would be a bug in the caller, so the first is kept.
        let _ = self.links.set(links);
    }

    /// The other projects that are built with this one.
    pub fn links(&self) -> &RunLinks {
        self.links.get_or_init(RunLinks::default)
    }

    /// Waits for a slot under the job limit of the whole command; `None` if nothing new may be started.
    pub fn start_job(&self) -> Option<JobPermit> {
        let links = self.links();
        let Some(jobs) = &links.jobs else { return Some(JobPermit::unlimited()) };
        let place = self.session.wait(jobs.place()).ok()?;
        // A dependency that is no longer needed starts nothing; the user's project decides itself.
        let is_stopped = links.name.is_some() && jobs.is_stopped();
        (!is_stopped).then(|| place.enter())
    }

    /// The state directory of windlass, which is never part of a build context.
    pub fn own_folder(&self) -> PathBuf {
        cache_folder(|name| self.session.host.environment.variable(name))
    }

    /// A variable of the environment, or of the project's `.env` file.
    pub fn variable(&self, name: &str) -> Option<String> {
        let from_file = || self.options.environment.iter().find(|(known, _)| known == name);
        self.session.host.environment.variable(name).or_else(|| from_file().map(|(_, value)| value.clone()))
    }

    /// Runs the hook `name` in the background until it or the run ends. Its failure is only reported.
    pub fn spawn_background(
        &self,
        request: ExecRequest,
        name: &str,
        mut output: impl FnMut(Pipe, &str) + Send + 'static,
    ) {
        let request = ExecRequest { is_background: true, ..request };
        let (cancel, events, exec) =
            (self.session.cancel.clone(), self.session.events.clone(), Arc::clone(&self.session.host.exec));
        let name = name.to_owned();
        let runs = async move {
            let message = match exec.run(&request, &mut output, &cancel).await {
                Ok(0) => return,
                Ok(code) => format!("exit code {code}"),
                Err(ProcessError::Cancelled { .. }) => return,
                Err(error) => error.to_string(),
            };
            let message = format!("the background hook `{name}` failed: {message}");
            events.emit(Event::Notice { image: None, level: Level::Warning, message });
        };
        // A plan only records it and ends, so work that completes immediately is polled here.
        let mut runs = Box::pin(runs);
        if self.session.runtime().block_on(poll_immediate(&mut runs)).is_none() {
            self.session.runtime().spawn(runs);
        }
    }
}
