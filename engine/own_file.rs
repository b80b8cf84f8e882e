//! Files and folders that windlass keeps for itself: nobody else may write to them, whatever the umask allows.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

/// The permission bits that a folder has at most, and a file.
#[cfg(unix)]
const MODES: (u32, u32) = (0o755, 0o644);
/// The permission bits of a folder that is nobody else's business.
#[cfg(unix)]
const PRIVATE: u32 = 0o700;

/// Makes the folder `path` and those above it, where they are missing.
///
/// # Errors
/// When one cannot be made.
pub fn create_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    return create_with(path, MODES.0);
    #[cfg(not(unix))]
    std::fs::create_dir_all(path)
}

/// Like [`create_folder`], for folders into which nobody else may look: what programs put there has what permissions it
/// likes.
///
/// # Errors
/// When one cannot be made.
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

/// Opens the file `path` for writing, made when it is missing and emptied when it is there.
///
/// # Errors
/// When it cannot be opened.
pub fn create(path: &Path) -> io::Result<File> {
    options().create(true).truncate(true).open(path)
}

/// How to open a file for writing.
pub fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        // A named pipe in its place is an error and no endless wait.
        options.mode(MODES.1).custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    options
}
