//! Compresses a stream while it is sent.

use std::io::{self, Write as _};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::{Stream, StreamExt as _, stream};
use tokio::sync::mpsc;

/// Bytes per block that is passed on.
const BLOCK: usize = 64 * 1024;

/// Blocks that are queued for the receiver.
const WAITING: usize = 8;

/// `source`, compressed by a separate thread, which ends when the stream is dropped. An error of `source` ends the
/// stream with it.
pub(super) fn gzip(
    source: impl Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let (sender, mut receiver) = mpsc::channel(WAITING);
    let runtime = tokio::runtime::Handle::current();
    let failed = sender.clone();
    let compress = move || {
        let result = runtime.block_on(compress(source, &sender));
        if let Err(error) = result {
            // The error cannot be reported if the receiver is dropped.
            let _ = sender.blocking_send(Err(error));
        }
    };
    if let Err(error) = std::thread::Builder::new().name("gzip".into()).spawn(compress) {
        let _ = failed.try_send(Err(error));
    }
    stream::poll_fn(move |context| receiver.poll_recv(context))
}

async fn compress(
    mut source: impl Stream<Item = io::Result<Bytes>> + Unpin,
    sender: &mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<()> {
    let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
    let mut encoder = GzEncoder::new(Vec::with_capacity(2 * BLOCK), Compression::fast());
    while let Some(block) = source.next().await {
        encoder.write_all(&block?)?;
        if encoder.get_ref().len() >= BLOCK {
            let block = std::mem::replace(encoder.get_mut(), Vec::with_capacity(2 * BLOCK));
            sender.send(Ok(block.into())).await.map_err(gone)?;
        }
    }
    sender.send(Ok(encoder.finish()?.into())).await.map_err(gone)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use futures_util::TryStreamExt as _;

    use super::*;

    #[tokio::test]
    async fn data_arrives_unchanged() {
        let blocks: Vec<Bytes> = (0..50_u8).map(|number| vec![number; 10_000].into()).collect();
        let expected = blocks.concat();
        let source = stream::iter(blocks.into_iter().map(Ok));
        let sent: Vec<Bytes> = gzip(source).try_collect().await.expect("a stream");
        let sent = sent.concat();
        assert!(sent.len() < expected.len() / 10);
        let mut received = Vec::new();
        flate2::read::GzDecoder::new(&*sent).read_to_end(&mut received).expect("gzip");
        assert_eq!(received, expected);
    }

    #[tokio::test]
    async fn an_error_of_the_source_ends_it() {
        let source = stream::iter([Ok(Bytes::from_static(b"x")), Err(io::Error::other("no"))]);
        let error = gzip(source).try_collect::<Vec<_>>().await.expect_err("no stream");
        assert_eq!(error.to_string(), "no");
    }
}
