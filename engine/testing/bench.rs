//! What one test works with.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rhai::Engine;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::Found;
use super::snapshots::Snapshots;
use crate::event::{Event, Events, Level};
use crate::host::memory::Memory;
use crate::run::{Run, lock};

/// What one test works with: its world, its projects, and what came of them.
pub struct Bench {
    /// The world.
    pub memory: Memory,
    /// The file it is in.
    pub file: Arc<Found>,
    /// Its name.
    pub test: String,
    /// Profiles and variables of the command line, for projects that do not say otherwise.
    pub defaults: Defaults,
    /// Cancelled when its time is up, or by Ctrl-C.
    pub cancel: CancellationToken,
    /// Where waiting happens.
    pub runtime: tokio::runtime::Handle,
    /// The snapshots of its file.
    pub snapshots: Arc<Snapshots>,
    /// How many snapshots it took.
    pub taken: Mutex<usize>,
    /// A folder for what would be written.
    scratch: TempDir,
    /// The projects it made, the latest last.
    projects: Mutex<Vec<Loaded>>,
    printed: Arc<Mutex<Vec<String>>>,
}

/// What the command line says about projects.
#[derive(Debug, Clone, Default)]
pub struct Defaults {
    /// Their profiles.
    pub profiles: Vec<String>,
    /// Their variables, each `NAME=VALUE`.
    pub vars: Vec<String>,
    /// Whether their variables run no commands.
    pub no_exec: bool,
}

/// A project of a test, and the engine that runs its pipeline.
#[derive(Clone)]
pub struct Loaded {
    /// Its run.
    pub run: Arc<Run>,
    /// Its engine.
    pub engine: Arc<Engine>,
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<Bench>>> = const { RefCell::new(None) };
}

impl Bench {
    /// A bench for `test` of `file`.
    ///
    /// # Errors
    /// When no temporary folder can be made.
    pub fn new(
        file: Arc<Found>,
        test: &str,
        defaults: Defaults,
        cancel: CancellationToken,
        runtime: tokio::runtime::Handle,
        snapshots: Arc<Snapshots>,
    ) -> std::io::Result<Self> {
        Ok(Self {
            memory: Memory::default(),
            file,
            test: test.to_owned(),
            defaults,
            cancel,
            runtime,
            snapshots,
            taken: Mutex::default(),
            scratch: TempDir::with_prefix("windlass-test-")?,
            projects: Mutex::default(),
            printed: Arc::default(),
        })
    }

    /// The bench of the test that runs on this thread.
    pub fn current() -> Option<Arc<Self>> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Makes this the bench of this thread while `work` runs.
    pub fn during<T>(self: &Arc<Self>, work: impl FnOnce() -> T) -> T {
        CURRENT.set(Some(Arc::clone(self)));
        let done = work();
        CURRENT.set(None);
        done
    }

    /// The folder of the project as it is on the disk.
    pub fn root(&self) -> &Path {
        &self.file.root
    }

    /// The folder of the test's own copy of the project, which may not be there.
    pub fn copy(&self) -> PathBuf {
        self.scratch.path().join("project")
    }

    /// The folder that holds what windlass remembers.
    pub fn state(&self) -> PathBuf {
        self.scratch.path().join("state")
    }

    /// Keeps a project.
    pub fn add(&self, project: Loaded) {
        lock(&self.projects).push(project);
    }

    /// The projects so far.
    pub fn projects(&self) -> Vec<Loaded> {
        lock(&self.projects).clone()
    }

    /// The project that `run` belongs to.
    pub fn project_of(&self, run: &Arc<Run>) -> Option<Loaded> {
        lock(&self.projects).iter().find(|project| Arc::ptr_eq(&project.run, run)).cloned()
    }

    /// What scripts printed so far.
    pub fn printed(&self) -> Vec<String> {
        lock(&self.printed).clone()
    }

    /// Takes events; of them, what scripts print is kept.
    pub fn events(&self) -> Events {
        let printed = Arc::clone(&self.printed);
        Events::new(move |event| {
            if let Event::Notice { image: None, level: Level::Info | Level::Warning, message } = event {
                lock(&printed).push(message);
            }
        })
    }
}
