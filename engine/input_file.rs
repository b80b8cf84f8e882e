//! Files that windlass is given to read. A path may lead to a named pipe, a device or a file without an end: reading those
//! would wait or take memory for ever, so only regular files are read, and only up to a limit.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::path::Path;

/// The most bytes of a file that people write: `devspace.yaml`, a Dockerfile, an ignore file, a script.
pub const WRITTEN: u64 = 10 << 20;
/// The most bytes of a file that a program writes: the state, a list of files, what a script reads.
pub const KEPT: u64 = 1 << 30;

/// The content of the file at `path` that people write.
///
/// # Errors
/// When it cannot be read, is no regular file, or is larger than [`WRITTEN`].
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    read_up_to(path, WRITTEN)
}

/// Like [`read`], as text.
///
/// # Errors
/// As [`read`], and when it is not UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    let not_utf8 = |_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text");
    String::from_utf8(read(path)?).map_err(not_utf8)
}

/// The content of the file at `path`, of at most `limit` bytes.
///
/// # Errors
/// When it cannot be read, is no regular file, or is larger.
pub fn read_up_to(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    // The usual way to name no file at all.
    let is_nothing = || path.canonicalize().is_ok_and(|path| path == Path::new("/dev/null"));
    let file = match open(path) {
        Err(error) if error.kind() == io::ErrorKind::Other && is_nothing() => return Ok(Vec::new()),
        file => file?,
    };
    let size = file.metadata()?.len();
    let too_large =
        || io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {}", shown(limit)));
    if size > limit {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    // It may grow meanwhile, and files of /proc have a length of 0.
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(too_large()) } else { Ok(bytes) }
}

/// Opens the regular file at `path` for reading, without ever waiting for somebody at its other end.
///
/// # Errors
/// When it cannot be opened, or is something else.
pub fn open(path: &Path) -> io::Result<File> {
    // Opening a device may already do something.
    check(&std::fs::metadata(path)?)?;
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        let flags = OFlags::NONBLOCK.union(OFlags::NOCTTY).bits();
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.cast_signed());
    }
    let file = options.open(path)?;
    check(&file.metadata()?)?;
    Ok(file)
}

/// Refuses what is no regular file.
fn check(metadata: &Metadata) -> io::Result<()> {
    let kind = metadata.file_type();
    if kind.is_file() {
        return Ok(());
    }
    if kind.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
    }
    #[cfg(unix)]
    let is_pipe = std::os::unix::fs::FileTypeExt::is_fifo(&kind);
    #[cfg(not(unix))]
    let is_pipe = false;
    let what = if is_pipe { "it is a named pipe" } else { "it is a device or socket" };
    Err(io::Error::other(format!("{what}, and only a regular file is read")))
}

fn shown(limit: u64) -> String {
    match limit >> 30 {
        0 => format!("{} MiB", limit >> 20),
        gigabytes => format!("{gigabytes} GiB"),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn reason(path: &Path, limit: u64) -> String {
        read_up_to(path, limit).expect_err("refused").to_string()
    }

    #[test]
    fn only_regular_files_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("file"), "text").expect("written");
        std::os::unix::fs::symlink("file", path("link")).expect("linked");
        for name in ["file", "link"] {
            assert_eq!(read_text(&path(name)).expect("read"), "text");
        }
        assert!(std::process::Command::new("mkfifo").arg(path("pipe")).status().expect("run").success());
        assert_eq!(reason(&path("pipe"), WRITTEN), "it is a named pipe, and only a regular file is read");
        for device in ["/dev/zero", "/dev/tty"] {
            let reason = reason(Path::new(device), WRITTEN);
            assert_eq!(reason, "it is a device or socket, and only a regular file is read");
        }
        assert_eq!(read(Path::new("/dev/null")).expect("nothing"), b"");
        assert_eq!(reason(folder.path(), WRITTEN), "it is a directory");
        assert_eq!(read(&path("none")).expect_err("gone").kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn files_are_read_up_to_the_limit() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        File::create(&path).and_then(|file| file.set_len(WRITTEN)).expect("made");
        assert_eq!(read(&path).expect("read").len() as u64, WRITTEN);
        assert_eq!(reason(&path, WRITTEN - 1), "it is larger than 9 MiB");
        // A length that is not told.
        assert!(!read(Path::new("/proc/self/status")).expect("read").is_empty());
    }
}
