//! Finds commands in `PATH`.

use std::path::{Path, PathBuf};

/// The path of `program`: as it is if it has a directory, otherwise from `PATH`; `None` if it is not found.
pub(super) fn locate(program: &str) -> Option<PathBuf> {
    if Path::new(program).components().count() > 1 {
        return Some(program.into());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(program)).find(|file| is_command(file))
}

/// Whether the system would run `file`; it skips files that are not executable.
fn is_command(file: &Path) -> bool {
    let Ok(metadata) = std::fs::metadata(file) else { return false };
    #[cfg(unix)]
    let is_executable = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o111 != 0;
    #[cfg(not(unix))]
    let is_executable = true;
    metadata.is_file() && is_executable
}
