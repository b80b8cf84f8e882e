//! Finds commands in `PATH`, for messages.

use std::path::{Path, PathBuf};

/// The path of `program`: as it is if it has a directory, otherwise from `PATH`; `None` if it is not found.
pub(super) fn locate(program: &str) -> Option<PathBuf> {
    if Path::new(program).components().count() > 1 {
        return Some(program.into());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(program)).find(|file| file.is_file())
}
