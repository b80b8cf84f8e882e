use super::*;
use crate::deploy::manifest::{fill_in, parse};

fn problems(text: &str) -> Vec<String> {
    let documents = parse(text, ManifestOrigin::File("kube/a.yaml".into())).expect("valid YAML");
    let problems = documents.iter().filter_map(check_object);
    problems.map(|problem| format!("{:?}", miette::Report::new(problem))).collect()
}

fn refuses(text: &str, expected: &str, code: &str, help: &str) {
    let documents = parse(text, ManifestOrigin::File("kube/a.yaml".into())).expect("valid YAML");
    let problem = documents.iter().find_map(check_object).expect("incomplete");
    assert_eq!(problem.to_string(), format!("kube/a.yaml:{expected}"), "{text}");
    let part =
        |part: Option<Box<dyn std::fmt::Display + '_>>| part.map(|part| part.to_string()).unwrap_or_default();
    assert_eq!(part(miette::Diagnostic::code(&problem)), code, "{text}");
    assert_eq!(part(miette::Diagnostic::help(&problem)), help, "{text}");
}

#[test]
fn incomplete_objects_are_refused() {
    let quote = "quote it; without quotes, YAML reads `1`, `y` and `on` as other types";
    let name = "deploy::no_name";
    for (text, expected, code, help) in [
        ("text", "1:1: document 1 is not a Kubernetes object: it must be a map", "deploy::not_an_object", ""),
        ("- a", "1:1: document 1 is not a Kubernetes object: it must be a map", "deploy::not_an_object", ""),
        ("kind: Pod", "1:1: document 1 has no `apiVersion`", "deploy::no_api_version", ""),
        (
            "# a\n---\n# b\n---\nkind: Pod",
            "5:1: document 2 has no `apiVersion`",
            "deploy::no_api_version",
            "",
        ),
        (
            "apiversion: v1\nkind: Pod",
            "1:1: document 1 has no `apiVersion`",
            "deploy::no_api_version",
            "rename `apiversion` to `apiVersion`",
        ),
        ("# c\n---\napiVersion: v1", "3:1: document 1 has no `kind`", "deploy::no_kind", ""),
        (
            "{apiVersion: 1, kind: Pod}",
            "1:2: `apiVersion` of document 1 must be a string that is not empty",
            "deploy::no_api_version",
            "",
        ),
        (
            "{apiVersion: v1, kind: ''}",
            "1:18: `kind` of document 1 must be a string that is not empty",
            "deploy::no_kind",
            "",
        ),
        ("{apiVersion: v1, kind: Pod}", "1:1: document 1, a Pod, has no `metadata.name`", name, ""),
        (
            "{apiVersion: v1, kind: Pod, metdata: {name: a}}",
            "1:1: document 1, a Pod, has no `metadata.name`",
            name,
            "rename `metdata` to `metadata`",
        ),
        (
            "{apiVersion: v1, kind: Pod, metadata: [a]}",
            "1:29: `metadata` of document 1, a Pod, must be a map",
            name,
            "",
        ),
        (
            "{apiVersion: v1, kind: Pod, metadata: {}}",
            "1:29: document 1, a Pod, has no `metadata.name`",
            name,
            "",
        ),
        (
            "{apiVersion: v1, kind: Pod, metadata: {nmae: a}}",
            "1:29: document 1, a Pod, has no `metadata.name`",
            name,
            "rename `metadata.nmae` to `metadata.name`",
        ),
        (
            "{apiVersion: v1, kind: Pod, metadata: {name: y}}",
            "1:40: `metadata.name` of document 1, a Pod, must be a string, not `true`",
            name,
            quote,
        ),
        (
            "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: 1}}",
            "1:49: `metadata.namespace` of document 1, a Pod, must be a string, not `1`",
            name,
            quote,
        ),
        (
            "{apiVersion: v1, kind: Pod, metadata: {generateName: a-}}",
            "1:40: document 1, a Pod, has `generateName`: it cannot be applied, only created",
            "deploy::generate_name",
            "set `metadata.name`",
        ),
    ] {
        refuses(text, expected, code, help);
    }
    assert_eq!(problems("{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: null}}"), [""; 0]);
}

#[test]
fn kustomization_file_names_the_option() {
    let text = "resources: [a.yaml]";
    let documents = parse(text, ManifestOrigin::File("kube/kustomization.yaml".into())).expect("valid YAML");
    let problem = documents.iter().find_map(check_object).expect("incomplete");
    let shown = format!("{:?}", miette::Report::new(problem));
    assert!(shown.contains("set `kubectl.kustomize: true`"), "{shown}");
}

#[test]
fn duplicates_name_both_places() {
    let text = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}}\n---\n\
                {apiVersion: v1, kind: Service, metadata: {name: web}}\n---\n\
                {apiVersion: apps/v1beta1, kind: Deployment, metadata: {name: web, namespace: dev}}\n";
    let mut documents = parse(text, ManifestOrigin::Inline).expect("valid");
    assert!(check_duplicates(&documents).is_ok());
    fill_in(&mut documents, "dev", &|_, _| None);
    let error = check_duplicates(&documents).expect_err("duplicate");
    assert_eq!(error.to_string(), "inlineManifest:5:57: Deployment/web (namespace dev) occurs twice");
    let shown = format!("{:?}", miette::Report::new(error));
    assert!(shown.contains("it is in `inlineManifest:1` too"), "{shown}");
}

#[test]
fn many_problems_are_cut() {
    let text = "kind: Pod\n---\n".repeat(3000);
    let documents = parse(&text, ManifestOrigin::Inline).expect("valid");
    let error = ManifestError::check(documents.iter().filter_map(check_object)).expect_err("incomplete");
    assert_eq!(error.to_string(), "cannot use the manifests: at least 100 problems");
}
