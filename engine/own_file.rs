//! Internal files and directories: no other user can write to them, regardless of the umask.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

/// The maximum permission bits of a directory and of a file.
#[cfg(unix)]
const MODES: (u32, u32) = (0o755, 0o644);
/// The permission bits of a private directory.
#[cfg(unix)]
const PRIVATE: u32 = 0o700;

/// Creates the directory `path` and its parents if they are missing.
///
/// # Errors
/// If one cannot be created.
pub fn create_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    return create_with(path, MODES.0);
    #[cfg(not(unix))]
    std::fs::create_dir_all(path)
}

/// Like [`create_folder`], but no other user can read the directory: commands may write files with any permissions
/// there.
///
/// # Errors
/// If one cannot be created.
pub fn create_private_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    return create_with(path, PRIVATE);
    #[cfg(not(unix))]
    std::fs::create_dir_all(path)
}

#[cfg(unix)]
fn create_with(path: &Path, mode: u32) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(builder.recursive(true), mode);
    builder.create(path)
}

/// Opens the file `path` for writing: creates it if it is missing and truncates it if it exists.
///
/// # Errors
/// If it cannot be opened.
pub fn create(path: &Path) -> io::Result<File> {
    options().create(true).truncate(true).open(path)
}

/// Tries to lock `file`, until it is closed, without waiting. Returns whether no other process holds the lock; always
/// where the file system does not support locks, such as some network file systems.
///
/// # Errors
/// If the lock fails for another reason.
pub fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The options to open a file for writing.
pub fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        // With a named pipe at this path, opening fails instead of blocking.
        options.mode(MODES.1).custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    options
}
