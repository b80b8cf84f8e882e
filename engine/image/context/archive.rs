//! A selection as an uncompressed tar archive, created while it is sent.

use std::io::{self, Read as _, Write};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, Stream};
use tar::{Builder, EntryType, Header};
use tokio::sync::mpsc;

use super::entry::{Content, Entry, EntryKind};
use super::name::{bytes_of, path_of, shown};
use super::sent::SentFile;
use super::{Selection, SentFiles};

/// The size of a block of the stream: it is read from a file at once and passed on without a copy.
const BLOCK: usize = 256 * 1024;
/// The maximum number of blocks that wait for the receiver.
const WAITING: usize = 4;
/// The size of a tar record.
const RECORD: u64 = 512;

impl Selection {
    /// The selection as a tar stream of a few hundred kilobytes at a time; `sent` records the digest of each file as it
    /// was sent, `progress` receives the bytes of file content read so far.
    ///
    /// A separate thread reads the files. It stops when the stream is dropped. Each file is sent with its current
    /// content; one that cannot be read, or changes during the read, ends the stream with an error that names it.
    pub fn tar_stream(
        &self,
        sent: Arc<SentFiles>,
        progress: impl Fn(u64) + Send + 'static,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static {
        let (sender, mut receiver) = mpsc::channel(WAITING);
        let selection = self.clone();
        let blocks = Blocks { block: BytesMut::new(), filled: 0, sender: sender.clone() };
        let archive = move || {
            let sender = blocks.sender.clone();
            let result = selection.write(blocks, &sent, &progress).and_then(|mut blocks| blocks.send());
            if let Err(error) = result {
                // Without a receiver, the error cannot be delivered.
                let _ = sender.blocking_send(Err(error));
            }
        };
        if let Err(error) = std::thread::Builder::new().name("context".into()).spawn(archive) {
            let _ = sender.try_send(Err(error));
        }
        stream::poll_fn(move |context| receiver.poll_recv(context))
    }

    /// Writes the selection as a tar archive, as [`Selection::tar_stream`] does.
    ///
    /// # Errors
    /// Errors of the writer; and, if a file cannot be read or changes meanwhile, an error that names it.
    pub fn write_tar(&self, writer: impl Write, progress: impl Fn(u64)) -> io::Result<()> {
        let sink = Plain { writer, buffer: Vec::new() };
        self.write(sink, &SentFiles::default(), &progress)?.writer.flush()
    }

    fn write<S: Sink>(&self, sink: S, sent: &SentFiles, progress: &dyn Fn(u64)) -> io::Result<S> {
        let mut builder = Builder::new(sink);
        let mut done = 0;
        for entry in self.entries() {
            append(&mut builder, entry, sent, &mut done, progress).map_err(|error| match error.kind() {
                // The receiver was closed: not an error of this file.
                io::ErrorKind::BrokenPipe => error,
                kind => {
                    let error = Unsendable { path: entry.path.clone(), reason: error };
                    io::Error::new(kind, Shared(Arc::new(error)))
                }
            })?;
        }
        builder.into_inner()
    }
}

/// Why an archive is incomplete: a selected file could not be read to its end.
#[derive(Debug, thiserror::Error)]
#[error("cannot send `{}`: {reason}", shown(.path))]
pub struct Unsendable {
    /// The file's path in the context.
    pub path: Arc<str>,
    /// The error of the operating system.
    pub reason: io::Error,
}

/// Wraps the error for an [`io::Error`], which cannot be cloned.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Shared(Arc<Unsendable>);

impl Unsendable {
    /// The [`Unsendable`] in an error of [`Selection::tar_stream`] or [`Selection::write_tar`].
    pub fn of(error: &io::Error) -> Option<&Arc<Self>> {
        Some(&error.get_ref()?.downcast_ref::<Shared>()?.0)
    }
}

/// The destination of an archive.
trait Sink: Write {
    /// Transfers the next bytes of `file` with as few copies as possible and returns their number, 0 at the end.
    fn take_from(&mut self, file: &mut SentFile<'_>) -> io::Result<usize>;
}

fn append<S: Sink>(
    builder: &mut Builder<S>,
    entry: &Entry,
    sent: &SentFiles,
    done: &mut u64,
    progress: &dyn Fn(u64),
) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_mode(entry.mode & 0o7777);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(seconds(entry.modified));
    header.set_size(0);
    match &entry.kind {
        EntryKind::Directory => {
            header.set_entry_type(EntryType::Directory);
            builder.append_data(&mut header, path_of(&format!("{}/", entry.path)), io::empty())
        }
        EntryKind::Symlink { target } => {
            header.set_entry_type(EntryType::Symlink);
            append_link(builder, &mut header, &entry.path, target)
        }
        EntryKind::File { size, content } => {
            header.set_entry_type(EntryType::Regular);
            match content {
                Content::Memory(content) => {
                    header.set_size(*size);
                    builder.append_data(&mut header, path_of(&entry.path), &**content)?;
                    *done += size;
                    progress(*done);
                }
                Content::Disk(_) => {
                    let mut file = sent.open(entry)?;
                    let size = file.size();
                    header.set_size(size);
                    header.set_mtime(seconds(file.modified()));
                    // Only the header: the content bypasses the builder, which would copy it in small pieces.
                    builder.append_data(&mut header, path_of(&entry.path), io::empty())?;
                    let sink = builder.get_mut();
                    loop {
                        match sink.take_from(&mut file)? {
                            0 => break,
                            count => *done += count as u64,
                        }
                        progress(*done);
                    }
                    file.finish()?;
                    let padding = size.next_multiple_of(RECORD) - size;
                    sink.write_all(&[0; RECORD as usize][..padding as usize])?;
                }
            }
            Ok(())
        }
    }
}

/// A symlink whose target is kept as written, even if the tar crate would normalize it.
fn append_link<S: Sink>(
    builder: &mut Builder<S>,
    header: &mut Header,
    path: &str,
    target: &str,
) -> io::Result<()> {
    let target = bytes_of(target);
    if header.set_link_name_literal(&target).is_err() {
        let mut long = Header::new_gnu();
        long.set_entry_type(EntryType::GNULongLink);
        long.set_size(target.len() as u64 + 1);
        long.set_mode(0o644);
        long.set_mtime(0);
        let content = target.chain(&[0][..]);
        builder.append_data(&mut long, "././@LongLink", content)?;
    }
    builder.append_data(header, path_of(path), io::empty())
}

/// Whole seconds since 1970; 0 for earlier times.
fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |distance| distance.as_secs())
}

/// Collects the written bytes in blocks and sends them.
struct Blocks {
    block: BytesMut,
    filled: usize,
    sender: mpsc::Sender<io::Result<Bytes>>,
}

impl Blocks {
    /// The free part of the current block, never empty.
    fn free(&mut self) -> io::Result<&mut [u8]> {
        if self.filled == self.block.len() {
            self.send()?;
            self.block = BytesMut::zeroed(BLOCK);
        }
        Ok(&mut self.block[self.filled..])
    }

    /// Sends the content of the current block.
    fn send(&mut self) -> io::Result<()> {
        let mut block = std::mem::take(&mut self.block);
        block.truncate(std::mem::take(&mut self.filled));
        if block.is_empty() {
            return Ok(());
        }
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the builder stopped reading");
        self.sender.blocking_send(Ok(block.freeze())).map_err(gone)
    }
}

impl Write for Blocks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let free = self.free()?;
        let count = free.len().min(bytes.len());
        free[..count].copy_from_slice(&bytes[..count]);
        self.filled += count;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Blocks {
    fn take_from(&mut self, file: &mut SentFile<'_>) -> io::Result<usize> {
        let count = file.read(self.free()?)?;
        self.filled += count;
        Ok(count)
    }
}

/// Passes everything to a writer.
struct Plain<W> {
    writer: W,
    buffer: Vec<u8>,
}

impl<W: Write> Write for Plain<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl<W: Write> Sink for Plain<W> {
    fn take_from(&mut self, file: &mut SentFile<'_>) -> io::Result<usize> {
        self.buffer.resize(BLOCK, 0);
        let count = file.read(&mut self.buffer)?;
        self.writer.write_all(&self.buffer[..count])?;
        Ok(count)
    }
}
