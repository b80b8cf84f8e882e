//! The encodings of text files.

use std::borrow::Cow;

/// Decodes `bytes` without the byte order mark: UTF-8, or UTF-16 with a byte order mark, as Go's YAML parser reads it
/// and Windows editors write it. Invalid bytes are replaced.
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match decode_strictly(bytes) {
        Ok(text) => text,
        Err(_) => lossy(bytes),
    }
}

/// Like [`decode`], but rejects invalid bytes.
///
/// # Errors
/// The offset of the first invalid byte.
pub fn decode_strictly(bytes: &[u8]) -> Result<Cow<'_, str>, usize> {
    match bytes {
        [0xff, 0xfe, units @ ..] => utf16(units, u16::from_le_bytes).map(Cow::Owned),
        [0xfe, 0xff, units @ ..] => utf16(units, u16::from_be_bytes).map(Cow::Owned),
        [0xef, 0xbb, 0xbf, rest @ ..] => {
            std::str::from_utf8(rest).map(Cow::Borrowed).map_err(|error| 3 + error.valid_up_to())
        }
        rest => std::str::from_utf8(rest).map(Cow::Borrowed).map_err(|error| error.valid_up_to()),
    }
}

/// `text` with spaces instead of the tabs that indent the line of byte `at` and the lines after it, up to the first one
/// without tabs, and where the content of these lines starts; `None` if that changes nothing.
pub fn without_tabs(text: &str, at: usize) -> Option<(String, Vec<usize>)> {
    let mut start = text.get(..at)?.rfind('\n').map_or(0, |end| end + 1);
    let mut bytes = text.as_bytes().to_vec();
    let mut lines = Vec::new();
    while start < bytes.len() {
        let length = bytes[start..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let indent = &mut bytes[start..start + length];
        if !indent.contains(&b'\t') {
            break;
        }
        indent.fill(b' ');
        lines.push(start + length);
        let Some(end) = bytes[start..].iter().position(|byte| *byte == b'\n') else { break };
        start += end + 1;
    }
    // Tabs and spaces are both one byte: the bytes stay valid UTF-8.
    if lines.is_empty() { None } else { String::from_utf8(bytes).ok().map(|text| (text, lines)) }
}

fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    match bytes {
        [0xff, 0xfe, rest @ ..] => {
            let units = rest.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
            String::from_utf16_lossy(&units.collect::<Vec<_>>()).into()
        }
        [0xfe, 0xff, rest @ ..] => {
            let units = rest.chunks_exact(2).map(|unit| u16::from_be_bytes([unit[0], unit[1]]));
            String::from_utf16_lossy(&units.collect::<Vec<_>>()).into()
        }
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest),
        rest => String::from_utf8_lossy(rest),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, usize> {
    let (pairs, rest) = (bytes.chunks_exact(2), bytes.len() % 2);
    let units = pairs.map(|pair| unit([pair[0], pair[1]]));
    let mut text = String::with_capacity(bytes.len());
    let mut at = 2;
    for character in char::decode_utf16(units) {
        let character = character.map_err(|_| at)?;
        text.push(character);
        at += 2 * character.len_utf16();
    }
    if rest == 0 { Ok(text) } else { Err(at) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_names_the_encoding() {
        let check = |bytes: &[u8], expected: Result<&str, usize>| {
            assert_eq!(decode_strictly(bytes).as_deref().map_err(|at| *at), expected, "{bytes:?}");
        };
        check(b"a\xc3\xa9", Ok("aé"));
        check(b"\xef\xbb\xbfa", Ok("a"));
        check(b"\xff\xfea\0\xe9\0\x3d\xd8\0\xde", Ok("aé😀"));
        check(b"\xfe\xff\0a\0\xe9\xd8\x3d\xde\0", Ok("aé😀"));
        check(b"", Ok(""));
        check(b"ab\xff", Err(2));
        check(b"\xef\xbb\xbfa\xff", Err(4));
        check(b"\xff\xfea\0b", Err(4));
        check(b"\xff\xfea\0\0\xde", Err(4));
        assert_eq!(decode(b"a\xffb"), "a\u{fffd}b");
        assert_eq!(decode(b"\xff\xfea\0b"), "a");
    }
}
