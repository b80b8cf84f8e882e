//! The exclude rules of a synced directory.

use std::path::Path;
use std::sync::Arc;

use crate::config::{ExcludeRules as ConfiguredRules, Excludes, LocatedText, Origin, shown_path};
use crate::sync::{ExcludePatterns, RelativePath, SyncError};

/// The exclude rules of a synced directory, those of files included.
#[derive(Debug, Default)]
pub struct FolderRules {
    /// The files that are not synced.
    pub both: PlacedRules,
    /// The files that are not uploaded.
    pub upload: PlacedRules,
    /// The files that are not downloaded.
    pub download: PlacedRules,
}

/// Rules, and where each pattern is written.
#[derive(Debug, Default)]
pub struct PlacedRules {
    /// The patterns, also those without effect.
    pub patterns: Vec<LocatedText>,
    /// The rules.
    pub rules: ExcludePatterns,
}

/// The pattern that decides about a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecidingPattern {
    /// The pattern, and where it is written.
    pub pattern: LocatedText,
    /// Whether it excludes the path; otherwise, it includes it again.
    pub excludes: bool,
}

impl FolderRules {
    /// The rules of the directory `here`.
    ///
    /// # Errors
    /// [`SyncError`] if a file with patterns cannot be read.
    pub fn read(excludes: &Excludes, here: &Path) -> Result<Self, SyncError> {
        let Excludes { both, upload, download } = excludes;
        let read = |rules| read_patterns(rules, here).map(PlacedRules::new);
        Ok(Self { both: read(both)?, upload: read(upload)?, download: read(download)? })
    }
}

impl PlacedRules {
    fn new(patterns: Vec<LocatedText>) -> Self {
        Self { rules: ExcludePatterns::new(&patterns), patterns }
    }

    /// The pattern that decides about `path`; `None` if none matches it.
    pub fn deciding(&self, path: &RelativePath, is_directory: bool) -> Option<DecidingPattern> {
        let (place, excludes) = self.rules.deciding(path.as_str(), is_directory)?;
        Some(DecidingPattern { pattern: self.patterns.get(place)?.clone(), excludes })
    }
}

/// The patterns of an entry, and then those of its file.
fn read_patterns(rules: &ConfiguredRules, folder: &Path) -> Result<Vec<LocatedText>, SyncError> {
    let mut patterns = rules.paths.clone();
    if let Some(file) = &rules.file {
        let path = folder.join(&file.text);
        let text = crate::input_file::read_text(&path).map_err(|error| SyncError::state(&path, error))?;
        let base = std::env::current_dir().unwrap_or_default();
        let shown: Arc<str> = shown_path(&path, &base).into();
        patterns.extend(text.lines().enumerate().map(|(index, line)| {
            let column = line.chars().take_while(|letter| *letter == ' ').count() + 1;
            let origin = Origin { file: Arc::clone(&shown), line: index + 1, column };
            LocatedText { text: line.to_owned(), origin }
        }));
    }
    Ok(patterns)
}
