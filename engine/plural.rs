//! Nouns in the singular and plural.

use std::fmt::Display;

/// `noun`, in the plural unless `count` is 1: `line`, `lines`; `directory`, `directories`.
pub fn noun(count: impl PartialEq + From<u8>, noun: &str) -> String {
    match noun.strip_suffix('y') {
        _ if count == 1.into() => noun.to_owned(),
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ => format!("{noun}s"),
    }
}

/// `count` and the noun: `1 line`, `2 lines`.
pub fn counted(count: impl Display + PartialEq + From<u8> + Copy, noun: &str) -> String {
    format!("{count} {}", self::noun(count, noun))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nouns_have_their_plural() {
        assert_eq!([0, 1, 2].map(|count| counted(count, "line")), ["0 lines", "1 line", "2 lines"]);
        assert_eq!([1, 2].map(|count| counted(count, "directory")), ["1 directory", "2 directories"]);
        assert_eq!(noun(2, "key"), "keys");
    }
}
