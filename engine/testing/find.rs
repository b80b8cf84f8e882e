//! Finding test files and the tests in them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Overrides, stage};
use crate::script::{Mistake, Pipeline, ScriptError, ScriptFile};

/// The suffix of the names of test files.
const ENDING: &str = "_test.rhai";
/// The prefix of the names of tests.
const PREFIX: &str = "test_";

/// A test file, and its tests.
pub struct TestFile {
    /// Its path, relative to the searched directory.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// The directory of the project that it tests.
    pub root: PathBuf,
    /// The configuration of that project, if given.
    pub config: Option<PathBuf>,
    /// The overrides of that project.
    pub overrides: Arc<Overrides>,
    /// The file as a program.
    pub program: Arc<Pipeline>,
    /// Its tests, in the order of the file.
    pub tests: Vec<String>,
}

/// Why test files cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum FindError {
    /// No tests exist.
    #[error("no tests found in `{folder}`")]
    #[diagnostic(
        code(test::none),
        help(
            "write a function `fn test_...()` in a file whose name ends in `_test.rhai`; \
             `windlass test --help` shows an example"
        )
    )]
    None {
        /// The searched directory.
        folder: String,
    },

    /// No test matches the filter.
    #[error("no test matches `{filter}`")]
    #[diagnostic(code(test::no_match))]
    NoMatch {
        /// The filter.
        filter: String,
        /// The hint.
        #[help]
        help: String,
    },

    /// A test has parameters.
    #[error("`{signature}` in {file}:{line} has parameters, but tests take no arguments")]
    #[diagnostic(code(test::parameters), help("write `fn {name}()`"))]
    Parameters {
        /// Its name.
        name: String,
        /// How it is called.
        signature: String,
        /// Its file.
        file: String,
        /// Its line.
        line: usize,
    },

    /// A file is not a valid script.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Script(#[from] ScriptError),
}

/// The test files below `folder`, except those that git ignores. `config` is the configuration of all of them; without
/// it, each tests the project with the nearest `devspace.yaml` above it.
///
/// # Errors
/// If a file is not a valid script, or a test has parameters.
pub fn find(folder: &Path, config: Option<&Path>) -> Result<Vec<TestFile>, FindError> {
    find_each(folder, config).into_iter().collect()
}

/// Like [`find`], with a separate error for each file.
pub fn find_each(folder: &Path, config: Option<&Path>) -> Vec<Result<TestFile, FindError>> {
    let walk = ignore::WalkBuilder::new(folder).require_git(false).sort_by_file_path(Path::cmp).build();
    let files = walk.filter_map(Result::ok).filter(|entry| entry.path().is_file());
    let files = files.filter(|entry| entry.file_name().to_string_lossy().ends_with(ENDING));
    let mut known = HashMap::new();
    files.map(|entry| read(folder, entry.path(), config, &mut known)).collect()
}

impl TestFile {
    /// The definite errors in the file, without running it: calls of functions that do not exist or take other
    /// arguments, and missing modules.
    pub fn mistakes(&self) -> Vec<Mistake> {
        self.program.test_mistakes()
    }

    /// A warning for each function that is not a test and that nothing calls.
    pub fn never_run(&self) -> Vec<Mistake> {
        self.program.never_run(PREFIX)
    }
}

/// Reads the test file at `path`; `known` are the overrides of projects that are already read.
fn read(
    folder: &Path,
    path: &Path,
    config: Option<&Path>,
    known: &mut HashMap<PathBuf, Arc<Overrides>>,
) -> Result<TestFile, FindError> {
    let has_project = |above: &&Path| above.join("devspace.yaml").is_file();
    let above = || path.ancestors().skip(1).take_while(|above| above.starts_with(folder)).find(has_project);
    let root = match config {
        Some(config) => config.parent().unwrap_or(folder),
        None => above().unwrap_or(folder),
    };
    let program = Pipeline::compile(vec![ScriptFile::read(path, root)?], root)?;
    let mut tests: Vec<_> =
        program.functions().filter(|function| function.name.starts_with(PREFIX)).collect();
    tests.sort_by_key(|function| function.span.start);
    if let Some(test) = tests.iter().find(|test| !test.parameters.is_empty()) {
        return Err(FindError::Parameters {
            name: test.name.clone(),
            signature: test.signature(),
            file: test.file.name.to_string(),
            line: test.line(),
        });
    }
    let tests = tests.into_iter().map(|function| function.name.clone()).collect();
    let overrides = known.entry(root.to_owned()).or_insert_with(|| Arc::new(Overrides::of_folder(root)));
    let callable = overrides.functions().cloned().chain(stage::signatures());
    Ok(TestFile {
        name: path.strip_prefix(folder).unwrap_or(path).display().to_string(),
        path: path.to_owned(),
        root: root.to_owned(),
        config: config.map(ToOwned::to_owned),
        program: Arc::new(program.with_functions(callable)),
        overrides: Arc::clone(overrides),
        tests,
    })
}
