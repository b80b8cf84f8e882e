//! Exclude rules of file sync: those of the Go library `go-gitignore`, which differ from git's.

use regex::Regex;

use super::{Pruned, RelativePath};

/// Directories and files that are never synced, at any depth.
const NEVER: [&str; 2] = [".devspace", ".windlass"];
/// The start of the names of own files on both sides.
pub const OWN_PREFIX: &str = ".windlass-";

/// The patterns of `excludePaths` and similar keys. The last one that matches decides; a pattern with `!` includes
/// again, also below an excluded directory.
#[derive(Debug, Clone, Default)]
pub struct ExcludePatterns {
    rules: Vec<Rule>,
    invalid: Vec<String>,
}

#[derive(Debug, Clone)]
struct Rule {
    /// Its place among all patterns, those without effect included.
    place: usize,
    regex: Regex,
    is_negated: bool,
    /// The prefix of every match: up to the first special character of a pattern that begins at the root.
    start: Option<String>,
    /// The selection of the rule, if that is a name at any depth or one path, which may be a directory.
    pruned: Option<Pruned>,
}

impl ExcludePatterns {
    /// The rules of `patterns`, in their order.
    pub fn new<T: AsRef<str>>(patterns: impl IntoIterator<Item = T>) -> Self {
        let mut rules = Self::default();
        for (place, pattern) in patterns.into_iter().enumerate() {
            match Rule::parse(place, pattern.as_ref()) {
                Some(Ok(rule)) => rules.rules.push(rule),
                Some(Err(_)) => rules.invalid.push(pattern.as_ref().to_owned()),
                None => {}
            }
        }
        rules
    }

    /// The patterns that are not valid, and have no effect.
    pub fn invalid(&self) -> &[String] {
        &self.invalid
    }

    /// Whether `path`, relative and with `/`, is excluded.
    pub fn excludes(&self, path: &str, is_directory: bool) -> bool {
        self.deciding(path, is_directory).is_some_and(|(_, excludes)| excludes)
    }

    /// The place of the pattern that decides about `path`, and whether it excludes it; `None` if no pattern matches it.
    pub fn deciding(&self, path: &str, is_directory: bool) -> Option<(usize, bool)> {
        let rule = &self.rules[self.last_match(path, is_directory)?];
        Some((rule.place, !rule.is_negated))
    }

    /// Whether the directory `path` and all below it are excluded, so that it need not be read.
    pub fn prunes(&self, path: &str) -> bool {
        let Some(last) = self.last_match(path, true) else { return false };
        let below = format!("/{path}/");
        let may_include = |rule: &Rule| match &rule.start {
            Some(start) => start.starts_with(&below) || below.starts_with(start.as_str()),
            None => true,
        };
        // A rule that matches a directory matches everything below it.
        !self.rules[last].is_negated
            && !self.rules[last..].iter().any(|rule| rule.is_negated && may_include(rule))
    }

    /// The names and paths that each select whole subtrees, for scans in containers.
    pub fn pruned(&self) -> Vec<Pruned> {
        let own = NEVER.iter().map(|name| Pruned::Name((*name).to_owned()));
        let rules = self.rules.iter().enumerate().filter(|(index, rule)| {
            !rule.is_negated && !self.rules[*index..].iter().any(|rule| rule.is_negated)
        });
        own.chain(rules.filter_map(|(_, rule)| rule.pruned.clone())).collect()
    }

    fn last_match(&self, path: &str, is_directory: bool) -> Option<usize> {
        if self.rules.is_empty() {
            return None;
        }
        let path = format!("/{path}{}", if is_directory { "/" } else { "" });
        self.rules.iter().rposition(|rule| rule.regex.is_match(&path))
    }
}

/// Whether `path` belongs to windlass or DevSpace and is never synced.
pub fn is_own(path: &str) -> bool {
    path.split('/').any(|name| NEVER.contains(&name) || name.starts_with(OWN_PREFIX))
}

impl Rule {
    /// The rule of a pattern; `None` for a comment or an empty line. The steps are those of the Go library, including
    /// that a character other than `*`, `?` and `.` keeps its meaning in a regular expression.
    fn parse(place: usize, pattern: &str) -> Option<Result<Self, regex::Error>> {
        let line = pattern.trim_end_matches('\r');
        if line.starts_with('#') {
            return None;
        }
        let line = line.trim_matches(' ');
        if line.is_empty() {
            return None;
        }
        let (is_negated, line) = match line.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        let mut line = line.strip_prefix(['#', '!']).unwrap_or(line).to_owned();
        if !line.starts_with('/') && names_files_of_directory(&line) {
            line.insert(0, '/');
        }
        let is_from_root = line.starts_with('/') && !line.starts_with("/**/");
        let special = |letter: char| !(letter.is_alphanumeric() || "/-_. ".contains(letter));
        let start = is_from_root.then(|| line.split(special).next().unwrap_or_default().to_owned());
        let is_plain = !line.contains(special) && !line.ends_with('/');
        let pruned = match line.strip_prefix('/') {
            Some(path) if is_plain => RelativePath::new(path).map(Pruned::Path),
            None if is_plain && !line.contains('/') => Some(Pruned::Name(line.clone())),
            _ => None,
        };
        let expression = expression(&line);
        let regex = Regex::new(&expression).or_else(|_| {
            // The Go library reads braces literally if they are not a repetition.
            Regex::new(&expression.replace('{', r"\{").replace('}', r"\}"))
        });
        Some(regex.map(|regex| Self { place, regex, is_negated, start, pruned }))
    }
}

/// Whether the pattern has the form `directory/*.ext`: it then begins at the root.
fn names_files_of_directory(line: &str) -> bool {
    let Some(star) = line.rfind("*.") else { return false };
    line[..star]
        .char_indices()
        .any(|(at, letter)| letter == '/' && line[..at].ends_with(|before| before != '/' && before != '+'))
}

/// The regular expression of a pattern.
fn expression(line: &str) -> String {
    /// Stands for a star that belongs to the expression.
    const STAR: &str = "\u{1}";
    let line = line.replace('.', r"\.");
    let line = if line.starts_with("/**/") { &line[1..] } else { &line };
    let line = line
        .replace("/**/", "(/|/.+/)")
        .replace("**/", &format!("(|.{STAR}/)"))
        .replace("/**", &format!("(|/.{STAR})"))
        .replace(r"\*", &format!(r"\{STAR}"))
        .replace('*', "([^/]*)")
        .replace('?', r"\?")
        .replace(STAR, "*");
    let end = if line.ends_with('/') { "(|.*)$" } else { "(|/.*)$" };
    match line.strip_prefix('/') {
        Some(rest) => format!("^(|/){rest}{end}"),
        None => format!("^(|.*/){line}{end}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks paths, those of directories with `/` at their end.
    fn check(patterns: &[&str], excluded: &[&str], included: &[&str]) {
        let rules = ExcludePatterns::new(patterns);
        let is_excluded = |path: &str| {
            let (path, is_directory) = path.strip_suffix('/').map_or((path, false), |path| (path, true));
            rules.excludes(path, is_directory)
        };
        for path in excluded {
            assert!(is_excluded(path), "{patterns:?} exclude {path}");
        }
        for path in included {
            assert!(!is_excluded(path), "{patterns:?} include {path}");
        }
    }

    #[test]
    fn patterns_match_as_in_the_go_library() {
        // Its own tests.
        check(
            &["abc/def", "a/b/c", "b"],
            &["abc/def/child", "a/b/c/d", "x/abc/def", "b", "x/b/y"],
            &["abc", "def", "bd"],
        );
        check(&["/*", "!/foo", "/foo/*", "!/foo/bar"], &["a", "foo/baz"], &["foo", "foo/bar", "foo/bar/x"]);
        check(
            &["#", "# A comment", "", "          # Invalid Comment", "abc/def"],
            &["abc/def"],
            &["abc/abc"],
        );
        check(
            &["/a/b/c", "d/e/f", "/g"],
            &["a/b/c", "a/b/c/d", "d/e/f", "x/d/e/f", "g"],
            &["x/a/b/c", "x/g"],
        );
        check(
            &[r"\#file.txt", r"\!file.txt", "file.txt"],
            &["#file.txt", "!file.txt", "a/!file.txt", "file.txt", "a/file.txt"],
            &["file2.txt", "fileXtxt"],
        );
        check(
            &["Documentation/*.html"],
            &["Documentation/git.html"],
            &["Documentation/ppc/ppc.html", "tools/perf/Documentation/perf.html"],
        );
        check(&["**/foo", "bar"], &["foo", "baz/foo", "bar", "baz/bar"], &["foobar", "a/foob"]);
        // The rest of its rules.
        check(&["dir/"], &["dir/", "x/dir/", "dir/a", "x/dir/a/b"], &["dir", "mydir/", "dirs/"]);
        check(&["a/**/b"], &["a/b", "a/x/b", "a/x/y/b/c"], &["ab", "a/xb"]);
        check(&["abc/**"], &["abc", "abc/x/y", "z/abc/x"], &["abcd"]);
        check(
            &["*.pyc", "x?y", "[ab].txt"],
            &["q.pyc", "z/q.pyc", "x?y", "a.txt", "z/b.txt"],
            &["xzy", "c.txt"],
        );
        check(&["/**/x"], &["x", "a/x"], &["ax"]);
        check(&["*.{js,ts}"], &["a.{js,ts}"], &["a.js"]);
        check(&["**"], &["a", "a/b", "c/"], &[]);
    }

    #[test]
    fn the_last_pattern_that_matches_decides() {
        let rules = ExcludePatterns::new(["# comment", "a[", "log/", "", "!log/keep", "*.o"]);
        let check = |path, expected| assert_eq!(rules.deciding(path, false), expected, "{path}");
        check("log/a", Some((2, true)));
        check("log/keep", Some((4, false)));
        check("log/a.o", Some((5, true)));
        check("a", None);
    }

    #[test]
    fn later_patterns_include_again_even_below_an_excluded_directory() {
        check(&["**", "!/app/"], &["a", "ap/x", "app"], &["app/", "app/x/y"]);
        check(&["log/", "!log/keep"], &["log/", "log/a"], &["log/keep"]);
        check(&["!log/keep", "log/"], &["log/keep"], &[]);
        // A single file of a directory.
        check(&["*", "!/app.json"], &["a", "a/app.json", "app.jsonx", "b/"], &["app.json"]);
    }

    #[test]
    fn directories_are_pruned_where_nothing_can_be_included_again() {
        let prunes = |patterns: &[&str], path| ExcludePatterns::new(patterns).prunes(path);
        assert!(prunes(&["node_modules"], "node_modules"));
        assert!(prunes(&["node_modules"], "a/node_modules/b"));
        assert!(!prunes(&["node_modules"], "a"));
        assert!(!prunes(&["log/", "!log/keep"], "log"));
        assert!(!prunes(&["**", "!/app/src/"], "app"));
        assert!(!prunes(&["**", "!/app/src/"], "app/src"));
        assert!(prunes(&["**", "!/app/src/"], "lib"));
        assert!(prunes(&["!log/keep", "log/"], "log"));
        assert!(!prunes(&["a/", "!/**/keep"], "a"));
        assert!(!prunes(&["a/", "!/[a]/keep"], "a"));
    }

    #[test]
    fn scans_skip_the_matches_of_plain_patterns() {
        let pruned = |patterns: &[&str]| ExcludePatterns::new(patterns).pruned().split_off(NEVER.len());
        let path = RelativePath::new("a/b").expect("a path");
        let (name, path) = (Pruned::Name("node_modules".to_owned()), Pruned::Path(path));
        assert_eq!(pruned(&["node_modules", "/a/b", "dir/", "x/y", "*.o"]), [name, path.clone()]);
        assert_eq!(pruned(&["node_modules", "!node_modules/a", "/a/b"]), [path]);
    }

    #[test]
    fn invalid_patterns_are_named_and_have_no_effect() {
        let rules = ExcludePatterns::new(["a[", "b"]);
        assert_eq!(rules.invalid(), ["a["]);
        assert!(rules.excludes("b", false) && !rules.excludes("a[", false));
    }

    #[test]
    fn own_files_are_never_synced() {
        for path in [".windlass", ".windlass/x", "a/.devspace/b", ".windlass-stage", "a/.windlass-1/b"] {
            assert!(is_own(path), "{path}");
        }
        assert!(!is_own("windlass") && !is_own(".windlassx"));
    }
}
