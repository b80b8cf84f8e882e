//! The content of a new devspace.yaml.

use std::fmt::Write as _;
use std::path::Path;

use super::candidate::Candidate;
use crate::config::Version;

/// The configuration of a project called `name` with these images.
pub fn text(name: &str, images: &[Candidate]) -> String {
    let mut text = format!(
        "# The images of `windlass build`; run `windlass doc images` to list the keys.\nversion: {}\nname: {}\n\nimages:\n",
        Version::NEWEST.as_str(),
        scalar(name)
    );
    for image in images {
        let _ = writeln!(text, "  {}:\n    image: {}", scalar(&image.name), scalar(&image.repository));
        if image.dockerfile != Path::new("Dockerfile") {
            let _ = writeln!(text, "    dockerfile: {}", scalar(&image.dockerfile.to_string_lossy()));
        }
        if !image.context.as_os_str().is_empty() {
            let _ = writeln!(text, "    context: {}", scalar(&image.context.to_string_lossy()));
        }
        if let Some(target) = &image.target {
            let _ = writeln!(text, "    target: {}", scalar(target));
        }
        if !image.build_args.is_empty() {
            text.push_str("    buildArgs:\n");
        }
        for (name, value) in &image.build_args {
            let value = value.as_ref().map(|value| format!(" {}", scalar(value))).unwrap_or_default();
            let _ = writeln!(text, "      {}:{value}", scalar(name));
        }
    }
    text
}

/// `text` as a YAML scalar: plain if every parser reads it as a string, otherwise quoted. JSON strings are valid YAML.
fn scalar(text: &str) -> String {
    let is_plain = text.chars().all(|char| char.is_ascii_alphanumeric() || "_-./:".contains(char));
    let is_word = text.starts_with(|char: char| char.is_ascii_alphabetic());
    let is_special =
        ["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&text.to_lowercase().as_str());
    if is_plain && is_word && !is_special && !text.ends_with(':') {
        text.to_owned()
    } else {
        serde_json::Value::from(text).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_stay_strings() {
        let check = |text: &str, expected: &str| assert_eq!(scalar(text), expected);
        check("ghcr.io/acme/api", "ghcr.io/acme/api");
        check("localhost:5000/api", "localhost:5000/api");
        check("1.10", "\"1.10\"");
        check("No", "\"No\"");
        check("a: b", "\"a: b\"");
        check("", "\"\"");
    }
}
