//! An archive whose completeness can be checked.

use std::io;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, stream};
use tar::{EntryType, Header};

/// The last file of an archive. It is removed again as soon as everything is received.
pub(super) const NAME: &str = ".windlass.end";

/// The zeros at the end of an archive.
const END: usize = 1024;

/// The archive in `source`, with the empty file [`NAME`] as its last one. Not every `tar` fails if an archive ends
/// early between two files: if this file is missing, the archive is incomplete.
pub(super) fn with_ending(
    source: impl Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static,
) -> impl Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static {
    let state = Some((source, BytesMut::new()));
    Box::pin(stream::unfold(state, async |state| {
        let (mut source, mut held) = state?;
        loop {
            match source.next().await {
                Some(Ok(block)) => {
                    held.extend_from_slice(&block);
                    if held.len() > END {
                        let block = held.split_to(held.len() - END).freeze();
                        return Some((Ok(block), Some((source, held))));
                    }
                }
                Some(Err(error)) => return Some((Err(error), None)),
                None => return Some((ending().map(|file| [&file[..], &held].concat().into()), None)),
            }
        }
    }))
}

/// The entry of the file.
fn ending() -> io::Result<[u8; 512]> {
    let mut header = Header::new_gnu();
    header.set_path(NAME)?;
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_size(0);
    header.set_cksum();
    Ok(*header.as_bytes())
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt as _;

    use super::*;

    #[tokio::test]
    async fn the_last_file_is_the_ending() {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = Header::new_gnu();
        header.set_size(3);
        header.set_mode(0o644);
        builder.append_data(&mut header, "a", &b"abc"[..]).expect("an entry");
        let archive = builder.into_inner().expect("an archive");
        for size in [1, 100, 512, 5000] {
            let blocks: Vec<_> = archive.chunks(size).map(Bytes::copy_from_slice).map(Ok).collect();
            let ended: Vec<Bytes> = with_ending(stream::iter(blocks)).try_collect().await.expect("no error");
            let ended = ended.concat();
            assert_eq!(ended.len(), archive.len() + 512);
            let mut read = tar::Archive::new(&*ended);
            let names = read
                .entries()
                .expect("an archive")
                .map(|entry| entry.expect("an entry").path().expect("a path").display().to_string());
            assert_eq!(names.collect::<Vec<_>>(), ["a", NAME]);
        }
    }

    #[tokio::test]
    async fn a_broken_stream_has_no_ending() {
        let source = stream::iter([Ok(Bytes::from(vec![1; 5000])), Err(io::Error::other("no"))]);
        let pieces: Vec<_> = with_ending(source).collect().await;
        assert!(pieces.last().is_some_and(Result::is_err));
        assert_eq!(pieces.iter().flatten().map(Bytes::len).sum::<usize>(), 5000 - END);
    }
}
