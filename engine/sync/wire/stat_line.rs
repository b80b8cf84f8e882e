//! The lines in which `stat` describes files.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::sync::{Kind, SyncEntry};

/// The bits of a mode that are the kind, and their values.
const KIND: u32 = 0o170_000;
const FILE: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;
const LINK: u32 = 0o120_000;

/// The content of a line of `stat`: the format is in `loop.sh`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum StatLine<'a> {
    /// A path and its entry; a link has an empty target.
    Entry(&'a [u8], SyncEntry),
    /// A path of another kind: a socket, a device.
    Other,
}

/// Reads a line; `None` if it is not one.
pub(super) fn parse(line: &[u8]) -> Option<StatLine<'_>> {
    let rest = line.strip_prefix(b"s ")?;
    let mut parts = rest.splitn(9, |byte| *byte == b' ');
    let mut next = || parts.next().and_then(|part| std::str::from_utf8(part).ok());
    let mode = u32::from_str_radix(next()?, 16).ok()?;
    let owner = (next()?.parse().ok()?, next()?.parse().ok()?);
    let size = next()?.parse().ok()?;
    let inode = next()?.parse().ok()?;
    let (date, time, zone) = (next()?, next()?, next()?);
    let name = parts.next().filter(|name| !name.is_empty())?;
    let moment: DateTime = format!("{date}T{time}").parse().ok().filter(|_| zone == "+0000")?;
    let mtime = moment.to_zoned(TimeZone::UTC).ok()?.timestamp().as_nanosecond();
    let mtime = SyncEntry::nearest_mtime(mtime);
    let kind = match mode & KIND {
        FILE => Kind::File,
        DIRECTORY => Kind::Directory,
        LINK => Kind::Link("".into()),
        _ => return Some(StatLine::Other),
    };
    let size = if kind == Kind::File { size } else { 0 };
    Some(StatLine::Entry(
        name,
        SyncEntry { kind, mode: mode & 0o7777, size, mtime, inode, owner, digest: None },
    ))
}

/// The line of a file with `entry` at `name`. The line of anything else, or of an old `stat` without fractions of
/// seconds, may differ from the line of the container: then the entries are compared.
pub(super) fn render(entry: &SyncEntry, name: &str) -> String {
    let kind = match entry.kind {
        Kind::File => FILE,
        Kind::Directory => DIRECTORY,
        Kind::Link(_) => LINK,
    };
    let size = match &entry.kind {
        Kind::Link(target) => target.len() as u64,
        _ => entry.size,
    };
    let moment = jiff::Timestamp::from_nanosecond(entry.modified()).unwrap_or_default();
    let moment = moment.to_zoned(TimeZone::UTC).datetime();
    let (date, time) = (moment.date(), moment.time());
    let clock = format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
    format!(
        "s {:x} {} {} {size} {} {date} {clock}.{:09} +0000 {name}",
        kind | entry.mode,
        entry.owner.0,
        entry.owner.1,
        entry.inode,
        time.subsec_nanosecond(),
    )
}

/// Whether `seen` is still `expected`: nothing was written in between. Permissions may have changed.
pub(super) fn is_same(expected: &SyncEntry, seen: &SyncEntry) -> bool {
    std::mem::discriminant(&expected.kind) == std::mem::discriminant(&seen.kind)
        && (expected.size, expected.mtime, expected.inode) == (seen.size, seen.mtime, seen.inode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_written() {
        let line = "s 81a4 1000 100 12 345 2026-11-30 01:02:03.000000456 +0000 ./a b ";
        let Some(StatLine::Entry(name, entry)) = parse(line.as_bytes()) else { panic!("{line}") };
        assert_eq!(name, b"./a b ");
        assert_eq!((entry.mode, entry.owner, entry.size, entry.inode), (0o644, (1000, 100), 12, 345));
        assert_eq!(entry.mtime, 1_796_000_523_000_000_456);
        assert_eq!(render(&entry, "./a b "), line);
        let old = "s a1ff 0 0 7 1 1969-12-31 23:59:59 +0000 l";
        assert!(matches!(
            parse(old.as_bytes()),
            Some(StatLine::Entry(b"l", SyncEntry { mtime: -1_000_000_000, .. }))
        ));
        let socket = "s c1ed 0 0 0 1 2026-11-30 01:02:03.000000000 +0000 s";
        assert_eq!(parse(socket.as_bytes()), Some(StatLine::Other));
        for wrong in
            ["", "s", "x 81a4", "s 81a4 0 0 1 1 2026-11-30 01:02:03 +0000", "s 81a4 0 0 1 1 a b +0000 x"]
        {
            assert_eq!(parse(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
