//! The description of a file, directory or symlink that is sent to the daemon.

use std::time::SystemTime;

use super::wire::Stat;
use crate::image::context::{Content, Entry, EntryKind, bytes_of};
use crate::image::nanoseconds_of;

// The bits of Go's `os.FileMode`, which the protocol uses.
const DIRECTORY: u32 = 1 << 31;
const SYMLINK: u32 = 1 << 27;
const SETUID: u32 = 1 << 23;
const SETGID: u32 = 1 << 22;
const STICKY: u32 = 1 << 20;
/// Go's bit for temporary files. No file on disk has it, so the daemon treats a file that we describe with it as
/// changed, requests the file, and drops the bit: the mode in the image does not have it, and the hash of cached layers
/// does not include it.
const TEMPORARY: u32 = 1 << 28;

/// The description of `entry`: owned by root, like everything in a Docker build context. Unless it `is_known`, the
/// daemon requests it, even if it looks like the file in its copy.
pub(super) fn stat(entry: &Entry, is_known: bool) -> Stat {
    let (mode, size, linkname) = match &entry.kind {
        EntryKind::Directory => (DIRECTORY | permissions(entry.mode), 0, Vec::new()),
        EntryKind::File { size, .. } => {
            let mark = if is_known { 0 } else { TEMPORARY };
            (permissions(entry.mode) | mark, *size, Vec::new())
        }
        EntryKind::Symlink { target } => {
            let target = bytes_of(target).into_owned();
            (SYMLINK | 0o777, target.len() as u64, target)
        }
    };
    Stat {
        path: bytes_of(&entry.path).into_owned(),
        mode,
        size: i64::try_from(size).unwrap_or(i64::MAX),
        mod_time: nanoseconds_of(entry.modified),
        linkname,
    }
}

fn permissions(mode: u32) -> u32 {
    [(0o4000, SETUID), (0o2000, SETGID), (0o1000, STICKY)]
        .into_iter()
        .filter(|(unix, _)| mode & unix != 0)
        .fold(mode & 0o777, |bits, (_, go)| bits | go)
}

/// A file in memory.
pub(super) fn memory_file(path: &str, bytes: bytes::Bytes, modified: SystemTime) -> Entry {
    let size = bytes.len() as u64;
    let kind = EntryKind::File { size, content: Content::Memory(bytes) };
    Entry::new(path, kind, 0o644, modified)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::image::context::DiskFile;

    fn entry(mode: u32, kind: EntryKind) -> Entry {
        Entry::new("a/b", kind, mode, UNIX_EPOCH + Duration::from_nanos(5))
    }

    fn check(mode: u32, kind: EntryKind, expected: (u32, i64, i64, &str)) {
        let stat = stat(&entry(mode, kind), true);
        assert_eq!(
            (stat.mode, stat.size, stat.mod_time, &*String::from_utf8_lossy(&stat.linkname)),
            expected
        );
    }

    #[test]
    fn mode_bits_are_those_of_go() {
        let file = |size| EntryKind::File { size, content: Content::Disk(DiskFile::at(Path::new("/a/b"))) };
        check(0o755, EntryKind::Directory, (1 << 31 | 0o755, 0, 5, ""));
        check(0o100_644, file(7), (0o644, 7, 5, ""));
        check(0o7755, file(7), (1 << 23 | 1 << 22 | 1 << 20 | 0o755, 7, 5, ""));
        check(0o600, EntryKind::Symlink { target: "../c".into() }, (1 << 27 | 0o777, 4, 5, "../c"));
    }

    #[test]
    fn a_file_that_must_travel_is_none_that_a_disk_has() {
        let file = entry(
            0o644,
            EntryKind::File { size: 7, content: Content::Disk(DiskFile::at(Path::new("/a/b"))) },
        );
        assert_eq!(stat(&file, false).mode, stat(&file, true).mode | 1 << 28);
        let folder = entry(0o755, EntryKind::Directory);
        assert_eq!(stat(&folder, false), stat(&folder, true));
    }
}
