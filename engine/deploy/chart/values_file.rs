//! Files with values.

use std::path::Path;

use miette::{NamedSource, SourceSpan};
use serde_json::{Map, Value};
use serde_yaml::DuplicateKeyPolicy;

use super::ChartError;
use super::failures::InvalidValues;

/// Reads the values file at `path`; `name` is shown in messages.
pub(super) fn read(path: &Path, name: &str) -> Result<Map<String, Value>, ChartError> {
    let bytes = crate::input_file::read(path).map_err(|error| {
        let reason = match error.kind() {
            std::io::ErrorKind::NotFound => format!("`{}` does not exist", path.display()),
            _ => error.to_string(),
        };
        invalid(name, reason, None, None)
    })?;
    parse(name, &crate::text::decode(&bytes))
}

/// Parses the first document of `text`, a map or nothing, with the YAML 1.1 of helm: `yes` is true, `010` is 8, and the
/// last of duplicate keys counts. Unlike in helm, a key such as `on` stays a string.
pub(super) fn parse(name: &str, text: &str) -> Result<Map<String, Value>, ChartError> {
    let options = serde_yaml::options! {
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        legacy_octal_numbers: true,
        with_snippet: false,
    };
    let value = serde_yaml::from_str_with_options::<Value>(first_document(text), options);
    match value {
        Ok(Value::Object(values)) => Ok(values),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(_) => Err(invalid(name, "it is not a map".to_owned(), None, None)),
        Err(problem) => {
            let line = problem.location().and_then(|location| usize::try_from(location.line()).ok());
            let range = line.and_then(|line| super::rendered::line_range(text, line));
            Err(invalid(name, reason(&problem), Some(text), range.map(Into::into)))
        }
    }
}

fn invalid(name: &str, reason: String, text: Option<&str>, span: Option<SourceSpan>) -> ChartError {
    let text = text.map(|text| NamedSource::new(name, text.to_owned()));
    ChartError::ValuesFile(Box::new(InvalidValues { file: name.to_owned(), reason, text, span }))
}

/// The text up to the second `---`: helm reads only the first document.
fn first_document(text: &str) -> &str {
    let mut offset = 0;
    let mut has_content = false;
    for line in text.split_inclusive('\n') {
        let is_separator = line.trim_end() == "---";
        if is_separator && has_content {
            return &text[..offset];
        }
        has_content |= is_separator || !(line.trim().is_empty() || line.starts_with('#'));
        offset += line.len();
    }
    text
}

/// The first line of an error of the YAML parser.
pub(super) fn reason(error: &serde_yaml::Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_a_map() {
        let check = |text: &str, expected: &str| {
            let found = parse("v.yaml", text).map(|values| Value::Object(values).to_string());
            assert_eq!(found.unwrap_or_else(|error| error.to_string()), expected, "{text:?}");
        };
        check("", "{}");
        check("# nothing\n", "{}");
        check("a: 1\na: 2\n", r#"{"a":2}"#);
        check("# c\n---\na: 1\n---\nb: 2\n", r#"{"a":1}"#);
        check("- a\n", "cannot read values file `v.yaml`: it is not a map");
    }

    #[test]
    fn invalid_yaml_is_reported_with_its_line() {
        let Err(ChartError::ValuesFile(invalid)) = parse("v.yaml", "a: 1\nb: [\n") else {
            panic!("no error")
        };
        let span = invalid.span.expect("a position");
        assert!(span.offset() >= 5, "{span:?}");
    }
}
