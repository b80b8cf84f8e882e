//! Removes Go structures from messages of the API server.

/// `message` without the value that it quotes, if that is a Go structure, which has up to several KiB: `Invalid value:
/// core.PodTemplateSpec{...}: field is immutable` becomes `field is immutable`.
pub(super) fn without_structures(message: &str) -> String {
    let Some((before, value)) = quoted_value(message) else { return message.to_owned() };
    match structure_end(value) {
        Some(end) => joined(before, value[end..].strip_prefix(": ").unwrap_or_default()),
        None => message.to_owned(),
    }
}

/// `message` without the value that it quotes, for objects with secret values.
pub(super) fn without_value(message: &str) -> String {
    let Some((before, value)) = quoted_value(message) else { return message.to_owned() };
    joined(before, value.rsplit_once(": ").map_or("", |(_, reason)| reason))
}

/// The text before the value, and the value with the text after it.
fn quoted_value(message: &str) -> Option<(&str, &str)> {
    ["Invalid value: ", "Duplicate value: ", "Unsupported value: "]
        .iter()
        .find_map(|label| message.split_once(label).map(|(_, rest)| (label.trim_end_matches(": "), rest)))
}

fn joined(label: &str, reason: &str) -> String {
    if reason.is_empty() { label.to_lowercase() } else { reason.to_owned() }
}

/// The end of the Go structure at the start of `text`: `core.PodSpec{...}`, `map[string]string(nil)`.
fn structure_end(text: &str) -> Option<usize> {
    let is_type = |byte: &u8| byte.is_ascii_alphanumeric() || b"*&[]._".contains(byte);
    let start = text.bytes().take_while(is_type).count();
    if !text[..start].bytes().any(|byte| byte.is_ascii_alphabetic()) {
        return None;
    }
    if text[start..].starts_with("(nil)") {
        return Some(start + "(nil)".len());
    }
    let mut bytes = text.bytes().enumerate().skip(start);
    let (mut depth, mut is_quoted) = (0_u32, false);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' if is_quoted => drop(bytes.next()),
            b'"' => is_quoted = !is_quoted,
            b'{' if !is_quoted => depth += 1,
            b'}' if !is_quoted => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ if depth == 0 => return None,
            _ => {}
        }
    }
    // The API server has cut it.
    (depth > 0).then_some(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_structures_are_removed() {
        let check = |message: &str, expected: &str| assert_eq!(without_structures(message), expected);
        check(
            r#"Invalid value: core.PodSpec{Name:"a}\": {b", Next:[]core.X{core.X{}}}: field is immutable"#,
            "field is immutable",
        );
        check(
            "Invalid value: map[string]string(nil): `selector` does not match",
            "`selector` does not match",
        );
        check("Invalid value: map[string]string{\"a\":\"b\"}: no match", "no match");
        check("Invalid value: &v1.LabelSelector{A:1}: field is immutable", "field is immutable");
        check("Invalid value: core.PodSpec{Name:\"a", "invalid value");
        check("Invalid value: -1: must be positive", "Invalid value: -1: must be positive");
        check("Invalid value: \"a{b}\": must match", "Invalid value: \"a{b}\": must match");
        check("Required value", "Required value");
    }

    #[test]
    fn secret_values_are_removed() {
        assert_eq!(without_value("Invalid value: \"pass: word\": must be base64"), "must be base64");
        assert_eq!(without_value("Required value"), "Required value");
    }
}
