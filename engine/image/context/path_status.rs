//! The status of one path of a context in a build.

use super::glob::Glob;
use super::ignore::LastMatch;
use super::name::{shown, text_of};
use super::{Context, Exclusion};
use crate::image::dockerfile::{ContextSource, ContextSources};

/// The status of one path of a context in a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathStatus {
    /// A change of it changes the image: this source covers it, or `None` if every file is included.
    Counts(Option<String>),
    /// The ignore rules exclude it.
    Ignored {
        /// The line of the ignore file, counted from 1; `None` for a built-in rule.
        line: Option<usize>,
        /// The rule as written.
        rule: String,
    },
    /// No source covers it.
    Unread,
}

impl Context {
    /// The status of `path` (relative, with `/`; it need not exist) in a build that reads `reach`. Symlinks are not
    /// followed.
    pub fn standing(&self, path: &str, reach: &ContextSources) -> PathStatus {
        let rules = &self.inner.rules;
        let last = rules.last_match_of(path);
        if rules.excludes(last) {
            let line = rules.line(last);
            let text = text_of(&self.inner.ignore_text);
            let rule = line.and_then(|line| Some(shown(text.lines().nth(line - 1)?.trim()).into_owned()));
            return PathStatus::Ignored { line, rule: rule.unwrap_or_default() };
        }
        match reach {
            ContextSources::Whole { .. } => PathStatus::Counts(None),
            ContextSources::Sources(sources) => match sources.iter().find(|source| covers(source, path)) {
                Some(source) => PathStatus::Counts(Some(source.path.clone()).filter(|path| !path.is_empty())),
                None => PathStatus::Unread,
            },
        }
    }

    /// Whether `path` (relative, with `/`; it need not exist) is part of a build that reads `reach`; for a directory,
    /// whether anything below it may be. Symlinks are not followed.
    pub fn may_read(&self, path: &str, is_folder: bool, reach: &ContextSources) -> bool {
        let rules = &self.inner.rules;
        let last = rules.last_match_of(path);
        if rules.excludes(last) && !(is_folder && rules.may_include_below(last, path)) {
            return false;
        }
        match reach {
            ContextSources::Whole { .. } => true,
            ContextSources::Sources(sources) => {
                sources.iter().any(|source| covers(source, path) || (is_folder && leads_to(source, path)))
            }
        }
    }
}

/// Whether `source` may match something below `folder`.
fn leads_to(source: &ContextSource, folder: &str) -> bool {
    let mut parts = source.path.split('/');
    folder.split('/').all(|name| {
        parts
            .next()
            .is_some_and(|part| part == name || Glob::parse(part).is_some_and(|glob| glob.matches(name)))
    })
}

/// Whether `source` matches `path` or a directory above it, and does not exclude `path`.
fn covers(source: &ContextSource, path: &str) -> bool {
    let end = match source.path.as_str() {
        "" => 0,
        source => {
            let components = source.matches('/').count() + 1;
            let end = path.match_indices('/').nth(components - 1).map_or(path.len(), |(end, _)| end);
            let head = &path[..end];
            let is_match = head.matches('/').count() + 1 == components
                && (head == source || Glob::parse(source).is_some_and(|glob| glob.matches(head)));
            if !is_match {
                return false;
            }
            end
        }
    };
    let inside = path[end..].trim_start_matches('/');
    !Exclusion::parse(&source.exclude).is_ok_and(|exclude| exclude.excludes(inside))
}

impl super::ignore::Rules {
    /// The line of the ignore file with the rule of this match; `None` for built-in rules.
    fn line(&self, last: LastMatch) -> Option<usize> {
        self.lines.get(last.index()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_cover_the_files_below_them() {
        for (source, path, expected) in [
            ("src", "src/a/b.go", true),
            ("src", "src", true),
            ("src", "srcs/a", false),
            ("src/a", "src", false),
            ("*.txt", "a.txt", true),
            ("*.txt", "sub/a.txt", false),
            ("src/*/x", "src/a/x/y", true),
        ] {
            assert_eq!(covers(&source.into(), path), expected, "{source} {path}");
        }
    }

    #[test]
    fn sources_are_reached_through_the_directories_above_them() {
        for (source, folder, expected) in [
            ("src/a/b.go", "src", true),
            ("src/a/b.go", "src/a", true),
            ("src/*/x", "src/a", true),
            ("src/a", "srcs", false),
            ("src/a", "src/b", false),
            ("a.txt", "src", false),
        ] {
            assert_eq!(leads_to(&source.into(), folder), expected, "{source} {folder}");
        }
    }

    #[test]
    fn excluded_paths_are_not_covered() {
        let source = |path: &str| ContextSource { path: path.to_owned(), exclude: vec!["docs".to_owned()] };
        assert!(covers(&source(""), "a.go"));
        assert!(!covers(&source(""), "docs/a.md"));
        assert!(!covers(&source("src"), "src/docs"));
        assert!(covers(&source("docs"), "docs/a.md"));
    }
}
