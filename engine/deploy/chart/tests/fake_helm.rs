//! A fake `helm`: a shell script that records its arguments.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::real::Project;
use crate::deploy::chart::{Helm, HelmVersion};

/// A fake helm in a project.
pub(super) struct FakeHelm {
    pub(super) project: Project,
    pub(super) helm: Helm,
}

impl FakeHelm {
    /// A helm of the version `version`, which records its arguments and runs the shell lines `script`.
    pub(super) fn new(version: &str, script: &str) -> Self {
        let project = Project::new(&[]);
        let text = format!("#!/bin/sh\necho \"$@\" >> \"{}\"\n{script}\n", project.path("calls").display());
        project.write("bin/text", &text);
        let program = project.path("bin/helm");
        write_executable(&project.path("bin/text"), &program);
        let version = HelmVersion::parse(version).expect("a version");
        Self { helm: Helm { program: program.display().to_string(), version }, project }
    }

    /// The recorded calls, without the project directory and the names of temporary directories.
    pub(super) fn calls(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.project.path("calls")).unwrap_or_default();
        let text = text.replace(&self.project.root().display().to_string(), "PROJECT");
        let temporary = std::env::temp_dir().display().to_string();
        let pattern = format!("{}/windlass-helm-[A-Za-z0-9]+", regex::escape(&temporary));
        let text = regex::Regex::new(&pattern).expect("a pattern").replace_all(&text, "TEMP").into_owned();
        text.lines().map(str::to_owned).collect()
    }

    /// A recorded file.
    pub(super) fn recorded(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.project.path(name)
    }
}

/// Copies `text` to the executable `program` in another process: a file that this process has open for writing, or a
/// child process of another test, cannot be run.
fn write_executable(text: &Path, program: &Path) {
    let line = "cat \"$0\" > \"$1\" && chmod +x \"$1\"";
    assert!(Command::new("sh").args(["-c", line]).args([text, program]).status().expect("run").success());
}
