//! The file service: the daemon compares our files with its copy, and requests those that differ.
//!
//! We describe every entry (`STAT`, numbered from 0) and end with an empty `STAT`. The daemon requests files by
//! number (`REQ`), receives their bytes (`DATA`, ended by an empty one) and sends `FIN` when it has everything.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::SystemTime;

use bollard_buildkit_proto::fsutil::types::packet::PacketType;
use bytes::Bytes;
use futures_util::future::try_join_all;
use futures_util::stream::poll_fn;
use tokio::sync::mpsc;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};

use super::stat::{memory_file, stat};
use super::wire::{DiffCopy, Packet, Packets};
use crate::builder::docker::context_copy::{RememberedCopy, version};
use crate::builder::docker::shared_key::shared_key;
use crate::builder::{BuildError, BuildRequest};
use crate::event::ImageEvents;
use crate::image::context::{Changed, Content, Entry, EntryKind, SentFile, SentFiles, shown};
use crate::image::{Digest, Selection};

/// The name under which the daemon requests the Dockerfile.
pub(super) const DOCKERFILE: &str = "Dockerfile";

/// The bytes of one `DATA`.
const CHUNK: usize = 64 * 1024;

/// How many packets are queued for the connection: with full chunks, this limits the memory of a transfer to 1 MiB.
const QUEUE: usize = 16;

/// How many files are read in parallel, as by the docker CLI.
const READERS: usize = 4;

/// How many bytes are sent between two progress events.
const PROGRESS_STEP: u64 = 1024 * 1024;

/// The data that one build sends: its files, the number of bytes sent, and the file that could not be read.
pub(super) struct Transfer {
    context: Arc<Selection>,
    dockerfile: Arc<Selection>,
    /// The digests of the files when they were read, and when they were sent.
    files: Arc<SentFiles>,
    /// The copy that the daemon has of them.
    copy: Mutex<RememberedCopy>,
    /// The name of the copy that the daemon compares them with.
    pub(super) name: String,
    events: ImageEvents,
    sent: AtomicU64,
    failure: OnceLock<(Arc<str>, std::io::Error)>,
}

/// Records on drop the files that a transfer has sent, however it ended.
pub(super) struct Remembered(pub(super) Arc<Transfer>);

impl Drop for Remembered {
    fn drop(&mut self) {
        self.0.copy().put_back();
    }
}

impl Transfer {
    pub(super) fn new(request: &BuildRequest, events: ImageEvents) -> Self {
        let text = Bytes::copy_from_slice(request.dockerfile.text().as_bytes());
        let dockerfile = memory_file(DOCKERFILE, text, SystemTime::UNIX_EPOCH);
        let copy = RememberedCopy::take(request, "session");
        Self {
            context: request.context.clone(),
            dockerfile: Arc::new(Selection::from_entries(vec![dockerfile])),
            files: Arc::clone(&request.sent),
            name: shared_key(request, copy.copy.name()),
            copy: Mutex::new(copy),
            events,
            sent: AtomicU64::new(0),
            failure: OnceLock::new(),
        }
    }

    /// Why the first unsendable file could not be sent.
    pub(super) fn failure(&self) -> Option<BuildError> {
        self.failure.get().map(|(path, reason)| BuildError::unsendable(path, reason))
    }

    /// A reader that panicked leaves the copy whole: every update is one insertion.
    fn copy(&self) -> MutexGuard<'_, RememberedCopy> {
        self.copy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the daemon may keep its version of a file that looks like `entry`.
    fn is_known(&self, entry: &Entry) -> bool {
        let EntryKind::File { content, .. } = &entry.kind else { return true };
        let content = match content {
            Content::Memory(bytes) => Some(Digest::of(bytes)),
            Content::Disk(_) => self.files.known(entry),
        };
        content.is_some_and(|content| self.copy().copy.knows(version(entry), content))
    }

    /// The files that the daemon requests.
    fn folder(&self, metadata: &MetadataMap) -> Result<Arc<Selection>, Status> {
        match metadata.get("dir-name").and_then(|name| name.to_str().ok()) {
            Some("dockerfile") => Ok(self.dockerfile.clone()),
            Some("context") if asks_for_ignore_rules(metadata) => Ok(self.ignore_rules()),
            // The selection has exactly the files that the build may see, so further exclusions by the daemon do not
            // matter.
            Some("context") => Ok(self.context.clone()),
            name => Err(Status::not_found(format!("no directory {}", name.unwrap_or("without a name")))),
        }
    }

    /// Only the `.dockerignore` of the context, if it is sent. Every build looks for it, and must not receive the
    /// whole context a second time.
    fn ignore_rules(&self) -> Arc<Selection> {
        let found = self.context.entries().iter().find(|entry| &*entry.path == ".dockerignore");
        match found {
            Some(entry) if !matches!(entry.kind, EntryKind::File { .. }) => self.context.clone(),
            _ => Arc::new(Selection::from_entries(found.cloned().into_iter().collect())),
        }
    }

    /// Counts `bytes` and reports progress at intervals.
    fn count(&self, bytes: usize) {
        let before = self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
        let after = before + bytes as u64;
        if before / PROGRESS_STEP != after / PROGRESS_STEP {
            self.report(after);
        }
    }

    fn report(&self, sent: u64) {
        self.events.progress("sending context", sent, None);
    }
}

/// Whether the daemon requests the ignore rules; they are already applied.
fn asks_for_ignore_rules(metadata: &MetadataMap) -> bool {
    let mut paths = metadata.get_all("followpaths").iter();
    paths.next().is_some_and(|path| path == ".dockerignore") && paths.next().is_none()
}

/// Serves the files of a [`Transfer`].
pub(super) struct FileSync {
    transfer: Arc<Transfer>,
}

impl FileSync {
    pub(super) fn new(transfer: Arc<Transfer>) -> Self {
        Self { transfer }
    }
}

type Outgoing = mpsc::Sender<Result<Packet, Status>>;

#[tonic::async_trait]
impl DiffCopy for FileSync {
    async fn diff_copy(&self, request: Request<Streaming<Packet>>) -> Result<Response<Packets>, Status> {
        let folder = self.transfer.folder(request.metadata())?;
        let (outgoing, mut packets) = mpsc::channel(QUEUE);
        let transfer = self.transfer.clone();
        // Ends with the connection, when nothing can be received or sent.
        tokio::spawn(async move {
            if let Err(status) = serve(&transfer, folder, request.into_inner(), &outgoing).await {
                let _ = outgoing.send(Err(status)).await;
            }
        });
        Ok(Response::new(Box::pin(poll_fn(move |context| packets.poll_recv(context)))))
    }
}

/// Sends the files of `folder` that the daemon requests.
async fn serve(
    transfer: &Arc<Transfer>,
    folder: Arc<Selection>,
    mut incoming: Streaming<Packet>,
    outgoing: &Outgoing,
) -> Result<(), Status> {
    // Unbounded, because the peer may treat a receiver that stops reading as overloaded, and end the connection.
    let (wanted, requests) = mpsc::unbounded_channel();
    let describe = async {
        for entry in folder.entries() {
            let stat = stat(entry, transfer.is_known(entry));
            send(outgoing, Packet { stat: Some(stat), ..packet(PacketType::PacketStat, 0) }).await?;
        }
        send(outgoing, packet(PacketType::PacketStat, 0)).await
    };
    let requests = Arc::new(Mutex::new(requests));
    let readers = (0..READERS).map(|_| {
        let (transfer, folder, outgoing) = (transfer.clone(), folder.clone(), outgoing.clone());
        let requests = requests.clone();
        let reader =
            tokio::task::spawn_blocking(move || send_files(&transfer, &folder, &requests, &outgoing));
        async move { reader.await.unwrap_or_else(|error| Err(Status::internal(error.to_string()))) }
    });
    let files = try_join_all(readers);
    let listen = async {
        let mut asked = 0;
        while let Some(packet) = incoming.message().await? {
            match packet.r#type() {
                PacketType::PacketReq => {
                    asked += 1;
                    if asked > folder.entries().len() {
                        return Err(Status::invalid_argument("more requests than files"));
                    }
                    wanted.send(packet.id).map_err(|_| gone())?;
                }
                PacketType::PacketFin => break,
                PacketType::PacketErr => {
                    return Err(Status::aborted(String::from_utf8_lossy(&packet.data).into_owned()));
                }
                _ => return Err(Status::invalid_argument("unexpected packet")),
            }
        }
        drop(wanted);
        Ok(())
    };
    tokio::try_join!(describe, files, listen)?;
    transfer.report(transfer.sent.load(Ordering::Relaxed));
    send(outgoing, packet(PacketType::PacketFin, 0)).await
}

/// Handles requests for files until the last one. Blocks on disk and network I/O.
fn send_files(
    transfer: &Transfer,
    folder: &Selection,
    requests: &Mutex<mpsc::UnboundedReceiver<u32>>,
    outgoing: &Outgoing,
) -> Result<(), Status> {
    // One thread waits for the next request, the others for the lock.
    let next = || requests.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
    while let Some(id) = next() {
        let entry = folder.entries().get(id as usize);
        let Some((entry, EntryKind::File { content, .. })) = entry.map(|entry| (entry, &entry.kind)) else {
            return Err(Status::invalid_argument(format!("unknown file {id}")));
        };
        let chunk = |data: Vec<u8>| {
            transfer.count(data.len());
            let packet = Packet { data, ..packet(PacketType::PacketData, id) };
            outgoing.blocking_send(Ok(packet)).map_err(|_| gone())
        };
        let version = version(entry);
        let before = transfer.copy().copy.begin(version);
        let digest = match content {
            Content::Memory(bytes) => {
                bytes.chunks(CHUNK).try_for_each(|bytes| chunk(bytes.to_vec()))?;
                Digest::of(bytes)
            }
            Content::Disk(_) => {
                // The daemon identifies the file by the description that we sent, so the content must match it.
                let known = folder.content_of(id as usize).or_else(|| transfer.files.known(entry));
                let unsent = |error| transfer.unreadable(entry, error);
                let file = transfer.files.open(entry).and_then(SentFile::into_selected);
                let mut file = file.map_err(unsent)?;
                // One more byte, to detect the end immediately.
                let wanted = usize::try_from(entry.size()).map_or(CHUNK, |size| CHUNK.min(size + 1));
                loop {
                    let mut bytes = vec![0; wanted];
                    let mut filled = 0;
                    while filled < wanted {
                        match file.read(&mut bytes[filled..]).map_err(unsent)? {
                            0 => break,
                            count => filled += count,
                        }
                    }
                    bytes.truncate(filled);
                    if filled > 0 {
                        chunk(bytes)?;
                    }
                    if filled < wanted {
                        break;
                    }
                }
                let digest = file.finish().map_err(unsent)?;
                if known.is_some_and(|known| known != digest) {
                    return Err(unsent(Changed::Meanwhile.into()));
                }
                digest
            }
        };
        chunk(Vec::new())?;
        transfer.copy().copy.finish(version, before, digest);
    }
    Ok(())
}

impl Transfer {
    /// Records the failure, because the daemon repeats only a part of it.
    fn unreadable(&self, entry: &Entry, error: std::io::Error) -> Status {
        let status = Status::failed_precondition(format!("cannot read {}: {error}", shown(&entry.path)));
        let _ = self.failure.set((entry.path.clone(), error));
        status
    }
}

fn packet(kind: PacketType, id: u32) -> Packet {
    Packet { r#type: kind.into(), id, ..Packet::default() }
}

async fn send(outgoing: &Outgoing, packet: Packet) -> Result<(), Status> {
    outgoing.send(Ok(packet)).await.map_err(|_| gone())
}

fn gone() -> Status {
    Status::cancelled("the daemon no longer listens")
}
