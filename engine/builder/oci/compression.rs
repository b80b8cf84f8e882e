//! Reads data that may be compressed; the format is detected from the first bytes, as in Docker.

use std::io::{self, BufRead, Read};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;

use crate::oci::Compression;

/// The largest window that a zstd stream may require, as a power of two: the limit of the `zstd` command.
const ZSTD_WINDOW: u32 = 27;
/// The memory that an xz stream may require, in KiB: four times that of `xz -9`, so that a malicious stream cannot
/// use all memory.
const XZ_MEMORY: u32 = 256 * 1024;

/// Decompresses `reader`; uncompressed data is passed through.
pub(super) fn decompress(mut reader: impl BufRead + 'static) -> io::Result<Box<dyn Read>> {
    let start = reader.fill_buf()?;
    Ok(match layer_compression(start) {
        Some(Compression::Gzip) => Box::new(MultiGzDecoder::new(reader)),
        Some(Compression::Zstd) => {
            let mut decoder = zstd::Decoder::with_buffer(reader)?;
            decoder.window_log_max(ZSTD_WINDOW)?;
            Box::new(decoder)
        }
        None => match start {
            [b'B', b'Z', b'h', ..] => Box::new(MultiBzDecoder::new(reader)),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => {
                Box::new(XzReader::new_mem_limit(reader, true, XZ_MEMORY))
            }
            _ => Box::new(reader),
        },
    })
}

/// The compression of a file that begins with `start`, if image layers may use it.
pub(super) fn layer_compression(start: &[u8]) -> Option<Compression> {
    match start {
        [0x1f, 0x8b, ..] => Some(Compression::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Compression::Zstd),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use lzma_rust2::{XzOptions, XzWriter};
    use proptest::prelude::*;

    use super::*;

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(content).and_then(|()| writer.finish()).expect("compressed")
    }

    fn bzip2(content: &[u8]) -> Vec<u8> {
        let mut writer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        writer.write_all(content).and_then(|()| writer.finish()).expect("compressed")
    }

    fn xz(content: &[u8]) -> Vec<u8> {
        let mut writer = XzWriter::new(Vec::new(), XzOptions::with_preset(0)).expect("a writer");
        writer.write_all(content).expect("compressed");
        writer.finish().expect("compressed")
    }

    fn zstd(content: &[u8]) -> Vec<u8> {
        zstd::encode_all(content, 1).expect("compressed")
    }

    type Compress = fn(&[u8]) -> Vec<u8>;
    const COMPRESSIONS: [Compress; 4] = [gzip, bzip2, xz, zstd];

    fn read(compressed: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        decompress(Cursor::new(compressed))?.take(1 << 20).read_to_end(&mut content)?;
        Ok(content)
    }

    #[test]
    fn streams_that_follow_each_other_are_one() {
        for compress in COMPRESSIONS {
            let streams = [compress(b"one "), compress(b"two")].concat();
            assert_eq!(read(streams).expect("read"), b"one two");
        }
        assert_eq!(read(b"BZ is plain".to_vec()).expect("read"), b"BZ is plain");
        assert_eq!(read(Vec::new()).expect("read"), b"");
    }

    #[test]
    fn a_stream_that_breaks_off_is_an_error() {
        for compress in COMPRESSIONS {
            let whole = compress(&[7; 5000]);
            for length in 6..whole.len() {
                assert!(read(whole[..length].to_vec()).is_err(), "{length} of {} bytes", whole.len());
            }
        }
    }

    #[test]
    fn an_xz_stream_cannot_ask_for_all_memory() {
        let mut stream = xz(b"small");
        // The header of its first block: its length, flags, the filter and its dictionary (xz file format, 3.1).
        let length = (usize::from(stream[12]) + 1) * 4;
        let filter = stream[12..12 + length].iter().position(|byte| *byte == 0x21).expect("LZMA2");
        stream[12 + filter + 2] = 40;
        let mut crc = flate2::Crc::new();
        crc.update(&stream[12..12 + length - 4]);
        stream[12 + length - 4..12 + length].copy_from_slice(&crc.sum().to_le_bytes());
        let error = read(stream).expect_err("4 GiB");
        assert_eq!(error.kind(), io::ErrorKind::OutOfMemory, "{error}");
    }

    proptest! {
        #[test]
        fn damaged_streams_never_panic(
            which in 0..COMPRESSIONS.len(),
            content in prop::collection::vec(any::<u8>(), 0..300),
            changes in prop::collection::vec((6_usize..400, any::<u8>()), 1..6),
        ) {
            let mut stream = COMPRESSIONS[which](&content);
            for (place, byte) in changes {
                let length = stream.len();
                stream[6 + place % (length - 6)] = byte;
            }
            let _ = read(stream);
        }
    }
}
