//! A project in a temporary directory with an [in-memory host](crate::host::memory), for unit tests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::cluster::{ClusterContext, ClusterNode};
use crate::config::{self, LoadOptions};
use crate::dependency::{Fetch, ProjectSelection, Request, Tree};
use crate::event::{Event, Events};
use crate::host::memory::{MadeImage, MemoryHost};
use crate::host::planning::{Effect, EffectKind, Effects};
use crate::lock::lock;
use crate::run::{RunOptions, Session};
use crate::script::{Execution, Pipeline, ScriptError, ScriptFile, Setup};

/// A project in a temporary directory, with an in-memory host.
pub struct FakeProject {
    folder: TempDir,
    runtime: tokio::runtime::Runtime,
    memory: MemoryHost,
    /// The effects of the latest plan.
    effects: Mutex<Arc<Effects>>,
}

/// The result of a pipeline.
pub struct PipelineRun {
    /// The return value of `build`, or its error.
    pub result: Result<rhai::Dynamic, Arc<ScriptError>>,
    /// The emitted events.
    pub events: Vec<Event>,
    /// The run.
    pub execution: Arc<Execution>,
}

impl FakeProject {
    /// A project with these images, each with its base image in `NAME.Dockerfile` and the repository `acme/NAME`.
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

    /// A project with the `devspace.yaml` `config`.
    pub fn of_config(config: &str) -> Self {
        let world = Self {
            folder: TempDir::with_prefix("windlass-").expect("a temporary directory"),
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_time()
                .build()
                .expect("a thread can be started"),
            memory: MemoryHost::default(),
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
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a file is in a directory"))
            .expect("the directory is created");
        std::fs::write(path, text).expect("a file can be written");
    }

    /// Reads a file of the project.
    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(path)).expect("a file can be read")
    }

    /// Makes builds of `image` fail, or succeed again.
    pub fn set_broken(&self, image: &str, is_broken: bool) {
        let broken = &mut self.memory.state().broken;
        if is_broken {
            broken.insert(image.to_owned(), "configured by the test".to_owned())
        } else {
            broken.remove(image)
        };
    }

    /// Puts an image into its registry.
    pub fn push(&self, reference: &str) {
        let reference = reference.parse().expect("a reference");
        self.memory.state().pushed.insert(reference, format!("sha256:{:064}", 1));
    }

    /// Sets the name of its machine: equal builds have different results on machines with different names.
    pub fn set_machine(&self, name: &str) {
        self.memory.state().machine = name.to_owned();
    }

    /// Makes everything that `other` has pushed available in the registries: now, or while the next image is built.
    pub fn receive(&self, other: &Self, is_late: bool) {
        let (pushed, configs, platforms) = {
            let other = other.memory.state();
            (other.pushed.clone(), other.configs.clone(), other.platforms.clone())
        };
        let mut state = self.memory.state();
        let of_registry = configs.into_iter().filter(|(name, _)| name.contains('@'));
        state.configs.extend(of_registry);
        state.platforms.extend(platforms);
        match is_late {
            true => state.arriving = pushed,
            false => state.pushed = pushed,
        }
    }

    /// The images that were built on this machine.
    pub fn all_made(&self) -> Vec<MadeImage> {
        self.memory.state().made.clone()
    }

    /// Everything that registries have, with the digests.
    pub fn in_registries(&self) -> Vec<(String, String)> {
        let state = self.memory.state();
        let all = state.pushed.iter().map(|(reference, digest)| (reference.to_string(), digest.clone()));
        let mut all: Vec<_> = all.collect();
        all.sort_unstable();
        all
    }

    /// Sets a variable of the environment.
    pub fn set_variable(&self, name: &str, value: &str) {
        self.memory.state().variables.insert(name.to_owned(), value.to_owned());
    }

    /// Configures a cluster with these nodes.
    pub fn set_cluster(&self, context: ClusterContext, nodes: Vec<ClusterNode>) {
        self.memory.state().cluster = Some((context, nodes));
    }

    /// Adds or removes the daemon.
    pub fn set_daemon(&self, is_there: bool) {
        self.memory.state().is_daemon_there = is_there;
    }

    /// Removes the credentials for `registry`.
    pub fn log_out(&self, registry: &str) {
        self.memory.state().logged_out.insert(registry.to_owned());
    }

    /// The effects since the last call.
    pub fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.memory.state().calls).iter().map(ToString::to_string).collect()
    }

    /// Runs `build` of the default pipeline with `script` as override, one image at a time, without pushing.
    pub fn build(&self, script: &str) -> PipelineRun {
        self.build_with(script, RunOptions { jobs: 1, skip_push: true, ..RunOptions::default() })
    }

    /// Runs `build` of the default pipeline with `script` as override.
    pub fn build_with(&self, script: &str, options: RunOptions) -> PipelineRun {
        self.build_files(vec![self.script_file("windlass.rhai", script)], options)
    }

    /// Plans `build` of the default pipeline with `script` as override: effects are only recorded.
    pub fn plan_with(&self, script: &str, options: RunOptions) -> PipelineRun {
        self.call_build(vec![self.script_file("windlass.rhai", script)], options, true)
    }

    /// The effects of the latest plan.
    pub fn effects(&self) -> Vec<String> {
        lock(&self.effects).list().into_iter().map(|effect| effect.what).collect()
    }

    /// The builder of each image that the latest plan would have built: `api oci`.
    pub fn planned_builders(&self) -> Vec<String> {
        let list = lock(&self.effects).list();
        let builder = |effect: &Effect| match &effect.kind {
            EffectKind::Build { builder, .. } | EffectKind::BuildInCluster { builder, .. } => Some(*builder),
            _ => None,
        };
        list.iter()
            .filter_map(|effect| Some(format!("{} {}", effect.image.as_ref()?, builder(effect)?)))
            .collect()
    }

    /// The references that the latest plan would have pushed.
    pub fn planned_pushes(&self) -> Vec<String> {
        let mut pushes: Vec<_> =
            lock(&self.effects).list().iter().flat_map(|effect| effect.pushed().to_vec()).collect();
        pushes.sort_unstable();
        pushes
    }

    /// The builder of each image that was built from a Dockerfile: `api oci`.
    pub fn builders(&self) -> Vec<String> {
        self.memory.state().made.iter().map(|made| format!("{} {}", made.image, made.builder)).collect()
    }

    /// The references of images built here that registries have.
    pub fn pushed(&self) -> Vec<String> {
        let mut pushed: Vec<_> = self.memory.state().pushed.keys().map(ToString::to_string).collect();
        pushed.sort_unstable();
        pushed
    }

    /// The Dockerfile of the latest build of `image`.
    pub fn made(&self, image: &str) -> Option<String> {
        let state = self.memory.state();
        state.made.iter().rfind(|made| made.image == image).map(|made| made.dockerfile.clone())
    }

    /// Removes an image from the daemon, as `docker image prune` does.
    pub fn prune(&self, repository: &str) {
        self.memory.state().images.retain(|reference, _| reference.repository.to_string() != repository);
    }

    /// Removes a file or directory of the project.
    pub fn remove(&self, path: &str) {
        let path = self.folder.path().join(path);
        let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
        drop(removed);
    }

    /// All files of the project with their contents.
    pub fn files(&self) -> Vec<(std::path::PathBuf, Vec<u8>)> {
        let mut open = vec![self.folder.path().to_owned()];
        let mut files = Vec::new();
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).expect("a readable directory") {
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
    pub fn build_files(&self, overrides: Vec<ScriptFile>, options: RunOptions) -> PipelineRun {
        self.call_build(overrides, options, false)
    }

    fn call_build(&self, overrides: Vec<ScriptFile>, options: RunOptions, is_planning: bool) -> PipelineRun {
        let files = ScriptFile::defaults().chain(overrides).collect();
        let compile = |files| Pipeline::compile(files, self.folder.path());
        let (pipeline, wrong) = match compile(files) {
            Ok(pipeline) => (pipeline, None),
            Err(error) => {
                (compile(ScriptFile::defaults().collect()).expect("it is valid"), Some(Arc::new(error)))
            }
        };
        let (events, execution) = self.set_up(pipeline, options, is_planning);
        let result = wrong.map_or_else(|| execution.call("build", Vec::new()), Err);
        let events = std::mem::take(&mut *lock(&events));
        PipelineRun { result, events, execution }
    }

    /// A run of the project, and its list of emitted events.
    fn set_up(
        &self,
        pipeline: Pipeline,
        options: RunOptions,
        is_planning: bool,
    ) -> (Arc<Mutex<Vec<Event>>>, Arc<Execution>) {
        let environment = Some(HashMap::new());
        let load =
            LoadOptions { directory: self.folder.path().to_owned(), environment, ..LoadOptions::default() };
        let loaded = config::load(&load).expect("the configuration is valid");
        let tree =
            Tree::load(&loaded, &load, Fetch::Nothing, &mut |_| ()).expect("the dependencies are valid");
        let project = loaded.project;
        let events: Arc<Mutex<Vec<Event>>> = Arc::default();
        let sink = Arc::clone(&events);
        let sink = Events::new(move |event| lock(&sink).push(event));
        let below = tree.nodes.iter().map(|node| &node.loaded.project);
        for project in below.chain([&project]) {
            self.memory.owns(project.images.values().map(|image| image.repository.clone()));
        }
        let selection = ProjectSelection::new(&tree, &project, &Request::default()).expect("all is selected");
        let host = self.memory.host();
        let effects = Arc::default();
        let host = if is_planning { host.planning(&effects) } else { host };
        let options = RunOptions { keeps_plans: is_planning, ..options };
        *lock(&self.effects) = effects;
        let runtime = self.runtime.handle().clone();
        let session = Session::new(host, &sink, CancellationToken::new(), runtime);
        let setup =
            Setup { project, pipeline: Arc::new(pipeline), options, session, tree, selection, no_warn: true };
        (events, setup.start().expect("the project and its dependencies are valid"))
    }

    /// A script of the project.
    pub fn script_file(&self, name: &str, text: &str) -> ScriptFile {
        ScriptFile::new(name, text, Some(self.folder.path().join(name)))
    }
}

impl PipelineRun {
    /// Asserts that nothing failed.
    #[track_caller]
    pub fn succeeds(&self) {
        assert!(self.result.is_ok(), "the pipeline failed: {}", self.error());
    }

    /// The lines that scripts printed, in order.
    pub fn printed(&self) -> Vec<&str> {
        let notices = self.events.iter().filter_map(|event| match event {
            Event::Notice { level: crate::event::Level::Info, message, .. } => Some(message.as_str()),
            _ => None,
        });
        notices.collect()
    }

    /// The outcome of each image: `api built`, `web cancelled: its base ...`.
    pub fn outcomes(&self) -> Vec<String> {
        let finished = self.events.iter().filter_map(|event| match event {
            Event::ImageFinished(result) => {
                Some(format!("{} {:?}: {}", result.image, result.outcome, result.reason))
            }
            _ => None,
        });
        finished.collect()
    }

    /// The decision about each image and its reason: `api Build: never built here`.
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
