//! The guide to deploying is true: its tables for users of DevSpace and Skaffold.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::Value;

use crate::harness::{Cluster, Project};

/// The section `heading` of the guide.
fn section(heading: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/deploy/README.md");
    let text = fs::read_to_string(path).expect("the guide can be read");
    let (_, section) = text.split_once(&format!("\n## {heading}\n")).expect("the section exists");
    section.split("\n## ").next().unwrap_or_default().to_owned()
}

/// The code in the cells of the column of each row of the tables in `text`.
fn column(text: &str, number: usize) -> Vec<String> {
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.filter_map(|row| row.split('|').nth(number + 1));
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned)).collect()
}

/// The definition that `node` of `schema` refers to.
fn resolved<'a>(schema: &'a Value, node: &'a Value) -> &'a Value {
    let reference = node["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    let all = node["allOf"].as_array().into_iter().flatten().next();
    match (reference, all) {
        (Some(reference), _) => schema.pointer(reference).expect("a definition"),
        (None, Some(node)) => resolved(schema, node),
        (None, None) => node,
    }
}

/// A deployment of a version in the schema of devspace.yaml.
fn deployment<'a>(schema: &'a Value, version: &str) -> &'a Value {
    let versions = schema["allOf"].as_array().expect("a list");
    let entry = versions.iter().find(|entry| entry["if"]["properties"]["version"]["const"] == version);
    let file = resolved(schema, &entry.expect("the version is known")["then"]);
    let deployments = resolved(schema, &file["properties"]["deployments"]);
    // A list until v1beta11, then a map.
    let one = deployments.get("items").or_else(|| deployments.get("additionalProperties"));
    resolved(schema, one.expect("the schema of a deployment"))
}

#[test]
fn commands_and_options_of_the_tables_exist() {
    let project = Project::new();
    let mut help = BTreeMap::new();
    let mut checked = 0;
    for heading in ["For users of DevSpace", "For users of Skaffold"] {
        let text = section(heading);
        for line in column(&text, 1).into_iter().chain(column(&text, 2)) {
            let Some(line) = line.strip_prefix("windlass ") else { continue };
            let is_command = |word: &&str| !word.starts_with('-') && word.chars().all(|is| is.is_lowercase());
            let words: Vec<_> = line.split(' ').collect();
            // `list deployments` is a command, `deploy a b` one with arguments.
            let count = if words[0] == "list" { 2 } else { 1 };
            let command: Vec<_> = words.iter().copied().take(count).filter(is_command).collect();
            let help: &String = help.entry(command.join(" ")).or_insert_with(|| {
                project.run(command.iter().copied().chain(["--help"])).success().stdout.clone()
            });
            for flag in words.iter().filter(|word| word.starts_with('-')) {
                let flag = flag.split('=').next().unwrap_or_default();
                let is_known =
                    help.split([' ', ',', '[', '\n']).any(|word| word.trim_end_matches("...") == flag);
                assert!(is_known, "`windlass {line}`: no `{flag}` in\n{help}");
            }
            checked += 1;
        }
    }
    assert!(checked > 20, "only {checked} commands");
}

#[test]
fn keys_of_the_tables_are_in_the_schema() {
    let output = Project::new().run(["editor", "schema"]).success().clone();
    let schema: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let has = |version: &str, path: &str| {
        let found = path.split('.').try_fold(deployment(&schema, version), |node, key| {
            let properties = resolved(&schema, node).get("properties")?;
            properties.get(key)
        });
        found.is_some()
    };
    let devspace = section("For users of DevSpace");
    let (_, keys) = devspace.split_once("| Key |").expect("the table of keys");
    let keys = column(keys, 0);
    assert!(keys.len() > 15, "only {keys:?}");
    for key in keys {
        assert!(has("v1beta9", &key), "v1beta9 has no `{key}` in a deployment");
    }
    let skaffold = column(&section("For users of Skaffold"), 1);
    let keys = skaffold.iter().filter(|code| code.starts_with("helm.") || code.starts_with("kubectl."));
    for key in keys.map(|code| code.split(':').next().unwrap_or_default()) {
        assert!(has("v2beta1", key), "v2beta1 has no `{key}` in a deployment");
    }
}

#[test]
fn option_dependency_deploys_only_the_dependency() {
    let Some(cluster) = Cluster::acquire() else { return };
    let object = |name: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n");
    let config = "version: v2beta1\nname: NAME\ndeployments: {NAME: {kubectl: {manifests: [a.yaml]}}}\n";
    let project = Project::new()
        .file("devspace.yaml", config.replace("NAME", "own") + "dependencies: {below: {path: below}}\n")
        .file("a.yaml", object("own"))
        .file("below/devspace.yaml", config.replace("NAME", "below"))
        .file("below/a.yaml", object("below"))
        .file("kubeconfig", cluster.kubeconfig("test"));
    let kubeconfig = project.path("kubeconfig");
    let project = project.env("KUBECONFIG", kubeconfig);
    let exists = |name: &str| cluster.find::<ConfigMap>(name).is_some();
    project.run(["deploy", "--dependency", "below"]).success().stderr_has("1 deployed");
    assert_eq!([exists("own"), exists("below")], [false, true]);
    project.run(["deploy", "--skip-dependency", "below"]).success().stderr_has("1 deployed");
    assert!(exists("own"));
}
