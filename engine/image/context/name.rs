//! File names as strings. On Unix a name is bytes, nearly always UTF-8, which is kept as it is. Each byte that is
//! not part of UTF-8 is kept as a private-use character, so that two names never become one string, patterns
//! match such a byte as one character (as in Go), and the builder receives the name byte for byte.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::Path;

/// The character of byte 0; only those of bytes from 0x80 on are used.
const FIRST: u32 = 0x10_fe00;
/// The first UTF-8 byte of all characters in the range, and of few others.
const LEAD: u8 = 0xf4;

/// The byte that `character` represents, if any.
fn byte_of(character: char) -> Option<u8> {
    u8::try_from(u32::from(character).checked_sub(FIRST)?).ok().filter(|byte| !byte.is_ascii())
}

fn push_bytes(text: &mut String, bytes: &[u8]) {
    text.extend(bytes.iter().filter_map(|byte| char::from_u32(FIRST + u32::from(*byte))));
}

/// `name` as a string. A character that would be read as a byte is kept as its bytes.
pub(crate) fn text_of(name: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(name)
        && is_plain(text)
    {
        return text.into();
    }
    let mut text = String::new();
    for chunk in name.utf8_chunks() {
        for character in chunk.valid().chars() {
            match byte_of(character) {
                Some(_) => push_bytes(&mut text, character.encode_utf8(&mut [0; 4]).as_bytes()),
                None => text.push(character),
            }
        }
        push_bytes(&mut text, chunk.invalid());
    }
    text.into()
}

/// The name from which [`text_of`] created `text`.
pub(crate) fn bytes_of(text: &str) -> Cow<'_, [u8]> {
    if is_plain(text) {
        return text.as_bytes().into();
    }
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        match byte_of(character) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes.into()
}

/// `name` as a string.
pub(crate) fn text_of_os(name: &OsStr) -> Cow<'_, str> {
    #[cfg(unix)]
    return text_of(std::os::unix::ffi::OsStrExt::as_bytes(name));
    #[cfg(not(unix))]
    name.to_string_lossy()
}

/// `text` as a path on disk.
pub(crate) fn path_of(text: &str) -> Cow<'_, Path> {
    #[cfg(unix)]
    if let Cow::Owned(bytes) = bytes_of(text) {
        let name: std::ffi::OsString = std::os::unix::ffi::OsStringExt::from_vec(bytes);
        return Cow::Owned(name.into());
    }
    Path::new(text).into()
}

/// `text` for messages: bytes that are not UTF-8 as `\xE9`.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if is_plain(text) {
        return text.into();
    }
    let mut shown = String::new();
    for character in text.chars() {
        // Writing to a string cannot fail.
        let _ = match byte_of(character) {
            Some(byte) => write!(shown, "\\x{byte:02X}"),
            None => write!(shown, "{character}"),
        };
    }
    shown.into()
}

/// Whether no character represents a byte.
pub(super) fn is_plain(text: &str) -> bool {
    memchr::memchr(LEAD, text.as_bytes()).is_none()
        || text.chars().all(|character| byte_of(character).is_none())
}

/// The order of a selection, component by component: a directory comes directly before its content. BuildKit requires
/// this order for files.
pub(super) fn order(one: &str, other: &str) -> Ordering {
    if is_plain(one) && is_plain(other) {
        return order_of_bytes(one.as_bytes(), other.as_bytes());
    }
    order_of_bytes(&bytes_of(one), &bytes_of(other))
}

/// A separator ends a component, so it is before all other bytes.
fn order_of_bytes(one: &[u8], other: &[u8]) -> Ordering {
    let rank = |byte: u8| if byte == b'/' { 0 } else { u16::from(byte) + 1 };
    let difference = one.iter().zip(other).find(|(one, other)| one != other);
    difference.map_or(one.len().cmp(&other.len()), |(one, other)| rank(*one).cmp(&rank(*other)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_directory_comes_right_before_its_content() {
        let mut paths = ["a-b", "a/b", "a", "a/b-c", "a/b/c", "a.b"];
        paths.sort_by(|one, other| order(one, other));
        assert_eq!(paths, ["a", "a/b", "a/b/c", "a/b-c", "a-b", "a.b"]);
    }

    #[test]
    fn bytes_that_are_not_text_are_shown_as_numbers() {
        assert_eq!(shown(&text_of(b"caf\xe9/\xc3\xa9\\")), "caf\\xE9/\u{e9}\\");
        assert_eq!(text_of("\u{e9}/\u{10ffff}".as_bytes()), "\u{e9}/\u{10ffff}");
        assert_eq!(text_of(b"\xe9").chars().count(), 1);
    }

    fn name() -> impl Strategy<Value = Vec<u8>> {
        let text = prop_oneof![
            Just('/'),
            any::<char>(),
            (0x10_fdff_u32..0x10_ff00).prop_map(|code| char::from_u32(code).expect("a character")),
        ];
        let piece = prop_oneof![
            text.prop_map(|character| character.to_string().into_bytes()),
            any::<u8>().prop_map(|byte| vec![byte]),
        ];
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_name_comes_back(one in name(), other in name()) {
            let (text, other_text) = (text_of(&one), text_of(&other));
            prop_assert_eq!(&*bytes_of(&text), &*one);
            prop_assert_eq!(text == other_text, one == other);
            let is_slash = |byte: &u8| *byte == b'/';
            prop_assert_eq!(order(&text, &other_text), one.split(is_slash).cmp(other.split(is_slash)));
        }
    }
}
