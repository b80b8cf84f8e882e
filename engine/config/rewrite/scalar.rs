//! Writes new scalars.

use crate::config::node::{Scalar, Style};

/// Renders a string, such as a key.
pub(super) fn render_text(text: &str) -> String {
    render(&Scalar { text: text.to_owned(), style: Style::Text, ..Scalar::null() })
}

/// Renders a scalar on one line, without quotes if it keeps its value.
pub(super) fn render(scalar: &Scalar) -> String {
    let text = &scalar.text;
    if scalar.style == Style::Plain || is_plain(text) {
        return text.clone();
    }
    if text.contains(|c: char| c.is_control()) {
        // JSON strings are valid double-quoted YAML strings.
        return serde_json::Value::String(text.clone()).to_string();
    }
    format!("'{}'", text.replace('\'', "''"))
}

/// Whether `text` without quotes is the same string, including inside of brackets.
fn is_plain(text: &str) -> bool {
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '.' | '_'));
    let is_option = text.starts_with("--") && text.len() > 2;
    let inside = |c: char| c.is_ascii_alphanumeric() || "-_./()+@=".contains(c);
    let colons = text.chars().all(|c| inside(c) || c == ':') && !text.ends_with(':');
    let is_special = matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "y" | "n" | ".inf" | ".nan"
    );
    (starts || is_option) && colons && !is_special && text.parse::<f64>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_where_they_have_to_be() {
        let check = |text: &str, expected: &str| assert_eq!(render_text(text), expected);
        check("before:build", "before:build");
        check("image(api):tag(api)", "image(api):tag(api)");
        check("--wait", "--wait");
        check("40s", "'40s'");
        check("true", "'true'");
        check("it's", "'it''s'");
        check("v-#####", "'v-#####'");
        check("a: b", "'a: b'");
        check("${X}", "'${X}'");
        check("a\nb", "\"a\\nb\"");
        check("", "''");
    }
}
