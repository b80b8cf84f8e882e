//! The context of one test.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use indexmap::IndexMap;
use rhai::Engine;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::TestFile;
use super::snapshots::Snapshots;
use crate::event::{DeploymentResult, Event, Events, Level};
use crate::host::memory::MemoryHost;
use crate::lock::lock;
use crate::run::Run;
use crate::script::Execution;

/// The context of one test: its in-memory host, its projects, and their output.
pub struct TestContext {
    /// The in-memory host.
    pub memory: MemoryHost,
    /// The file of the test.
    pub file: Arc<TestFile>,
    /// The name of the test.
    pub test: String,
    /// Profiles and variables of the command line, for projects without their own.
    pub defaults: Defaults,
    /// Cancelled by the timeout, or by Ctrl-C.
    pub cancel: CancellationToken,
    /// The runtime for waiting.
    pub runtime: tokio::runtime::Handle,
    /// The snapshots of its file.
    pub snapshots: Arc<Snapshots>,
    /// The number of snapshots it took.
    pub taken: Mutex<usize>,
    /// A temporary directory for written files.
    scratch: TempDir,
    /// The projects it loaded, the latest last.
    projects: Mutex<Vec<LoadedProject>>,
    printed: Arc<Mutex<Vec<String>>>,
}

/// The options of the command line for projects.
#[derive(Debug, Clone, Default)]
pub struct Defaults {
    /// Their profiles.
    pub profiles: Vec<String>,
    /// Their variables, each `NAME=VALUE`.
    pub vars: Vec<String>,
    /// Whether their variables are prevented from running commands.
    pub no_exec: bool,
}

/// A project of a test, and the engine that runs its pipeline.
#[derive(Clone)]
pub struct LoadedProject {
    /// Its run.
    pub execution: Arc<Execution>,
    /// Its engine.
    pub engine: Arc<Engine>,
    /// The results of its deployments.
    pub deployments: DeploymentResults,
}

/// The results of the deployments of a project, by their names, in the order of their ends.
#[derive(Clone, Default)]
pub struct DeploymentResults(Arc<Mutex<IndexMap<String, DeploymentResult>>>);

thread_local! {
    static CURRENT: RefCell<Option<Arc<TestContext>>> = const { RefCell::new(None) };
}

impl TestContext {
    /// A bench for `test` of `file`.
    ///
    /// # Errors
    /// If no temporary directory can be created.
    pub fn new(
        file: Arc<TestFile>,
        test: &str,
        defaults: Defaults,
        cancel: CancellationToken,
        runtime: tokio::runtime::Handle,
        snapshots: Arc<Snapshots>,
    ) -> std::io::Result<Self> {
        Ok(Self {
            memory: MemoryHost::default(),
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

    /// The project directory on disk.
    pub fn root(&self) -> &Path {
        &self.file.root
    }

    /// The directory of the test's copy of the project, which might not exist.
    pub fn copy(&self) -> PathBuf {
        self.scratch.path().join("project")
    }

    /// The state directory.
    pub fn state(&self) -> PathBuf {
        self.scratch.path().join("state")
    }

    /// Records a project.
    pub fn add(&self, project: LoadedProject) {
        lock(&self.projects).push(project);
    }

    /// The projects so far.
    pub fn projects(&self) -> Vec<LoadedProject> {
        lock(&self.projects).clone()
    }

    /// The project that `run` belongs to.
    pub fn project_of(&self, run: &Arc<Run>) -> Option<LoadedProject> {
        lock(&self.projects).iter().find(|project| Arc::ptr_eq(&project.execution.run, run)).cloned()
    }

    /// The lines that scripts printed so far.
    pub fn printed(&self) -> Vec<String> {
        lock(&self.printed).clone()
    }

    /// A receiver of the events of a project that records the output of scripts, and the results of `deployments`.
    pub fn events(&self, deployments: &DeploymentResults) -> Events {
        let (printed, deployments) = (Arc::clone(&self.printed), deployments.clone());
        Events::new(move |event| match event {
            Event::Notice { image: None, level: Level::Info | Level::Warning, message } => {
                lock(&printed).push(message);
            }
            // A deployment that was deployed can fail afterwards, while its objects become ready.
            Event::DeploymentFinished(result) => {
                lock(&deployments.0).insert(result.deployment.clone(), result);
            }
            _ => {}
        })
    }
}

impl LoadedProject {
    /// The results of its deployments, by their names.
    pub fn deployments(&self) -> IndexMap<String, DeploymentResult> {
        lock(&self.deployments.0).clone()
    }
}
