//! The entries of a directory, with the state of each.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use crate::image::Stamp;

/// An entry of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) kind: FoundKind,
    /// Permission bits, including setuid, setgid and sticky.
    pub(super) mode: u32,
    pub(super) stamp: Stamp,
}

/// The kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FoundKind {
    Directory,
    File,
    Symlink,
    Socket,
    /// A named pipe or device.
    Special,
}

/// Passes each entry of `directory` to `each`, in any order. Entries that are removed during the call are skipped.
///
/// The names are read in large pieces and not copied, and each entry is looked up in the open directory: a walk over
/// 58,000 files takes a sixth less processor time than with [`std::fs::read_dir`].
///
/// # Errors
/// If the directory cannot be read.
#[cfg(target_os = "linux")]
pub(super) fn list(directory: &Path, each: &mut dyn FnMut(&OsStr, Found)) -> io::Result<()> {
    use std::os::unix::ffi::OsStrExt as _;

    use rustix::fs::{AtFlags, Mode, OFlags, RawDir, StatxFlags, open, statx};

    /// The bytes of names that are read at once.
    const PIECE: usize = 32 * 1024;

    let directory = open(directory, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let mut names = [std::mem::MaybeUninit::uninit(); PIECE];
    let mut entries = RawDir::new(&directory, &mut names);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        match statx(&directory, name, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BASIC_STATS) {
            Ok(found) => each(OsStr::from_bytes(name.to_bytes()), Found::from(&found)),
            Err(rustix::io::Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Passes each entry of `directory` to `each`, in any order. Entries that are removed during the call are skipped.
///
/// # Errors
/// If the directory cannot be read.
#[cfg(not(target_os = "linux"))]
pub(super) fn list(directory: &Path, each: &mut dyn FnMut(&OsStr, Found)) -> io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        // On Unix, this is relative to the open directory.
        match entry.metadata() {
            Ok(metadata) => each(&entry.file_name(), Found::from(&metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(target_os = "linux")]
impl From<&rustix::fs::Statx> for Found {
    fn from(found: &rustix::fs::Statx) -> Self {
        use rustix::fs::{FileType, makedev};

        let kind = match FileType::from_raw_mode(found.stx_mode.into()) {
            FileType::Directory => FoundKind::Directory,
            FileType::RegularFile => FoundKind::File,
            FileType::Symlink => FoundKind::Symlink,
            FileType::Socket => FoundKind::Socket,
            _ => FoundKind::Special,
        };
        let stamp = Stamp {
            device: makedev(found.stx_dev_major, found.stx_dev_minor),
            inode: found.stx_ino,
            size: found.stx_size,
            modified: Stamp::time(found.stx_mtime.tv_sec, found.stx_mtime.tv_nsec.into()),
            changed: Stamp::time(found.stx_ctime.tv_sec, found.stx_ctime.tv_nsec.into()),
        };
        Self { kind, mode: u32::from(found.stx_mode) & 0o7777, stamp }
    }
}

#[cfg(any(test, not(target_os = "linux")))]
impl From<&std::fs::Metadata> for Found {
    fn from(metadata: &std::fs::Metadata) -> Self {
        let file_type = metadata.file_type();
        let kind = match file_type {
            kind if kind.is_dir() => FoundKind::Directory,
            kind if kind.is_file() => FoundKind::File,
            kind if kind.is_symlink() => FoundKind::Symlink,
            #[cfg(unix)]
            kind if std::os::unix::fs::FileTypeExt::is_socket(&kind) => FoundKind::Socket,
            _ => FoundKind::Special,
        };
        Self { kind, mode: super::tree::mode(metadata), stamp: Stamp::of(metadata) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::ffi::OsString;
    use std::fs;

    use super::*;

    fn listed(directory: &Path) -> BTreeMap<OsString, Found> {
        let mut found = BTreeMap::new();
        list(directory, &mut |name, entry| {
            assert_eq!(found.insert(name.to_owned(), entry), None, "{}", name.display());
        })
        .expect("a directory");
        found
    }

    #[test]
    fn every_entry_is_listed_with_its_metadata() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = |name: &str| directory.path().join(name);
        fs::create_dir(path("directory")).expect("created");
        // More than one piece of names.
        for number in 0..1000 {
            fs::write(path(&format!("a file with a name that is longer than most names are, {number}")), "x")
                .expect("written");
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::{PermissionsExt as _, symlink};
            fs::set_permissions(path("directory"), fs::Permissions::from_mode(0o1750)).expect("changed");
            symlink("nowhere", path("link")).expect("created");
            let _socket = std::os::unix::net::UnixListener::bind(path("socket")).expect("bound");
            rustix::fs::mknodat(rustix::fs::CWD, path("pipe"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
                .expect("created");
        }
        let expected: BTreeMap<OsString, Found> = fs::read_dir(directory.path())
            .expect("a directory")
            .map(|entry| {
                let entry = entry.expect("an entry");
                (entry.file_name(), Found::from(&entry.metadata().expect("metadata")))
            })
            .collect();
        assert_eq!(listed(directory.path()), expected);
    }

    #[test]
    fn a_path_that_is_not_a_directory_is_an_error() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("file");
        fs::write(&file, "x").expect("written");
        let error = |path: &Path| list(path, &mut |_, _| {}).map_err(|error| error.kind());
        assert_eq!(error(&file), Err(io::ErrorKind::NotADirectory));
        assert_eq!(error(&directory.path().join("missing")), Err(io::ErrorKind::NotFound));
    }
}
