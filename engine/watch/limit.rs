//! The limits of the system for watches.

use std::io;

/// The message if the system refuses to watch one of `wanted` directories with `error`; `None` if that is about the
/// directory itself.
pub(super) fn exceeded(error: &io::Error, wanted: usize) -> Option<String> {
    let errno = rustix_errno(error)?;
    let (name, what) = match errno {
        Errno::Watches => ("max_user_watches", format!("{wanted} directories")),
        Errno::Instances => ("max_user_instances", "another program".to_owned()),
    };
    let path = format!("/proc/sys/fs/inotify/{name}");
    let allowed = crate::input_file::read_text(std::path::Path::new(&path)).ok();
    let allowed: Option<usize> = allowed.and_then(|text| text.trim().parse().ok());
    let shown = allowed.map_or("an unknown number".to_owned(), |allowed| allowed.to_string());
    let better = match errno {
        Errno::Watches => wanted.saturating_mul(2).max(allowed.unwrap_or_default() * 2).max(524_288),
        Errno::Instances => allowed.unwrap_or_default().max(128) * 4,
    };
    Some(format!(
        "cannot watch {what}: the limit `fs.inotify.{name}` is {shown}, shared by all programs of this user. Windlass \
         compares with the disk instead, which is slower. To raise the limit: `sudo sysctl fs.inotify.{name}={better}`"
    ))
}

#[derive(Clone, Copy)]
enum Errno {
    /// `ENOSPC`.
    Watches,
    /// `EMFILE`.
    Instances,
}

fn rustix_errno(error: &io::Error) -> Option<Errno> {
    #[cfg(target_os = "linux")]
    {
        use rustix::io::Errno as Raw;
        match Raw::from_io_error(error)? {
            Raw::NOSPC | Raw::NOMEM => Some(Errno::Watches),
            Raw::MFILE | Raw::NFILE => Some(Errno::Instances),
            _ => None,
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = error;
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_required_and_allowed_numbers_are_reported_with_the_command_that_raises_them() {
        let errno = |errno: rustix::io::Errno| io::Error::from(errno);
        let text = exceeded(&errno(rustix::io::Errno::NOSPC), 300_000).expect("a limit");
        assert!(
            text.starts_with("cannot watch 300000 directories: the limit `fs.inotify.max_user_watches` is ")
        );
        assert!(text.contains("sudo sysctl fs.inotify.max_user_watches="), "{text}");
        let text = exceeded(&errno(rustix::io::Errno::MFILE), 1).expect("a limit");
        assert!(text.contains("sudo sysctl fs.inotify.max_user_instances="), "{text}");
        assert_eq!(exceeded(&errno(rustix::io::Errno::NOENT), 1), None);
    }
}
