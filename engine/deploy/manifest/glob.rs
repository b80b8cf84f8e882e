//! Files that match a pattern.

use std::path::{Path, PathBuf};

use super::ManifestError;
use super::files::is_manifest;
use crate::image::context::{Glob, has_wildcards};

/// The maximum number of directory entries that a pattern visits.
const MAX_VISITED: usize = 100_000;

enum Segment<'a> {
    /// `**`: any number of directories.
    Directories,
    Glob(Glob),
    Literal(&'a str),
}

/// The files that match `pattern`, relative to `directory`, sorted by path.
///
/// `*`, `?` and `[...]` match in one file name, `**` matches any number of directories except hidden ones and symlinks.
/// If the last segment consists of wildcards only, it matches files with the extension of a manifest. Directories match
/// only if the last segment has no wildcards.
pub(super) fn matches(pattern: &str, directory: &Path) -> Result<Vec<PathBuf>, ManifestError> {
    let invalid = || ManifestError::InvalidPattern { pattern: pattern.to_owned() };
    let relative = pattern.trim_start_matches('/');
    let base = if relative.len() < pattern.len() { Path::new("/") } else { directory };
    let segments = relative.split('/').filter(|segment| !segment.is_empty());
    let segments: Vec<Segment<'_>> = segments
        .map(|segment| match segment {
            "**" => Some(Segment::Directories),
            _ if has_wildcards(segment) => Glob::parse(segment).map(Segment::Glob),
            _ => Some(Segment::Literal(segment)),
        })
        .collect::<Option<_>>()
        .ok_or_else(invalid)?;
    let last = relative.rsplit('/').next().unwrap_or_default();
    let is_open = last.chars().all(|character| matches!(character, '*' | '?'));
    let mut search = Search { is_open, found: Vec::new(), visited: 0 };
    if search.walk(base, &segments).is_none() {
        return Err(ManifestError::TooManyFiles { pattern: pattern.to_owned(), limit: MAX_VISITED });
    }
    search.found.sort();
    search.found.dedup();
    Ok(search.found)
}

struct Search {
    /// Whether the last segment matches any name.
    is_open: bool,
    found: Vec<PathBuf>,
    visited: usize,
}

impl Search {
    /// Adds the matches of `segments` in `path`; `None` if the limit is exceeded. Unreadable directories have none.
    fn walk(&mut self, path: &Path, segments: &[Segment<'_>]) -> Option<()> {
        let Some((segment, rest)) = segments.split_first() else { return Some(()) };
        match segment {
            Segment::Literal(name) => {
                let path = path.join(name);
                if rest.is_empty() {
                    if path.exists() {
                        self.found.push(path);
                    }
                    return Some(());
                }
                self.walk(&path, rest)
            }
            Segment::Directories => {
                if !rest.is_empty() {
                    self.walk(path, rest)?;
                }
                for entry in self.entries(path)? {
                    let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
                    let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
                    if is_directory && !is_hidden {
                        self.walk(&entry.path(), segments)?;
                    } else if rest.is_empty() && !is_directory {
                        self.add(entry.path());
                    }
                }
                Some(())
            }
            Segment::Glob(glob) => {
                for entry in self.entries(path)? {
                    if glob.matches(&entry.file_name().to_string_lossy()) {
                        if rest.is_empty() {
                            self.add(entry.path());
                        } else {
                            self.walk(&entry.path(), rest)?;
                        }
                    }
                }
                Some(())
            }
        }
    }

    fn add(&mut self, path: PathBuf) {
        if path.is_file() && (!self.is_open || is_manifest(&path)) {
            self.found.push(path);
        }
    }

    fn entries(&mut self, path: &Path) -> Option<Vec<std::fs::DirEntry>> {
        let Ok(entries) = path.read_dir() else { return Some(Vec::new()) };
        let left = MAX_VISITED - self.visited;
        let entries: Vec<_> = entries.take(left + 1).flatten().collect();
        self.visited += entries.len();
        (entries.len() <= left).then_some(entries)
    }
}
