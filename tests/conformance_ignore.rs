//! Ignore files: windlass excludes exactly what Docker's own implementation excludes.

use std::path::PathBuf;

use serde::Deserialize;
use windlass::image::context::excluded;

#[derive(Deserialize)]
struct Case {
    text: String,
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    excluded: Vec<String>,
    #[serde(default)]
    error: bool,
}

#[test]
fn ignore_files_agree_with_docker() {
    let folder = std::env::var_os("CONFORMANCE_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/conformance"), PathBuf::from);
    let lines = std::fs::read_to_string(folder.join("ignore.jsonl")).expect("the conformance data");
    let mut cases = 0;
    let mut differences = Vec::new();
    for (number, line) in lines.lines().enumerate() {
        let case: Case = serde_json::from_str(line).expect("a case");
        let paths: Vec<&str> = case.paths.iter().map(String::as_str).collect();
        let answer = excluded(".dockerignore", case.text.as_bytes(), &paths);
        let agrees = match &answer {
            Ok(excluded) => !case.error && *excluded == case.excluded,
            Err(_) => case.error,
        };
        if !agrees {
            let expected = if case.error { "an error".to_owned() } else { format!("{:?}", case.excluded) };
            differences.push(format!(
                "line {}: {:?}\n  expected {expected}\n  got {answer:?}",
                number + 1,
                case.text
            ));
        }
        cases += 1;
    }
    assert!(cases >= 1000, "only {cases} cases");
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n"));
}
