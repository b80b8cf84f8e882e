//! The build context as the archive that travels: the selection plus the Dockerfile to build.

use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::sync::mpsc;

use crate::builder::BuildRequest;
use crate::image::context::{Content, Entry, EntryKind};
use crate::image::{Digest, Selection};

/// Size of the pieces that travel, in bytes.
const PIECE: usize = 64 * 1024;

/// How many pieces wait for the daemon at most.
const WAITING: usize = 16;

/// How often the bytes sent are told, in bytes.
const TELL_EVERY: u64 = 1 << 20;

/// Name of the ignore file, which the daemon reads too.
const IGNORE_FILE: &str = ".dockerignore";

/// A context ready to travel.
pub(super) struct Archive {
    selection: Arc<Selection>,
    extra: Vec<(String, Bytes)>,
    /// Path of the Dockerfile in the archive.
    pub(super) dockerfile: String,
    /// Size of its files in bytes.
    pub(super) size: u64,
    /// The file that could not be read, and why, when that stopped the archive.
    pub(super) unreadable: Arc<Mutex<Option<(String, io::Error)>>>,
}

impl Archive {
    /// The selection of `request` with its Dockerfile.
    ///
    /// A Dockerfile that is a selected file, byte for byte, travels as that. Any other gets a name of its own
    /// and an ignore rule for it: the daemon itself then takes both files out of the context before a COPY can
    /// see them (moby, `removeDockerfile`). Only an ignore file that is selected itself stays in the context,
    /// with that one line more.
    pub(super) fn new(request: &BuildRequest) -> Self {
        let selection = request.context.clone();
        let size = selection.entries().iter().map(file_size).sum();
        let text = request.dockerfile.text();
        let path = request.directory.join(request.dockerfile.name());
        let mut archive = Self {
            dockerfile: String::new(),
            extra: Vec::new(),
            unreadable: Arc::default(),
            selection,
            size,
        };
        match find_same(archive.selection.entries(), &path, text.as_bytes()) {
            Some(path) => archive.dockerfile = path,
            None => {
                let name = format!(".windlass.{}.Dockerfile", &Digest::of(text).hex()[..16]);
                let rules = format!("{IGNORE_FILE}\n{name}\n");
                archive.extra.push((IGNORE_FILE.to_owned(), Bytes::from(rules)));
                archive.extra.push((name.clone(), Bytes::copy_from_slice(text.as_bytes())));
                archive.dockerfile = name;
            }
        }
        archive
    }

    /// The bytes of the archive; `told` hears how many bytes were taken so far.
    pub(super) fn stream(
        &self,
        told: impl Fn(u64) + Send + 'static,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let (sender, receiver) = mpsc::channel(WAITING);
        let selection = self.selection.clone();
        let (extra, unreadable) = (self.extra.clone(), self.unreadable.clone());
        std::thread::spawn(move || {
            let pieces = BufWriter::with_capacity(PIECE, Pieces { sender: sender.clone() });
            if let Err(error) = write_tar(selection.entries(), &extra, pieces, &unreadable) {
                // Nobody may be left to hear it: then the daemon's own answer is the one that counts.
                let _ = sender.blocking_send(Err(error));
            }
        });
        let (mut sent, mut last_told) = (0, 0);
        let tell = move |piece: &io::Result<Bytes>| {
            sent += piece.as_ref().map_or(0, |piece| piece.len() as u64);
            if sent - last_told >= TELL_EVERY {
                last_told = sent;
                told(sent);
            }
        };
        stream::unfold((receiver, tell), |(mut receiver, mut tell)| async move {
            let piece = receiver.recv().await?;
            tell(&piece);
            Some((piece, (receiver, tell)))
        })
    }
}

/// The selected file that lies at `path` and has exactly the bytes of `text`.
fn find_same(entries: &[Entry], path: &Path, text: &[u8]) -> Option<String> {
    let path = path.canonicalize().ok()?;
    let entry = entries.iter().find(|entry| match &entry.kind {
        EntryKind::File { size, content: Content::Disk(disk) } => *disk == path && *size == text.len() as u64,
        _ => false,
    })?;
    (std::fs::read(path).ok()? == text).then(|| entry.path.to_string())
}

fn file_size(entry: &Entry) -> u64 {
    match entry.kind {
        EntryKind::File { size, .. } => size,
        EntryKind::Directory | EntryKind::Symlink { .. } => 0,
    }
}

/// Writes the archive: entries as they are, owners 0:0, then the extra files. An extra ignore file is put
/// behind the content of a selected one.
fn write_tar(
    entries: &[Entry],
    extra: &[(String, Bytes)],
    output: impl Write,
    unreadable: &Mutex<Option<(String, io::Error)>>,
) -> io::Result<()> {
    let mut tar = tar::Builder::new(output);
    let selected_ignore = entries.iter().find(|entry| *entry.path == *IGNORE_FILE);
    for entry in entries {
        if extra.iter().any(|(name, _)| *name == *entry.path) {
            continue;
        }
        let mut header = tar::Header::new_gnu();
        header.set_mode(entry.mode & 0o7777);
        let modified = entry.modified.duration_since(std::time::UNIX_EPOCH);
        header.set_mtime(modified.map_or(0, |time| time.as_secs()));
        match &entry.kind {
            EntryKind::Directory => {
                header.set_entry_type(tar::EntryType::Directory);
                header.set_size(0);
                tar.append_data(&mut header, format!("{}/", entry.path), io::empty())?;
            }
            EntryKind::Symlink { target } => {
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_size(0);
                tar.append_link(&mut header, &*entry.path, &**target)?;
            }
            EntryKind::File { size, content } => {
                header.set_size(*size);
                let content = open(content).map_err(|error| note(unreadable, &entry.path, error))?;
                let content = Exactly { file: content, left: *size };
                // The output fails in one way only: nobody takes it any more.
                tar.append_data(&mut header, &*entry.path, content).map_err(|error| match error.kind() {
                    io::ErrorKind::BrokenPipe => error,
                    _ => note(unreadable, &entry.path, error),
                })?;
            }
        }
    }
    for (name, bytes) in extra {
        let mut content = Vec::new();
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        match selected_ignore {
            Some(entry) if name == IGNORE_FILE => {
                header.set_mode(entry.mode & 0o7777);
                if let EntryKind::File { content: file, .. } = &entry.kind {
                    open(file)
                        .and_then(|mut file| file.read_to_end(&mut content))
                        .map_err(|error| note(unreadable, name, error))?;
                }
                // The first rule hides the ignore file, which must stay as it was selected.
                let own = bytes.splitn(2, |byte| *byte == b'\n').nth(1).unwrap_or_default();
                content.push(b'\n');
                content.extend_from_slice(own);
            }
            _ => content.extend_from_slice(bytes),
        }
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, name, &*content)?;
    }
    tar.into_inner()?.flush()
}

fn open(content: &Content) -> io::Result<Box<dyn Read + '_>> {
    Ok(match content {
        Content::Disk(path) => Box::new(std::fs::File::open(path)?),
        Content::Memory(bytes) => Box::new(&**bytes),
    })
}

/// Exactly the number of bytes that the archive has announced, should the file have changed meanwhile.
struct Exactly<'a> {
    file: Box<dyn Read + 'a>,
    left: u64,
}

impl Read for Exactly<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read(&mut buffer[..room])?;
        if read == 0 && room > 0 {
            let reason = "it became shorter while it was sent";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, reason));
        }
        self.left -= read as u64;
        Ok(read)
    }
}

/// Remembers which file stopped the archive.
fn note(unreadable: &Mutex<Option<(String, io::Error)>>, path: &str, error: io::Error) -> io::Error {
    let copy = io::Error::new(error.kind(), error.to_string());
    *unreadable.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some((path.to_owned(), error));
    copy
}

/// Sends what is written on, piece by piece.
struct Pieces {
    sender: mpsc::Sender<io::Result<Bytes>>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = Bytes::copy_from_slice(bytes);
        self.sender.blocking_send(Ok(piece)).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn entry(path: &str, content: Content, size: u64) -> Entry {
        let kind = EntryKind::File { size, content };
        Entry::new(path, kind, 0o100_640, SystemTime::UNIX_EPOCH)
    }

    fn memory(path: &str, text: &'static str) -> Entry {
        entry(path, Content::Memory(Bytes::from_static(text.as_bytes())), text.len() as u64)
    }

    /// The archive of `entries` and `extra` as paths and texts.
    fn archive(entries: &[Entry], extra: &[(&str, &'static str)]) -> Vec<(String, String)> {
        let extra: Vec<_> = extra
            .iter()
            .map(|(name, text)| ((*name).to_owned(), Bytes::from_static(text.as_bytes())))
            .collect();
        let mut bytes = Vec::new();
        write_tar(entries, &extra, &mut bytes, &Mutex::default()).unwrap();
        let mut archive = tar::Archive::new(&*bytes);
        let read = |mut entry: tar::Entry<'_, &[u8]>| {
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            (entry.path().unwrap().display().to_string(), text)
        };
        archive.entries().unwrap().map(|entry| read(entry.unwrap())).collect()
    }

    #[test]
    fn extra_files_come_last() {
        let archived =
            archive(&[memory("a", "x")], &[(".dockerignore", ".dockerignore\nD\n"), ("D", "FROM x")]);
        let expected = [("a", "x"), (".dockerignore", ".dockerignore\nD\n"), ("D", "FROM x")];
        assert_eq!(archived, expected.map(|(path, text)| (path.to_owned(), text.to_owned())));
    }

    #[test]
    fn a_selected_ignore_file_gains_one_rule() {
        let archived =
            archive(&[memory(".dockerignore", "old")], &[(".dockerignore", ".dockerignore\nD\n"), ("D", "")]);
        assert_eq!(archived[0], (".dockerignore".to_owned(), "old\nD\n".to_owned()));
        assert_eq!(archived.len(), 2);
    }

    #[test]
    fn a_file_that_cannot_be_sent_is_noted() {
        let check = |entry: Entry, expected: &str| {
            let unreadable = Mutex::default();
            write_tar(&[entry], &[], io::sink(), &unreadable).unwrap_err();
            let (path, error) = unreadable.into_inner().unwrap().unwrap();
            assert_eq!((path.as_str(), error.to_string().as_str()), ("f", expected));
        };
        let short = entry("f", Content::Memory(Bytes::from_static(b"ab")), 5);
        check(short, "it became shorter while it was sent");
        let gone = entry("f", Content::Disk("/no/such/file".into()), 5);
        check(gone, "No such file or directory (os error 2)");
    }
}
