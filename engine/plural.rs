//! Nouns in the singular and plural.

use std::fmt::Display;

/// `noun`, in the plural unless `count` is 1: `line`, `lines`.
pub fn noun(count: impl PartialEq + From<u8>, noun: &str) -> String {
    if count == 1.into() { noun.to_owned() } else { format!("{noun}s") }
}

/// `count` and the noun: `1 line`, `2 lines`.
pub fn counted(count: impl Display + PartialEq + From<u8> + Copy, noun: &str) -> String {
    format!("{count} {}", self::noun(count, noun))
}
