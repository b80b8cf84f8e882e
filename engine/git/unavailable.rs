//! Why git has no information about a directory.

/// Why git has no information about a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GitUnavailable {
    /// It is not in a repository.
    NoRepository,
    /// Its repository has no commit yet.
    NoCommit,
    /// Another error, such as a repository of another user, or a worktree whose repository was deleted.
    Other {
        /// Git's own message.
        reason: String,
        /// The command that git suggests, if any.
        advice: Option<String>,
    },
}

impl GitUnavailable {
    /// Classifies `errors`, which git wrote to its standard error in the locale `C`.
    pub fn of(errors: &str) -> Self {
        let says = |words: &[&str]| words.iter().any(|word| errors.contains(word));
        // If a `.git` file names a repository that does not exist, git prints its path: that is another error.
        if says(&["not a git repository (or any"]) {
            return Self::NoRepository;
        }
        if says(&[
            "Needed a single revision",
            "ambiguous argument 'HEAD'",
            "Not a valid object name HEAD",
            "malformed object name 'HEAD'",
            "malformed object name HEAD",
            "does not have any commits yet",
        ]) {
            return Self::NoCommit;
        }
        let lines = || errors.lines().map(str::trim).filter(|line| !line.is_empty());
        let marked = lines().find(|line| line.starts_with("fatal:") || line.starts_with("error:"));
        let reason = marked.or_else(|| lines().next_back()).unwrap_or("git gave no reason");
        let reason = reason.trim_start_matches("fatal: ").trim_start_matches("error: ").to_owned();
        Self::Other { reason, advice: lines().find(|line| line.starts_with("git ")).map(str::to_owned) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_gits_own() {
        let other = |reason: &str, advice: Option<&str>| GitUnavailable::Other {
            reason: reason.to_owned(),
            advice: advice.map(str::to_owned),
        };
        let check = |errors: &str, expected: GitUnavailable| {
            assert_eq!(GitUnavailable::of(errors), expected, "{errors}")
        };
        let none = "fatal: not a git repository (or any of the parent directories): .git";
        check(none, GitUnavailable::NoRepository);
        check(
            "fatal: not a git repository (or any parent up to mount point /)\nStopping at filesystem boundary",
            GitUnavailable::NoRepository,
        );
        check("fatal: Needed a single revision", GitUnavailable::NoCommit);
        check("fatal: your current branch 'main' does not have any commits yet", GitUnavailable::NoCommit);
        let gone = "not a git repository: /src/.git/worktrees/w";
        check(&format!("fatal: {gone}"), other(gone, None));
        check("fatal: invalid gitfile format: /b/.git", other("invalid gitfile format: /b/.git", None));
        check(
            "fatal: detected dubious ownership in repository at '/x'\nTo add an exception for this directory, \
             call:\n\n\tgit config --global --add safe.directory /x\n",
            other(
                "detected dubious ownership in repository at '/x'",
                Some("git config --global --add safe.directory /x"),
            ),
        );
        check("", other("git gave no reason", None));
    }
}
