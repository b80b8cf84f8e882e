//! Repositories that belong to one test.

use std::fmt;
use std::process::{Command, Stdio};

use super::run_name::run_name;

/// A repository that no other test uses. Dropping it removes its images from the daemon.
#[derive(Debug)]
pub struct TestRepository {
    host: String,
    path: String,
    name: String,
}

impl TestRepository {
    /// A repository for `role` in `registry` (`127.0.0.1:5000`), or in none if that is empty.
    pub(super) fn new(host: &str, registry: &str, role: &str) -> Self {
        let path = format!("{}/{role}-{:08x}", run_name(), fastrand::u32(..));
        let name = if registry.is_empty() { path.clone() } else { format!("{registry}/{path}") };
        Self { host: host.to_owned(), path, name }
    }

    /// A repository for `role` in `registry` that no daemon needs.
    pub fn alone(registry: &str, role: &str) -> Self {
        Self::new("unix:///nowhere", registry, role)
    }

    /// The repository `name`, which starts with the name of one that only this test uses.
    pub(super) fn named(host: &str, name: &str) -> Self {
        Self { host: host.to_owned(), path: name.to_owned(), name: name.to_owned() }
    }

    /// The whole name, as in `image:`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name inside its registry.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for TestRepository {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

impl Drop for TestRepository {
    fn drop(&mut self) {
        let docker = || {
            let mut command = Command::new("docker");
            command.args(["--host", &self.host]).stderr(Stdio::null());
            command
        };
        let format = "{{.Repository}}:{{.Tag}}";
        let listed = docker().args(["image", "ls", "--format", format, &self.name]).output();
        let references = listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let references = references.unwrap_or_default();
        if !references.trim().is_empty() {
            let _ = docker().args(["image", "rm", "--force"]).args(references.lines()).output();
        }
    }
}
