//! One run of a pipeline: the project, the host, and the state of the run.

mod builder_choice;
mod claim;
mod delivery;
mod error;
mod image;
mod image_dockerfile;
mod options;
mod progress;
mod pull_secret;
mod pull_secret_hooks;
mod results;

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use indexmap::IndexMap;
use tokio_util::sync::CancellationToken;

use crate::cache_folder::cache_folder;
use crate::config::{ImageConfig, Project};
use crate::dependency::{JobPermit, RunLinks};
use crate::error::{Cancelled, StageError};
use crate::event::{Event, Events, ImageEvents, Level};
use crate::graph::{Graph, GraphError, NamedBase};
use crate::host::{CountedExec, Host, ImageIds, MaskedExec};
use crate::image::context::{ContextDigest, ContextError, Forest};
use crate::image::dockerfile::{BaseImage, BuildArgs};
use crate::image::{CacheKey, Dockerfile, ImageReference, Selection, StatIndex};
use crate::lock::lock;
use crate::own_file;
use crate::plan::Plan;
use crate::process::{ExecRequest, Pipe, ProcessError};
use crate::scope::Scope;
use crate::script::Pipeline;
use crate::secrets::Secrets;
use crate::state::{BaseIdentity, BaseMemory, ImageLock, ImageStore, Record};
use crate::suggestion::nearest;

pub use claim::Claim;
pub use delivery::Delivery;
pub use error::RunError;
pub use image::Image;
pub use image_dockerfile::ImageDockerfile;
pub use options::RunOptions;
pub use pull_secret_hooks::PullSecretHooks;
pub use results::Results;

/// One run of a pipeline. Shared by all its threads.
pub struct Run {
    /// The project.
    pub project: Project,
    /// The user's options.
    pub options: RunOptions,
    /// The host.
    pub host: Host,
    /// Receives events.
    pub events: Events,
    /// Cancelled by Ctrl-C, or by the first failure if that stops the run.
    pub cancel: CancellationToken,
    /// Secrets to mask.
    pub secrets: Secrets,
    /// The records of earlier builds.
    pub store: ImageStore,
    /// Known facts about base images.
    pub bases: BaseMemory,
    /// The result of each image.
    pub results: Results,
    /// The directories read since they may have been written last, and the [count](crate::host::Writes::count) at that
    /// time.
    forest: Mutex<(u64, Arc<Forest>)>,
    graph: Graph,
    selected: Vec<String>,
    pipeline: OnceLock<Arc<Pipeline>>,
    kin: OnceLock<RunLinks>,
    runtime: tokio::runtime::Handle,
    dockerfiles: Mutex<HashMap<PathBuf, Result<Dockerfile, RunError>>>,
    indexes: Mutex<HashMap<PathBuf, Arc<StatIndex>>>,
    records: Mutex<HashMap<String, Arc<Vec<Record>>>>,
    /// The locks of images that this run acquired.
    claims: Mutex<HashMap<String, Weak<ImageLock>>>,
    /// The daemon's responses: the IDs of the references that it has.
    in_daemon: Mutex<HashMap<ImageReference, Option<String>>>,
    is_forgetful: AtomicBool,
    /// The notices that are reported once per run.
    told: Mutex<HashSet<String>>,
    /// The results of git, by arguments.
    pub(crate) git_answers: Mutex<HashMap<Vec<String>, GitAnswer>>,
    delivery: OnceLock<Delivery>,
    /// The pull secrets of this run, by their display form, and whether each was tried.
    pull_secrets: Mutex<HashMap<String, Arc<Mutex<bool>>>>,
    /// The state of the hooks around pull secrets.
    pub(crate) pull_secret_hooks: Mutex<PullSecretHooks>,
    finished: Mutex<HashMap<String, Finished>>,
    unsettled: Mutex<progress::Unsettled>,
    /// In a dry run: the latest plan of each image.
    plans: Mutex<IndexMap<String, Plan>>,
    /// In a dry run: for each planned reference, an existing reference of the same image.
    planned_names: Mutex<HashMap<String, String>>,
}

/// The facts about a finished image for images that are built from it.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Its cache key.
    pub key: CacheKey,
    /// A reference for its use as a base image.
    pub reference: ImageReference,
    /// Its identity; `None` in a dry run if it will be built.
    pub identity: Option<BaseIdentity>,
    /// Whether this run built it.
    pub is_new: bool,
}

impl Run {
    /// Prepares a run: reads the Dockerfiles to find the base images, and selects images.
    ///
    /// # Errors
    /// [`GraphError`] if there is a dependency cycle, a selected image does not exist, or a forced one is not selected.
    /// An unreadable Dockerfile is a later error of its image.
    pub fn new(
        project: Project,
        options: RunOptions,
        host: Host,
        events: Events,
        cancel: CancellationToken,
        runtime: tokio::runtime::Handle,
    ) -> Result<Arc<Self>, RunError> {
        let root = options.state.clone().unwrap_or_else(|| project.root.clone());
        let cache = cache_folder(|name| host.environment.variable(name));
        // Inside the project, the directory above it would be a new input of the second run.
        if !options.dry_run && cache.starts_with(&project.root) {
            let _ = own_file::create_folder(&cache);
        }
        let secrets = Secrets::default();
        let of_registries = project.pull_secrets.iter().filter_map(|secret| secret.password.as_ref());
        for password in project.passwords.iter().chain(of_registries) {
            secrets.add(password.expose());
        }
        let exec = CountedExec { inner: Arc::clone(&host.exec), writes: host.writes.clone() };
        let exec = MaskedExec { inner: Arc::new(exec), secrets: secrets.clone() };
        let mut run = Self {
            options,
            host: Host { exec: Arc::new(exec), ..host },
            events: secrets.masking(&events),
            cancel,
            secrets,
            store: ImageStore::new(&root),
            bases: BaseMemory::new(&root),
            forest: Mutex::new((0, Forest::without(cache))),
            results: Results::default(),
            graph: Graph::default(),
            selected: Vec::new(),
            pipeline: OnceLock::new(),
            kin: OnceLock::new(),
            runtime,
            dockerfiles: Mutex::default(),
            indexes: Mutex::default(),
            records: Mutex::default(),
            claims: Mutex::default(),
            in_daemon: Mutex::default(),
            is_forgetful: AtomicBool::new(false),
            told: Mutex::default(),
            git_answers: Mutex::default(),
            delivery: OnceLock::new(),
            pull_secrets: Mutex::default(),
            pull_secret_hooks: Mutex::default(),
            finished: Mutex::default(),
            unsettled: Mutex::default(),
            plans: Mutex::default(),
            planned_names: Mutex::default(),
            project,
        };
        run.graph = Graph::new(&run.project, |image| run.configured_bases(image))?;
        run.selected = run.graph.select(&run.options.images)?;
        for name in &run.options.force {
            run.graph.check_selected(name, &run.selected)?;
        }
        Ok(Arc::new(run))
    }

    /// The base images of an image, as configured; empty if its Dockerfile is invalid or not used.
    fn configured_bases(&self, image: &ImageConfig) -> Vec<NamedBase> {
        if image.disabled || image.custom.is_some() {
            return Vec::new();
        }
        let args = self.build_args(image).unwrap_or_default();
        let Ok(dockerfile) = self.dockerfile(image) else { return Vec::new() };
        let bases = dockerfile.bases(image.options.target.as_deref(), &args).unwrap_or_default();
        let named = |base: BaseImage| {
            let before = dockerfile.text().get(..base.span.start).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            NamedBase { reference: base.reference, place: format!("{}:{line}", dockerfile.name()) }
        };
        bases.into_iter().map(named).collect()
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

    /// Sets the compiled pipeline.
    pub fn set_pipeline(&self, pipeline: Arc<Pipeline>) {
        // A run has one pipeline; a second one would be a bug in the caller, so the first is kept.
        let _ = self.pipeline.set(pipeline);
    }

    /// The pipeline.
    pub fn pipeline(&self) -> Option<&Arc<Pipeline>> {
        self.pipeline.get()
    }

    /// Cancelled when the work of this thread must stop: with the run, or after a timeout.
    pub fn cancellation(&self) -> CancellationToken {
        Scope::current().cancel.unwrap_or_else(|| self.cancel.clone())
    }

    /// Cancels `token` after `limit`, unless the guard is dropped before.
    pub fn cancel_after(&self, limit: Duration, token: CancellationToken) -> AbortOnDrop {
        let timer = self.runtime.spawn(async move {
            tokio::time::sleep(limit).await;
            token.cancel();
        });
        AbortOnDrop(timer.abort_handle())
    }

    /// Reports the start of a step of the image that this thread works on.
    pub fn step(&self, step: impl Into<String>) {
        self.events.emit(Event::StepStarted { image: Scope::current().image, step: step.into() });
    }

    /// Whether this run may push to `reference`. With `--skip-push`, it may not, which is reported.
    pub fn may_push(&self, reference: &ImageReference) -> bool {
        if self.options.skip_push {
            let message = format!("not pushing {reference}: --skip-push");
            self.events.emit(Event::Notice { image: Scope::current().image, level: Level::Info, message });
        }
        !self.options.skip_push
    }

    /// Sets the other projects that are built with this one.
    pub fn set_kin(&self, kin: RunLinks) {
        // As for the pipeline: a second one would be a bug in the caller.
        let _ = self.kin.set(kin);
    }

    /// The other projects that are built with this one.
    pub fn kin(&self) -> &RunLinks {
        self.kin.get_or_init(RunLinks::default)
    }

    /// Waits for a slot under the job limit of the whole command; `None` if nothing new may be started.
    pub fn start_job(&self) -> Option<Option<JobPermit>> {
        let kin = self.kin();
        let Some(jobs) = &kin.jobs else { return Some(None) };
        let place = self.wait(jobs.place()).ok()?;
        // A dependency that is no longer needed starts nothing; the user's project decides itself.
        let is_stopped = kin.name.is_some() && jobs.is_stopped();
        (!is_stopped).then(|| Some(place.enter()))
    }

    /// The runtime for requests to daemons, registries and commands.
    pub fn runtime(&self) -> &tokio::runtime::Handle {
        &self.runtime
    }

    /// Waits for `future`, or for the run to be cancelled. Scripts run on separate threads, so this may block.
    ///
    /// # Errors
    /// `run::cancelled`.
    pub fn wait<T>(&self, future: impl Future<Output = T>) -> Result<T, RunError> {
        let cancel = self.cancellation();
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = cancel.cancelled() => Err(Cancelled.into()),
                value = future => Ok(value),
            }
        })
    }

    /// Waits for `future`, which itself ends soon after the run is cancelled: it may clean up first.
    pub fn wait_for_end<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Runs `work`, which cannot be cancelled, on another thread: a cancelled run does not wait for it.
    ///
    /// # Errors
    /// `run::cancelled`.
    pub fn apart<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, RunError> {
        let done = self.wait(self.runtime.spawn_blocking(work))?;
        done.map_err(|error| match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Cancelled.into(),
        })
    }

    /// Hashes `files`, which are below `root`, on another thread. `progress` gets the bytes done and in total.
    ///
    /// # Errors
    /// `run::cancelled`; the inner one if a file cannot be read.
    pub fn hash(
        &self,
        files: &Selection,
        root: &Path,
        progress: impl Fn(u64, u64) + Send + Sync + 'static,
    ) -> Result<Result<ContextDigest, ContextError>, RunError> {
        let (files, index) = (files.clone(), self.index(root));
        self.apart(move || files.digest(&index, &progress))
    }

    /// The state directory of windlass, which is never part of a build context.
    pub fn own_folder(&self) -> PathBuf {
        cache_folder(|name| self.host.environment.variable(name))
    }

    /// The events of one image.
    pub fn image_events(&self, image: &str) -> ImageEvents {
        self.events.of_image(image)
    }

    /// Reports a notice about the run.
    pub fn notice(&self, level: Level, message: impl Into<String>) {
        self.events.emit(Event::Notice { image: None, level, message: message.into() });
    }

    /// Reports a notice about the run, unless it was already reported.
    pub fn notice_once(&self, level: Level, message: String) {
        if lock(&self.told).insert(message.clone()) {
            self.notice(level, message);
        }
    }

    /// The directories read in this run since its commands may have written to them last: earlier reads are repeated.
    pub fn forest(&self) -> Arc<Forest> {
        let count = self.host.writes.count();
        let mut forest = lock(&self.forest);
        if forest.0 < count {
            *forest = (count, forest.1.anew());
            lock(&self.indexes).values().for_each(|index| index.look_again());
            lock(&self.dockerfiles).clear();
        }
        Arc::clone(&forest.1)
    }

    /// The Dockerfile of an image, read and parsed once, and again after a command that may have written it.
    ///
    /// # Errors
    /// If it cannot be read or is invalid.
    pub fn dockerfile(&self, image: &ImageConfig) -> Result<Dockerfile, RunError> {
        self.forest();
        let path = self.project.root.join(&image.dockerfile);
        let mut dockerfiles = lock(&self.dockerfiles);
        let entry = dockerfiles.entry(path.clone());
        entry
            .or_insert_with(|| {
                let shown = display_path(&image.dockerfile);
                let text = crate::input_file::read(&path).map_err(|error| error.to_string());
                let text =
                    text.and_then(|bytes| String::from_utf8(bytes).map_err(|_| "not UTF-8 text".into()));
                match text {
                    Ok(text) => Ok(Dockerfile::parse(shown, text)?),
                    Err(reason) => Err(RunError::DockerfileUnreadable {
                        path: shown,
                        reason,
                        help: format!(
                            "{}`images.{}.dockerfile` ({}) is relative to {}",
                            near_file(&path)
                                .map(|near| format!("did you mean `{near}`? "))
                                .unwrap_or_default(),
                            image.name,
                            image.origin,
                            self.project.root.display()
                        ),
                    }),
                }
            })
            .clone()
    }

    /// The build arguments of an image; those without a value are taken from the environment.
    ///
    /// # Errors
    /// [`RunError::BuildArgUnset`] for one that is not set in the environment.
    pub fn build_args(&self, image: &ImageConfig) -> Result<BuildArgs, RunError> {
        let unset = |name: &String| RunError::BuildArgUnset { name: name.clone(), image: image.name.clone() };
        let resolve = |(name, value): (&String, &Option<String>)| {
            let value = value.clone().or_else(|| self.variable(name)).ok_or_else(|| unset(name))?;
            Ok((name.clone(), value))
        };
        let mut args =
            image.options.build_args.iter().map(resolve).collect::<Result<BuildArgs, RunError>>()?;
        let inherited = image.options.inherited_args.iter();
        args.extend(inherited.filter_map(|name| Some((name.clone(), self.variable(name)?))));
        Ok(args)
    }

    /// A variable of the environment, or of the project's `.env` file.
    pub fn variable(&self, name: &str) -> Option<String> {
        let from_file = || self.options.environment.iter().find(|(known, _)| known == name);
        self.host.environment.variable(name).or_else(|| from_file().map(|(_, value)| value.clone()))
    }

    /// The error for a name that is not an image of the project.
    pub fn unknown_image(&self, name: &str) -> GraphError {
        self.graph.unknown(name)
    }

    /// The stat index for contexts in `root`.
    pub fn index(&self, root: &Path) -> Arc<StatIndex> {
        self.forest();
        let mut indexes = lock(&self.indexes);
        let open = || {
            let (index, warning) = StatIndex::open(&self.store.folder().join("index"), root);
            if let Some(warning) = warning {
                self.notice(Level::Warning, warning.to_string());
            }
            Arc::new(index)
        };
        indexes.entry(root.to_owned()).or_insert_with(open).clone()
    }

    /// The records of earlier builds of `image`, newest first.
    pub fn records(&self, image: &str) -> Arc<Vec<Record>> {
        let mut records = lock(&self.records);
        let read = || {
            let (records, warning) = self.store.records(image);
            if let Some(warning) = warning {
                self.image_events(image).notice(Level::Warning, warning);
            }
            Arc::new(records)
        };
        records.entry(image.to_owned()).or_insert_with(read).clone()
    }

    /// Records a build. An unwritable state only slows down the next run, so it is a warning, once per run.
    pub fn remember(&self, image: &str, record: &Record) {
        if self.options.dry_run {
            return;
        }
        if let Err(error) = self.store.remember(image, record) {
            self.tell_forgetful(&error);
        }
    }

    fn tell_forgetful(&self, error: &io::Error) {
        if !self.is_forgetful.swap(true, Ordering::Relaxed) {
            let folder = self.store.folder().display();
            let message = format!("the next run will rebuild: cannot write to {folder}: {error}");
            self.notice(Level::Warning, message);
        }
    }

    /// The image IDs of the `references` that the daemon has. The first query requests everything that this run may
    /// need; nothing is queried twice.
    ///
    /// # Errors
    /// If the daemon cannot be queried.
    pub fn in_daemon(&self, references: &[ImageReference]) -> Result<ImageIds, StageError> {
        let mut known = lock(&self.in_daemon);
        if references.iter().any(|reference| !known.contains_key(reference)) {
            let remembered = if known.is_empty() { self.unpushed() } else { Vec::new() };
            let asked: HashSet<_> = references.iter().cloned().chain(remembered).collect();
            let asked: Vec<_> =
                asked.into_iter().filter(|reference| !known.contains_key(reference)).collect();
            let mut found = self.wait(self.host.docker.image_ids(&asked))??;
            known.extend(asked.into_iter().map(|reference| {
                let id = found.remove(&reference);
                (reference, id)
            }));
        }
        let found = references.iter().filter_map(|reference| {
            let id = known.get(reference)?.clone()?;
            Some((reference.clone(), id))
        });
        Ok(found.collect())
    }

    /// The references of earlier builds of the selected images that are not fully in a registry, and of their base
    /// images in the daemon.
    fn unpushed(&self) -> Vec<ImageReference> {
        let images = self.selected.iter().filter_map(|name| self.project.images.get(name));
        let references = images.flat_map(|image| {
            let (records, repository) = (self.records(&image.name), image.repository.to_string());
            let is_unpushed = |record: &&Record| {
                !record.custom && record.repository == repository && record.pushed.len() < record.tags.len()
            };
            let unpushed = records.iter().filter(is_unpushed);
            let asked = |record: &Record| {
                let bases = record.daemon_bases().map(|(base, _)| base);
                record.references(&image.repository).into_iter().chain(bases).collect::<Vec<_>>()
            };
            unpushed.flat_map(asked).collect::<Vec<_>>()
        });
        references.collect()
    }

    /// Runs the hook `name` in the background until it or the run ends. Its failure is only reported.
    pub fn spawn_background(
        &self,
        request: ExecRequest,
        name: &str,
        mut output: impl FnMut(Pipe, &str) + Send + 'static,
    ) {
        let (cancel, events, exec) = (self.cancel.clone(), self.events.clone(), Arc::clone(&self.host.exec));
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
        // A plan must record it before it ends.
        if self.options.dry_run {
            self.runtime.block_on(runs);
        } else {
            self.runtime.spawn(runs);
        }
    }

    /// Records that an image is available for images that are built from it.
    pub fn finish(&self, image: &str, finished: Finished) {
        let kin = self.kin();
        let name = kin.full_name(image);
        if let Some(other) = kin.claims.claim(&finished.reference, &name, finished.key) {
            let mut names = [name, other];
            names.sort();
            let [one, two] = names;
            let reference = &finished.reference;
            let message =
                format!("`{one}` and `{two}` are both {reference}: the later build replaces the other");
            self.notice(Level::Warning, message);
        }
        lock(&self.finished).insert(image.to_owned(), finished);
    }

    /// A finished image.
    pub fn finished(&self, image: &str) -> Option<Finished> {
        lock(&self.finished).get(image).cloned()
    }

    /// Saves the plan of an image for explanations.
    pub fn keep_plan(&self, plan: Plan) {
        lock(&self.plans).insert(plan.image().name().to_owned(), plan);
    }

    /// Removes and returns the saved plans.
    pub fn take_plans(&self) -> IndexMap<String, Plan> {
        std::mem::take(&mut *lock(&self.plans))
    }

    /// In a dry run: records that the image `known` will have the reference `planned`.
    pub fn plan_name(&self, planned: String, known: &str) {
        lock(&self.planned_names).insert(planned, known.to_owned());
    }

    /// The existing reference of the image `name`.
    pub fn known_name(&self, name: String) -> String {
        lock(&self.planned_names).get(&name).cloned().unwrap_or(name)
    }

    /// Writes caches for the next run: stat indexes, facts about base images. A dry run writes nothing.
    pub fn save(&self) {
        if self.options.dry_run {
            return;
        }
        if let Some(warning) = self.bases.warning() {
            self.notice(Level::Warning, warning);
        }
        let indexes: Vec<_> = lock(&self.indexes).values().cloned().collect();
        let saved = indexes.iter().map(|index| index.save()).chain([self.bases.save()]);
        // If builds cannot be recorded either, one warning is enough.
        if let Some(error) = saved.filter_map(Result::err).next()
            && !self.is_forgetful.load(Ordering::Relaxed)
        {
            let folder = self.store.folder().display();
            let message = format!("the next run will be slower: cannot write to {folder}: {error}");
            self.notice(Level::Warning, message);
        }
    }
}

/// The result of git: its exit code and output.
#[derive(Debug, Clone)]
pub(crate) struct GitAnswer {
    pub(crate) code: i32,
    pub(crate) output: String,
    pub(crate) errors: String,
}

/// Aborts a task when it is dropped.
pub struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The most similar file name in the directory of the missing file `path`.
fn near_file(path: &Path) -> Option<String> {
    if path.exists() {
        return None;
    }
    let entries = std::fs::read_dir(path.parent()?).ok()?;
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let names: Vec<String> = names.collect();
    nearest(path.file_name()?.to_str()?, names.iter().map(String::as_str)).map(ToOwned::to_owned)
}

/// A configured path without a leading `./`.
fn display_path(path: &Path) -> String {
    path.strip_prefix(".").unwrap_or(path).display().to_string()
}
