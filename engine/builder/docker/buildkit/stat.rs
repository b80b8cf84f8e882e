//! How the daemon is told about a file, folder or symlink.

use std::time::{SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use super::wire::Stat;
use crate::image::context::{Content, Entry, EntryKind, bytes_of};

// The bits of Go's `os.FileMode`, which is what travels.
const DIRECTORY: u32 = 1 << 31;
const SYMLINK: u32 = 1 << 27;
const SETUID: u32 = 1 << 23;
const SETGID: u32 = 1 << 22;
const STICKY: u32 = 1 << 20;

/// The description of `entry`: owned by root, as Docker has it for everything in a context.
pub(super) fn stat(entry: &Entry) -> Stat {
    let (mode, size, linkname) = match &entry.kind {
        EntryKind::Directory => (DIRECTORY | permissions(entry.mode), 0, Vec::new()),
        EntryKind::File { size, .. } => (permissions(entry.mode), *size, Vec::new()),
        EntryKind::Symlink { target } => {
            let target = bytes_of(target).into_owned();
            (SYMLINK | 0o777, target.len() as u64, target)
        }
    };
    Stat {
        path: bytes_of(&entry.path).into_owned(),
        mode,
        size: i64::try_from(size).unwrap_or(i64::MAX),
        mod_time: modified(entry),
        linkname,
    }
}

fn permissions(mode: u32) -> u32 {
    [(0o4000, SETUID), (0o2000, SETGID), (0o1000, STICKY)]
        .into_iter()
        .filter(|(unix, _)| mode & unix != 0)
        .fold(mode & 0o777, |bits, (_, go)| bits | go)
}

/// Nanoseconds since 1970.
///
/// The daemon takes a file of the same size and time for unchanged. A file in memory has no time of its own, so
/// its content decides the fraction of the second, which image layers do not keep.
fn modified(entry: &Entry) -> i64 {
    let nanoseconds = match entry.modified.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(error) => i64::try_from(error.duration().as_nanos()).map_or(i64::MIN, |before| -before),
    };
    match &entry.kind {
        EntryKind::File { content: Content::Memory(bytes), .. } => {
            const SECOND: i64 = 1_000_000_000;
            let hash: [u8; 32] = Sha256::digest(bytes).into();
            let fraction = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
            nanoseconds.div_euclid(SECOND).saturating_mul(SECOND).saturating_add(i64::from(fraction) % SECOND)
        }
        _ => nanoseconds,
    }
}

/// A file in memory.
pub(super) fn memory_file(path: &str, bytes: bytes::Bytes, modified: SystemTime) -> Entry {
    let size = bytes.len() as u64;
    let kind = EntryKind::File { size, content: Content::Memory(bytes) };
    Entry::new(path, kind, 0o644, modified)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn entry(mode: u32, kind: EntryKind) -> Entry {
        Entry::new("a/b", kind, mode, UNIX_EPOCH + Duration::from_nanos(5))
    }

    fn check(mode: u32, kind: EntryKind, expected: (u32, i64, i64, &str)) {
        let stat = stat(&entry(mode, kind));
        assert_eq!(
            (stat.mode, stat.size, stat.mod_time, &*String::from_utf8_lossy(&stat.linkname)),
            expected
        );
    }

    #[test]
    fn mode_bits_are_those_of_go() {
        let file = |size| EntryKind::File { size, content: Content::Disk("/a/b".into()) };
        check(0o755, EntryKind::Directory, (1 << 31 | 0o755, 0, 5, ""));
        check(0o100_644, file(7), (0o644, 7, 5, ""));
        check(0o7755, file(7), (1 << 23 | 1 << 22 | 1 << 20 | 0o755, 7, 5, ""));
        check(0o600, EntryKind::Symlink { target: "../c".into() }, (1 << 27 | 0o777, 4, 5, "../c"));
    }

    #[test]
    fn other_content_in_memory_has_another_time() {
        let time = |text: &'static str| {
            stat(&memory_file("run.sh", text.into(), UNIX_EPOCH + Duration::from_secs(3))).mod_time
        };
        assert_ne!(time("one"), time("two"));
        assert_eq!(time("one"), time("one"));
        assert_eq!(time("one") / 1_000_000_000, 3);
    }
}
