//! The `helm` command.

use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::locate::locate;
use super::{ChartError, HelmVersion, KnownVersions};
use crate::image::file_clock;
use crate::process::{CommandLine, Exec, ExecRequest, ProcessError, Purpose};

/// The purpose of all commands of this module.
pub(super) const PURPOSE: Purpose = Purpose::Script;
/// The timeout for its version.
const VERSION_LIMIT: Duration = Duration::from_secs(20);

/// A `helm` command that windlass can use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Helm {
    /// The command: a path, or a name in `PATH`.
    pub program: String,
    /// Its version.
    pub version: HelmVersion,
}

impl Helm {
    /// Finds helm: at the path `configured` (relative to `directory`), otherwise at `variable`, the value of
    /// `WINDLASS_HELM`, otherwise in `PATH`. Nothing is downloaded. It runs only if its version is not in `known`, and is
    /// recorded there in the background.
    ///
    /// # Errors
    /// [`ChartError::HelmMissing`], [`ChartError::HelmVersion`] if it is older than 3.8, or [`ChartError::Process`] if
    /// it cannot be run.
    pub async fn find(
        configured: Option<&str>,
        variable: Option<&str>,
        directory: &Path,
        exec: &dyn Exec,
        known: Option<&KnownVersions>,
        cancel: &CancellationToken,
    ) -> Result<Self, ChartError> {
        let chosen = [configured, variable].into_iter().flatten().find(|program| !program.trim().is_empty());
        let program = match chosen {
            // A path is resolved here: the system would resolve it before or after it changes the directory.
            Some(path) if path.contains(std::path::is_separator) => {
                directory.join(path).display().to_string()
            }
            Some(name) => name.to_owned(),
            None => "helm".to_owned(),
        };
        if let Some(version) = known.and_then(|known| known.read(&program)) {
            return Ok(Self { program, version });
        }
        let begin = file_clock();
        let missing = |reason: String| Err(ChartError::HelmMissing { program: program.clone(), reason });
        let words = [&program, "version", "--template", "{{.Version}}"].map(str::to_owned).to_vec();
        let mut request = ExecRequest::new(PURPOSE, CommandLine::Program(words), directory);
        request.is_pure = true;
        request.limit = Some(VERSION_LIMIT);
        let mut text = String::new();
        let mut on_line = |_, line: &str| {
            if text.len() < 1024 {
                text.push_str(line);
                text.push('\n');
            }
        };
        match exec.run(&request, &mut on_line, cancel).await {
            Ok(_) => {}
            Err(ProcessError::NotFound { .. }) if program.contains(std::path::is_separator) => {
                return missing("does not exist".to_owned());
            }
            Err(ProcessError::NotFound { .. }) => return missing("is not in PATH".to_owned()),
            Err(ProcessError::NotExecutable { .. }) => return missing("is not executable".to_owned()),
            Err(error) => return Err(ChartError::process(error)),
        }
        // Warnings, such as for the permissions of a kubeconfig, may be printed before the version.
        match text.lines().rev().find_map(HelmVersion::parse) {
            Some(version) if version.is_supported() => {
                if let (Some(known), program) = (known.cloned(), program.clone()) {
                    // Without the record, the next run starts helm again.
                    drop(tokio::task::spawn_blocking(move || known.record(&program, version, begin)));
                }
                Ok(Self { program, version })
            }
            Some(version) => {
                let program = locate(&program).map_or(program, |path| path.display().to_string());
                Err(ChartError::HelmVersion { program, version: version.to_string() })
            }
            None => {
                let found = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("nothing");
                missing(format!("does not print the version of helm, but `{}`", found.trim()))
            }
        }
    }
}
