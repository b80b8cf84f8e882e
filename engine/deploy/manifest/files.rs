//! The files of an entry of `manifests`.

use std::path::{Component, Path, PathBuf};

use super::ManifestError;
use super::glob::matches;
use crate::image::context::has_wildcards;
use crate::suggestion::nearest;

/// Whether `path` has the extension of a manifest, as in `kubectl apply -f DIRECTORY`.
pub(super) fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|extension| ["json", "yaml", "yml"].iter().any(|known| extension == *known))
}

/// The files of `entry`, a path or pattern relative to `directory`: a file, the manifests of a directory without its
/// subdirectories, or the matches of a pattern; in a stable order.
pub(super) fn files(entry: &str, directory: &Path) -> Result<Vec<PathBuf>, ManifestError> {
    let path = directory.join(entry);
    if path.is_dir() {
        return in_directory(entry, &path);
    }
    // A file whose name has brackets is not a pattern.
    if path.symlink_metadata().is_ok() {
        return Ok(vec![path]);
    }
    if !has_wildcards(entry) {
        return Err(ManifestError::NotFound {
            path: entry.to_owned(),
            help: help_for_missing(entry, directory),
        });
    }
    let mut files = Vec::new();
    for path in matches(entry, directory)? {
        if path.is_dir() {
            files.extend(manifests_in(&path)?);
        } else {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(ManifestError::NoMatch {
            pattern: entry.to_owned(),
            help: help_for_pattern(entry, directory),
        });
    }
    Ok(files)
}

/// A hint for a path that does not exist: the nearest name.
pub(super) fn help_for_missing(entry: &str, directory: &Path) -> String {
    let mut parent = directory.to_owned();
    let mut correct = PathBuf::new();
    for component in Path::new(entry).components() {
        let next = parent.join(component);
        if next.exists() {
            correct.push(component);
            parent = next;
            continue;
        }
        let names = names_in(&parent);
        let Component::Normal(name) = component else { break };
        let name = name.to_string_lossy();
        return match nearest(&name, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{}`?", correct.join(near).display()),
            None if correct.as_os_str().is_empty() => {
                format!("paths are relative to the project directory `{}`", directory.display())
            }
            None => format!("`{}` has no `{name}`", correct.display()),
        };
    }
    format!("paths are relative to the project directory `{}`", directory.display())
}

/// A hint for a pattern without matches: the part of it that does not exist.
fn help_for_pattern(entry: &str, directory: &Path) -> Option<String> {
    let literal: PathBuf = Path::new(entry)
        .components()
        .take_while(|part| !has_wildcards(&part.as_os_str().to_string_lossy()))
        .collect();
    if literal.as_os_str().is_empty() || directory.join(&literal).exists() {
        return None;
    }
    Some(help_for_missing(&literal.to_string_lossy(), directory))
}

fn in_directory(entry: &str, path: &Path) -> Result<Vec<PathBuf>, ManifestError> {
    let files = manifests_in(path)?;
    if !files.is_empty() {
        return Ok(files);
    }
    let below = names_in(path).into_iter().find(|name| {
        let path = path.join(name);
        path.is_dir() && manifests_in(&path).is_ok_and(|files| !files.is_empty())
    });
    let entry = entry.trim_end_matches('/');
    let help =
        below.map(|name| format!("its subdirectory `{name}` has some: add `{entry}/{name}` or `{entry}/**`"));
    Err(ManifestError::NoManifests { directory: entry.to_owned(), help })
}

/// The manifests in the directory `path`, sorted by name.
fn manifests_in(path: &Path) -> Result<Vec<PathBuf>, ManifestError> {
    let unreadable = |source| ManifestError::Unreadable { path: path.display().to_string(), source };
    let mut files = Vec::new();
    for entry in path.read_dir().map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if is_manifest(&path) && !path.is_dir() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The names in the directory `path`, sorted; none if it is unreadable.
fn names_in(path: &Path) -> Vec<String> {
    let entries = path.read_dir().into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests;
