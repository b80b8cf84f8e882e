//! The entries of a tar archive, without the content of its files.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Read};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tar::{Archive, EntryType};

use super::node::{ContentLocation, FileContent, Folder, FsNode, Meta, Name, Special};
use super::pack::Pack;
use super::root_fs::{DEEPEST, Path, RootFs, names, shown, too_deep};
use crate::image::Digest;

/// The version of the format of stored listings.
const VERSION: u32 = 2;
/// The prefix of the name of a removed file (OCI image spec, "Whiteouts").
pub(super) const WHITEOUT: &[u8] = b".wh.";
/// Marks a directory that hides everything below it in lower layers.
const OPAQUE: &[u8] = b".wh..wh..opq";
/// Bytes read at once.
const BUFFER: usize = 64 * 1024;
/// Bytes that the metadata of an archive may take in memory, so that a malicious archive cannot use all memory.
const LARGEST: usize = 1 << 30;

/// The entries of a tar archive, in order. The listing is stored next to the blob that it describes, so that no blob
/// is read twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Listing {
    version: u32,
    /// The digest of the archive, uncompressed: a layer's `diff_id`.
    tar: Digest,
    entries: Vec<Listed>,
}

/// An entry of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Listed {
    /// Names joined by `/`; empty for the root.
    pub(super) path: Vec<u8>,
    pub(super) meta: Meta,
    pub(super) kind: ListedKind,
}

/// The kind of a [`Listed`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ListedKind {
    Folder,
    File {
        size: u64,
        /// Where its content begins in the archive, uncompressed.
        offset: u64,
        digest: Digest,
    },
    HardLink(Vec<u8>),
    Symlink(Vec<u8>),
    Special(Special),
}

impl Listing {
    /// The listing of the archive whose digest is `tar`, uncompressed.
    pub(super) fn new(tar: Digest, entries: Vec<Listed>) -> Self {
        Self { version: VERSION, tar, entries }
    }

    /// The digest of the archive, uncompressed.
    pub(super) fn tar(&self) -> Digest {
        self.tar
    }

    /// Reads the uncompressed tar archive `reader` to its end.
    ///
    /// # Errors
    /// If it is damaged or contains a path outside the archive; and those of the reader.
    pub(super) fn of_tar(reader: impl Read) -> io::Result<Self> {
        let mut archive = Archive::new(Hashing { reader, hasher: Sha256::new() });
        let mut entries = Vec::new();
        let mut taken = 0;
        for entry in archive.entries()? {
            let listed = listed(&mut entry?)?;
            let Some(listed) = listed else { continue };
            taken += listed.path.len() + size_of::<Listed>();
            if taken > LARGEST {
                return Err(invalid("it has too many files".to_owned()));
            }
            entries.push(listed);
        }
        // Data after the end marker of an archive is part of its digest.
        let mut rest = archive.into_inner();
        io::copy(&mut rest, &mut io::sink())?;
        Ok(Self::new(Digest::from_bytes(rest.hasher.finalize().into()), entries))
    }

    /// The format in which it is stored.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        postcard::to_stdvec(self).unwrap_or_default()
    }

    /// Reads [`Listing::to_bytes`]; `None` if it is damaged or has another version.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes::<Self>(bytes).ok().filter(|listing| listing.version == VERSION)
    }

    /// The listing with all entries owned by `owner`.
    pub(super) fn with_owner(mut self, owner: (u64, u64)) -> Self {
        for listed in &mut self.entries {
            (listed.meta.user, listed.meta.group) = owner;
        }
        self
    }

    /// Applies the archive to `root_fs`, as Docker unpacks it: a directory changes the permissions of an existing
    /// one, anything else replaces an existing entry. The content of files is in `pack`. Calls `see` for every path
    /// that changes. As a layer, it may also remove files.
    ///
    /// # Errors
    /// A path that cannot be resolved, as a phrase.
    pub(super) fn apply(
        &self,
        root_fs: &mut RootFs,
        pack: &Arc<Pack>,
        is_layer: bool,
        mut see: impl FnMut(&[Name]),
    ) -> Result<(), String> {
        if is_layer {
            for listed in &self.entries {
                remove(root_fs, &listed.path)?;
            }
        }
        let link_targets: HashSet<&[u8]> = self
            .entries
            .iter()
            .filter_map(|listed| match &listed.kind {
                ListedKind::HardLink(target) => Some(target.as_slice()),
                _ => None,
            })
            .collect();
        for listed in &self.entries {
            let mut path = names(&listed.path);
            if path.is_empty() {
                if is_layer && matches!(listed.kind, ListedKind::Folder) {
                    root_fs.root.meta = listed.meta.clone();
                }
                continue;
            }
            if is_layer && path.iter().any(|name| name.starts_with(WHITEOUT)) {
                continue;
            }
            resolve_parent(root_fs, &mut path)?;
            let parent = &path[..path.len() - 1];
            root_fs.make_folders(parent, &Meta::new_folder((0, 0), 0), &mut see)?;
            let meta = listed.meta.clone();
            let node = match &listed.kind {
                ListedKind::Folder => match root_fs.get(&path) {
                    Some(FsNode::Folder(there)) => FsNode::Folder(Folder { meta, ..there.clone() }),
                    _ => FsNode::Folder(Folder { meta, ..Folder::default() }),
                },
                ListedKind::File { size, offset, digest } => {
                    let place = ContentLocation::Packed(Arc::clone(pack), *offset);
                    let has_links = link_targets.contains(listed.path.as_slice());
                    let digest = (*digest).into();
                    FsNode::File(meta, Arc::new(FileContent { size: *size, digest, place, has_links }))
                }
                ListedKind::HardLink(target) => {
                    let mut target = names(target);
                    resolve_parent(root_fs, &mut target)?;
                    match root_fs.get(&target) {
                        Some(FsNode::Folder(_)) | None => {
                            return Err(format!("the hard link `{}` has no target", shown(&path)));
                        }
                        Some(node) => node.clone(),
                    }
                }
                ListedKind::Symlink(target) => FsNode::Symlink(meta, target.as_slice().into()),
                ListedKind::Special(special) => FsNode::Special(meta, *special),
            };
            root_fs.put(&path, node);
            see(&path);
        }
        Ok(())
    }
}

/// Resolves the symlinks in `path`, except for its last name.
fn resolve_parent(root_fs: &RootFs, path: &mut Path) -> Result<(), String> {
    let Some(last) = path.pop() else { return Ok(()) };
    *path = root_fs.resolve(path)?;
    path.push(last);
    Ok(())
}

/// Removes the entries that a whiteout at `path` hides.
fn remove(root_fs: &mut RootFs, path: &[u8]) -> Result<(), String> {
    let mut path = names(path);
    let Some(last) = path.last().filter(|last| last.starts_with(WHITEOUT)).cloned() else { return Ok(()) };
    resolve_parent(root_fs, &mut path)?;
    path.pop();
    if &*last == OPAQUE {
        if let Some(folder) = root_fs.folder_mut(&path) {
            folder.children = Arc::default();
        }
    } else if !last[WHITEOUT.len()..].is_empty() {
        path.push(last[WHITEOUT.len()..].into());
        root_fs.remove(&path);
    }
    Ok(())
}

fn listed(entry: &mut tar::Entry<'_, impl Read>) -> io::Result<Option<Listed>> {
    let (modified, attributes) = extensions(entry)?;
    let header = entry.header();
    let entry_type = header.entry_type();
    let special = |special: fn(u32, u32) -> Special| {
        // An empty or invalid field is device 0.
        let number = |number: io::Result<Option<u32>>| number.ok().flatten().unwrap_or_default();
        ListedKind::Special(special(number(header.device_major()), number(header.device_minor())))
    };
    let old = header.as_old();
    let meta = Meta {
        mode: number(&old.mode, || header.mode().map(u64::from))? as u32 & 0o7777,
        user: number(&old.uid, || header.uid())?,
        group: number(&old.gid, || header.gid())?,
        modified: match modified {
            Some(modified) => modified,
            None => number(&old.mtime, || header.mtime())?,
        },
        attributes,
    };
    let path = inner_path(&entry.path_bytes())?;
    let link = entry.link_name_bytes().map(|link| link.into_owned());
    let kind = match entry_type {
        EntryType::Directory => ListedKind::Folder,
        EntryType::Regular | EntryType::Continuous => {
            let (size, offset) = (entry.size(), entry.raw_file_position());
            ListedKind::File { size, offset, digest: digest(entry)? }
        }
        EntryType::Link => ListedKind::HardLink(inner_path(&link.unwrap_or_default())?),
        EntryType::Symlink => ListedKind::Symlink(link.unwrap_or_default()),
        EntryType::Fifo => ListedKind::Special(Special::Pipe),
        EntryType::Char => special(Special::Character),
        EntryType::Block => special(Special::Block),
        EntryType::GNUSparse => {
            return Err(invalid(format!("it has a sparse file, `{}`", String::from_utf8_lossy(&path))));
        }
        // Global headers and unknown types are ignored.
        _ => return Ok(None),
    };
    Ok(Some(Listed { path, meta, kind }))
}

/// The number in `field`, parsed by `read`; an empty field is 0, as in Go.
fn number(field: &[u8], read: impl Fn() -> io::Result<u64>) -> io::Result<u64> {
    let is_empty = field.iter().all(|byte| matches!(byte, 0 | b' '));
    if is_empty { Ok(0) } else { read() }
}

/// `path` as one inside the archive.
fn inner_path(path: &[u8]) -> io::Result<Vec<u8>> {
    let mut inner: Vec<&[u8]> = Vec::new();
    for name in path.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." if inner.pop().is_some() => {}
            b".." => {
                let path = String::from_utf8_lossy(path);
                return Err(invalid(format!("`{path}` is outside the archive")));
            }
            name if name.contains(&0) => return Err(invalid("a path has a zero byte".to_owned())),
            _ if inner.len() == DEEPEST => return Err(invalid(too_deep())),
            name => inner.push(name),
        }
    }
    Ok(inner.join(&b'/'))
}

/// Extended attributes, and the time if the header does not contain it.
fn extensions(entry: &mut tar::Entry<'_, impl Read>) -> io::Result<(Option<u64>, super::node::Attributes)> {
    let (mut modified, mut attributes) = (None, BTreeMap::new());
    for extension in entry.pax_extensions()?.into_iter().flatten() {
        let extension = extension?;
        let Ok(key) = extension.key() else { continue };
        if let Some(name) = key.strip_prefix("SCHILY.xattr.") {
            attributes.insert(name.to_owned(), extension.value_bytes().to_vec());
        } else if key == "mtime" {
            let text = extension.value().unwrap_or_default();
            modified = text.split('.').next().and_then(|seconds| seconds.parse::<u64>().ok());
        }
    }
    Ok((modified, (!attributes.is_empty()).then(|| Box::new(attributes))))
}

/// A reader that hashes the bytes that it reads.
struct Hashing<R> {
    reader: R,
    hasher: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

/// The digest of everything in `reader`.
pub(super) fn digest(reader: &mut impl Read) -> io::Result<Digest> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(Digest::from_bytes(hasher.finalize().into())),
            count => hasher.update(&buffer[..count]),
        }
    }
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::builder::oci::pack::PackSource;

    fn archive() -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, kind, link) in [
            ("etc/", EntryType::Directory, ""),
            ("etc/passwd", EntryType::Regular, ""),
            ("etc/link", EntryType::Symlink, "../etc"),
            ("etc/link/through", EntryType::Regular, ""),
            ("hard", EntryType::Link, "etc/passwd"),
            ("gone/.wh.x", EntryType::Regular, ""),
            ("dev", EntryType::Char, ""),
        ] {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_mode(0o644);
            header.set_size(if link.is_empty() && kind == EntryType::Regular { 3 } else { 0 });
            let added = match link {
                "" if kind == EntryType::Regular => builder.append_data(&mut header, path, &b"abc"[..]),
                "" => builder.append_data(&mut header, path, io::empty()),
                link => builder.append_link(&mut header, path, link),
            };
            added.expect("added");
        }
        builder.into_inner().expect("an archive")
    }

    fn applied(listing: &Listing, is_layer: bool) -> Result<RootFs, String> {
        let mut root_fs = RootFs::default();
        let pack = Arc::new(Pack::new(PackSource::File("/nowhere".into())));
        listing.apply(&mut root_fs, &pack, is_layer, |_| ()).map(|()| root_fs)
    }

    #[test]
    fn an_archive_is_read_once_and_kept() {
        let mut archive = archive();
        archive.extend_from_slice(b"and more");
        let listing = Listing::of_tar(&archive[..]).expect("read");
        assert_eq!(listing.tar(), Digest::of(&archive));
        assert_eq!(Listing::from_bytes(&listing.to_bytes()), Some(listing.clone()));
        let root_fs = applied(&listing, true).expect("applied");
        assert!(root_fs.get(&names(b"etc/through")).is_some(), "links are followed inside");
        let (Some(FsNode::File(_, one)), Some(FsNode::File(_, two))) =
            (root_fs.get(&names(b"hard")), root_fs.get(&names(b"etc/passwd")))
        else {
            panic!("two files");
        };
        assert!(Arc::ptr_eq(one, two) && one.has_links);
    }

    #[test]
    fn whiteouts_remove_entries_of_lower_layers() {
        let mut root_fs = RootFs::default();
        for path in ["a/x", "a/y", "b/z"] {
            let path = names(path.as_bytes());
            root_fs.make_folders(&path, &Meta::default(), |_| ()).expect("made");
        }
        let listed = |path: &str| Listed {
            path: path.into(),
            meta: Meta::default(),
            kind: ListedKind::File { size: 0, offset: 0, digest: Digest::of("") },
        };
        let listing =
            Listing::new(Digest::of(""), vec![listed("a/.wh.x"), listed("b/new"), listed("b/.wh..wh..opq")]);
        let pack = Arc::new(Pack::new(PackSource::File("/nowhere".into())));
        listing.apply(&mut root_fs, &pack, true, |_| ()).expect("applied");
        let is_there = |path: &str| root_fs.get(&names(path.as_bytes())).is_some();
        let there = ["a/x", "a/y", "b/z", "b/new"].map(is_there);
        assert_eq!(there, [false, true, false, true]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn damaged_archives_are_refused_or_read(
            edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
            length in any::<prop::sample::Index>(),
            is_layer in any::<bool>(),
        ) {
            let mut bytes = archive();
            for (index, byte) in edits {
                let index = index.index(bytes.len());
                bytes[index] = byte;
            }
            bytes.truncate(length.index(bytes.len()).max(bytes.len() / 2));
            if let Ok(listing) = Listing::of_tar(&bytes[..]) {
                let _ = applied(&listing, is_layer);
            }
            prop_assert!(Listing::from_bytes(&bytes).is_none());
        }
    }
}
