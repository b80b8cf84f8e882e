//! How strings and numbers are written, so that every YAML parser reads them with their type.

use std::fmt::Write as _;

use serde_json::{Number, Value as Json};

use super::scalar::resolve;

/// The words that YAML 1.1 or 1.2 reads as booleans or null, compared in lower case.
const WORDS: [&str; 10] = ["false", "n", "no", "null", "off", "on", "true", "y", "yes", "~"];

/// `text` as a scalar in one line: without quotes if that is safe, otherwise in double quotes.
pub(super) fn scalar(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

/// `number` as YAML 1.1 requires it: a `.` and a sign in an exponent.
pub(super) fn number(number: &Number) -> String {
    let text = number.to_string();
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    let point = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with(['+', '-']) { "" } else { "+" };
    format!("{mantissa}{point}e{sign}{exponent}")
}

/// Whether `text` can be a literal block: several lines of printable characters, none of which begins or ends the block
/// with spaces.
pub(super) fn is_block(text: &str) -> bool {
    text.contains('\n')
        && !text.starts_with([' ', '\t', '\n'])
        && !text.ends_with("\n\n")
        && text.split('\n').all(|line| line.is_empty() || !line.trim().is_empty())
        && text.chars().all(|character| character == '\n' || character == '\t' || is_printable(character))
}

fn is_plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let is_letter = |character: char| {
        character.is_ascii_graphic()
            || character == ' '
            || (!character.is_ascii() && character.is_alphanumeric())
    };
    let may_begin = match first {
        '-' => {
            text[1..].starts_with(|next: char| next.is_ascii_alphanumeric() || next == '-')
                && !text.starts_with("---")
        }
        '.' => !text.starts_with("..."),
        '_' | '/' | '$' | '(' | '^' | '\\' | ';' | '+' => true,
        _ => first.is_alphanumeric(),
    };
    may_begin
        && text.chars().all(is_letter)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
        && !looks_like_number(text)
        && matches!(resolve(text), Some(Json::String(_)))
}

/// Whether some version of YAML may read `text` as a number, a duration such as `1:30`, or a date.
fn looks_like_number(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_hexdigit() || b"xXoO_:.+-tTzZ ".contains(&byte);
    text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first))
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().all(is_part)
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            _ if is_printable(character) => quoted.push(character),
            _ => {
                let code = u32::from(character);
                // Writing to a string does not fail.
                let _ = match code {
                    0..0x100 => write!(quoted, "\\x{code:02x}"),
                    0x100..0x1_0000 => write!(quoted, "\\u{code:04x}"),
                    _ => write!(quoted, "\\U{code:08x}"),
                };
            }
        }
    }
    quoted.push('"');
    quoted
}

/// Whether `character` is printable in YAML, visible, and not a line break.
fn is_printable(character: char) -> bool {
    !matches!(character,
        '\0'..=' ' | '\u{7f}'..='\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}')
        || character == ' '
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_that_look_like_other_types_are_quoted() {
        for text in [
            "",
            " ",
            "y",
            "N",
            "on",
            "Off",
            "TRUE",
            "null",
            "~",
            "1",
            "-1",
            "+1",
            "0777",
            "0x1F",
            "0o17",
            "1e3",
            "1_000",
            "1.5",
            ".5",
            "5.",
            ".inf",
            "-.INF",
            ".NaN",
            "2001-01-01",
            "2001-12-14t21:59:43.10-05:00",
            "1:30",
            "190:20:30",
            "=",
            "<<",
            "-",
            "- a",
            "---",
            "--- a",
            "...",
            "? a",
            ": a",
            "a: b",
            "a:",
            "a #b",
            "#a",
            " a",
            "a ",
            "&a",
            "*a",
            "!a",
            "%a",
            "@a",
            "`a",
            "[a",
            "{a",
            "\"a",
            "'a",
            "|",
            ">",
            ",a",
            "a\tb",
            "a\u{85}b",
            "a\u{2028}b",
            "a\u{0}",
            "\u{feff}a",
            "]",
        ] {
            assert!(scalar(text).starts_with('"'), "{text:?} is {}", scalar(text));
        }
    }

    #[test]
    fn harmless_strings_stay_plain() {
        for text in [
            "web",
            "acme.io/v1",
            "ghcr.io/acme/web:1.4",
            "--flag=x",
            "-c",
            "10Gi",
            "100m",
            "/bin/sh",
            "$(HOME)",
            "a b",
            "a#b",
            "a:b",
            "it's",
            "http://a/b?c=d&e",
            "RollingUpdate",
            "größe",
            "no-op",
            "yes!",
            "Yes please",
            ".hidden",
            "a, b",
            "a]",
        ] {
            assert_eq!(scalar(text), text);
        }
    }

    #[test]
    fn exponents_have_a_point_and_a_sign() {
        let check = |value: f64, expected: &str| {
            assert_eq!(number(&Number::from_f64(value).expect("finite")), expected);
        };
        check(1e30, "1.0e+30");
        check(1.5e-9, "1.5e-9");
        check(0.5, "0.5");
    }
}
