//! The files of a run for later steps of a CI job.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::{outputs, summary};
use crate::report::ReportError;
use crate::report::run_result::RunResult;

/// The files of a run for people and for later steps, in addition to its result.
#[derive(Debug, Clone, Default)]
pub struct ReportFiles {
    /// The summary, as Markdown.
    pub summary: Option<PathBuf>,
    /// The references of images, as `NAME_IMAGE=...`.
    pub outputs: Option<PathBuf>,
    /// The file of GitHub Actions to which the summary is appended.
    pub step_summary: Option<PathBuf>,
    /// The file of GitHub Actions to which outputs are appended.
    pub step_outputs: Option<PathBuf>,
}

impl ReportFiles {
    /// Adds the files of a step of GitHub Actions; `variable` reads an environment variable.
    #[must_use]
    pub fn of_github_step(self, variable: impl Fn(&str) -> Option<String>) -> Self {
        let file = |name: &str| variable(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        Self { step_summary: file("GITHUB_STEP_SUMMARY"), step_outputs: file("GITHUB_OUTPUT"), ..self }
    }

    /// Whether the last lines of the output of images are needed.
    pub(in crate::report) fn need_output(&self) -> bool {
        self.summary.is_some() || self.step_summary.is_some()
    }

    /// Writes the files. `tail` returns the last lines of the output of an image.
    ///
    /// # Errors
    /// If a file that the user named cannot be written. Those of GitHub are only reported.
    pub(in crate::report) fn write(
        &self,
        result: &RunResult,
        tail: &dyn Fn(&str) -> Vec<String>,
    ) -> Result<(), ReportError> {
        let write = |path: &Path, text: &str| {
            let failed = |source| ReportError::File { path: path.to_owned(), source };
            std::fs::write(path, text).map_err(failed)
        };
        if let Some(path) = &self.step_summary {
            report(path, append(path, &summary::markdown(result, tail)));
        }
        if let Some(path) = &self.step_outputs {
            report(path, append(path, &outputs::for_github(result)));
        }
        if let Some(path) = &self.summary {
            write(path, &summary::markdown(result, tail))?;
        }
        if let Some(path) = &self.outputs {
            write(path, &outputs::dotenv(result))?;
        }
        Ok(())
    }
}

fn append(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().create(true).append(true).open(path)?.write_all(text.as_bytes())
}

/// Reports that a file of the CI system could not be written, which fails nothing.
fn report(path: &Path, written: io::Result<()>) {
    if let Err(error) = written {
        eprintln!("warning: cannot write to {}: {error}", path.display());
    }
}
