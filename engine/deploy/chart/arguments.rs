//! The arguments of helm.

use std::time::Duration;

/// `--timeout` with a unit, which helm requires.
pub(super) fn timeout(limit: Duration) -> [String; 2] {
    let text = if limit.subsec_millis() == 0 {
        format!("{}s", limit.as_secs())
    } else {
        format!("{}ms", limit.as_millis())
    };
    ["--timeout".to_owned(), text]
}

/// `--values` for `file`. Helm reads the value as a line of CSV, so a comma or quote in a path is quoted.
pub(super) fn values(file: &str) -> [String; 2] {
    let needs_quotes = file.contains([',', '"', '\n', '\r']) || file.starts_with(' ');
    let file = if needs_quotes { format!("\"{}\"", file.replace('"', "\"\"")) } else { file.to_owned() };
    ["--values".to_owned(), file]
}

/// `name` with `value`, if there is one.
pub(super) fn option(name: &str, value: Option<&str>) -> impl Iterator<Item = String> {
    value.into_iter().flat_map(move |value| [name.to_owned(), value.to_owned()])
}

/// Whether a values file is a URL, which helm reads itself.
pub(super) fn is_url(file: &str) -> bool {
    ["http://", "https://", "oci://", "s3://", "gs://"].iter().any(|scheme| file.starts_with(scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_have_a_unit() {
        assert_eq!(timeout(Duration::from_secs(90))[1], "90s");
        assert_eq!(timeout(Duration::from_millis(1500))[1], "1500ms");
    }

    #[test]
    fn commas_in_paths_are_quoted() {
        assert_eq!(values("values.yaml")[1], "values.yaml");
        assert_eq!(values("a,b \"c\".yaml")[1], "\"a,b \"\"c\"\".yaml\"");
    }
}
