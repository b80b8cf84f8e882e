//! An archive that is created while it is sent.

use std::io::{self, BufWriter, Write};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use tokio::sync::mpsc;

use super::archive::ArchiveError;
use super::{BlobStore, StoreError};
use crate::image::{Digest, ImageReference};

/// The size of one piece in bytes, and how many pieces are buffered for the receiver.
const PIECE: usize = 256 << 10;
const WAITING: usize = 4;

/// Why an archive is incomplete, for a receiver that only sees that the stream failed.
#[derive(Debug, Clone, Default)]
pub struct StreamFailure(Arc<Mutex<Option<StoreError>>>);

impl StreamFailure {
    /// The reason, if there is one.
    pub fn take(&self) -> Option<StoreError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl BlobStore {
    /// The archive of [`BlobStore::write_archive`] as a stream. A separate thread creates it and stops when the stream
    /// is dropped.
    pub fn archive_stream(
        &self,
        root: Digest,
        references: Vec<ImageReference>,
        platform: String,
    ) -> (impl Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static, StreamFailure) {
        let (sender, mut receiver) = mpsc::channel(WAITING);
        let (store, failure) = (self.clone(), StreamFailure::default());
        let told = failure.clone();
        let last = sender.clone();
        let write = move || {
            let sink = BufWriter::with_capacity(PIECE, Pieces(sender));
            let error = match store.write_archive(&root, &references, &platform, sink) {
                Ok(()) => return,
                Err(ArchiveError::Sink(error)) => error,
                Err(ArchiveError::Store(error)) => {
                    *told.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
                    io::Error::other(error)
                }
            };
            // Without a receiver, the error cannot be delivered.
            let _ = last.blocking_send(Err(error));
        };
        let begun = std::thread::Builder::new().name("archive".into()).spawn(write);
        let mut broken = begun.err();
        let stream = stream::poll_fn(move |context| match broken.take() {
            Some(error) => std::task::Poll::Ready(Some(Err(error))),
            None => receiver.poll_recv(context),
        });
        (stream, failure)
    }
}

struct Pieces(mpsc::Sender<io::Result<Bytes>>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes)));
        sent.map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
