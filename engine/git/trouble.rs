//! Why git cannot tell about a folder.

/// Why git cannot tell about a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GitTrouble {
    /// It lies in no repository.
    NoRepository,
    /// Its repository has no commit yet.
    NoCommit,
    /// Something else, such as a repository of another user or a worktree whose repository is gone.
    Other {
        /// Git's own reason.
        reason: String,
        /// The command that git advises, if it does.
        advice: Option<String>,
    },
}

impl GitTrouble {
    /// What git means by `errors`, which it wrote to its standard error in the locale `C`.
    pub fn of(errors: &str) -> Self {
        let says = |words: &[&str]| words.iter().any(|word| errors.contains(word));
        // A repository that is named and not there is another matter: git shows its path then.
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
        let reason = marked.or_else(|| lines().next_back()).unwrap_or("it does not say why");
        let reason = reason.trim_start_matches("fatal: ").trim_start_matches("error: ").to_owned();
        Self::Other { reason, advice: lines().find(|line| line.starts_with("git ")).map(str::to_owned) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_gits_own() {
        let other = |reason: &str, advice: Option<&str>| GitTrouble::Other {
            reason: reason.to_owned(),
            advice: advice.map(str::to_owned),
        };
        let check =
            |errors: &str, expected: GitTrouble| assert_eq!(GitTrouble::of(errors), expected, "{errors}");
        let none = "fatal: not a git repository (or any of the parent directories): .git";
        check(none, GitTrouble::NoRepository);
        check(
            "fatal: not a git repository (or any parent up to mount point /)\nStopping at filesystem boundary",
            GitTrouble::NoRepository,
        );
        check("fatal: Needed a single revision", GitTrouble::NoCommit);
        check("fatal: your current branch 'main' does not have any commits yet", GitTrouble::NoCommit);
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
        check("", other("it does not say why", None));
    }
}
