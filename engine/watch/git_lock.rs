//! The lock that git holds while it changes files.

use std::path::{Path, PathBuf};

/// The lock file of the git repository that `folder` is in, whether it exists or not.
pub(super) fn lock_file(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find_map(|folder| {
        let git = folder.join(".git");
        let found = git.symlink_metadata().ok()?;
        if found.is_dir() {
            return Some(git.join("index.lock"));
        }
        // A work tree or submodule names its directory in a file.
        let text = crate::input_file::read_text(&git).ok()?;
        let named = text.lines().find_map(|line| line.strip_prefix("gitdir:"))?;
        Some(folder.join(named.trim()).join("index.lock"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_of_a_repository_and_of_a_work_tree_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let (main, tree) = (folder.path().join("main"), folder.path().join("tree"));
        std::fs::create_dir_all(main.join(".git")).unwrap();
        std::fs::create_dir_all(main.join("src")).unwrap();
        std::fs::create_dir_all(&tree).unwrap();
        std::fs::write(tree.join(".git"), "gitdir: ../main/.git/worktrees/tree\n").unwrap();
        assert_eq!(lock_file(&main.join("src")), Some(main.join(".git/index.lock")));
        assert_eq!(lock_file(&tree), Some(tree.join("../main/.git/worktrees/tree/index.lock")));
    }
}
