use super::*;
use proptest::prelude::*;
use serde_json::json;

fn values(text: &str) -> Vec<Json> {
    let documents = parse(text, ManifestOrigin::Inline).unwrap_or_else(|problem| panic!("{text}: {problem}"));
    documents.into_iter().map(|document| document.value).collect()
}

#[test]
fn lists_are_replaced_with_their_items() {
    let item = |kind: &str, name: &str| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}});
    let list =
        |kind: &str, items: Json| json!({"apiVersion": "v1", "kind": kind, "items": items}).to_string();
    let nested: Json = serde_json::from_str(&list("List", json!([item("Pod", "b")]))).expect("JSON");
    let text = list("List", json!([item("Pod", "a"), nested, item("Pod", "c")]));
    assert_eq!(values(&text), [item("Pod", "a"), item("Pod", "b"), item("Pod", "c")]);
    // Items of a typed list inherit its type.
    let text = list("ConfigMapList", json!([{"metadata": {"name": "a"}}]));
    assert_eq!(values(&text), [item("ConfigMap", "a")]);
    for empty in [list("List", json!([])), list("List", json!(null)), "kind: List\napiVersion: v1".to_owned()]
    {
        assert_eq!(values(&empty), [Json::Null; 0], "{empty}");
    }
    // A custom resource whose name ends with `List`.
    let resource = json!({"apiVersion": "acme.io/v1", "kind": "AllowList", "items": {"a": 1}});
    assert_eq!(values(&resource.to_string()), [resource]);
}

#[test]
fn items_have_their_own_lines_and_numbers() {
    let text = "kind: Pod\n---\napiVersion: v1\nkind: List\nitems:\n- kind: A\n- kind: List\n  items:\n  - kind: B\n";
    let documents = parse(text, ManifestOrigin::Inline).expect("valid");
    let places: Vec<_> =
        documents.iter().map(|document| (document.kind(), document.number, document.line)).collect();
    assert_eq!(places, [("Pod", 1, 1), ("A", 2, 6), ("B", 2, 9)]);
}

#[test]
fn json_and_yaml_in_braces_are_both_read() {
    assert_eq!(
        values("{\"a\": \"\\ud83d\\ude00\"}\n---\n{\"b\": 1}{\"c\": 2}"),
        [json!({"a": "😀"}), json!({"b": 1}), json!({"c": 2}),]
    );
    assert_eq!(values("{a: [b]}\n---\nc: d\n"), [json!({"a": ["b"]}), json!({"c": "d"})]);
}

#[test]
fn errors_show_the_lines() {
    let check = |name: &str, text: &str, expected: &str| {
        let problem = parse(text, ManifestOrigin::File(name.into())).expect_err("invalid");
        assert_eq!(problem.to_string(), expected);
        problem
    };
    let problem = check("kube/a.yaml", "a: 1\nb: c: d\n", "kube/a.yaml:2:5: this is not valid YAML");
    let shown = format!("{:?}", miette::Report::new(*problem));
    assert!(shown.contains("b: c: d") && shown.contains("deploy::invalid_yaml"), "{shown}");
    check("a.json", "{\"a\": 1 2}", "a.json:1:9: this is not valid JSON");
    check("a.yaml", "{\"a\": 1, \"a\": 2}", "a.yaml:1:10: duplicate key `a`");
    let problem = check("a.yaml", "kind: Secret\na: s3cret\na: 1", "a.yaml:3:1: duplicate key `a`");
    assert!(!format!("{:?}", miette::Report::new(*problem)).contains("s3cret"));
}

#[test]
fn large_manifests_are_read_in_linear_time() {
    let start = std::time::Instant::now();
    let line = format!("[{}]", vec!["{\"a\":\"é\"}"; 100_000].join(","));
    assert_eq!(values(&line).len(), 1);
    assert_eq!(values(&format!("{{\"a\":{line}}}")).len(), 1);
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

proptest! {
    #[test]
    fn random_text_does_not_panic(text in "\\PC{0,80}") {
        let _ = parse(&text, ManifestOrigin::Inline);
    }

    #[test]
    fn random_yaml_does_not_panic(text in "([-:?&*!|>%@`{}\\[\\],#'\" \n\tay10.~<]|---|<<: |&a |\\*a|kind: List\n|items:\n){0,60}") {
        let documents = parse(&text, ManifestOrigin::Inline);
        for document in documents.into_iter().flatten() {
            let _ = super::super::check::check_object(&document);
            let _ = document.problem("a::b", "metadata.name", "", None);
        }
    }

    #[test]
    fn random_json_does_not_panic(text in "[{}\\[\\]:,\"\\\\u0de.\n\t a-]{0,40}") {
        let _ = read_json(&text);
    }
}
