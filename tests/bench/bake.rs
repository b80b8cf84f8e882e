//! The same builds with `docker buildx bake`, which builds all images of a corpus in one call.

use std::path::Path;

use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::corpus::Corpus;
use super::measure::{self, Cost};

/// The call in the table.
pub const NAME: &str = "`docker buildx bake`";
/// The call that pushes, in the table.
pub const PUSHED: &str = "`docker buildx bake --push`";

/// `docker buildx bake` for the images of one corpus, in a daemon of its choice.
#[derive(Debug)]
pub struct Bake {
    daemon: String,
    /// Contains the bake file, and the state of docker and buildx.
    home: TempDir,
}

impl Bake {
    /// Writes the bake file for the images of `corpus` in `registry`. Without buildx, prints a notice and returns
    /// `None`.
    pub fn of(corpus: &Corpus, registry: &str, daemon: &str) -> Option<Self> {
        let home = TempDir::with_prefix("windlass-bake-").expect("a directory can be created");
        let targets: Map<String, Value> = (0..corpus.images())
            .map(|image| {
                let name = corpus.name_of(image);
                let target = json!({
                    "context": corpus.root().join(corpus.context_of(image)),
                    "dockerfile": corpus.root().join(corpus.dockerfile_of(image)),
                    "tags": [format!("{registry}/bake/{name}:bench")],
                });
                (name, target)
            })
            .collect();
        let names: Vec<&String> = targets.keys().collect();
        let file = json!({ "group": { "default": { "targets": names } }, "target": targets });
        std::fs::write(home.path().join("docker-bake.json"), file.to_string())
            .expect("a file can be written");
        let bake = Self { daemon: daemon.to_owned(), home };
        let version = bake.command(&["version"]).output();
        if !version.is_ok_and(|output| output.status.success()) {
            eprintln!("  docker buildx is not installed: skipping the comparison with bake");
            return None;
        }
        Some(bake)
    }

    /// The cost of `docker buildx bake` with more `arguments`. Its processor time is that of the client alone.
    pub fn build(&self, arguments: &[&str]) -> Cost {
        let fixed = ["bake", "--file", "docker-bake.json", "--progress", "plain"];
        measure::cost(self.command(&[&fixed, arguments].concat()))
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let home: &Path = self.home.path();
        let mut command = measure::command("docker", &[&["buildx"], arguments].concat(), home);
        // Otherwise bake would prompt about paths outside the directory of the bake file.
        command.env("BUILDX_BAKE_ENTITLEMENTS_FS", "0").env("BUILDX_CONFIG", home);
        command.env("DOCKER_HOST", &self.daemon);
        command
    }
}
