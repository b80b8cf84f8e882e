//! The build context as the archive to send: the selection plus the Dockerfile to build.

use std::cell::Cell;
use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};

use crate::builder::{BuildError, BuildRequest};
use crate::image::context::{Content, EntryKind, SentFiles, Unsendable};
use crate::image::{Digest, Selection};

/// The interval between two progress reports, in bytes.
const TELL_EVERY: u64 = 1 << 20;

/// Name of the ignore file, which the builder reads too.
const IGNORE_FILE: &str = ".dockerignore";

/// A build context that is ready to be sent.
pub(super) struct Archive {
    selection: Selection,
    /// Path of the Dockerfile in the archive.
    pub(super) dockerfile: String,
    /// Size of its files in bytes.
    pub(super) size: u64,
    /// Records the digests of the files that were sent.
    sent: Arc<SentFiles>,
    /// The file that could not be read, and why.
    unsendable: Arc<OnceLock<Arc<Unsendable>>>,
}

impl Archive {
    /// The selection of `request` with its Dockerfile.
    ///
    /// A Dockerfile that equals a selected file, byte for byte, is sent as that file. Any other is added under a
    /// separate name, with an ignore rule for it: the builder itself then removes both files from the context before
    /// a COPY can see them (moby: `removeDockerfile`; kaniko applies the rule). Only an ignore file that is selected
    /// itself stays in the context, with that one additional line.
    ///
    /// # Errors
    /// If a selected ignore file cannot be read.
    pub(super) fn new(request: &BuildRequest) -> Result<Self, Unsendable> {
        let text = request.dockerfile.text();
        let path = request.directory.join(request.dockerfile.name());
        let (selection, dockerfile) = match find_same(&request.context, &path, text.as_bytes()) {
            // Its file may have changed by now; the planned bytes are sent.
            Some(path) => {
                request.sent.note(&path.as_str().into(), Digest::of(text));
                let text = Bytes::copy_from_slice(text.as_bytes());
                (request.context.with_content(&path, text), path)
            }
            None => {
                let name = format!(".windlass.{}.Dockerfile", &Digest::of(text).hex()[..16]);
                let selection = with_rule(&request.context, &name, &request.sent)?;
                (selection.with_file(&name, 0o644, Bytes::copy_from_slice(text.as_bytes())), name)
            }
        };
        let (size, sent) = (selection.size(), Arc::clone(&request.sent));
        Ok(Self { dockerfile, size, sent, unsendable: Arc::default(), selection })
    }

    /// The bytes of the archive; `told` is called at intervals with the number of file bytes read so far.
    pub(super) fn stream(
        &self,
        told: impl Fn(u64) + Send + 'static,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let last_told = Cell::new(0);
        let report = move |sent| {
            if sent - last_told.get() >= TELL_EVERY {
                last_told.set(sent);
                told(sent);
            }
        };
        let unsendable = Arc::clone(&self.unsendable);
        self.selection.tar_stream(self.sent.clone(), report).inspect(move |piece| {
            // The consumer of the stream only sees that it ended early.
            if let Err(error) = piece
                && let Some(error) = Unsendable::of(error)
            {
                let _ = unsendable.set(Arc::clone(error));
            }
        })
    }

    /// Why the stream ended early, if a file could not be read.
    pub(super) fn failure(&self) -> Option<BuildError> {
        self.unsendable.get().map(|error| BuildError::unsendable(&error.path, &error.reason))
    }
}

/// The selected file at `path`, if its bytes equal `text`.
fn find_same(selection: &Selection, path: &Path, text: &[u8]) -> Option<String> {
    let path = path.canonicalize().ok()?;
    let name = path.to_str()?;
    // The context's root is one of the directories above the file.
    let mut candidates = name.match_indices('/').filter_map(|(slash, _)| selection.get(&name[slash + 1..]));
    let entry = candidates.find(|entry| match &entry.kind {
        EntryKind::File { size, content: Content::Disk(disk) } => {
            disk.path() == path && *size == text.len() as u64
        }
        _ => false,
    })?;
    (crate::input_file::read(&path).ok()? == text).then(|| entry.path.to_string())
}

/// A copy of `selection` whose ignore file hides `name`, and itself unless it was selected.
fn with_rule(selection: &Selection, name: &str, sent: &SentFiles) -> Result<Selection, Unsendable> {
    let selected = selection.get(IGNORE_FILE).and_then(|entry| match &entry.kind {
        EntryKind::File { content, .. } => Some((entry, content)),
        _ => None,
    });
    let Some((entry, content)) = selected else {
        return Ok(selection.with_file(IGNORE_FILE, 0o644, format!("{IGNORE_FILE}\n{name}\n")));
    };
    let mut rules = match content {
        Content::Memory(bytes) => bytes.to_vec(),
        // The digest is that of the file on disk, without the rule.
        Content::Disk(_) => {
            sent.read(entry).map_err(|reason| Unsendable { path: IGNORE_FILE.into(), reason })?
        }
    };
    rules.extend_from_slice(format!("\n{name}\n").as_bytes());
    Ok(selection.with_file(IGNORE_FILE, entry.mode, rules))
}

impl From<Unsendable> for BuildError {
    fn from(error: Unsendable) -> Self {
        Self::unsendable(&error.path, &error.reason)
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use futures_util::TryStreamExt as _;

    use super::*;
    use crate::image::Dockerfile;
    use crate::image::context::{DiskFile, Entry};

    fn entry(path: &str, content: Content, size: u64) -> Entry {
        let kind = EntryKind::File { size, content };
        Entry::new(path, kind, 0o100_640, SystemTime::UNIX_EPOCH)
    }

    fn memory(path: &str, text: &'static str) -> Entry {
        entry(path, Content::Memory(Bytes::from_static(text.as_bytes())), text.len() as u64)
    }

    fn archive(entries: Vec<Entry>) -> Archive {
        let request = BuildRequest::new(
            "api",
            Dockerfile::parse("Dockerfile", "FROM scratch\n").unwrap(),
            Selection::from_entries(entries),
            "/no/such/folder",
        );
        Archive::new(&request).unwrap()
    }

    /// Paths and contents in the archive of `entries`, with the name of the Dockerfile shortened to `D`.
    async fn files(entries: Vec<Entry>) -> Vec<(String, String)> {
        let archive = archive(entries);
        let blocks: Vec<Bytes> = archive.stream(|_| ()).try_collect().await.unwrap();
        let bytes = blocks.concat();
        let mut tar = tar::Archive::new(&*bytes);
        let short = |text: String| text.replace(&archive.dockerfile, "D");
        let read = |mut entry: tar::Entry<'_, &[u8]>| {
            let mut text = String::new();
            io::Read::read_to_string(&mut entry, &mut text).unwrap();
            (short(entry.path().unwrap().display().to_string()), short(text))
        };
        tar.entries().unwrap().map(|entry| read(entry.unwrap())).collect()
    }

    #[tokio::test]
    async fn an_added_dockerfile_is_hidden_with_the_rule_that_hides_it() {
        let expected = [(".dockerignore", ".dockerignore\nD\n"), ("D", "FROM scratch\n"), ("a", "x")];
        let expected = expected.map(|(path, text)| (path.to_owned(), text.to_owned()));
        assert_eq!(files(vec![memory("a", "x")]).await, expected);
    }

    #[tokio::test]
    async fn a_selected_ignore_file_gains_one_rule() {
        let files = files(vec![memory(".dockerignore", "old")]).await;
        assert_eq!(files[0], (".dockerignore".to_owned(), "old\nD\n".to_owned()));
        assert_eq!(files.len(), 2);
    }

    #[tokio::test]
    async fn a_selected_dockerfile_is_sent_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap().join("Dockerfile");
        std::fs::write(&path, "FROM scratch\n").unwrap();
        let selection =
            Selection::from_entries(vec![entry("app/Dockerfile", Content::Disk(DiskFile::at(&*path)), 13)]);
        assert_eq!(find_same(&selection, &path, b"FROM scratch\n"), None);
        let selection =
            Selection::from_entries(vec![entry("Dockerfile", Content::Disk(DiskFile::at(&*path)), 13)]);
        assert_eq!(find_same(&selection, &path, b"FROM scratch\n").as_deref(), Some("Dockerfile"));
        assert_eq!(find_same(&selection, &path, b"FROM scratchy"), None);
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_sent_is_reported() {
        let archive = archive(vec![entry("f", Content::Disk(DiskFile::at(Path::new("/no/such/file"))), 5)]);
        archive.stream(|_| ()).try_collect::<Vec<_>>().await.unwrap_err();
        let error = archive.failure().unwrap();
        assert_eq!(error.to_string(), "cannot send `f` to the builder: it was removed meanwhile");
    }
}
