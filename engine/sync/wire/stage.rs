//! Files of an upload: read on this machine, grouped by their target directory, packed.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, Metadata};
use std::io::{self, Read as _};

use super::stat_line;
use crate::image::{Digest, Stamp};
use crate::sync::{Expected, Kind, RelativePath, SyncEntry, Upload};

/// How many files a group has at most: their names are the arguments of one command.
const GROUP: usize = 200;

/// One file or link of a batch.
pub(super) struct Staged<'a> {
    /// Its place among the uploads.
    pub(super) index: usize,
    pub(super) upload: &'a Upload,
    /// The content; `None` for a file that is sent in pieces, and for links.
    pub(super) content: Option<Vec<u8>>,
    pub(super) digest: Option<Digest>,
    /// Its group and its name in the stage: `na3/main.rs`.
    pub(super) place: String,
}

/// Files with the same target directory: their names match one pattern, and they are all expected, not expected, or
/// unknown.
pub(super) struct Group {
    /// The name of its directory in the stage. `loop.sh` reads the first two letters.
    pub(super) name: String,
    /// The target directory of its files.
    pub(super) target: String,
    /// The members: places in the batch.
    pub(super) members: Vec<usize>,
}

/// Sorts `files` into groups, and sets the place of each.
pub(super) fn group(files: &mut [Staged<'_>]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut open: HashMap<(String, &str, &str), usize> = HashMap::new();
    for (number, file) in files.iter_mut().enumerate() {
        let path = &file.upload.path;
        let target = path.parent().map_or_else(|| ".".to_owned(), |parent| format!("./{parent}"));
        let check = match file.upload.expected {
            Expected::Unknown => "s",
            Expected::Nothing => "n",
            Expected::Entry(_) => "e",
        };
        let pattern = match path.name() {
            name if name.starts_with("..") => "c",
            name if name.starts_with('.') => "b",
            _ => "a",
        };
        let key = (target.clone(), check, pattern);
        let place = open.get(&key).copied().filter(|place| groups[*place].members.len() < GROUP);
        let place = place.unwrap_or_else(|| {
            groups.push(Group {
                name: format!("{check}{pattern}{}", groups.len()),
                target,
                members: Vec::new(),
            });
            open.insert(key, groups.len() - 1);
            groups.len() - 1
        });
        groups[place].members.push(number);
        file.place = format!("{}/{}", groups[place].name, path.name());
    }
    groups
}

/// The state of the targets of `groups` that the loop must find before it moves the files.
pub(super) fn expected_lines(groups: &[Group], files: &[Staged<'_>]) -> Vec<String> {
    let mut lines = Vec::new();
    for group in groups {
        lines.push(format!("k {}", group.name));
        // In the order of the shell's patterns.
        let members = group.members.iter().map(|member| &files[*member].upload);
        let members: BTreeMap<_, _> = members.map(|upload| (upload.path.name().as_bytes(), upload)).collect();
        for upload in members.values() {
            if let Expected::Entry(entry) = &upload.expected {
                lines.push(stat_line::render(entry, upload.path.name()));
            }
        }
    }
    lines
}

/// How the files of a batch are packed.
pub(super) struct Packing {
    /// The user and the group in the container.
    pub(super) user: (u32, u32),
    /// How far the clock of the container is ahead.
    pub(super) clock_ahead: i128,
}

impl Packing {
    /// The permission bits of a file in the container: its current ones, or those of this machine; its owner may read
    /// and write it.
    pub(super) fn mode(&self, upload: &Upload) -> u32 {
        match &upload.expected {
            Expected::Entry(SyncEntry { kind: Kind::File, mode, .. }) => *mode,
            _ => (upload.entry.mode & 0o777) | 0o600,
        }
    }

    /// Its owner in the container.
    pub(super) fn owner(&self, upload: &Upload) -> (u32, u32) {
        match &upload.expected {
            Expected::Entry(entry) if self.user.0 == 0 => entry.owner,
            _ => self.user,
        }
    }

    /// Its time in the container, in seconds since the epoch.
    pub(super) fn seconds(&self, upload: &Upload) -> u64 {
        let seconds = (upload.entry.modified() + self.clock_ahead).div_euclid(1_000_000_000);
        u64::try_from(seconds).unwrap_or_default()
    }

    /// The archive of `files`.
    pub(super) fn pack<'a>(&self, files: impl Iterator<Item = &'a Staged<'a>>) -> io::Result<Vec<u8>> {
        let mut archive = tar::Builder::new(Vec::new());
        for file in files {
            let mut header = tar::Header::new_gnu();
            let (user, group) = self.owner(file.upload);
            header.set_uid(user.into());
            header.set_gid(group.into());
            header.set_mtime(self.seconds(file.upload));
            if let Kind::Link(target) = &file.upload.entry.kind {
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_mode(0o777);
                header.set_size(0);
                archive.append_link(&mut header, &file.place, target.as_ref())?;
            } else {
                let content = file.content.as_deref().unwrap_or_default();
                header.set_mode(self.mode(file.upload));
                header.set_size(content.len() as u64);
                archive.append_data(&mut header, &file.place, content)?;
            }
        }
        archive.into_inner()
    }
}

/// A file of this machine that is being read.
pub(super) struct Source {
    file: File,
    size: u64,
}

/// Why a file is not sent.
pub(super) enum Unread {
    /// It changed.
    Changed,
    /// It cannot be read.
    Error(io::Error),
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound { Self::Changed } else { Self::Error(error) }
    }
}

impl Source {
    /// Opens the file of `upload`.
    pub(super) fn open(upload: &Upload) -> Result<Self, Unread> {
        let source = Self { file: crate::input_file::open(&upload.source)?, size: upload.entry.size };
        source.verify(upload)?;
        Ok(source)
    }

    /// Checks that it is unchanged.
    pub(super) fn verify(&self, upload: &Upload) -> Result<(), Unread> {
        let metadata = self.file.metadata()?;
        let is_same = metadata.is_file()
            && metadata.len() == upload.entry.size
            && Stamp::of(&metadata).modified == upload.entry.mtime
            && inode(&metadata).is_none_or(|inode| upload.entry.inode == 0 || inode == upload.entry.inode);
        if is_same { Ok(()) } else { Err(Unread::Changed) }
    }

    /// Its next bytes, at most `limit`.
    pub(super) fn read(&mut self, limit: u64) -> Result<Vec<u8>, Unread> {
        let wanted = self.size.min(limit);
        let mut content = Vec::with_capacity(usize::try_from(wanted).unwrap_or_default());
        (&mut self.file).take(wanted).read_to_end(&mut content)?;
        if content.len() as u64 != wanted {
            return Err(Unread::Changed);
        }
        self.size -= wanted;
        Ok(content)
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.size == 0
    }
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> Option<u64> {
    Some(std::os::unix::fs::MetadataExt::ino(metadata))
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> Option<u64> {
    None
}

/// The path on whose file system the file at `path` is staged: the mount that contains it, or the root.
pub(super) fn base<'a>(path: &RelativePath, mounts: &'a [RelativePath]) -> Option<&'a RelativePath> {
    mounts.iter().filter(|mount| path.is_below(mount)).max_by_key(|mount| mount.as_str().len())
}
