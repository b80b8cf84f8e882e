//! File systems that report no events.

use std::path::Path;

/// The name of the file system of `folder`, if changes that another machine makes on it cause no events.
#[cfg(target_os = "linux")]
pub(super) fn without_events(folder: &Path) -> Option<&'static str> {
    let found = rustix::fs::statfs(folder).ok()?;
    name_of(found.f_type)
}

/// Elsewhere, events are not used at all.
#[cfg(not(target_os = "linux"))]
pub(super) fn without_events(_folder: &Path) -> Option<&'static str> {
    None
}

/// The name of the file system with this number, if it reports no events: see `statfs(2)`.
#[cfg(target_os = "linux")]
fn name_of(number: i64) -> Option<&'static str> {
    Some(match number {
        0x6969 => "NFS",
        0x0102_1997 => "9p",
        0x517B | 0xFF53_4D42 | 0xFE53_4D42 => "SMB",
        0x786F_4256 => "a VirtualBox share",
        0x5346_414F => "AFS",
        0x00C3_6400 => "Ceph",
        _ => return None,
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn local_file_systems_have_events_and_shares_have_none() {
        assert_eq!(without_events(Path::new("/proc")), None);
        assert_eq!(without_events(Path::new("/nothing/here")), None);
        assert_eq!(name_of(0x6969), Some("NFS"));
        assert_eq!(name_of(0x0102_1997), Some("9p"));
        assert_eq!(name_of(0xEF53), None);
    }
}
