//! `.helmignore`: which files of a directory are not part of the chart.

use super::glob::matches;

/// The rules of a `.helmignore`, with the semantics of helm.
#[derive(Debug, Default)]
pub(super) struct HelmIgnore(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    pattern: String,
    is_negated: bool,
    only_directories: bool,
    scope: Scope,
}

/// The text that a pattern is compared with.
#[derive(Debug, PartialEq, Eq)]
enum Scope {
    /// The path from the chart's directory.
    Path,
    /// The name alone.
    Name,
}

impl HelmIgnore {
    /// Parses the content of the file. Lines with `**` are skipped here: helm reports them.
    pub(super) fn parse(text: &str) -> Self {
        let own = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        // Helm adds this rule.
        let rules = own.chain(["templates/.?*"]).filter(|line| !line.contains("**"));
        Self(rules.map(Rule::parse).collect())
    }

    /// Whether the file or directory at `path`, relative to the chart, is ignored.
    pub(super) fn ignores(&self, path: &str, is_directory: bool) -> bool {
        for rule in &self.0 {
            let fits = is_directory || !rule.only_directories;
            match (rule.is_negated, rule.matches(path)) {
                // A negated pattern ignores everything that it does not match.
                (true, is_match) if !fits || !is_match => return true,
                (false, true) if fits => return true,
                _ => {}
            }
        }
        false
    }
}

impl Rule {
    fn parse(line: &str) -> Self {
        let (is_negated, rest) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
        let (only_directories, rest) = rest.strip_suffix('/').map_or((false, rest), |rest| (true, rest));
        let scope = if rest.contains('/') { Scope::Path } else { Scope::Name };
        let pattern = rest.strip_prefix('/').unwrap_or(rest).to_owned();
        Self { pattern, is_negated, only_directories, scope }
    }

    fn matches(&self, path: &str) -> bool {
        let compared = match self.scope {
            Scope::Path => path,
            Scope::Name => path.rsplit('/').next().unwrap_or(path),
        };
        matches(&self.pattern, compared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_follow_helm() {
        let ignore = HelmIgnore::parse("# comment\n\n*.tmp\n/ci\nnotes/\ndocs/*.md\n");
        let check = |path, is_directory, expected| {
            assert_eq!(ignore.ignores(path, is_directory), expected, "{path}");
        };
        check("a.tmp", false, true);
        check("templates/a.tmp", false, true);
        check("ci", true, true);
        check("templates/ci", true, false);
        check("notes", true, true);
        check("notes", false, false);
        check("docs/a.md", false, true);
        check("docs/sub/a.md", false, false);
        check("templates/.hidden", false, true);
        check("templates/web.yaml", false, false);
    }

    #[test]
    fn negated_rules_ignore_paths_that_they_do_not_match() {
        let ignore = HelmIgnore::parse("!*.yaml\n");
        assert!(ignore.ignores("a.txt", false));
        assert!(!ignore.ignores("a.yaml", false));
    }
}
