//! Copying files out of the container.

use std::collections::HashMap;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::scan::relative;
use super::stat_line;
use super::{RemoteProgram, Wire, target};
use crate::own_file;
use crate::sync::{DownloadOutcome, RelativePath, RemoteError, SyncEntry};

/// Packs the files whose names follow on stdin, in archives one after the other: few versions of `tar` of busybox read
/// a list. GNU tar interprets escapes unless an option disables that. Unreadable files are skipped.
const PACK: &str = r#"cd -P -- "$1" || exit
n=$2 u=
case $(tar --version 2>&1 </dev/null) in *GNU*) u=--no-unquote ;; esac
while [ "$n" -gt 0 ]; do
set --
while [ $# -lt 200 ] && [ "$n" -gt 0 ] && IFS= read -r p; do set -- "$@" "$p"; n=$((n - 1)); done
[ $# = 0 ] && exit
LC_ALL=C tar $u -cf - "$@" </dev/null
done"#;

/// The maximum time without output.
const LIMIT: Duration = Duration::from_secs(60);

/// The number of bytes of one read.
const PIECE: usize = 64 * 1024;

impl Wire {
    pub(super) async fn copy_out(
        &self,
        downloads: &[(RelativePath, SyncEntry)],
        stage: &Path,
    ) -> Result<Vec<DownloadOutcome>, RemoteError> {
        if downloads.is_empty() {
            return Ok(Vec::new());
        }
        let list: String = downloads.iter().flat_map(|(path, _)| [target(path), "\n".to_owned()]).collect();
        let count = downloads.len().to_string();
        let command = ["sh", "-c", PACK, "windlass-sync-out", &self.facts.root, &count];
        let started = timeout(LIMIT, self.connector.start(&command.map(str::to_owned))).await;
        let mut connection = started.map_err(|_| hung())??;
        timeout(LIMIT, async {
            connection.stdin.write_all(list.as_bytes()).await?;
            connection.stdin.flush().await
        })
        .await
        .map_err(|_| hung())?
        .map_err(lost)?;

        let (sender, receiver) = mpsc::channel(4);
        let wanted: HashMap<_, _> =
            downloads.iter().enumerate().map(|(index, (path, _))| (path.clone(), index)).collect();
        let stage = stage.to_owned();
        let unpacking = tokio::task::spawn_blocking(move || unpack(Pieces::new(receiver), &wanted, &stage));
        let errors = self.receive(connection, sender).await?;
        let copies = unpacking.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        let mut copies = copies.map_err(|error| RemoteError::Failed {
            doing: "read an archive of files".to_owned(),
            reason: if errors.is_empty() { error.to_string() } else { errors.clone() },
        })?;

        let paths: Vec<_> = downloads.iter().map(|(path, _)| path).collect();
        let now = self.stat(&paths).await?;
        let mut results = Vec::with_capacity(downloads.len());
        for (index, (path, expected)) in downloads.iter().enumerate() {
            let is_same = now.get(path).is_some_and(|now| stat_line::is_same(expected, now));
            results.push(match copies.remove(&index) {
                Some(copy) if is_same => copy,
                None if is_same => {
                    DownloadOutcome::Failed(self.failure(&target(path), &message(&errors, path)).await?)
                }
                _ => DownloadOutcome::ChangedThere,
            });
        }
        Ok(results)
    }

    /// Passes the output of `connection` on; returns its errors.
    async fn receive(
        &self,
        connection: RemoteProgram,
        sender: mpsc::Sender<Bytes>,
    ) -> Result<String, RemoteError> {
        let RemoteProgram { stdin: _stdin, mut stdout, stderr, ended } = connection;
        let errors = tokio::spawn(async move {
            let mut errors = Vec::new();
            let mut limited = stderr.take(PIECE as u64);
            let _ = limited.read_to_end(&mut errors).await;
            // Unread output would block the program.
            let _ = tokio::io::copy(&mut limited.into_inner(), &mut tokio::io::sink()).await;
            String::from_utf8_lossy(&errors).into_owned()
        });
        let mut buffer = vec![0; PIECE];
        loop {
            let count = timeout(LIMIT, stdout.read(&mut buffer)).await.map_err(|_| hung())?.map_err(lost)?;
            let piece = Bytes::copy_from_slice(&buffer[..count]);
            // A failed receiver reports its own reason.
            if count == 0 || sender.send(piece).await.is_err() {
                break;
            }
            if let Some(pace) = self.options.download_limit {
                tokio::time::sleep(Duration::from_secs_f64(count as f64 / pace.max(1) as f64)).await;
            }
        }
        drop(sender);
        // Programs end after their output; a broken connection is reported here.
        timeout(LIMIT, ended).await.map_err(|_| hung())??;
        Ok(timeout(LIMIT, errors).await.ok().and_then(Result::ok).unwrap_or_default())
    }
}

/// Writes the wanted files of an archive into `stage`.
fn unpack(
    pieces: Pieces,
    wanted: &HashMap<RelativePath, usize>,
    stage: &Path,
) -> io::Result<HashMap<usize, DownloadOutcome>> {
    let mut copies: HashMap<usize, DownloadOutcome> = HashMap::new();
    let mut archive = tar::Archive::new(pieces);
    archive.set_ignore_zeros(true);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let Some(&index) = relative(&entry.path_bytes()).and_then(|path| wanted.get(&path)) else { continue };
        let copy = stage.join(format!("{index}-{:016x}", fastrand::u64(..)));
        let link = entry.link_name_bytes().map(|name| name.into_owned());
        let download = match entry.header().entry_type() {
            tar::EntryType::Symlink => match link.and_then(|link| String::from_utf8(link).ok()) {
                Some(_) => DownloadOutcome::Link,
                None => continue,
            },
            // A second name of a file that was packed before.
            tar::EntryType::Link => {
                let other = link.and_then(|link| relative(&link)).and_then(|path| wanted.get(&path));
                match other.and_then(|other| copies.get(other)) {
                    Some(DownloadOutcome::File { copy: other, digest }) => {
                        let digest = *digest;
                        write(&mut std::fs::File::open(other)?, &copy)?;
                        DownloadOutcome::File { copy, digest }
                    }
                    _ => continue,
                }
            }
            kind if kind.is_file() => DownloadOutcome::File { digest: write(&mut entry, &copy)?, copy },
            _ => continue,
        };
        copies.insert(index, download);
    }
    Ok(copies)
}

/// Writes all of `content` into the new file `copy`; returns its digest.
fn write(content: &mut impl Read, copy: &PathBuf) -> io::Result<crate::image::Digest> {
    let mut file = own_file::options().create_new(true).open(copy)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; PIECE];
    loop {
        let count = content.read(&mut buffer)?;
        if count == 0 {
            return Ok(hasher.into());
        }
        hasher.update(&buffer[..count]);
        file.write_all(&buffer[..count])?;
    }
}

/// The messages of `errors` about `path`.
fn message(errors: &str, path: &RelativePath) -> String {
    let line = errors.lines().find(|line| line.contains(path.as_str())).or_else(|| errors.lines().next());
    line.unwrap_or("it was not sent").to_owned()
}

fn hung() -> RemoteError {
    RemoteError::Hung { doing: "download files".to_owned(), limit: LIMIT }
}

fn lost(error: io::Error) -> RemoteError {
    RemoteError::Lost { reason: error.to_string() }
}

/// Pieces that arrive, as a reader.
struct Pieces {
    receiver: mpsc::Receiver<Bytes>,
    current: Bytes,
}

impl Pieces {
    fn new(receiver: mpsc::Receiver<Bytes>) -> Self {
        Self { receiver, current: Bytes::new() }
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.current.is_empty() {
            self.current = self.receiver.blocking_recv().unwrap_or_default();
        }
        let count = buffer.len().min(self.current.len());
        buffer[..count].copy_from_slice(&self.current.split_to(count));
        Ok(count)
    }
}
