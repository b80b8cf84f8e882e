//! Files with in-memory changes.

use std::io;

use super::{CallKind, MemoryHost};
use crate::host::{FileEdit, Files, ProjectPath};

/// Files are read from the disk unless they were changed in memory.
impl Files for MemoryHost {
    fn read(&self, path: &ProjectPath) -> io::Result<Vec<u8>> {
        match self.state().files.get(path.absolute()) {
            Some(Some(content)) => Ok(content.to_vec()),
            Some(None) => Err(io::ErrorKind::NotFound.into()),
            None => crate::input_file::read_up_to(path.absolute(), crate::input_file::KEPT),
        }
    }

    fn edit(&self, edit: &FileEdit) -> io::Result<()> {
        let (kind, content) = match edit {
            FileEdit::Write { content, .. } => (CallKind::Write, Some(content.clone())),
            FileEdit::Remove { .. } => (CallKind::Remove, None),
        };
        self.did(kind, edit.path());
        self.state().files.insert(edit.path().absolute().to_owned(), content);
        Ok(())
    }
}
