//! Random manifests and values: only images change, once, and nothing panics.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::merge::over_defaults;
use super::super::*;
use super::known;
use crate::image::ImageReference;

const KEYS: &[&str] = &[
    "image",
    "repository",
    "repo",
    "tag",
    "imageTag",
    "registry",
    "digest",
    "name",
    "images",
    "frontendImage",
    "frontendTag",
    "labels",
    "podAnnotations",
    "metadata",
    "data",
    "spec",
    "template",
    "containers",
    "env",
    "value",
    "volumes",
    "reference",
    "items",
    "kind",
    "apiVersion",
    "version",
    "pullPolicy",
    "other",
    "imageRepository",
];

const STRINGS: &[&str] = &[
    "ghcr.io/shop/web",
    "ghcr.io/shop/web:1.0",
    "ghcr.io/shop/fix",
    "ghcr.io/shop/fix:stable",
    "ghcr.io/shop/off",
    "docker.io/acme/api",
    "acme/api",
    "acme/api:N2",
    "acme/api:N3",
    "app",
    "app:N3",
    "shop/web",
    "web",
    "ghcr.io",
    "localhost:5000/job",
    "localhost:5000",
    "job",
    "latest",
    "stable",
    "N1",
    "",
    " app ",
    "redis:7",
    "a/b",
    "image(web):tag(web)",
    "tag(api)",
    "v-tag(web)",
    "image(wbe)",
    "${runtime.images.web}",
    "${runtime.",
    "tag(",
    "${runtime.images.fix.tag}",
    "ghcr.io/shop/web@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "1@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "Deployment",
    "apps/v1",
    "List",
    "Always",
];

fn string() -> impl Strategy<Value = String> {
    prop_oneof![
        12 => prop::sample::select(STRINGS).prop_map(str::to_owned),
        1 => "\\PC{0,20}",
        1 => "[a-z(){}$.:/@ ]{0,30}",
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        10 => string().prop_map(Value::String),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => any::<i32>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            4 => map(inner),
        ]
    })
}

fn map(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let entry = (prop::sample::select(KEYS).prop_map(str::to_owned), inner);
    prop::collection::vec(entry, 0..6).prop_map(|entries| Value::Object(entries.into_iter().collect()))
}

/// A map in which `key` is an image more often than not.
fn with_image(key: &'static str) -> impl Strategy<Value = Value> {
    (map(value()), string()).prop_map(move |(mut map, image)| {
        map[key] = image.into();
        map
    })
}

fn object() -> impl Strategy<Value = Value> {
    let containers = prop::collection::vec(with_image("image"), 0..3);
    let env = prop::collection::vec(with_image("value"), 0..3);
    let workload = (containers, env, with_image("reference"), with_image("image"), string()).prop_map(
        |(mut containers, env, volume, other, name)| {
            containers.iter_mut().for_each(|container| container["env"] = env.clone().into());
            let volumes = json!([{ "image": volume }]);
            let spec = json!({ "containers": containers, "volumes": volumes, "other": other, "name": name });
            json!({ "apiVersion": "apps/v1", "kind": "Deployment", "spec": { "template": { "spec": spec } } })
        },
    );
    let custom = with_image("image").prop_map(
        |spec| json!({ "apiVersion": "acme.io/v1", "kind": "Thing", "spec": spec, "data": spec, "metadata": spec }),
    );
    prop_oneof![4 => workload, 4 => custom, 1 => value()]
}

/// A piece of a string that may be part of placeholders.
fn piece() -> impl Strategy<Value = String> {
    let known =
        ["tag(", "image(", "${runtime.", "images.", "dependencies.", "web", ".tag", "auth", ")", "}", "\""];
    prop_oneof![prop::sample::select(known.to_vec()).prop_map(str::to_owned), "[a-z(){}$. ]", "\\PC"]
}

fn options() -> impl Strategy<Value = ReplaceOptions> {
    (prop::bool::weighted(0.9), any::<bool>()).prop_map(|(update_tags, env)| {
        let paths = ["Thing:spec.other", "Deployment.apps:spec.template.spec.name"];
        let paths = paths.iter().map(|path| path.parse().unwrap()).collect();
        ReplaceOptions { update_tags, paths, env }
    })
}

/// Whether the field at `path`, which is without the indexes of lists, may hold an image.
fn is_image_field(object: &Value, path: &str, options: &ReplaceOptions) -> bool {
    let pod = "spec.template.spec.";
    match object["kind"].as_str() {
        Some("Deployment") if object["apiVersion"] == "apps/v1" => {
            path == format!("{pod}containers.image")
                || path == format!("{pod}volumes.image.reference")
                || path == format!("{pod}name")
                || (options.env && path == format!("{pod}containers.env.value"))
        }
        _ => {
            let is_excluded = path.split('.').any(|key| matches!(key, "metadata" | "data"));
            path == "spec.other"
                || (!is_excluded && path.ends_with("image"))
                || (!is_excluded && options.env && path.ends_with("env.value"))
        }
    }
}

/// Whether `old` may become `new`: it is a placeholder, or the same repository with another tag.
fn is_image_change(old: &str, new: &str) -> bool {
    let repository =
        |text: &str| text.trim().parse::<ImageReference>().ok().map(|reference| reference.repository);
    old.contains("tag(")
        || old.contains("image(")
        || old.contains("${runtime.")
        || (repository(old).is_some() && repository(old) == repository(new))
}

/// A value that differs: its path without the indexes of lists, old and new.
type Difference<'a> = (String, Option<&'a Value>, &'a Value);

fn differences<'a>(path: &str, old: Option<&'a Value>, new: &'a Value, found: &mut Vec<Difference<'a>>) {
    match (old, new) {
        (Some(Value::Object(old)), Value::Object(new)) => {
            assert!(old.keys().all(|key| new.contains_key(key)), "a key was removed");
            for (key, new) in new {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                differences(&path, old.get(key), new, found);
            }
        }
        (Some(Value::Array(old)), Value::Array(new)) => {
            assert_eq!(old.len(), new.len());
            old.iter().zip(new).for_each(|(old, new)| differences(path, Some(old), new, found));
        }
        (old, new) if old != Some(new) => found.push((path.to_owned(), old, new)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn only_image_fields_of_manifests_change(object in object(), options in options()) {
        let mut replaced = [object.clone()];
        let Ok(report) = replace_in_objects(&mut replaced, &known(), &options) else { return Ok(()) };
        let mut found = Vec::new();
        differences("", Some(&object), &replaced[0], &mut found);
        prop_assert_eq!(found.len(), report.changes.len());
        for (path, old, new) in found {
            prop_assert!(is_image_field(&object, &path, &options), "{}", path);
            let (old, new) = (old.and_then(Value::as_str).unwrap(), new.as_str().unwrap());
            prop_assert!(is_image_change(old, new), "{} {}", old, new);
        }
        let mut again = replaced.clone();
        let second = replace_in_objects(&mut again, &known(), &options).unwrap();
        prop_assert_eq!(&again, &replaced);
        prop_assert_eq!(second.changes, vec![]);
    }

    #[test]
    fn only_images_in_values_change(values in map(value()), chart in map(value()), options in options()) {
        let replaced = replace_in_values(&values, Some(&chart), &known(), &options);
        let Ok(crate::deploy::replace::values::ReplacedValues { changes, merged, report }) = replaced else { return Ok(()) };
        let before = over_defaults(&values, Some(&chart));
        let mut found = Vec::new();
        differences("", Some(&before), &merged, &mut found);
        prop_assert_eq!(found.len(), report.changes.len());
        for (path, old, new) in found {
            let new = new.as_str().unwrap();
            let is_part = ["tag", "Tag", "digest"].iter().any(|end| path.ends_with(end));
            prop_assert!(is_part || is_image_change(old.and_then(Value::as_str).unwrap(), new), "{}", path);
        }
        let mut by_helm = values.clone();
        merge_values(&mut by_helm, &Value::Object(changes));
        prop_assert_eq!(over_defaults(&by_helm, Some(&chart)), merged.clone());
        let again = replace_in_values(&by_helm, Some(&chart), &known(), &options).unwrap();
        prop_assert_eq!(again.changes, Map::new());
        prop_assert_eq!(again.merged, merged);
    }

    #[test]
    fn any_text_is_filled_or_refused(pieces in prop::collection::vec(piece(), 0..40)) {
        let text = pieces.concat();
        let _ = fill_runtime_variables(&text, "text", &known());
        let _ = replace_in_values(&json!({ "a": text.clone() }), None, &known(), &ReplaceOptions::default());
        let _ = text.parse::<ImagePath>();
    }
}
