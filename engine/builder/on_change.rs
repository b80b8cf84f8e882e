//! `onChange`: the files that decide whether a custom build is up to date.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use globset::{GlobBuilder, GlobMatcher};
use ignore::WalkBuilder;

use crate::cache_folder::without_links;

/// The state directories of windlass and DevSpace, and the one in which downloads of a synced directory arrive.
const OWN: [&str; 3] = [".windlass", ".devspace", ".windlass-stage"];

/// Whether a directory of this name belongs to windlass or DevSpace: `onChange` never matches files in it.
pub fn is_own_name(name: &OsStr) -> bool {
    OWN.iter().any(|own| name == *own)
}

/// Why the files of `onChange` cannot be determined.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum OnChangeError {
    /// A pattern is not a valid glob.
    #[error("invalid pattern `{glob}` in `onChange`: {reason}")]
    #[diagnostic(
        code(stage::on_change::bad_glob),
        help("use `*` and `?` to match within a name, and `**` to match directories")
    )]
    BadGlob {
        /// The pattern.
        glob: String,
        /// Why it is invalid.
        reason: String,
    },

    /// A directory cannot be read.
    #[error("cannot find the files of `{glob}` in `onChange`: {reason}")]
    #[diagnostic(code(stage::on_change::unreadable))]
    Unreadable {
        /// The pattern.
        glob: String,
        /// The reason.
        reason: String,
    },
}

/// The files that `globs` (relative to `root`) match, sorted, each once. A directory matches every file below it;
/// `**` matches any number of directories; a glob may match nothing. Symlinks are listed, but not followed. The state
/// directories of windlass and DevSpace, the cache directory `own`, and everything except files and symlinks are
/// excluded.
///
/// # Errors
/// [`OnChangeError`] if a pattern is not a valid glob, or a directory cannot be read.
pub fn on_change_files(root: &Path, globs: &[String], own: &Path) -> Result<Vec<PathBuf>, OnChangeError> {
    let mut files = Vec::new();
    for glob in globs {
        collect(root, glob, own, &mut files)?;
    }
    files.sort_unstable();
    files.dedup();
    Ok(files)
}

/// Whether `globs` (relative to `root`) match a file, which need not exist: its path is the argument.
pub fn on_change_matcher(
    root: &Path,
    globs: &[String],
) -> impl Fn(&Path) -> bool + Clone + Send + Sync + use<> {
    let patterns: Vec<_> = globs.iter().filter_map(|glob| Pattern::parse(root, glob).ok()).collect();
    let patterns = Arc::new(patterns);
    move |path| patterns.iter().any(|pattern| pattern.matches(path))
}

/// Like [`on_change_matcher`], for one file.
pub fn is_on_change_file(root: &Path, globs: &[String], path: &Path) -> bool {
    on_change_matcher(root, globs)(path)
}

/// The directories and files in which the files of `globs` (relative to `root`) are.
pub fn on_change_folders(root: &Path, globs: &[String]) -> Vec<PathBuf> {
    globs.iter().filter_map(|glob| Some(Pattern::parse(root, glob).ok()?.base)).collect()
}

/// A glob of `onChange`.
struct Pattern {
    /// The path before its first wildcard.
    base: PathBuf,
    /// Without any, everything in the base is matched.
    matchers: Vec<GlobMatcher>,
}

impl Pattern {
    fn matches(&self, path: &Path) -> bool {
        let Ok(inside) = path.strip_prefix(&self.base) else { return false };
        let is_own = |part: Component<'_>| is_own_name(part.as_os_str());
        !inside.components().any(is_own)
            && (self.matchers.is_empty() || self.matchers.iter().any(|matcher| matcher.is_match(inside)))
    }

    fn parse(root: &Path, glob: &str) -> Result<Self, OnChangeError> {
        let bad = |error: globset::Error| OnChangeError::BadGlob {
            glob: glob.to_owned(),
            reason: error.kind().to_string(),
        };
        let is_wild =
            |part: &Component<'_>| part.as_os_str().to_string_lossy().contains(['*', '?', '[', '{', '\\']);
        let parts: Vec<Component<'_>> =
            Path::new(glob).components().filter(|part| *part != Component::CurDir).collect();
        let fixed = parts.iter().take_while(|part| !is_wild(part)).count();
        let base: PathBuf =
            std::iter::once(root.to_owned()).chain(parts[..fixed].iter().map(PathBuf::from)).collect();
        let pattern: Vec<_> = parts[fixed..].iter().map(|part| part.as_os_str().to_string_lossy()).collect();
        let pattern = pattern.join("/");
        let mut matchers = Vec::new();
        if !pattern.is_empty() {
            for pattern in [format!("{pattern}/**"), pattern] {
                let glob = GlobBuilder::new(&pattern).literal_separator(true).build().map_err(bad)?;
                matchers.push(glob.compile_matcher());
            }
        }
        Ok(Self { base, matchers })
    }
}

/// Adds the files that match `glob`.
fn collect(root: &Path, glob: &str, own: &Path, files: &mut Vec<PathBuf>) -> Result<(), OnChangeError> {
    // Only the tree below the part without wildcards must be walked.
    let Pattern { base, matchers } = Pattern::parse(root, glob)?;
    if base.symlink_metadata().is_err() {
        return Ok(());
    }
    let (own, real) = (without_links(own), without_links(&base));
    let top = base.clone();
    let is_own = move |path: &Path, name: &OsStr| {
        is_own_name(name) || path.strip_prefix(&top).is_ok_and(|inside| own == real.join(inside))
    };
    let walk = move |entry: &ignore::DirEntry| !is_own(entry.path(), entry.file_name());
    for entry in WalkBuilder::new(&base).standard_filters(false).filter_entry(walk).build() {
        let entry = entry.map_err(|error| OnChangeError::Unreadable {
            glob: glob.to_owned(),
            reason: error.to_string(),
        })?;
        let is_file = entry.file_type().is_some_and(|kind| kind.is_file() || kind.is_symlink());
        let path = entry.path().strip_prefix(&base).unwrap_or(entry.path());
        if is_file && (matchers.is_empty() || matchers.iter().any(|matcher| matcher.is_match(path))) {
            files.push(entry.into_path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(globs: &[&str], expected: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        for path in [
            "a.go",
            "b.txt",
            ".hidden",
            "src/c.go",
            "src/deep/d.go",
            "src/deep/e.txt",
            ".windlass/x",
            "src/.devspace/y",
            "src/cache/z",
        ] {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let globs: Vec<String> = globs.iter().map(|&glob| glob.into()).collect();
        let files = on_change_files(folder.path(), &globs, &folder.path().join("src/cache")).unwrap();
        let files: Vec<_> =
            files.iter().map(|file| file.strip_prefix(folder.path()).unwrap().to_str().unwrap()).collect();
        assert_eq!(files, expected, "{globs:?}");
    }

    #[test]
    fn globs_match_files_and_directories() {
        check(&[], &[]);
        check(&["nothing", "no/**"], &[]);
        check(&["*.go"], &["a.go"]);
        check(&["./**/*.go"], &["a.go", "src/c.go", "src/deep/d.go"]);
        check(&["src"], &["src/c.go", "src/deep/d.go", "src/deep/e.txt"]);
        check(&["src/"], &["src/c.go", "src/deep/d.go", "src/deep/e.txt"]);
        check(&["src/*"], &["src/c.go", "src/deep/d.go", "src/deep/e.txt"]);
        check(&["src/**/*.txt", "b.txt", "b.*"], &["b.txt", "src/deep/e.txt"]);
        check(&["**"], &[".hidden", "a.go", "b.txt", "src/c.go", "src/deep/d.go", "src/deep/e.txt"]);
    }

    #[test]
    fn a_file_that_does_not_exist_can_match() {
        let check = |globs: &[&str], path: &str| {
            let globs: Vec<String> = globs.iter().map(|&glob| glob.into()).collect();
            is_on_change_file(Path::new("/p"), &globs, &Path::new("/p").join(path))
        };
        assert!(check(&["src/**/*.go"], "src/new/a.go"));
        assert!(check(&["src"], "src/new/a.go"));
        assert!(!check(&["src/*.go", "b["], "src/new/a.txt"));
        assert!(!check(&["**"], ".windlass/x"));
        let folders = on_change_folders(Path::new("/p"), &["src/**".into(), "a.go".into()]);
        assert_eq!(folders, [Path::new("/p/src"), Path::new("/p/a.go")]);
    }

    #[test]
    fn a_bad_glob_is_named() {
        let error = on_change_files(Path::new("."), &["a[".into()], Path::new("/cache")).unwrap_err();
        assert!(error.to_string().starts_with("invalid pattern `a[` in `onChange`"), "{error}");
    }
}
