//! The changes of an instruction to a file system: the content of its layer.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::node::{FileContent, Folder, FsNode, Meta, Name};
use super::root_fs::{Path, RootFs};

/// The paths that an instruction changed. The layer contains their current nodes.
#[derive(Debug, Default)]
pub(super) struct Changes(BTreeMap<Name, Changes>);

/// One entry of a layer.
pub(super) struct LayerEntry<'a> {
    pub(super) path: &'a [Name],
    pub(super) node: LayerNode<'a>,
}

/// The kind of a [`LayerEntry`].
pub(super) enum LayerNode<'a> {
    FsNode(&'a FsNode),
    /// Another name of the file at this path of the same layer.
    HardLink(&'a Meta, &'a [Name]),
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Records that `path` changed.
    pub(super) fn mark(&mut self, path: &[Name]) {
        let mut changes = self;
        for name in path {
            changes = changes.0.entry(name.clone()).or_default();
        }
    }

    /// Records the changes below `path`.
    pub(super) fn mark_below(&mut self, path: &[Name], below: Self) {
        let mut changes = self;
        for name in path {
            changes = changes.0.entry(name.clone()).or_default();
        }
        changes.merge(below);
    }

    fn merge(&mut self, other: Self) {
        for (name, below) in other.0 {
            self.0.entry(name).or_default().merge(below);
        }
    }

    /// Passes every changed node of `root_fs` to `see`, sorted by path, each directory before its entries. The
    /// directories above a change are included: Docker uses the permissions of a directory in the highest layer with
    /// an entry below it.
    pub(super) fn visit<E>(
        &self,
        root_fs: &RootFs,
        mut see: impl FnMut(LayerEntry<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut visit = Visit { path: Path::new(), seen: HashMap::new(), see: &mut see };
        visit.folder(self, &root_fs.root)
    }
}

struct Visit<'a, S> {
    path: Path,
    /// The first path of each file with hard links.
    seen: HashMap<(*const FileContent, u64, u64, u32), Path>,
    see: &'a mut S,
}

impl<E, S: FnMut(LayerEntry<'_>) -> Result<(), E>> Visit<'_, S> {
    fn folder(&mut self, changes: &Changes, folder: &Folder) -> Result<(), E> {
        for (name, below) in &changes.0 {
            // Something that the same instruction changed and then removed is missing.
            let Some(node) = folder.children.get(name) else { continue };
            self.path.push(name.clone());
            self.entry(node)?;
            if let FsNode::Folder(folder) = node {
                self.folder(below, folder)?;
            }
            self.path.pop();
        }
        Ok(())
    }

    fn entry(&mut self, node: &FsNode) -> Result<(), E> {
        if let FsNode::File(meta, content) = node
            && content.has_links
        {
            let identity = (Arc::as_ptr(content), meta.user, meta.group, meta.mode);
            if let Some(first) = self.seen.get(&identity) {
                let node = LayerNode::HardLink(meta, first);
                return (self.see)(LayerEntry { path: &self.path, node });
            }
            self.seen.insert(identity, self.path.clone());
        }
        (self.see)(LayerEntry { path: &self.path, node: LayerNode::FsNode(node) })
    }
}
