//! Ignore files: which files of a directory are not part of the build context.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use miette::{NamedSource, SourceSpan};

use super::ContextError;
use super::name::{shown, text_of};
use super::pattern::Pattern;

/// The directories that windlass and DevSpace use themselves, excluded from every context. In a synced directory,
/// downloads arrive in the last one.
const ALWAYS: [&str; 3] = ["**/.windlass", "**/.devspace", "**/.windlass-stage"];

/// The rules of one ignore file, with the semantics of moby's `patternmatcher`: patterns are relative to the
/// context's root, a pattern that matches a directory matches everything below, the last match wins.
#[derive(Debug)]
pub(super) struct Rules {
    patterns: Vec<Pattern>,
    /// The line of each pattern of the file, counted from 1.
    pub(super) lines: Vec<usize>,
    has_exceptions: bool,
}

/// The last pattern that matches a path or a directory above it. A walk passes only this down: earlier patterns
/// are overridden for everything below.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LastMatch(usize);

impl LastMatch {
    /// The index of the pattern; `None` if none matches.
    pub(super) fn index(self) -> Option<usize> {
        self.0.checked_sub(1)
    }
}

impl Rules {
    /// Parses the content of an ignore file; `name` is the path shown in messages.
    pub(super) fn parse(name: &str, text: &[u8]) -> Result<Self, ContextError> {
        let text = text_of(text);
        let (mut patterns, mut lines) = (Vec::new(), Vec::new());
        let mut offset = 0;
        for (index, line) in text.split_inclusive('\n').enumerate() {
            if let Some(pattern) = pattern_of(line, index == 0) {
                let compiled = Pattern::compile(&pattern)
                    .ok_or_else(|| bad_pattern(name, &text, index + 1, offset, line))?;
                patterns.push(compiled);
                lines.push(index + 1);
            }
            offset += line.len();
        }
        patterns.extend(ALWAYS.iter().filter_map(|pattern| Pattern::compile(pattern)));
        let has_exceptions = patterns.iter().any(|pattern| pattern.negated);
        Ok(Self { patterns, lines, has_exceptions })
    }

    /// The rules with an additional one that excludes the directory `own`, whatever the file contains.
    pub(super) fn and_without(mut self, own: Option<String>) -> Self {
        self.patterns.extend(own.map(Pattern::literal));
        self
    }

    /// The last match of `path`, given that of its directory.
    pub(super) fn last_match(&self, folder: LastMatch, path: &str) -> LastMatch {
        let newer = &self.patterns[folder.0..];
        match newer.iter().rposition(|pattern| pattern.matches(path)) {
            Some(index) => LastMatch(folder.0 + index + 1),
            None => folder,
        }
    }

    /// Whether a path with this last match is excluded.
    pub(super) fn excludes(&self, last: LastMatch) -> bool {
        last.index().and_then(|index| self.patterns.get(index)).is_some_and(|pattern| !pattern.negated)
    }

    /// Whether a file below the excluded `folder` could be included again.
    pub(super) fn may_include_below(&self, last: LastMatch, folder: &str) -> bool {
        self.has_exceptions
            && self.patterns[last.0..]
                .iter()
                .any(|pattern| pattern.negated && pattern.may_match_below(folder))
    }

    /// The last match of `path` from the root on.
    pub(super) fn last_match_of(&self, path: &str) -> LastMatch {
        let folders = path.match_indices('/').map(|(end, _)| &path[..end]);
        folders.chain([path]).fold(LastMatch::default(), |last, path| self.last_match(last, path))
    }
}

/// The paths that `text`, the content of an ignore file called `name` in messages, excludes from a context.
///
/// # Errors
/// [`ContextError::BadPattern`] with the position of the first malformed pattern.
pub fn excluded<'a>(name: &str, text: &[u8], paths: &[&'a str]) -> Result<Vec<&'a str>, ContextError> {
    let rules = Rules::parse(name, text)?;
    Ok(paths.iter().copied().filter(|path| rules.excludes(rules.last_match_of(path))).collect())
}

/// Reads the ignore file of a context: `devspace.dockerignore` in it,
/// `<dockerfile>.dockerignore`, or `.dockerignore` in it; only the first one that exists.
/// Empty if none exists.
pub(super) fn read(
    root: &Path,
    dockerfile: Option<&Path>,
) -> Result<(Option<Arc<Path>>, Vec<u8>), ContextError> {
    let beside = dockerfile.map(|dockerfile| {
        let mut name = dockerfile.as_os_str().to_owned();
        name.push(".dockerignore");
        PathBuf::from(name)
    });
    let candidates = [Some(root.join("devspace.dockerignore")), beside, Some(root.join(".dockerignore"))];
    for path in candidates.into_iter().flatten() {
        match crate::input_file::read(&path) {
            Ok(text) => return Ok((Some(path.into()), text)),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            Err(source) => return Err(ContextError::unreadable(path, source)),
        }
    }
    Ok((None, Vec::new()))
}

/// The pattern on a line, cleaned as moby's reader of ignore files does; `None` for a blank or comment line.
fn pattern_of(line: &str, is_first: bool) -> Option<String> {
    let line = if is_first { line.strip_prefix('\u{feff}').unwrap_or(line) } else { line };
    if line.starts_with('#') {
        return None;
    }
    let line = line.trim();
    let (bang, pattern) = match line.strip_prefix('!') {
        Some(pattern) => ("!", pattern.trim()),
        None => ("", line),
    };
    if pattern.is_empty() {
        return (bang == "!").then(|| "!".to_owned());
    }
    let cleaned = clean(pattern);
    let relative = if cleaned.len() > 1 { cleaned.strip_prefix('/').unwrap_or(&cleaned) } else { &cleaned };
    // Docker cleans twice: when it reads the line and, including the `!`, when it compiles the pattern.
    Some(clean(format!("{bang}{relative}").trim()))
}

/// Go's `filepath.Clean`: the shortest equivalent path, without accessing the disk.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut components: Vec<&str> = Vec::new();
    for component in path.split('/') {
        match component {
            "" | "." => {}
            ".." if components.last().is_some_and(|last| *last != "..") => {
                components.pop();
            }
            ".." if rooted => {}
            component => components.push(component),
        }
    }
    let joined = components.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

fn bad_pattern(name: &str, text: &str, line_number: usize, offset: usize, line: &str) -> ContextError {
    let body = line.trim_start_matches('\u{feff}');
    let pattern = body.trim();
    let start = (line.len() - body.len()) + (body.len() - body.trim_start().len());
    ContextError::BadPattern(Box::new(super::BadPattern {
        file: name.to_owned(),
        line: line_number,
        column: line[..start].chars().filter(|character| *character != '\u{feff}').count() + 1,
        pattern: shown(pattern).into_owned(),
        text: NamedSource::new(name, text.to_owned()),
        span: SourceSpan::from((offset + start, pattern.len())),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, paths: &[&str], expected: &[&str]) {
        let answer = excluded(".dockerignore", text.as_bytes(), paths).expect("valid rules");
        assert_eq!(answer, expected, "{text:?}");
    }

    #[test]
    fn reads_lines_as_docker_does() {
        check("\u{feff}a\r\n# b\n  c/  \n\n #d\n", &["a", "b", "c", "#d"], &["a", "c", "#d"]);
        check("./a/../b//c\n/d\n", &["b/c", "d", "a"], &["b/c", "d"]);
        check("a\n/!a", &["a"], &[]);
    }

    #[test]
    fn last_match_wins_and_directories_count() {
        check("a\n!a/b\n", &["a", "a/b", "a/b/c", "a/c"], &["a", "a/c"]);
        check("a\n!a/b\na\n", &["a/b"], &["a/b"]);
        check("*\n!**/*.md\n", &["x.md", "x/y.md", "x/y"], &["x/y"]);
    }

    #[test]
    fn own_directories_never_count() {
        let paths = [".windlass/state", "a/.windlass/state", ".devspace/x", "a.windlass"];
        check("!.windlass\n!**\n", &paths, &paths[..3]);
    }

    #[test]
    fn a_bad_pattern_is_located() {
        let error = excluded("ctx/.dockerignore", b"ok\n\n  !a[b\n", &[]).expect_err("a bad pattern");
        assert_eq!(
            error.to_string(),
            "cannot read `ctx/.dockerignore`: line 3, column 3: `!a[b` is not a valid pattern"
        );
        let ContextError::BadPattern(bad) = error else { panic!("{error:?}") };
        assert_eq!((bad.span.offset(), bad.span.len()), (6, 4));
    }

    #[test]
    fn cleans_like_go() {
        for (path, expected) in
            [("", "."), ("/", "/"), ("a/..", "."), ("../a", "../a"), ("/../a", "/a"), ("a//b/./c/", "a/b/c")]
        {
            assert_eq!(clean(path), expected, "{path}");
        }
    }
}
