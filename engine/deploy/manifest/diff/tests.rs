use super::*;
use proptest::prelude::*;
use serde_json::json;

fn deployment(image: &str, replicas: u32) -> Json {
    json!({
        "kind": "Deployment",
        "apiVersion": "apps/v1",
        "metadata": {"name": "web", "uid": image, "generation": replicas, "resourceVersion": image, "managedFields": [image]},
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"name": "web", "image": image}]}}},
        "status": {"replicas": replicas},
    })
}

#[test]
fn fields_that_the_server_sets_are_ignored() {
    let mut other = deployment("b", 3);
    other["spec"] = deployment("a", 1)["spec"].clone();
    assert!(diff(Some(&deployment("a", 1)), Some(&other)).text.is_empty());
    let reordered = json!({"b": 1, "a": {"d": 1, "c": 2}});
    assert!(diff(Some(&reordered), Some(&json!({"a": {"c": 2, "d": 1}, "b": 1}))).text.is_empty());
    assert!(diff(None, None).text.is_empty());
}

#[test]
fn changes_are_unified_text() {
    let diff = diff(Some(&deployment("a", 1)), Some(&deployment("b", 2)));
    assert_eq!(diff.summary(), "replicas, image");
    let expected = "--- before\n+++ after\n@@ -3,9 +3,9 @@\n metadata:\n   name: web\n spec:\n-  replicas: 1\n+  replicas: 2\n   \
                    template:\n     spec:\n       containers:\n-      - image: a\n+      - image: b\n         name: web\n";
    assert_eq!(diff.text, expected);
}

#[test]
fn new_and_removed_objects_have_no_parts() {
    let created = diff(None, Some(&json!({"a": 1})));
    assert_eq!(
        (created.text.as_str(), created.summary().as_str()),
        ("--- before\n+++ after\n@@ -0,0 +1 @@\n+a: 1\n", "")
    );
    assert_eq!(diff(Some(&json!({"a": 1})), None).text, "--- before\n+++ after\n@@ -1 +0,0 @@\n-a: 1\n");
}

#[test]
fn changed_secret_shows_that_it_changed() {
    let secret =
        |data: Json| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": data});
    let diff = diff(
        Some(&secret(json!({"a": "MQ==", "b": "MQ=="}))),
        Some(&secret(json!({"a": "Mg==", "b": "MQ==", "c": "Mw=="}))),
    );
    assert!(!diff.text.contains("=="), "{}", diff.text);
    for line in ["-  a: \"*** (before)\"", "+  a: \"*** (after)\"", "   b: \"***\"", "+  c: \"***\""] {
        assert!(diff.text.lines().any(|shown| shown == line), "{line}: {}", diff.text);
    }
    assert_eq!(diff.summary(), "data");
}

#[test]
fn summary_names_the_parts() {
    for (before, after, expected) in [
        (json!({"metadata": {"labels": {"a": "1"}}}), json!({"metadata": {"labels": {"b": "1"}}}), "labels"),
        (json!({"metadata": {}}), json!({"metadata": {"labels": {"b": "1"}}}), "labels"),
        (json!({"spec": {"ports": [{"port": 1}]}}), json!({"spec": {"ports": [{"port": 2}]}}), "port"),
        (json!({"spec": {"ports": [{"port": 1}]}}), json!({"spec": {"ports": []}}), "ports"),
        (
            json!({"c": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]}),
            json!({"c": [{"name": "b", "image": "2"}, {"name": "a", "image": "1"}]}),
            "image",
        ),
        (json!({"c": [{"name": "a"}, {"name": "b"}]}), json!({"c": [{"name": "b"}, {"name": "a"}]}), "c"),
        (json!({"c": [{"name": "a"}]}), json!({"c": [{"name": "b"}]}), "name"),
        (json!({"env": [{"name": "A", "value": "1"}]}), json!({"env": [{"name": "A", "value": "2"}]}), "env"),
        (json!({"a": 1, "b": 1, "c": 1, "d": 1, "e": 1, "f": 1}), json!({}), "a, b, c, d, e, 1 more"),
    ] {
        assert_eq!(diff(Some(&before), Some(&after)).summary(), expected, "{before} {after}");
    }
}

proptest! {
    #[test]
    fn equal_objects_have_no_difference(a in "[a-c]{0,3}", b in 0..3, c in 0..3) {
        let object = |n: i32| json!({"kind": "Secret", "apiVersion": "v1", "data": {"k": a, "n": n}, "x": n});
        let diff = diff(Some(&object(b)), Some(&object(c)));
        prop_assert_eq!(diff.text.is_empty(), b == c);
        prop_assert_eq!(diff.parts.is_empty(), b == c);
    }
}
