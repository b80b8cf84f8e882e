//! Gzip on all cores, with the same output for any number of cores.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// How many bytes one core compresses at a time. The output depends on it, so it is fixed.
const BLOCK: usize = 512 << 10;

/// How many samples of a block decide whether it is compressed.
const SAMPLES: usize = 4;
/// The length of a sample in bytes.
const SAMPLE: usize = 8 << 10;
/// Compression must save at least one byte in this many.
const LEAST_SAVED: usize = 64;

/// A header without name and time, for an unknown operating system (RFC 1952, 2.3).
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Compresses the written bytes into `sink`, block by block, as pigz does: every block is a sequence of deflate
/// blocks that ends at a byte boundary, and all together form one stream.
#[derive(Debug)]
pub(super) struct ParallelGzip<W> {
    sink: W,
    level: u32,
    block: Vec<u8>,
    checksum: Crc,
    running: VecDeque<Receiver<io::Result<Packed>>>,
    /// The maximum number of blocks in progress.
    most: usize,
    /// Buffers for reuse.
    spare: Vec<Packed>,
}

/// A compressed block, with the buffer it was made from.
#[derive(Debug)]
struct Packed {
    plain: Vec<u8>,
    packed: Vec<u8>,
    checksum: Crc,
}

impl<W: Write> ParallelGzip<W> {
    pub(super) fn new(mut sink: W, level: u32) -> io::Result<Self> {
        sink.write_all(&HEADER)?;
        let most = rayon::current_num_threads() * 2;
        let block = Vec::with_capacity(BLOCK);
        Ok(Self {
            sink,
            level,
            block,
            checksum: Crc::new(),
            running: VecDeque::new(),
            most,
            spare: Vec::new(),
        })
    }

    /// Finishes the stream.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.start(FlushCompress::Finish)?;
        while !self.running.is_empty() {
            self.take_one()?;
        }
        self.sink.write_all(&self.checksum.sum().to_le_bytes())?;
        self.sink.write_all(&self.checksum.amount().to_le_bytes())?;
        Ok(self.sink)
    }

    /// Sends the block to another core.
    fn start(&mut self, flush: FlushCompress) -> io::Result<()> {
        while self.running.len() >= self.most {
            self.take_one()?;
        }
        let fresh = || Packed {
            plain: Vec::with_capacity(BLOCK),
            packed: Vec::with_capacity(BLOCK + BLOCK / 256),
            checksum: Crc::new(),
        };
        let mut work = self.spare.pop().unwrap_or_else(fresh);
        std::mem::swap(&mut self.block, &mut work.plain);
        self.block.clear();
        let level = self.level;
        let (sender, receiver) = sync_channel(1);
        rayon::spawn(move || {
            // Without a receiver, the layer was dropped.
            let _ = sender.send(work.pack(level, flush).map(|()| work));
        });
        self.running.push_back(receiver);
        Ok(())
    }

    /// Waits for the oldest block and writes it.
    fn take_one(&mut self) -> io::Result<()> {
        let Some(receiver) = self.running.pop_front() else { return Ok(()) };
        let work = received(&receiver)??;
        self.sink.write_all(&work.packed)?;
        self.checksum.combine(&work.checksum);
        self.spare.push(work);
        Ok(())
    }
}

impl<W: Write> Write for ParallelGzip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&bytes[..taken]);
        if self.block.len() == BLOCK {
            self.start(FlushCompress::Sync)?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Packed {
    fn pack(&mut self, level: u32, flush: FlushCompress) -> io::Result<()> {
        self.packed.clear();
        self.checksum.reset();
        self.checksum.update(&self.plain);
        // Archives, images and other compressed content would take as long as all other content and save nothing.
        let level = if can_shrink(&self.plain)? { Compression::new(level) } else { Compression::none() };
        let mut compress = Compress::new(level, false);
        loop {
            let rest = usize::try_from(compress.total_in()).map_or(&[][..], |taken| &self.plain[taken..]);
            let status = compress.compress_vec(rest, &mut self.packed, flush).map_err(io::Error::other)?;
            let is_flushed = compress.total_in() == self.plain.len() as u64
                && self.packed.len() < self.packed.capacity()
                && !matches!(flush, FlushCompress::Finish);
            if status == Status::StreamEnd || is_flushed {
                return Ok(());
            }
            self.packed.reserve(BLOCK / 8);
        }
    }
}

/// Whether compression makes a block smaller, estimated from samples. The output depends on it, so it depends only
/// on the block.
fn can_shrink(block: &[u8]) -> io::Result<bool> {
    if block.len() < BLOCK {
        return Ok(true);
    }
    let mut compress = Compress::new(Compression::fast(), false);
    let mut packed = Vec::with_capacity(2 * SAMPLE);
    for sample in block.chunks(BLOCK / SAMPLES).filter_map(|part| part.get(..SAMPLE)) {
        compress.reset();
        packed.clear();
        compress.compress_vec(sample, &mut packed, FlushCompress::Finish).map_err(io::Error::other)?;
        if packed.len() < SAMPLE - SAMPLE / LEAST_SAVED {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Receives from `receiver`. A thread of the pool does other work of the pool meanwhile: all threads of the pool may be
/// writing layers.
fn received<T>(receiver: &Receiver<T>) -> io::Result<T> {
    let gone = || io::Error::other("compression stopped");
    while rayon::current_thread_index().is_some() {
        match receiver.try_recv() {
            Ok(value) => return Ok(value),
            Err(TryRecvError::Disconnected) => return Err(gone()),
            Err(TryRecvError::Empty) => _ = rayon::yield_now(),
        }
    }
    receiver.recv().map_err(|_| gone())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn gzip(content: &[u8], piece: usize) -> Vec<u8> {
        let mut gzip = ParallelGzip::new(Vec::new(), 6).expect("gzip");
        content.chunks(piece).for_each(|piece| gzip.write_all(piece).expect("written"));
        gzip.finish().expect("finished")
    }

    fn plain(packed: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        flate2::bufread::GzDecoder::new(packed).read_to_end(&mut plain).expect("one member of gzip");
        plain
    }

    #[test]
    fn incompressible_blocks_are_stored_and_others_compressed() {
        let mut random = fastrand::Rng::with_seed(2);
        let noise: Vec<u8> = (0..3 * BLOCK + 9).map(|_| random.u8(..)).collect();
        let packed = gzip(&noise, 100_000);
        assert!(plain(&packed) == noise);
        assert!(packed.len() < noise.len() + noise.len() / 1000, "{}", packed.len());

        // A block is compressed if any of its samples shrinks.
        let mut mixed = noise[..BLOCK].to_vec();
        mixed[BLOCK / 2..].fill(b'a');
        let packed = gzip(&mixed, 100_000);
        assert!(plain(&packed) == mixed);
        assert!(packed.len() < BLOCK * 6 / 10, "{}", packed.len());
        assert!(!can_shrink(&noise[..BLOCK]).expect("compressed") && can_shrink(&mixed).expect("compressed"));
    }

    /// Bytes that compress slightly.
    fn content(length: usize) -> Vec<u8> {
        let mut random = fastrand::Rng::with_seed(1);
        (0..length).map(|_| random.u8(..) & 0x3f).collect()
    }

    #[test]
    fn one_stream_comes_out_whatever_the_length() {
        for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK, 5 * BLOCK + 7] {
            let content = content(length);
            let packed = gzip(&content, 100_000);
            let mut plain = Vec::new();
            let mut decoder = flate2::bufread::GzDecoder::new(packed.as_slice());
            decoder.read_to_end(&mut plain).expect("one member of gzip");
            assert!(plain == content, "{length}");
            assert!(decoder.into_inner().is_empty(), "{length}");
        }
    }

    #[test]
    fn content_that_does_not_compress_fits() {
        let content: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..)).take(2 * BLOCK + 5).collect();
        let packed = gzip(&content, BLOCK);
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut plain).expect("gzip");
        assert!(plain == content);
    }

    #[test]
    fn the_number_of_cores_and_the_pieces_do_not_count() {
        let content = content(7 * BLOCK + 11);
        let on = |threads: usize, piece: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("pool");
            pool.install(|| gzip(&content, piece))
        };
        let one = on(1, 4096);
        assert!(one == on(4, 1_000_000) && one == gzip(&content, 777));
    }
}
