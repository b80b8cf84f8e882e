//! Files that windlass reads on request. A path may point to a named pipe, a device or an endless file, which would
//! block or exhaust the memory. Therefore only regular files are read, and only up to a limit.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::path::Path;

/// The maximum size in bytes of a file that people write: `devspace.yaml`, a Dockerfile, an ignore file, a script.
pub const WRITTEN: u64 = 10 << 20;
/// The maximum size in bytes of a file that a program writes: the state, a list of files, a file that a script reads.
pub const KEPT: u64 = 1 << 30;

/// The content of the file at `path`, up to [`WRITTEN`].
///
/// # Errors
/// If it cannot be read, is not a regular file, or is larger than [`WRITTEN`].
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    read_up_to(path, WRITTEN)
}

/// Like [`read`], as text.
///
/// # Errors
/// Those of [`read`], and if it is not UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    let not_utf8 = |_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text");
    String::from_utf8(read(path)?).map_err(not_utf8)
}

/// The content of the file at `path`, of at most `limit` bytes.
///
/// # Errors
/// If it cannot be read, is not a regular file, or is larger.
pub fn read_up_to(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    // `/dev/null` is the usual way to name no file.
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
    // It may grow in the meantime, and files in /proc have a length of 0.
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(too_large()) } else { Ok(bytes) }
}

/// Opens the regular file at `path` for reading, without waiting for a writer at the other end of a pipe.
///
/// # Errors
/// If it cannot be opened, or is not a regular file.
pub fn open(path: &Path) -> io::Result<File> {
    // Opening a device can already have an effect.
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

/// Rejects everything except regular files.
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
    let what = if is_pipe { "a named pipe" } else { "a device or socket" };
    Err(io::Error::other(format!("it is {what}, not a regular file")))
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
        let folder = tempfile::tempdir().expect("a directory");
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("file"), "text").expect("written");
        std::os::unix::fs::symlink("file", path("link")).expect("linked");
        for name in ["file", "link"] {
            assert_eq!(read_text(&path(name)).expect("read"), "text");
        }
        assert!(std::process::Command::new("mkfifo").arg(path("pipe")).status().expect("run").success());
        assert_eq!(reason(&path("pipe"), WRITTEN), "it is a named pipe, not a regular file");
        for device in ["/dev/zero", "/dev/tty"] {
            let reason = reason(Path::new(device), WRITTEN);
            assert_eq!(reason, "it is a device or socket, not a regular file");
        }
        assert_eq!(read(Path::new("/dev/null")).expect("nothing"), b"");
        assert_eq!(reason(folder.path(), WRITTEN), "it is a directory");
        assert_eq!(read(&path("none")).expect_err("missing").kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn files_are_read_up_to_the_limit() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("file");
        File::create(&path).and_then(|file| file.set_len(WRITTEN)).expect("made");
        assert_eq!(read(&path).expect("read").len() as u64, WRITTEN);
        assert_eq!(reason(&path, WRITTEN - 1), "it is larger than 9 MiB");
        // The length in the metadata is 0.
        assert!(!read(Path::new("/proc/self/status")).expect("read").is_empty());
    }
}
