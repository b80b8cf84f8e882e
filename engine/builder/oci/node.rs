//! The nodes of the file system of an image.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::pack::Pack;
use crate::image::Digest;
use crate::image::context::Entry;

/// The name of a file in its directory. In tar archives and on Linux, names are bytes, not strings.
pub(super) type Name = Arc<[u8]>;

/// Extended attributes: `security.capability` and its value.
pub(super) type Attributes = Option<Box<BTreeMap<String, Vec<u8>>>>;

/// The owner, the permissions and the modification time of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Meta {
    /// Permission bits, including setuid, setgid and sticky.
    pub(super) mode: u32,
    /// The user ID.
    pub(super) user: u64,
    /// The group ID.
    pub(super) group: u64,
    /// Seconds since 1970.
    pub(super) modified: u64,
    #[serde(default)]
    pub(super) attributes: Attributes,
}

impl Meta {
    /// A parent directory that is created.
    pub(super) fn new_folder(owner: (u64, u64), modified: u64) -> Self {
        Self { mode: 0o755, user: owner.0, group: owner.1, modified, attributes: None }
    }
}

/// A node of a file system. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) enum FsNode {
    Folder(Folder),
    /// Hard links share their content.
    File(Meta, Arc<FileContent>),
    Symlink(Meta, Name),
    Special(Meta, Special),
}

/// A directory. Cheap to clone: copies share their entries until one of them changes.
#[derive(Debug, Clone, Default)]
pub(super) struct Folder {
    pub(super) meta: Meta,
    pub(super) children: Arc<BTreeMap<Name, FsNode>>,
}

/// A node that is not a file, directory or symlink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Special {
    Pipe,
    /// A character device: major and minor number.
    Character(u32, u32),
    /// A block device: major and minor number.
    Block(u32, u32),
}

impl FsNode {
    pub(super) fn meta(&self) -> &Meta {
        match self {
            Self::Folder(folder) => &folder.meta,
            Self::File(meta, _) | Self::Symlink(meta, _) | Self::Special(meta, _) => meta,
        }
    }

    pub(super) fn meta_mut(&mut self) -> &mut Meta {
        match self {
            Self::Folder(folder) => &mut folder.meta,
            Self::File(meta, _) | Self::Symlink(meta, _) | Self::Special(meta, _) => meta,
        }
    }
}

/// The content of a file: its size, its digest once known, and its location.
#[derive(Debug)]
pub(super) struct FileContent {
    pub(super) size: u64,
    pub(super) digest: OnceLock<Digest>,
    pub(super) place: ContentLocation,
    /// Whether it has hard links in its source, which are kept if they are copied together.
    pub(super) has_links: bool,
}

/// Where the content of a file is.
#[derive(Debug)]
pub(super) enum ContentLocation {
    /// A file of the build context.
    Context(Entry),
    Memory(Bytes),
    /// In an archive, starting at this byte.
    Packed(Arc<Pack>, u64),
    /// A file that was downloaded.
    Downloaded(tempfile::NamedTempFile),
}

impl FileContent {
    pub(super) fn new(size: u64, digest: Option<Digest>, place: ContentLocation) -> Arc<Self> {
        let digest = digest.map(OnceLock::from).unwrap_or_default();
        Arc::new(Self { size, digest, place, has_links: false })
    }

    pub(super) fn in_memory(content: impl Into<Bytes>) -> Arc<Self> {
        let content = content.into();
        Self::new(content.len() as u64, Some(Digest::of(&content)), ContentLocation::Memory(content))
    }
}
