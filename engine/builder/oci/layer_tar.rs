//! A layer as a tar stream, the same for the same content on any machine.

use std::collections::BTreeMap;
use std::sync::Arc;

use tar::{EntryType, Header};

use super::change::{LayerEntry, LayerNode};
use super::listing::{Listed, ListedKind, WHITEOUT};
use super::node::{FileContent, FsNode, Meta, Name, Special};
use super::root_fs::shown;

/// Bytes of a tar record.
const RECORD: u64 = 512;

/// A piece of a layer's tar stream.
pub(super) enum Piece<'a> {
    Bytes(&'a [u8]),
    /// The content of a file, without the zeros that pad its last record.
    Content(&'a Arc<FileContent>),
}

/// Turns the entries of a layer into pieces of a tar stream, and lists them.
#[derive(Default)]
pub(super) struct LayerTar {
    position: u64,
    listed: Vec<Listed>,
}

impl LayerTar {
    /// Passes the pieces of `entry` to `take`.
    pub(super) fn entry<E: From<String>>(
        &mut self,
        entry: &LayerEntry<'_>,
        take: &mut dyn FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if entry.path.last().is_some_and(|name| name.starts_with(WHITEOUT)) {
            let path = shown(entry.path);
            return Err(format!(
                "`{path}` cannot be in an image: in a layer, the prefix `.wh.` removes files"
            )
            .into());
        }
        let path = join(entry.path);
        let mut put = |bytes: &[u8]| {
            self.position += bytes.len() as u64;
            take(Piece::Bytes(bytes))
        };
        let (meta, kind) = match &entry.node {
            LayerNode::HardLink(meta, target) => {
                let target = join(target);
                write_header(&mut put, &path, EntryType::Link, meta, 0, &target, (0, 0))?;
                ((*meta).clone(), ListedKind::HardLink(target))
            }
            LayerNode::FsNode(node) => {
                let meta = node.meta();
                let kind = match node {
                    FsNode::Folder(_) => {
                        let path = [&path[..], b"/"].concat();
                        write_header(&mut put, &path, EntryType::Directory, meta, 0, b"", (0, 0))?;
                        ListedKind::Folder
                    }
                    FsNode::Symlink(_, target) => {
                        write_header(&mut put, &path, EntryType::Symlink, meta, 0, target, (0, 0))?;
                        ListedKind::Symlink(target.to_vec())
                    }
                    FsNode::Special(_, special) => {
                        let (entry_type, device) = match *special {
                            Special::Pipe => (EntryType::Fifo, (0, 0)),
                            Special::Character(major, minor) => (EntryType::Char, (major, minor)),
                            Special::Block(major, minor) => (EntryType::Block, (major, minor)),
                        };
                        write_header(&mut put, &path, entry_type, meta, 0, b"", device)?;
                        ListedKind::Special(*special)
                    }
                    FsNode::File(_, content) => {
                        let size = content.size;
                        write_header(&mut put, &path, EntryType::Regular, meta, size, b"", (0, 0))?;
                        let offset = self.position;
                        take(Piece::Content(content))?;
                        let padding = size.next_multiple_of(RECORD) - size;
                        take(Piece::Bytes(&[0; RECORD as usize][..padding as usize]))?;
                        self.position += size + padding;
                        // The digest of content that was just read is known by now; without it, the listing is not
                        // used.
                        let digest = content.digest.get().copied();
                        let unknown = || crate::image::Digest::from_bytes([0; 32]);
                        ListedKind::File { size, offset, digest: digest.unwrap_or_else(unknown) }
                    }
                };
                (meta.clone(), kind)
            }
        };
        self.listed.push(Listed { path, meta, kind });
        Ok(())
    }

    /// Ends the stream; returns its listing.
    pub(super) fn finish<E>(
        self,
        take: &mut dyn FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<Vec<Listed>, E> {
        take(Piece::Bytes(&[0; 2 * RECORD as usize]))?;
        Ok(self.listed)
    }
}

fn join(path: &[Name]) -> Vec<u8> {
    path.join(&b'/')
}

fn write_header<E>(
    put: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    path: &[u8],
    entry_type: EntryType,
    meta: &Meta,
    size: u64,
    link: &[u8],
    device: (u32, u32),
) -> Result<(), E> {
    if let Some(attributes) = &meta.attributes {
        write_record(put, b"././@PaxHeader", EntryType::XHeader, &pax(attributes))?;
    }
    let mut header = Header::new_gnu();
    if let Some(gnu) = header.as_gnu_mut() {
        for (field, value, long) in [
            (&mut gnu.linkname[..], link, EntryType::GNULongLink),
            (&mut gnu.name[..], path, EntryType::GNULongName),
        ] {
            if value.len() >= field.len() {
                write_record(put, b"././@LongLink", long, &[value, b"\0"].concat())?;
            }
            let length = value.len().min(field.len());
            field[..length].copy_from_slice(&value[..length]);
        }
    }
    header.set_entry_type(entry_type);
    header.set_mode(meta.mode);
    header.set_uid(meta.user);
    header.set_gid(meta.group);
    header.set_mtime(meta.modified);
    header.set_size(size);
    if device != (0, 0) {
        // Cannot fail: a GNU header has these fields.
        let _ = header.set_device_major(device.0);
        let _ = header.set_device_minor(device.1);
    }
    header.set_cksum();
    put(header.as_bytes())
}

/// A record whose content describes the next record.
fn write_record<E>(
    put: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    name: &[u8],
    entry_type: EntryType,
    content: &[u8],
) -> Result<(), E> {
    let mut header = Header::new_gnu();
    if let Some(gnu) = header.as_gnu_mut() {
        gnu.name[..name.len()].copy_from_slice(name);
    }
    header.set_entry_type(entry_type);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(content.len() as u64);
    header.set_cksum();
    put(header.as_bytes())?;
    put(content)?;
    let padding = (content.len() as u64).next_multiple_of(RECORD) - content.len() as u64;
    put(&[0; RECORD as usize][..padding as usize])
}

/// Attributes as the records of a PAX header: `LENGTH KEY=VALUE\n`, the length counting itself.
fn pax(attributes: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let mut records = Vec::new();
    for (name, value) in attributes {
        let rest = name.len() + value.len() + " SCHILY.xattr.=\n".len();
        let mut length = rest + 1;
        while length != rest + length.to_string().len() {
            length = rest + length.to_string().len();
        }
        records.extend(format!("{length} SCHILY.xattr.{name}=").into_bytes());
        records.extend(value);
        records.push(b'\n');
    }
    records
}
