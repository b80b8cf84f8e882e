//! Dockerfiles in a directory.

use std::path::{Path, PathBuf};

/// The maximum depth of the search for Dockerfiles.
const DEPTH: usize = 6;

/// The Dockerfiles below `folder` that git does not ignore, relative to it.
pub fn find(folder: &Path) -> Vec<PathBuf> {
    let mut walk = ignore::WalkBuilder::new(folder);
    let walk = walk.require_git(false).max_depth(Some(DEPTH)).sort_by_file_path(Path::cmp).build();
    let files = walk.filter_map(Result::ok).filter(|entry| entry.path().is_file());
    let files = files.filter(|entry| is_dockerfile(&entry.file_name().to_string_lossy()));
    let files = files.filter_map(|entry| entry.path().strip_prefix(folder).map(Path::to_owned).ok());
    let mut files: Vec<_> = files.collect();
    // A file closer to the root is more likely the intended one.
    files.sort_by_key(|path| path.components().count());
    files
}

fn is_dockerfile(name: &str) -> bool {
    let is_named = name == "Dockerfile" || name.starts_with("Dockerfile.") || name.ends_with(".Dockerfile");
    is_named && !name.ends_with(".dockerignore")
}

/// The build context of a Dockerfile, relative to `root`: its own directory, unless only the project directory contains
/// the files that it copies.
pub fn context_of(root: &Path, dockerfile: &Path) -> PathBuf {
    let own = dockerfile.parent().unwrap_or(Path::new("")).to_owned();
    let text = crate::input_file::read_text(&root.join(dockerfile)).unwrap_or_default();
    let sources = copied(&text);
    let has_all = |folder: &Path| sources.iter().all(|source| exists(&root.join(folder), source));
    if !has_all(&own) && has_all(Path::new("")) { PathBuf::new() } else { own }
}

/// The files that `COPY` and `ADD` instructions name, except those from other images and URLs.
fn copied(text: &str) -> Vec<String> {
    let mut sources = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let is_copy =
            words.next().is_some_and(|word| ["COPY", "ADD"].contains(&word.to_uppercase().as_str()));
        let words: Vec<_> = words.collect();
        if !is_copy || words.iter().any(|word| word.starts_with("--from")) {
            continue;
        }
        let words: Vec<_> = words.into_iter().filter(|word| !word.starts_with("--")).collect();
        let (_, of_line) = words.split_last().unwrap_or((&"", &[]));
        let is_plain = |word: &&&str| !word.contains("://") && !word.contains(['$', '[', '<']);
        sources.extend(of_line.iter().filter(is_plain).map(|word| (*word).to_owned()));
    }
    sources
}

/// Whether `folder` contains `source`; for a pattern, the directory before its first `*`.
fn exists(folder: &Path, source: &str) -> bool {
    let fixed = source.split(['*', '?']).next().unwrap_or_default();
    let fixed = if fixed.len() < source.len() {
        fixed.rsplit_once('/').map_or("", |(folder, _)| folder)
    } else {
        fixed
    };
    folder.join(fixed.trim_start_matches('/')).exists()
}
