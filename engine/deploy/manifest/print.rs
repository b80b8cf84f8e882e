//! Prints objects as YAML.

use serde_json::{Map, Value as Json};

use super::quote;

/// The maximum length of a key that needs no `?`: YAML limits others to 1,024 characters.
const MAX_SIMPLE_KEY: usize = 256;

/// `objects` as one YAML stream with `---` between them, which kubectl and every other parser reads as the same
/// objects. Keys keep their order.
pub fn print<'a>(objects: impl IntoIterator<Item = &'a Json>) -> String {
    let mut out = String::new();
    for object in objects {
        if !out.is_empty() {
            out.push_str("---\n");
        }
        write_root(&mut out, object);
    }
    out
}

fn write_root(out: &mut String, value: &Json) {
    match value {
        Json::Object(object) if !object.is_empty() => write_object(out, object, 0, false),
        Json::Array(values) if !values.is_empty() => write_array(out, values, 0, false),
        Json::String(text) => {
            out.push_str(&quote::scalar(text));
            out.push('\n');
        }
        other => write_scalar(out, other, 0),
    }
}

/// Writes the entries of a map; the first one continues the current line if `is_inline`.
fn write_object(out: &mut String, object: &Map<String, Json>, indent: usize, is_inline: bool) {
    for (index, (key, value)) in object.iter().enumerate() {
        if index > 0 || !is_inline {
            spaces(out, indent);
        }
        let key = quote::scalar(key);
        if key.len() > MAX_SIMPLE_KEY {
            out.push_str("? ");
            out.push_str(&key);
            out.push('\n');
            spaces(out, indent);
        } else {
            out.push_str(&key);
        }
        out.push(':');
        match value {
            Json::Object(object) if !object.is_empty() => {
                out.push('\n');
                write_object(out, object, indent + 2, false);
            }
            Json::Array(values) if !values.is_empty() => {
                out.push('\n');
                write_array(out, values, indent, false);
            }
            value => {
                out.push(' ');
                write_scalar(out, value, indent + 2);
            }
        }
    }
}

/// Writes the items of a list; the first one continues the current line if `is_inline`.
fn write_array(out: &mut String, values: &[Json], indent: usize, is_inline: bool) {
    for (index, value) in values.iter().enumerate() {
        if index > 0 || !is_inline {
            spaces(out, indent);
        }
        out.push_str("- ");
        match value {
            Json::Object(object) if !object.is_empty() => write_object(out, object, indent + 2, true),
            Json::Array(values) if !values.is_empty() => write_array(out, values, indent + 2, true),
            value => write_scalar(out, value, indent + 2),
        }
    }
}

/// Writes a scalar, `{}` or `[]`, and the end of its line. The lines of a block have `indent`.
fn write_scalar(out: &mut String, value: &Json, indent: usize) {
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Json::Number(number) => out.push_str(&quote::number(number)),
        Json::String(text) if quote::is_block(text) => return write_block(out, text, indent),
        Json::String(text) => out.push_str(&quote::scalar(text)),
        Json::Array(_) => out.push_str("[]"),
        Json::Object(_) => out.push_str("{}"),
    }
    out.push('\n');
}

fn write_block(out: &mut String, text: &str, indent: usize) {
    let content = text.strip_suffix('\n');
    out.push_str(if content.is_some() { "|\n" } else { "|-\n" });
    for line in content.unwrap_or(text).split('\n') {
        if !line.is_empty() {
            spaces(out, indent);
            out.push_str(line);
        }
        out.push('\n');
    }
}

fn spaces(out: &mut String, count: usize) {
    out.extend(std::iter::repeat_n(' ', count));
}

#[cfg(test)]
mod tests;
