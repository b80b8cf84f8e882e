//! In-memory git with a few facts.

use super::ProgramRule;

/// The facts of a project's git repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitFacts {
    /// The branch; `None` if none is checked out.
    pub branch: Option<String>,
    /// The commit, 40 hex digits.
    pub commit: String,
    /// The commit's tags, the highest version first.
    pub tags: Vec<String>,
    /// Whether files differ from the commit.
    pub is_dirty: bool,
    /// The commit time, in seconds since 1970.
    pub time: i64,
    /// The URL of the remote `origin`.
    pub remote: Option<String>,
    /// The output of `git describe`.
    pub describe: Option<String>,
}

impl Default for GitFacts {
    fn default() -> Self {
        Self {
            branch: Some("main".to_owned()),
            commit: "0123456789abcdef0123456789abcdef01234567".to_owned(),
            tags: Vec::new(),
            is_dirty: false,
            time: super::clock::start().as_second(),
            remote: None,
            describe: None,
        }
    }
}

impl GitFacts {
    /// The commit in seven digits.
    fn short(&self) -> String {
        self.commit.chars().take(7).collect()
    }

    fn described(&self) -> String {
        let tag = || self.tags.first().cloned();
        self.describe.clone().or_else(tag).unwrap_or_else(|| self.short())
    }
}

/// The result of the git command line `words`.
pub(super) fn answer(facts: Option<&GitFacts>, words: &[String]) -> ProgramRule {
    let failed =
        |stderr: &str| ProgramRule { code: 128, stderr: stderr.to_owned(), ..ProgramRule::default() };
    let Some(facts) = facts else {
        return failed("fatal: not a git repository (or any of the parent directories): .git");
    };
    let said = |stdout: String| ProgramRule { stdout, ..ProgramRule::default() };
    let silent = || ProgramRule { code: 1, ..ProgramRule::default() };
    let (verb, arguments) = question(words);
    let has = |argument: &str| arguments.contains(&argument);
    match verb {
        "rev-parse" if has("--abbrev-ref") => said(facts.branch.clone().unwrap_or_else(|| "HEAD".to_owned())),
        "rev-parse" if arguments.iter().any(|argument| argument.starts_with("--short")) => {
            said(facts.short())
        }
        "rev-parse" => said(facts.commit.clone()),
        "symbolic-ref" | "branch" => facts.branch.clone().map_or_else(silent, said),
        "status" => said(if facts.is_dirty { " M changed".to_owned() } else { String::new() }),
        "tag" => said(facts.tags.join("\n")),
        "show" | "log" => said(facts.time.to_string()),
        "remote" | "config" => facts.remote.clone().map_or_else(silent, said),
        "describe" if facts.tags.is_empty() && facts.describe.is_none() && !has("--always") => {
            failed("fatal: No names found, cannot describe anything.")
        }
        "describe" => said(facts.described()),
        _ => failed(&format!("fatal: the in-memory host does not support `git {verb}`")),
    }
}

/// The subcommand of a git command line and its arguments; ignores options before it.
fn question(words: &[String]) -> (&str, Vec<&str>) {
    let mut words = words.iter().map(String::as_str).skip(1);
    while let Some(word) = words.next() {
        match word {
            "-c" | "-C" => drop(words.next()),
            word if word.starts_with('-') => {}
            verb => return (verb, words.collect()),
        }
    }
    ("", Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_answers_from_facts() {
        let facts = GitFacts { tags: vec!["v1.4.0".to_owned()], is_dirty: true, ..GitFacts::default() };
        let ask = |line: &str| {
            let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
            answer(Some(&facts), &words).stdout
        };
        assert_eq!(ask("git -c core.hooksPath=/dev/null rev-parse --short HEAD"), "0123456");
        assert_eq!(ask("git rev-parse HEAD"), facts.commit);
        assert_eq!(ask("git symbolic-ref --quiet --short HEAD"), "main");
        assert_eq!(ask("git describe --tags --always"), "v1.4.0");
        assert_eq!(ask("git status --porcelain"), " M changed");
        assert_eq!(answer(None, &["git".to_owned(), "status".to_owned()]).code, 128);
    }
}
