//! Running tests.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::snapshots::Snapshots;
use super::test_context::{Defaults, TestContext};
use super::{TestFile, stage};
use crate::host::memory::CallKind;
use crate::lock::lock;
use crate::script::ScriptError;

/// The stack of a thread that runs tests.
const STACK: usize = 16 << 20;

/// The tests to run, with options.
pub struct RunTests {
    /// The test files.
    pub files: Vec<TestFile>,
    /// Run the tests whose file or name contains one of these; all if empty.
    pub filters: Vec<String>,
    /// Profiles for projects without their own.
    pub profiles: Vec<String>,
    /// Variables for projects, each `NAME=VALUE`.
    pub vars: Vec<String>,
    /// Prevent variables from running commands.
    pub no_exec: bool,
    /// The timeout per test.
    pub limit: Duration,
    /// The maximum of parallel tests.
    pub jobs: usize,
    /// Save the snapshots that are taken.
    pub update: bool,
}

/// A test that ran.
pub struct Tested {
    /// Its file, relative to the searched directory.
    pub file: String,
    /// Its name.
    pub test: String,
    /// How it ended.
    pub verdict: TestVerdict,
    /// How long it took.
    pub time: Duration,
    /// The actions on its host.
    pub calls: Vec<String>,
    /// The lines that scripts printed.
    pub printed: Vec<String>,
}

/// How a test ended.
pub enum TestVerdict {
    /// It passed.
    Passed,
    /// It failed.
    Failed {
        /// The error.
        error: Arc<ScriptError>,
        /// The images that failed in it, and why.
        images: Vec<(String, Arc<ScriptError>)>,
    },
    /// It timed out.
    TimedOut,
    /// The user interrupted.
    Cancelled,
}

/// The result of all tests.
pub struct TestOutcome {
    /// Each test, in the order of files and of functions in them.
    pub tests: Vec<Tested>,
    /// The overrides that no test called, as `tags(image) in windlass.rhai:3`; empty if only some tests ran.
    pub untested: Vec<String>,
    /// Files whose snapshots could not be written, and why.
    pub unsaved: Vec<(PathBuf, std::io::Error)>,
}

impl RunTests {
    /// The number of tests that match the filters.
    pub fn count(&self) -> usize {
        self.files
            .iter()
            .flat_map(|file| file.tests.iter().map(move |test| (file, test)))
            .filter(|(file, test)| self.is_wanted(file, test))
            .count()
    }

    fn is_wanted(&self, file: &TestFile, test: &str) -> bool {
        let full = format!("{}::{test}", file.name);
        self.filters.is_empty() || self.filters.iter().any(|filter| full.contains(filter))
    }

    /// Runs the tests until all have ended or `cancel` is cancelled.
    pub fn run(self, runtime: &tokio::runtime::Handle, cancel: &CancellationToken) -> TestOutcome {
        let is_whole = self.filters.is_empty();
        let overrides: Vec<_> = self.files.iter().map(|file| Arc::clone(&file.overrides)).collect();
        let mut queue = Vec::new();
        let mut kept = Vec::new();
        let wanted = |file: &TestFile| -> Vec<_> {
            file.tests.iter().filter(|test| self.is_wanted(file, test)).cloned().collect()
        };
        let wanted: Vec<_> = self.files.iter().map(wanted).collect();
        for (file, tests) in self.files.into_iter().zip(wanted) {
            let ran_all = tests.len() == file.tests.len();
            let snapshots = Arc::new(Snapshots::of_file(&file.path, self.update));
            kept.push((file.path.with_extension("snap"), Arc::clone(&snapshots), ran_all));
            let file = Arc::new(file);
            queue.extend(tests.into_iter().map(|test| (Arc::clone(&file), test, Arc::clone(&snapshots))));
        }
        let defaults = Defaults { profiles: self.profiles, vars: self.vars, no_exec: self.no_exec };
        let next = AtomicUsize::new(0);
        let ended: Vec<Mutex<Option<Tested>>> = queue.iter().map(|_| Mutex::default()).collect();
        let work = || {
            while let Some((place, (file, test, snapshots))) =
                Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|place| Some((place, queue.get(place)?)))
            {
                let one = TestCase { file, test, snapshots, defaults: &defaults, limit: self.limit };
                *lock(&ended[place]) = Some(one.run(runtime, cancel));
            }
        };
        std::thread::scope(|scope| {
            for number in 0..self.jobs.clamp(1, queue.len().max(1)) {
                let thread = std::thread::Builder::new().name(format!("test-{number}")).stack_size(STACK);
                // If it does not start, the other threads do its work.
                drop(thread.spawn_scoped(scope, work));
            }
        });
        let unsaved = kept
            .into_iter()
            .filter_map(|(path, snapshots, ran_all)| Some((path, snapshots.save(ran_all).err()?)));
        let mut untested: Vec<_> = overrides.iter().flat_map(|overrides| overrides.untested()).collect();
        untested.sort();
        untested.dedup();
        untested.retain(|_| is_whole);
        TestOutcome {
            untested,
            unsaved: unsaved.collect(),
            tests: ended.into_iter().filter_map(|tested| lock(&tested).take()).collect(),
        }
    }
}

/// One test.
struct TestCase<'a> {
    file: &'a Arc<TestFile>,
    test: &'a str,
    snapshots: &'a Arc<Snapshots>,
    defaults: &'a Defaults,
    limit: Duration,
}

impl TestCase<'_> {
    fn run(&self, runtime: &tokio::runtime::Handle, cancel: &CancellationToken) -> Tested {
        let started = Instant::now();
        let token = cancel.child_token();
        let is_late = Arc::new(AtomicBool::new(false));
        let timer = {
            let (token, is_late, limit) = (token.clone(), Arc::clone(&is_late), self.limit);
            runtime.spawn(async move {
                tokio::time::sleep(limit).await;
                is_late.store(true, Ordering::Relaxed);
                token.cancel();
            })
        };
        let snapshots = Arc::clone(self.snapshots);
        let file = Arc::clone(self.file);
        let bench = TestContext::new(
            file,
            self.test,
            self.defaults.clone(),
            token.clone(),
            runtime.clone(),
            snapshots,
        );
        let (ended, calls, printed) = match bench {
            Ok(bench) => {
                let bench = Arc::new(bench);
                let ended = bench.during(|| self.call(&bench));
                let told = bench.memory.state().calls.clone();
                let told = told.iter().filter(|call| call.kind != CallKind::Built);
                (ended, told.map(ToString::to_string).collect(), bench.printed())
            }
            Err(source) => (Err(failed(TempDirError { source })), Vec::new(), Vec::new()),
        };
        timer.abort();
        let verdict = match ended {
            Ok(()) => TestVerdict::Passed,
            Err(_) if is_late.load(Ordering::Relaxed) => TestVerdict::TimedOut,
            Err(_) if cancel.is_cancelled() => TestVerdict::Cancelled,
            Err((error, images)) => TestVerdict::Failed { error, images },
        };
        Tested {
            file: self.file.name.clone(),
            test: self.test.to_owned(),
            verdict,
            time: started.elapsed(),
            calls,
            printed,
        }
    }

    fn call(&self, bench: &Arc<TestContext>) -> Result<(), Failure> {
        let mut engine =
            bench.engine().map_err(|error| (Arc::new(ScriptError::of_stage_error(error)), Vec::new()))?;
        stage::register(&mut engine);
        stage::register_pipeline(&mut engine, bench);
        let called = self.file.program.call(&engine, self.test, Vec::new());
        called.map(drop).map_err(|error| {
            let failures = bench.projects().into_iter().flat_map(|project| project.execution.failures());
            (error, failures.collect())
        })
    }
}

/// The error that stopped a test, and the images that failed in it.
type Failure = (Arc<ScriptError>, Vec<(String, Arc<ScriptError>)>);

/// No temporary directory for the files of a test.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot create a temporary directory: {source}")]
#[diagnostic(code(test::scratch), help("check the free space and `TMPDIR`"))]
struct TempDirError {
    source: std::io::Error,
}

fn failed(error: impl miette::Diagnostic + Send + Sync + 'static) -> Failure {
    (Arc::new(ScriptError::of_stage(error)), Vec::new())
}
