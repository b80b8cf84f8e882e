//! Reading what may be compressed: it is told by its first bytes, as Docker does.

use std::io::{self, BufRead, Read};

use flate2::bufread::MultiGzDecoder;

/// The largest window that a zstd stream may ask for, as a power of two: what the program itself allows.
const ZSTD_WINDOW: u32 = 27;

/// `reader` without its compression; what is not compressed is read as it is.
pub(super) fn decompress(mut reader: impl BufRead + 'static) -> io::Result<Box<dyn Read>> {
    let start = reader.fill_buf()?;
    Ok(match start {
        [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(reader)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            let mut decoder = zstd::Decoder::with_buffer(reader)?;
            decoder.window_log_max(ZSTD_WINDOW)?;
            Box::new(decoder)
        }
        [b'B', b'Z', b'h', ..] => return Err(unsupported("bzip2")),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => return Err(unsupported("xz")),
        _ => Box::new(reader),
    })
}

fn unsupported(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, format!("archives compressed by {name} are not unpacked here"))
}
