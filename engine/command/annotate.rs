//! Errors and warnings as annotations of a CI system.

use std::path::PathBuf;

use clap::Args;
use miette::Diagnostic;

use super::exit_status::{ExitStatus, Failure, print_text};
use crate::command::cli::{Cli, Command, GlobalOptions};
use crate::report::{self, Annotation, CiSystem, ReportError, ReportFiles};

/// The files of a run for people and for later steps of a CI job.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct CiOptions {
    /// Write a summary to this file as Markdown
    #[arg(long, value_name = "FILE")]
    pub summary: Option<PathBuf>,

    /// Write references to this file, as API_IMAGE=...
    #[arg(long, value_name = "FILE")]
    pub outputs: Option<PathBuf>,

    /// Write problems to a file, as codequality=FILE
    #[arg(long, value_name = "FORMAT=FILE", value_parser = code_quality)]
    pub report: Option<PathBuf>,
}

/// The file of a report in the only format that exists.
fn code_quality(text: &str) -> Result<PathBuf, String> {
    match text.split_once('=') {
        Some(("codequality", file)) if !file.is_empty() => Ok(file.into()),
        _ => Err("the report is `codequality=FILE`, for GitLab".to_owned()),
    }
}

impl CiOptions {
    /// The files that `global` and the environment request in addition.
    pub(super) fn files(&self, global: &GlobalOptions) -> ReportFiles {
        let files = ReportFiles {
            summary: self.summary.clone(),
            outputs: self.outputs.clone(),
            ..ReportFiles::default()
        };
        match system(global) {
            Some(CiSystem::Github) => files.of_github_step(variable),
            _ => files,
        }
    }

    /// All files that a run writes.
    pub(super) fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.summary, &self.outputs, &self.report].into_iter().flatten()
    }
}

/// The CI system for which `global` shows events.
pub(super) fn system(global: &GlobalOptions) -> Option<CiSystem> {
    global.progress.ci_system(variable)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The root of the checkout of a CI job; otherwise the working directory.
pub(super) fn checkout() -> PathBuf {
    let named = ["GITHUB_WORKSPACE", "CI_PROJECT_DIR"].into_iter().find_map(variable);
    named.map_or_else(|| std::env::current_dir().unwrap_or_default(), PathBuf::from)
}

/// Prints the text of an error, which may contain the output of a program.
pub(super) fn print_error(text: &str, global: &GlobalOptions) {
    match system(global) {
        Some(system) => print_text(&system.guarded(text)),
        None => print_text(text),
    }
}

/// Shows `annotations` in the log of a CI job, and writes the report that `options` request.
///
/// # Errors
/// If the report cannot be written.
pub(super) fn annotate(
    annotations: &[Annotation],
    options: &CiOptions,
    global: &GlobalOptions,
) -> Result<(), Failure> {
    if system(global) == Some(CiSystem::Github) {
        print_text(&Annotation::for_github(annotations));
    }
    match &options.report {
        Some(path) => report::write_code_quality(path, annotations)
            .map_err(|source| Failure::failed(ReportError::File { path: path.clone(), source })),
        None => Ok(()),
    }
}

/// Shows `diagnostics` of the project in the working directory in the log of a CI job.
///
/// # Errors
/// Those of [`annotate`].
pub(super) fn annotate_all<'a>(
    diagnostics: impl Iterator<Item = &'a dyn Diagnostic>,
    global: &GlobalOptions,
) -> Result<(), Failure> {
    let (folders, checkout) = (folders(global), checkout());
    let found = diagnostics.flat_map(|diagnostic| Annotation::all_of(diagnostic, &folders, &checkout));
    annotate(&found.collect::<Vec<_>>(), &CiOptions::default(), global)
}

/// The directories that names of files may be relative to, before the project is known.
fn folders(global: &GlobalOptions) -> Vec<PathBuf> {
    let here = std::env::current_dir().unwrap_or_default();
    let folder = global.config.as_ref().and_then(|file| here.join(file).parent().map(PathBuf::from));
    std::iter::once(here).chain(folder).collect()
}

/// Prints the error with which the command `cli` ends, and shows where it is.
pub(super) fn print_failure(cli: &Cli, failure: Failure) -> ExitStatus {
    let none = CiOptions::default();
    let options = if let Command::Build(args) = &cli.command { &args.ci } else { &none };
    let annotations = Annotation::all_of(failure.diagnostic(), &folders(&cli.global), &checkout());
    let status = match system(&cli.global) {
        Some(CiSystem::Github) => {
            print_error(&failure.text(), &cli.global);
            failure.status()
        }
        _ => failure.print(),
    };
    match annotate(&annotations, options, &cli.global) {
        Ok(()) => status,
        Err(unwritten) => {
            unwritten.print();
            status
        }
    }
}
