//! What an instruction changed in a file system: the content of its layer.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::node::{FileContent, Folder, Meta, Name, Node};
use super::root_fs::{Path, RootFs};

/// The places that an instruction changed. What is there now is what its layer holds.
#[derive(Debug, Default)]
pub(super) struct Changes(BTreeMap<Name, Changes>);

/// One entry of a layer.
pub(super) struct LayerEntry<'a> {
    pub(super) path: &'a [Name],
    pub(super) node: LayerNode<'a>,
}

/// What a [`LayerEntry`] is.
pub(super) enum LayerNode<'a> {
    Node(&'a Node),
    /// Another name of the file at this path of the same layer.
    HardLink(&'a Meta, &'a [Name]),
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes that `path` changed.
    pub(super) fn mark(&mut self, path: &[Name]) {
        let mut changes = self;
        for name in path {
            changes = changes.0.entry(name.clone()).or_default();
        }
    }

    /// Notes the changes below `path`.
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

    /// Hands every changed thing of `root_fs` to `see`, sorted by path, each folder before what is in it. The folders
    /// above a change come along: Docker takes the rights of a folder from the highest layer that has something in it.
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
    /// Where files with several names were seen first.
    seen: HashMap<(*const FileContent, u64, u64, u32), Path>,
    see: &'a mut S,
}

impl<E, S: FnMut(LayerEntry<'_>) -> Result<(), E>> Visit<'_, S> {
    fn folder(&mut self, changes: &Changes, folder: &Folder) -> Result<(), E> {
        for (name, below) in &changes.0 {
            // What was changed and then taken away again by the same instruction is not there.
            let Some(node) = folder.children.get(name) else { continue };
            self.path.push(name.clone());
            self.entry(node)?;
            if let Node::Folder(folder) = node {
                self.folder(below, folder)?;
            }
            self.path.pop();
        }
        Ok(())
    }

    fn entry(&mut self, node: &Node) -> Result<(), E> {
        if let Node::File(meta, content) = node
            && content.has_links
        {
            let identity = (Arc::as_ptr(content), meta.user, meta.group, meta.mode);
            if let Some(first) = self.seen.get(&identity) {
                let node = LayerNode::HardLink(meta, first);
                return (self.see)(LayerEntry { path: &self.path, node });
            }
            self.seen.insert(identity, self.path.clone());
        }
        (self.see)(LayerEntry { path: &self.path, node: LayerNode::Node(node) })
    }
}
