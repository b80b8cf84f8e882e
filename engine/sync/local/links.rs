//! The links that are followed.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::RelativePath;
use super::super::exclude::OWN_PREFIX;
use super::super::reconcile::stays_inside;
use super::LocalFolder;
use super::scan::{DEEPEST, identity};

/// The longest chain of links.
const LONGEST: usize = 40;

/// A link that points out of the directory: its target is synced instead of the link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowedLink {
    /// The link.
    pub path: RelativePath,
    /// Its targets, one after another if they are links too. The last one may be missing.
    pub targets: Vec<PathBuf>,
}

impl LocalFolder {
    /// The links that are followed, also those below others.
    pub fn followed_links(&self) -> Vec<FollowedLink> {
        let mut found = Vec::new();
        self.find_links(None, 0, &mut found);
        found
    }

    fn find_links(&self, directory: Option<&RelativePath>, depth: usize, found: &mut Vec<FollowedLink>) {
        if depth > DEEPEST {
            return;
        }
        let on_disk = directory.map_or_else(|| self.root().to_owned(), |path| self.on_disk(path));
        // Scans report paths that cannot be read.
        for item in fs::read_dir(on_disk).into_iter().flatten().flatten() {
            let Ok(kind) = item.file_type() else { continue };
            if !kind.is_dir() && !kind.is_symlink() {
                continue;
            }
            let name = item.file_name();
            let path = name.to_str().filter(|name| !name.starts_with(OWN_PREFIX));
            let path = path.and_then(|name| match directory {
                Some(directory) => directory.child(name),
                None => RelativePath::new(name),
            });
            let Some(path) = path.filter(|path| !self.prunes(path)) else { continue };
            if kind.is_symlink() {
                let target = fs::read_link(item.path()).ok();
                if target.as_deref().and_then(Path::to_str).is_none_or(|target| stays_inside(&path, target)) {
                    continue;
                }
                found.push(FollowedLink { targets: targets(&item.path()), path: path.clone() });
                if !item.path().is_dir() || self.is_loop(&path) {
                    continue;
                }
            }
            self.find_links(Some(&path), depth + 1, found);
        }
    }

    /// Whether the link `path` leads to a directory that contains it.
    fn is_loop(&self, path: &RelativePath) -> bool {
        let target = identity(&self.on_disk(path));
        let parents = std::iter::successors(path.parent(), RelativePath::parent);
        let mut around = parents.map(|parent| self.on_disk(&parent)).chain([self.root().to_owned()]);
        around.any(|folder| identity(&folder) == target)
    }
}

/// Where `link` leads, by way of further links, with the links above each resolved.
fn targets(link: &Path) -> Vec<PathBuf> {
    let mut targets = Vec::new();
    let mut next = link.to_owned();
    while let Ok(target) = fs::read_link(&next)
        && targets.len() < LONGEST
    {
        let target = next.parent().unwrap_or(Path::new("/")).join(target);
        let real = match (target.parent().map(Path::canonicalize), target.file_name()) {
            (Some(Ok(folder)), Some(name)) => folder.join(name),
            // It ends in `..`, or is the root; or it is missing, and so is the directory that it should be in.
            _ => match target.canonicalize() {
                Ok(real) => real,
                Err(_) => break,
            },
        };
        targets.push(real.clone());
        next = real;
    }
    targets
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::super::exclude::ExcludePatterns;
    use super::*;

    #[test]
    fn links_that_leave_are_found_with_all_that_they_lead_through() {
        let temp = tempfile::tempdir().expect("a directory");
        let temp = temp.path().canonicalize().expect("a real path");
        let (root, out) = (temp.join("root"), temp.join("out"));
        for folder in [root.join("a"), root.join("skipped"), out.join("deep")] {
            fs::create_dir_all(folder).expect("created");
        }
        fs::write(out.join("file"), "text").expect("written");
        let links = [
            (root.join("inside"), "a"),
            (root.join("a/folder"), "../../out"),
            (root.join("chain"), "../hop"),
            (temp.join("hop"), "out/file"),
            (root.join("gone"), "/nowhere"),
            (root.join("loop"), "../root"),
            (root.join("skipped/x"), "../../out"),
            (out.join("deep/up"), "../file"),
        ];
        for (at, target) in &links {
            symlink(target, at).expect("a link");
        }
        let folder = LocalFolder::new(root.clone(), ExcludePatterns::new(["skipped"]));
        let mut found: Vec<_> =
            folder.followed_links().into_iter().map(|link| (link.path.to_string(), link.targets)).collect();
        found.sort();
        let expected = [
            ("a/folder".to_owned(), vec![out.clone()]),
            ("chain".to_owned(), vec![temp.join("hop"), out.join("file")]),
            ("gone".to_owned(), vec![PathBuf::from("/nowhere")]),
            ("loop".to_owned(), vec![root]),
        ];
        assert_eq!(found, expected);
    }
}
