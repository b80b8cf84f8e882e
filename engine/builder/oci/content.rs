//! Reads the content of files for a layer.

use std::io::{self, Read};

use tokio_util::sync::CancellationToken;

use super::instruction_error::InstructionError;
use super::node::{ContentLocation, FileContent};
use crate::builder::BuildError;
use crate::image::Digest;
use crate::image::context::{Changed, Content, Entry, EntryKind, SentFile, SentFiles};

/// Bytes read at once.
const BUFFER: usize = 256 * 1024;

/// Reads files, once each, and records the digests of the files of the context.
pub(super) struct Reader<'a> {
    sent: &'a SentFiles,
    cancel: &'a CancellationToken,
    buffer: Vec<u8>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(sent: &'a SentFiles, cancel: &'a CancellationToken) -> Self {
        Self { sent, cancel, buffer: vec![0; BUFFER] }
    }

    /// The digest of `content`, if it is known without reading it.
    pub(super) fn known(&self, content: &FileContent) -> Option<Digest> {
        if let ContentLocation::Context(entry) = &content.place
            && content.digest.get().is_none()
        {
            let known = self.sent.known(entry)?;
            // Its digest counts for the build, whether it is read or not.
            self.sent.note(&entry.path, known);
            return Some(*content.digest.get_or_init(|| known));
        }
        content.digest.get().copied()
    }

    /// Passes `content` to `take`, piece by piece; afterwards, its digest is known.
    pub(super) fn read(
        &mut self,
        content: &FileContent,
        take: &mut dyn FnMut(&[u8]) -> Result<(), InstructionError>,
    ) -> Result<(), InstructionError> {
        let size = content.size;
        match &content.place {
            ContentLocation::Memory(bytes) => take(bytes),
            ContentLocation::Packed(pack, offset) => {
                let mut done = 0;
                while done < size {
                    self.check_cancelled()?;
                    let count = usize::try_from(size - done).unwrap_or(BUFFER).min(BUFFER);
                    let read = pack.read_at(&mut self.buffer[..count], offset + done);
                    read.map_err(|error| pack.trouble(error))?;
                    take(&self.buffer[..count])?;
                    done += count as u64;
                }
                Ok(())
            }
            ContentLocation::Downloaded(file) => {
                let mut file = file.reopen()?;
                self.copy(&mut file, size, "the download", take).map(drop)
            }
            ContentLocation::Context(entry) => {
                let digest = self.read_entry(entry, take)?;
                if content.digest.get_or_init(|| digest) == &digest {
                    return Ok(());
                }
                Err(unsendable(entry, &Changed::Meanwhile.into()))
            }
        }
    }

    fn read_entry(
        &mut self,
        entry: &Entry,
        take: &mut dyn FnMut(&[u8]) -> Result<(), InstructionError>,
    ) -> Result<Digest, InstructionError> {
        match &entry.kind {
            EntryKind::File { content: Content::Memory(bytes), .. } => {
                take(bytes)?;
                return Ok(Digest::of(bytes));
            }
            EntryKind::File { .. } => {}
            EntryKind::Directory | EntryKind::Symlink { .. } => return Ok(Digest::of("")),
        }
        let unread = |error| unsendable(entry, &error);
        let file = self.sent.open(entry).and_then(SentFile::into_selected);
        let mut file = file.map_err(unread)?;
        loop {
            self.check_cancelled()?;
            match file.read(&mut self.buffer).map_err(unread)? {
                0 => return file.finish().map_err(unread),
                count => take(&self.buffer[..count])?,
            }
        }
    }

    /// Passes exactly `size` bytes of `file` to `take`; returns their digest.
    fn copy(
        &mut self,
        file: &mut impl Read,
        size: u64,
        name: &str,
        take: &mut dyn FnMut(&[u8]) -> Result<(), InstructionError>,
    ) -> Result<(), InstructionError> {
        let mut done = 0;
        while done < size {
            self.check_cancelled()?;
            let wanted = usize::try_from(size - done).unwrap_or(BUFFER).min(BUFFER);
            let count = match file.read(&mut self.buffer[..wanted]) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(format!("cannot read `{name}`: {error}").into()),
            };
            if count == 0 {
                let reason = format!("`{name}` shrank while it was read ({done} of {size} bytes)");
                return Err(InstructionError::with_help(reason, "run the build again"));
            }
            take(&self.buffer[..count])?;
            done += count as u64;
        }
        Ok(())
    }

    fn check_cancelled(&self) -> Result<(), InstructionError> {
        if self.cancel.is_cancelled() { Err(InstructionError::Cancelled) } else { Ok(()) }
    }
}

/// The error for the file `entry` of the context, which could not be read.
pub(super) fn unsendable(entry: &Entry, reason: &io::Error) -> InstructionError {
    BuildError::unsendable(&entry.path, reason).into()
}
