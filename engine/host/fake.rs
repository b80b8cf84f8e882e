//! A world in memory, for unit tests: pipelines run in it in milliseconds, without daemon and registry.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::planning::Effects;
use super::{
    Clock, Docker, Exec, ExecRequest, FileEdit, Files, Host, Http, HttpError, HttpRequest, HttpResponse,
    ImageCopy, OnLine, ProjectPath, Random, Registry,
};
use crate::builder::{BuildMethod, BuildRequest, BuiltImage};
use crate::config::{self, DockerConfig, LoadOptions};
use crate::event::{Event, Events, ImageEvents};
use crate::image::dockerfile::BaseConfig;
use crate::image::{ImageReference, Repository, Tag};
use crate::registry::ManifestFacts;
use crate::run::{Run, RunOptions, lock};
use crate::script::{Pipeline, ScriptError, ScriptFile, StageError, new_engine, stage};

/// A project in a folder of its own, and a world in memory for it.
pub struct World {
    folder: TempDir,
    runtime: tokio::runtime::Runtime,
    state: Arc<State>,
    /// What the latest dry run would have done.
    effects: Mutex<Arc<Effects>>,
}

/// What the daemon and the registry of a world hold, and what was asked of them.
#[derive(Default)]
struct State {
    /// Image IDs by reference.
    images: Mutex<HashMap<ImageReference, String>>,
    /// What images that were built pass on, by reference and by ID.
    configs: Mutex<HashMap<String, BaseConfig>>,
    /// The references that were pushed.
    pushed: Mutex<HashSet<ImageReference>>,
    /// What was done, in order: `build api`, `push acme/api:1`.
    log: Mutex<Vec<String>>,
    /// The images whose builds fail.
    broken: Mutex<HashSet<String>>,
}

/// How a pipeline ended.
pub struct Ended {
    /// What `build` returned, or why it did not.
    pub result: Result<rhai::Dynamic, Arc<ScriptError>>,
    /// What happened.
    pub events: Vec<Event>,
    /// The run.
    pub run: Arc<Run>,
}

/// A build failed, as its world wanted.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("`{image}` does not build")]
#[diagnostic(code(fake::broken), help("mend it"))]
struct Broken {
    image: String,
}

impl World {
    /// A project with these images, each from its own `NAME.Dockerfile` that names its base, and a repository
    /// `acme/NAME`.
    pub fn of_images(images: &[(&str, &str)]) -> Self {
        let mut config = "version: v1beta9\nimages:\n".to_owned();
        for (name, _) in images {
            config += &format!("  {name}:\n    image: acme/{name}\n    dockerfile: {name}.Dockerfile\n");
        }
        let world = Self::of_config(&config);
        for (name, base) in images {
            world.write(&format!("{name}.Dockerfile"), &format!("FROM {base}\nCOPY {name}.txt /\n"));
            world.write(&format!("{name}.txt"), name);
        }
        world
    }

    /// A project with this `devspace.yaml`.
    pub fn of_config(config: &str) -> Self {
        let world = Self {
            folder: TempDir::with_prefix("windlass-").expect("a temporary folder can be made"),
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .build()
                .expect("a thread can be started"),
            state: Arc::default(),
            effects: Mutex::default(),
        };
        world.write("devspace.yaml", config);
        world
    }

    /// The absolute path of a file of the project.
    pub fn path(&self, path: &str) -> std::path::PathBuf {
        self.folder.path().join(path)
    }

    /// Writes a file of the project.
    pub fn write(&self, path: &str, text: &str) {
        std::fs::write(self.folder.path().join(path), text).expect("a file can be written");
    }

    /// Reads a file of the project.
    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(path)).expect("a file can be read")
    }

    /// Makes builds of `image` fail, or succeed again.
    pub fn set_broken(&self, image: &str, is_broken: bool) {
        let mut broken = lock(&self.state.broken);
        if is_broken {
            broken.insert(image.to_owned())
        } else {
            broken.remove(image)
        };
    }

    /// What was done since the last call.
    pub fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.state.log))
    }

    /// Runs `build` of the default pipeline with `script` as override, one image at a time, without pushing.
    pub fn build(&self, script: &str) -> Ended {
        self.build_with(script, RunOptions { jobs: 1, skip_push: true, ..RunOptions::default() })
    }

    /// Runs `build` of the default pipeline with `script` as override.
    pub fn build_with(&self, script: &str, options: RunOptions) -> Ended {
        self.build_files(vec![self.script_file("windlass.rhai", script)], options)
    }

    /// What the latest dry run would have done.
    pub fn effects(&self) -> Vec<String> {
        lock(&self.effects).list().into_iter().map(|effect| effect.what).collect()
    }

    /// Takes an image from the daemon, as `docker image prune` does.
    pub fn prune(&self, repository: &str) {
        lock(&self.state.images).retain(|reference, _| reference.repository.to_string() != repository);
    }

    /// Removes a file or folder of the project.
    pub fn remove(&self, path: &str) {
        let path = self.folder.path().join(path);
        let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
        drop(removed);
    }

    /// Every file of the project with its content.
    pub fn files(&self) -> Vec<(std::path::PathBuf, Vec<u8>)> {
        let mut open = vec![self.folder.path().to_owned()];
        let mut files = Vec::new();
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder can be read") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    files.push((path.clone(), std::fs::read(path).expect("a file can be read")));
                }
            }
        }
        files.sort();
        files
    }

    /// Runs `build` of the default pipeline with `overrides`, in this order.
    pub fn build_files(&self, overrides: Vec<ScriptFile>, options: RunOptions) -> Ended {
        let files = std::iter::once(ScriptFile::default_build()).chain(overrides).collect();
        let (events, run) = self.run(options);
        let engine = new_engine(&run);
        let result = Pipeline::compile(files, &run.project.root).map_err(Arc::new);
        let result = result.and_then(|pipeline| {
            let pipeline = Arc::new(pipeline);
            run.set_pipeline(Arc::clone(&pipeline));
            let project = rhai::Dynamic::from(stage::Project(Arc::clone(&run)));
            pipeline.call(&engine, "build", vec![project])
        });
        let events = std::mem::take(&mut *lock(&events));
        Ended { result, events, run }
    }

    /// A run of the project, and the events it will have emitted.
    pub fn run(&self, options: RunOptions) -> (Arc<Mutex<Vec<Event>>>, Arc<Run>) {
        let environment = Some(HashMap::new());
        let load =
            LoadOptions { directory: self.folder.path().to_owned(), environment, ..LoadOptions::default() };
        let project = config::load(&load).expect("the configuration is valid").project;
        let events: Arc<Mutex<Vec<Event>>> = Arc::default();
        let sink = Arc::clone(&events);
        let sink = Events::new(move |event| lock(&sink).push(event));
        let state = &self.state;
        let host = Host {
            clock: Arc::clone(state) as Arc<dyn Clock>,
            docker: Arc::clone(state) as Arc<dyn Docker>,
            exec: Arc::clone(state) as Arc<dyn Exec>,
            files: Arc::clone(state) as Arc<dyn Files>,
            http: Arc::clone(state) as Arc<dyn Http>,
            random: Arc::clone(state) as Arc<dyn Random>,
            registry: Arc::clone(state) as Arc<dyn Registry>,
        };
        let effects = Arc::default();
        let host = if options.dry_run { host.planning(&effects) } else { host };
        *lock(&self.effects) = effects;
        let runtime = self.runtime.handle().clone();
        let run = Run::new(project, options, host, sink, CancellationToken::new(), runtime);
        (events, run.expect("the images can be ordered"))
    }

    /// A script of the project.
    pub fn script_file(&self, name: &str, text: &str) -> ScriptFile {
        ScriptFile { name: name.into(), text: text.into(), path: Some(self.folder.path().join(name)) }
    }
}

impl Ended {
    /// Asserts that nothing failed.
    #[track_caller]
    pub fn succeeds(&self) {
        assert!(self.result.is_ok(), "the pipeline failed: {}", self.error());
    }

    /// What scripts printed, in order.
    pub fn printed(&self) -> Vec<&str> {
        let notices = self.events.iter().filter_map(|event| match event {
            Event::Notice { level: crate::event::Level::Info, message, .. } => Some(message.as_str()),
            _ => None,
        });
        notices.collect()
    }

    /// How each image ended: `api built`, `web cancelled: its base ...`.
    pub fn outcomes(&self) -> Vec<String> {
        let finished = self.events.iter().filter_map(|event| match event {
            Event::ImageFinished(result) => {
                Some(format!("{} {:?}: {}", result.image, result.outcome, result.reason))
            }
            _ => None,
        });
        finished.collect()
    }

    /// What was decided on each image, and why: `api Build: never built here`.
    pub fn decisions(&self) -> Vec<String> {
        let decided = self.events.iter().filter_map(|event| match event {
            Event::ImageDecided { image, decision, reason, .. } => {
                Some(format!("{image} {decision:?}: {reason}"))
            }
            _ => None,
        });
        decided.collect()
    }

    /// The cache keys of the images.
    pub fn keys(&self) -> Vec<String> {
        let keys = self.events.iter().filter_map(|event| match event {
            Event::ImageFinished(result) => Some(format!("{} {:?}", result.image, result.key)),
            _ => None,
        });
        keys.collect()
    }

    /// The message of the error.
    pub fn error(&self) -> String {
        self.result.as_ref().expect_err("the pipeline fails").to_string()
    }
}

impl State {
    fn did(&self, what: String) {
        lock(&self.log).push(what);
    }
}

#[async_trait]
impl Docker for State {
    async fn reachable(&self) -> Result<(), StageError> {
        Ok(())
    }

    async fn image_ids(
        &self,
        references: &[ImageReference],
    ) -> Result<HashMap<ImageReference, String>, StageError> {
        let images = lock(&self.images);
        let known = references.iter().filter_map(|one| Some((one.clone(), images.get(one)?.clone())));
        Ok(known.collect())
    }

    async fn base_config(&self, reference: &str) -> Result<Option<BaseConfig>, StageError> {
        let is_here =
            lock(&self.images).iter().any(|(known, id)| *id == reference || known.to_string() == reference);
        let config = lock(&self.configs).get(reference).cloned();
        let is_ours = reference.starts_with("acme/") || reference.starts_with("sha256:");
        Ok((is_here || !is_ours).then(|| config.unwrap_or_default()))
    }

    async fn method(&self, _: &DockerConfig, _: &BuildRequest) -> Result<BuildMethod, StageError> {
        Ok(BuildMethod::default())
    }

    async fn build(
        &self,
        request: BuildRequest,
        _: &DockerConfig,
        _: &ImageEvents,
        _: &CancellationToken,
    ) -> Result<BuiltImage, StageError> {
        let image = request.image;
        self.did(format!("build {image}"));
        // Gives others the chance to start too early.
        tokio::task::yield_now().await;
        if lock(&self.broken).contains(&image) {
            return Err(Broken { image }.into());
        }
        let id = format!("sha256:{image}-{}", lock(&self.images).len());
        let known = |base: &str| Some(lock(&self.configs).get(base).cloned().unwrap_or_default());
        let config = request.dockerfile.passes_on(request.target.as_deref(), &request.build_args, &known);
        let names = request.references.iter().map(ToString::to_string).chain([id.clone()]);
        for name in names {
            lock(&self.configs).insert(name, config.clone().unwrap_or_default());
        }
        for reference in request.references {
            lock(&self.images).insert(reference, id.clone());
        }
        self.did(format!("built {image}"));
        Ok(BuiltImage { image_id: Some(id) })
    }

    async fn tag(&self, id: &str, reference: &ImageReference) -> Result<(), StageError> {
        self.did(format!("tag {reference}"));
        let config = lock(&self.configs).get(id).cloned().unwrap_or_default();
        lock(&self.configs).insert(reference.to_string(), config);
        lock(&self.images).insert(reference.clone(), id.to_owned());
        Ok(())
    }

    async fn push(
        &self,
        reference: &ImageReference,
        _: &ImageEvents,
        _: &CancellationToken,
    ) -> Result<Option<String>, StageError> {
        self.did(format!("push {reference}"));
        lock(&self.pushed).insert(reference.clone());
        Ok(Some(format!("sha256:{:064}", 1)))
    }
}

#[async_trait]
impl Registry for State {
    async fn check_push(&self, _: &Repository) -> Result<(), StageError> {
        Ok(())
    }

    async fn digest(&self, reference: &ImageReference) -> Result<Option<String>, StageError> {
        Ok(lock(&self.pushed).contains(reference).then(|| format!("sha256:{:064}", 1)))
    }

    async fn base_config(&self, reference: &ImageReference) -> Result<BaseConfig, StageError> {
        let name = reference.to_string();
        if name.starts_with("acme/") && !lock(&self.pushed).contains(reference) {
            return Err(Broken { image: name }.into());
        }
        Ok(lock(&self.configs).get(&name).cloned().unwrap_or_default())
    }

    async fn inspect(&self, reference: &ImageReference) -> Result<Option<ManifestFacts>, StageError> {
        Ok(lock(&self.pushed).contains(reference).then(|| ManifestFacts {
            digest: format!("sha256:{:064}", 1),
            media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
            platforms: vec!["linux/amd64".to_owned()],
            size: 1,
            labels: BTreeMap::new(),
        }))
    }

    async fn copy(&self, copy: &ImageCopy) -> Result<String, StageError> {
        self.did(copy.to_string());
        lock(&self.pushed).insert(copy.to.clone());
        Ok(format!("sha256:{:064}", 1))
    }

    async fn retag(&self, from: &ImageReference, tag: &Tag) -> Result<String, StageError> {
        let reference = from.repository.with_tag(tag.clone());
        self.did(format!("retag {reference}"));
        let config = lock(&self.configs).get(&from.to_string()).cloned().unwrap_or_default();
        lock(&self.configs).insert(reference.to_string(), config);
        lock(&self.pushed).insert(reference);
        Ok(format!("sha256:{:064}", 1))
    }
}

#[async_trait]
impl Clock for State {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }

    async fn sleep(&self, time: std::time::Duration) {
        self.did(format!("sleep {}", time.as_secs_f64()));
    }
}

/// Every program succeeds and prints nothing.
#[async_trait]
impl Exec for State {
    async fn run(
        &self,
        request: &ExecRequest,
        _: OnLine<'_>,
        _: &CancellationToken,
    ) -> Result<i32, crate::process::ProcessError> {
        self.did(request.to_string());
        Ok(0)
    }
}

/// Files are read, and not changed.
impl Files for State {
    fn read(&self, path: &ProjectPath) -> std::io::Result<Vec<u8>> {
        std::fs::read(path.absolute())
    }

    fn edit(&self, edit: &FileEdit) -> std::io::Result<()> {
        self.did(edit.to_string());
        Ok(())
    }
}

/// Every server is content.
#[async_trait]
impl Http for State {
    async fn send(&self, request: &HttpRequest, _: &CancellationToken) -> Result<HttpResponse, HttpError> {
        self.did(request.to_string());
        Ok(HttpResponse { status: 200, body: String::new() })
    }
}

impl Random for State {
    fn character(&self) -> char {
        'x'
    }
}
