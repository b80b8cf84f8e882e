//! The names that a shell can complete, found without running commands.

use std::ffi::OsString;
use std::path::PathBuf;

use clap_complete::engine::CompletionCandidate;

use crate::config::Outline;
use crate::script::{Pipeline, ScriptFile, reference};

/// The images of the project.
pub fn images() -> Vec<CompletionCandidate> {
    candidates(outline().images)
}

/// The arguments of `windlass plan`: images, deployments, or a dev session.
pub fn planned() -> Vec<CompletionCandidate> {
    let commands = ["deploy", "dev"].map(str::to_owned);
    candidates(outline().images.into_iter().chain(commands).collect())
}

/// The profiles of the project.
pub fn profiles() -> Vec<CompletionCandidate> {
    candidates(outline().profiles)
}

/// The dependencies of the project.
pub fn dependencies() -> Vec<CompletionCandidate> {
    candidates(outline().dependencies)
}

/// The deployments of the project.
pub fn deployments() -> Vec<CompletionCandidate> {
    candidates(outline().deployments)
}

/// The entries of `windlass doc`.
pub fn documented() -> Vec<CompletionCandidate> {
    let entries = super::super::doc::entries();
    let candidate = |entry: &reference::Documented| {
        CompletionCandidate::new(entry.path()).help(Some(entry.summary().into()))
    };
    entries.iter().map(candidate).collect()
}

/// The pipelines of the project: those in `windlass.rhai` and in the script of every profile.
pub fn pipelines() -> Vec<String> {
    let outline = outline();
    let Some(root) = outline.root else { return Vec::new() };
    let files = ScriptFile::overrides(&root, &outline.profiles, &[]).unwrap_or_default();
    let files = ScriptFile::defaults().chain(files).collect();
    let Ok(pipeline) = Pipeline::compile(files, &root) else { return Vec::new() };
    let mut names: Vec<_> = pipeline.own_pipelines().iter().map(|function| function.name.clone()).collect();
    names.sort();
    names
}

/// The commands of the configuration.
pub fn commands() -> Vec<String> {
    outline().commands
}

fn candidates(names: Vec<String>) -> Vec<CompletionCandidate> {
    names.into_iter().map(CompletionCandidate::new).collect()
}

/// The names in the configuration that the command line so far selects.
fn outline() -> Outline {
    let directory = std::env::current_dir().unwrap_or_default();
    Outline::read(&directory, config(std::env::args_os().collect()))
}

/// The value of `--config` among the words of a command line.
fn config(words: Vec<OsString>) -> Option<PathBuf> {
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        match word.to_str() {
            Some("--config") => return words.next().map(PathBuf::from),
            Some(text) if text.starts_with("--config=") => return text.get(9..).map(PathBuf::from),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn config_is_found_among_the_words() {
        let found = |line: &str| config(line.split(' ').map(OsString::from).collect());
        assert_eq!(found("windlass build --config a/b.yaml x"), Some("a/b.yaml".into()));
        assert_eq!(found("windlass --config=c.yaml build"), Some("c.yaml".into()));
        assert_eq!(found("windlass build --config"), None);
        assert_eq!(found("windlass build"), None);
    }
}
