//! The file system of an image in memory: names, kinds and owners; the content of files is not copied.

use std::sync::Arc;

use super::node::{Folder, FsNode, Meta, Name};

/// How many symlinks a path may contain, as in Linux.
const MOST_LINKS: usize = 255;
/// How many names a path may have. Linux limits paths to 4,096 bytes.
pub(super) const DEEPEST: usize = 1024;

/// The names from the root to a node.
pub(super) type Path = Vec<Name>;

/// The file system of an image. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct RootFs {
    pub(super) root: Folder,
}

/// The names of `path`, without empty ones and `.`; `..` removes the name before it, if there is one.
pub(super) fn names(path: &[u8]) -> Path {
    let mut names = Path::new();
    for name in path.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => drop(names.pop()),
            name => names.push(name.into()),
        }
    }
    names
}

/// `path` as an absolute path, for messages.
pub(super) fn shown(path: &[Name]) -> String {
    path.iter().fold(String::new(), |text, name| text + "/" + &*String::from_utf8_lossy(name))
}

/// The error for a path with more than [`DEEPEST`] names.
pub(super) fn too_deep() -> String {
    format!("a path has more than {DEEPEST} names")
}

impl RootFs {
    /// The node at `path`, whose symlinks are not followed; `None` for the root.
    pub(super) fn get(&self, path: &[Name]) -> Option<&FsNode> {
        let (last, folders) = path.split_last()?;
        self.folder(folders)?.children.get(last)
    }

    /// The directory at `path`, whose symlinks are not followed.
    pub(super) fn folder(&self, path: &[Name]) -> Option<&Folder> {
        path.iter().try_fold(&self.root, |folder, name| match folder.children.get(name)? {
            FsNode::Folder(folder) => Some(folder),
            _ => None,
        })
    }

    /// `path` with all symlinks resolved, including the last one, relative to the root of the image. Names that do
    /// not exist are kept.
    ///
    /// # Errors
    /// A cycle of symlinks, as a phrase.
    pub(super) fn resolve(&self, path: &[Name]) -> Result<Path, String> {
        if path.len() > DEEPEST {
            return Err(too_deep());
        }
        let mut open: Vec<Name> = path.iter().rev().cloned().collect();
        let mut resolved = Path::new();
        let mut links = 0;
        while let Some(name) = open.pop() {
            match &*name {
                b"" | b"." => continue,
                b".." => {
                    resolved.pop();
                    continue;
                }
                _ => resolved.push(name),
            }
            if let Some(FsNode::Symlink(_, target)) = self.get(&resolved) {
                links += 1;
                if links > MOST_LINKS || open.len() > DEEPEST {
                    return Err(format!("cycle of symlinks at `{}`", shown(&resolved)));
                }
                resolved.pop();
                if target.starts_with(b"/") {
                    resolved.clear();
                }
                open.extend(target.rsplit(|byte| *byte == b'/').map(Name::from));
            }
        }
        Ok(resolved)
    }

    /// Puts `node` at `path`, replacing any node there. The directories above it must exist.
    pub(super) fn put(&mut self, path: &[Name], node: FsNode) {
        let Some((last, folders)) = path.split_last() else {
            if let FsNode::Folder(folder) = node {
                self.root = folder;
            }
            return;
        };
        if let Some(folder) = self.folder_mut(folders) {
            Arc::make_mut(&mut folder.children).insert(last.clone(), node);
        }
    }

    /// Removes the node at `path`.
    pub(super) fn remove(&mut self, path: &[Name]) {
        if let Some((last, folders)) = path.split_last()
            && self.get(path).is_some()
            && let Some(folder) = self.folder_mut(folders)
        {
            Arc::make_mut(&mut folder.children).remove(last);
        }
    }

    /// Creates the missing directories of `path`, each with `meta`; checks that the others are directories.
    ///
    /// # Errors
    /// A node that is not a directory, as a phrase.
    pub(super) fn make_folders(
        &mut self,
        path: &[Name],
        meta: &Meta,
        mut made: impl FnMut(&[Name]),
    ) -> Result<(), String> {
        if path.len() > DEEPEST {
            return Err(too_deep());
        }
        for end in 1..=path.len() {
            match self.get(&path[..end]) {
                Some(FsNode::Folder(_)) => {}
                Some(_) => return Err(format!("`{}` is not a directory", shown(&path[..end]))),
                None => {
                    let folder = Folder { meta: meta.clone(), ..Folder::default() };
                    self.put(&path[..end], FsNode::Folder(folder));
                    made(&path[..end]);
                }
            }
        }
        Ok(())
    }

    pub(super) fn folder_mut(&mut self, path: &[Name]) -> Option<&mut Folder> {
        let mut folder = &mut self.root;
        for name in path {
            match Arc::make_mut(&mut folder.children).get_mut(name)? {
                FsNode::Folder(below) => folder = below,
                _ => return None,
            }
        }
        Some(folder)
    }

    /// The content of a file, following the symlinks in its path, if it exists.
    pub(super) fn file(&self, path: &str) -> Option<Arc<super::node::FileContent>> {
        let path = self.resolve(&names(path.as_bytes())).ok()?;
        match self.get(&path)? {
            FsNode::File(_, content) => Some(Arc::clone(content)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::oci::node::FileContent;

    fn link(target: &str) -> FsNode {
        FsNode::Symlink(Meta::default(), target.as_bytes().into())
    }

    fn root_fs() -> RootFs {
        let mut root_fs = RootFs::default();
        root_fs.make_folders(&names(b"run/lock"), &Meta::default(), |_| ()).expect("directories");
        root_fs.make_folders(&names(b"var"), &Meta::default(), |_| ()).expect("directories");
        root_fs.put(&names(b"var/run"), link("/run"));
        root_fs.put(&names(b"var/up"), link("../../../../run/./lock"));
        root_fs.put(&names(b"dangling"), link("var/run/gone"));
        root_fs.put(&names(b"round"), link("round"));
        root_fs.put(&names(b"file"), FsNode::File(Meta::default(), FileContent::in_memory("x")));
        root_fs
    }

    #[test]
    fn links_are_followed_inside_the_root() {
        let root_fs = root_fs();
        let check = |path: &str, expected: &str| {
            let found = root_fs.resolve(&names(path.as_bytes())).expect("resolved");
            assert_eq!(shown(&found), expected, "{path}");
        };
        check("/var/run/lock/x", "/run/lock/x");
        check("var/up/new/file", "/run/lock/new/file");
        check("dangling", "/run/gone");
        check("../../etc/passwd", "/etc/passwd");
        assert!(root_fs.resolve(&names(b"round/x")).is_err());
    }

    #[test]
    fn a_directory_cannot_be_inside_a_file() {
        let mut root_fs = root_fs();
        let made = root_fs.make_folders(&names(b"file/below"), &Meta::default(), |_| ());
        assert_eq!(made, Err("`/file` is not a directory".to_owned()));
    }

    #[test]
    fn copies_do_not_see_each_others_changes() {
        let root_fs = root_fs();
        let mut copy = root_fs.clone();
        copy.remove(&names(b"run/lock"));
        copy.put(&names(b"run/new"), link("x"));
        assert!(root_fs.get(&names(b"run/lock")).is_some());
        assert!(root_fs.get(&names(b"run/new")).is_none());
        assert!(copy.get(&names(b"run/lock")).is_none());
    }
}
