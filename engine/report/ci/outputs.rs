//! The images of a run for later steps of a CI job.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::json;

use crate::event::{ImageResult, Outcome};
use crate::report::run_result::RunResult;

/// The outputs of a step of GitHub Actions: `built`, `skipped` and `failed`, each a list of names, and `images`, an
/// object with the references. All are JSON.
pub(super) fn for_github(result: &RunResult) -> String {
    let names = |outcome: Outcome| {
        let results = result.results().filter(|result| result.outcome == outcome);
        json!(results.map(|result| &result.image).collect::<Vec<_>>())
    };
    let outputs = [
        ("built", names(Outcome::Built)),
        ("skipped", names(Outcome::Skipped)),
        ("failed", names(Outcome::Failed)),
        ("images", json!(references(result))),
    ];
    let mut text = String::new();
    for (name, value) in outputs {
        let delimiter: String = std::iter::repeat_with(fastrand::alphanumeric).take(32).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name}<<{delimiter}\n{value}\n{delimiter}");
    }
    text
}

/// The references as variables: `API_IMAGE=ghcr.io/shop/api@sha256:...`.
pub(super) fn dotenv(result: &RunResult) -> String {
    let mut text = String::new();
    for (name, reference) in references(result) {
        let _ = writeln!(text, "{}_IMAGE={reference}", variable(&name));
    }
    text
}

/// The images that are in a registry, by name, with their digests.
fn references(result: &RunResult) -> BTreeMap<String, String> {
    result.results().filter_map(|result| Some((result.image.clone(), reference(result)?))).collect()
}

/// The reference of an image in its registry by digest: `acme/api@sha256:...`.
pub(in crate::report) fn reference(result: &ImageResult) -> Option<String> {
    let digest = result.digest.as_ref().filter(|_| result.pushed)?;
    Some(format!("{}@{digest}", result.repository))
}

/// `name` as a part of the name of a variable: `auth.api-v2` is `AUTH_API_V2`.
fn variable(name: &str) -> String {
    let letter = |char: char| if char.is_ascii_alphanumeric() { char.to_ascii_uppercase() } else { '_' };
    name.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::report::samples::{at, result};

    #[test]
    fn only_pushed_images_have_references() {
        let mut run = RunResult::new(at(0));
        let pushed = ImageResult {
            pushed: true,
            digest: Some("sha256:ab".to_owned()),
            ..result("auth.api-v2", Outcome::Built, "new")
        };
        run.receive(&Event::ImageFinished(pushed));
        run.receive(&Event::ImageFinished(result("web", Outcome::Skipped, "unchanged")));
        assert_eq!(dotenv(&run), "AUTH_API_V2_IMAGE=acme/auth.api-v2@sha256:ab\n");
        let text = for_github(&run);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[1], "[\"auth.api-v2\"]");
        assert_eq!(lines[4], "[\"web\"]");
        assert_eq!(lines[7], "[]");
        assert_eq!(lines[10], "{\"auth.api-v2\":\"acme/auth.api-v2@sha256:ab\"}");
        assert_eq!(lines[0].strip_prefix("built<<"), Some(lines[2]));
        assert_ne!(lines[2], lines[5]);
    }
}
