//! `windlass test`.

mod report;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::exit_status::{ExitStatus, Failure, NoThreads, print_diagnostic};
use super::interrupt::cancel_on_interrupt;
use super::stdout::{print, print_json};
use crate::command::cli::GlobalOptions;
use crate::event::Events;
use crate::suggestion::nearest;
use crate::testing::{self, FindError, RunTests, TestFile, TestVerdict};

/// The options of `windlass test`.
#[derive(Debug, Args)]
#[command(after_help = "\
A test is a function `fn test_...()` in a file whose name ends in `_test.rhai`. It
runs on an in-memory host: without daemon and network, and without writing files.
calls() returns the effects that a real run would have.

    //! windlass_test.rhai
    fn test_dev_waits_for_a_shell() {
        let image = project(#{ profile: \"dev\" }).image(\"api\");
        assert_eq(entrypoint(image), [\"sleep\", \"infinity\"]);
    }

    fn test_every_tag_is_pushed() {
        build(project());
        assert_eq(calls(\"push\"), [\"acme/api:1.4\", \"acme/api:latest\"]);
    }

Run `windlass doc test` to list the functions that tests can call.

Examples:
  windlass test                run all tests
  windlass test tags           run tests whose name or file name contains `tags`
  windlass test --update       save new and changed snapshots")]
pub struct TestArgs {
    /// Run only tests whose name or file name contains this
    #[arg(value_name = "FILTER")]
    pub filters: Vec<String>,

    /// Save the snapshots of `snapshot(...)` in the .snap file next to the test file
    #[arg(long)]
    pub update: bool,

    /// Timeout per test in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout: u64,

    /// Maximum parallel tests [default: CPU cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Runs the tests of the project.
///
/// # Errors
/// If no tests are found, or a test file is not a valid script.
pub fn test(global: &GlobalOptions, args: &TestArgs) -> Result<ExitStatus, Failure> {
    let (folder, config) = place(global);
    let files = testing::find(&folder, config.as_deref()).map_err(Failure::wrong_use)?;
    for warning in files.iter().flat_map(TestFile::never_run) {
        print_diagnostic(&warning);
    }
    let run = RunTests {
        filters: args.filters.clone(),
        profiles: global.profiles.clone(),
        vars: global.vars.clone(),
        no_exec: global.no_exec,
        limit: Duration::from_secs(args.timeout),
        jobs: args.jobs.map_or_else(cores, usize::from),
        update: args.update,
        files,
    };
    if run.count() == 0 {
        return Err(Failure::wrong_use(nothing_to_run(&run, &folder)));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::failed(NoThreads { reason: error.to_string() }))?;
    let cancel = CancellationToken::new();
    cancel_on_interrupt(runtime.handle(), &cancel, &Events::none());
    let outcome = run.run(runtime.handle(), &cancel);
    for (path, source) in &outcome.unsaved {
        print_diagnostic(&Unsaved { path: path.display().to_string(), reason: source.to_string() });
    }
    if args.json {
        print_json(&report::json(&outcome))?;
    } else {
        print(&report::text(&outcome))?;
    }
    let is_passed = outcome.tests.iter().all(|test| matches!(test.verdict, TestVerdict::Passed));
    Ok(match cancel.is_cancelled() {
        true => ExitStatus::Interrupted,
        false if is_passed && outcome.unsaved.is_empty() => ExitStatus::Done,
        false => ExitStatus::Failed,
    })
}

/// The snapshots cannot be saved.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot write the snapshots `{path}`: {reason}")]
#[diagnostic(code(test::unsaved))]
struct Unsaved {
    path: String,
    reason: String,
}

/// The directory to search for tests, and the configuration that the command line selects: the project directory, or
/// the working directory without a project.
fn place(global: &GlobalOptions) -> (PathBuf, Option<PathBuf>) {
    let current = std::env::current_dir().unwrap_or_else(|_| ".".into());
    if let Some(config) = &global.config {
        let config = current.join(config);
        return (config.parent().map_or_else(|| current.clone(), Path::to_owned), Some(config));
    }
    let home = std::env::home_dir();
    let mut above = current.ancestors().filter(|folder| Some(*folder) != home.as_deref());
    let project = above.find(|folder| folder.join("devspace.yaml").is_file());
    (project.unwrap_or(&current).to_owned(), None)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The error if there is nothing to run.
fn nothing_to_run(run: &RunTests, folder: &Path) -> FindError {
    let names = |file: &TestFile| file.tests.clone();
    let names: Vec<_> = run.files.iter().flat_map(names).collect();
    match run.filters.first() {
        Some(filter) if !names.is_empty() => {
            let help = match nearest(filter, names.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("run `windlass test` without a filter to run all {} tests", names.len()),
            };
            FindError::NoMatch { filter: filter.clone(), help }
        }
        _ => FindError::None { folder: folder.display().to_string() },
    }
}
