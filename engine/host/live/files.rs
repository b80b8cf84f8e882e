//! Real files.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use crate::host::{FileEdit, Files, ProjectPath};

/// Reads and writes real files.
pub(super) struct LiveFiles;

impl Files for LiveFiles {
    fn read(&self, path: &ProjectPath) -> io::Result<Vec<u8>> {
        crate::input_file::read_up_to(path.absolute(), crate::input_file::KEPT)
    }

    fn edit(&self, edit: &FileEdit) -> io::Result<()> {
        match edit {
            FileEdit::Write { path, content } => write(path.absolute(), content),
            FileEdit::Remove { path } => match fs::remove_file(path.absolute()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                removed => removed,
            },
        }
    }
}

/// Writes a temporary file next to `path` and renames it: readers see the old content or the new one. The permissions
/// of the file stay the same.
fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.prefix(".windlass-").tempfile_in(folder)?;
    file.write_all(content)?;
    if let Ok(before) = fs::metadata(path) {
        file.as_file().set_permissions(before.permissions())?;
    }
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
