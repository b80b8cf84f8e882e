use super::*;
use crate::deploy::manifest::{ManifestOrigin, parse};
use proptest::prelude::*;
use serde_json::json;

fn check(object: &Json, expected: &str) {
    let printed = print([object]);
    assert_eq!(printed, expected);
    assert_eq!(reread(&printed), std::slice::from_ref(object), "{printed}");
}

fn reread(text: &str) -> Vec<Json> {
    let documents = parse(text, ManifestOrigin::Inline).unwrap_or_else(|problem| panic!("{text}\n{problem}"));
    documents.into_iter().map(|document| document.value).collect()
}

#[test]
fn objects_look_like_those_of_kubectl() {
    check(
        &json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "y", "labels": {}, "annotations": {"on": "1e3", "a.io/b": "0777"}},
            "spec": {
                "containers": [{"name": "web", "args": ["--x=1", "-", "null", [], [[1], {"a": null}]], "ports": []}],
                "script": "set -e\n\n  echo: #1\n",
                "open": "a\nb",
                "odd": " a\nb",
                "date": "2001-01-01",
                "big": 1e30,
                "half": -0.5,
                "yes": true,
            },
        }),
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: \"y\"\n  labels: {}\n  annotations:\n    \"on\": \"1e3\"\n    a.io/b: \"0777\"\nspec:\n  \
         containers:\n  - name: web\n    args:\n    - --x=1\n    - \"-\"\n    - \"null\"\n    - []\n    - - - 1\n      - a: null\n    ports: []\n  \
         script: |\n    set -e\n\n      echo: #1\n  open: |-\n    a\n    b\n  odd: \" a\\nb\"\n  date: \"2001-01-01\"\n  big: 1.0e+30\n  half: -0.5\n  \
         \"yes\": true\n",
    );
    let key = "k".repeat(2000);
    let object = json!({"a": {key: {"b": [1]}}});
    assert_eq!(reread(&print([&object])), [object]);
}

#[test]
fn objects_are_separated() {
    let objects = [json!({"a": 1}), json!({"b": "x\ny\n"}), json!({"c": ["---"]})];
    let printed = print(&objects);
    assert_eq!(printed, "a: 1\n---\nb: |\n  x\n  y\n---\nc:\n- \"---\"\n");
    assert_eq!(reread(&printed), objects);
    assert_eq!(print([]), "");
}

/// Strings that parsers like to misread.
fn odd_string() -> impl Strategy<Value = String> {
    let words = [
        "y",
        "on",
        "1e3",
        "0777",
        "null",
        "2001-01-01",
        "a: b",
        "a #b",
        "- a",
        "|",
        "a\n\nb\n",
        "\n",
        "a\n",
        "a\n\n",
        "\ta\nb",
        "a\n\tb",
        "a\r\nb",
        "a \nb",
        "a\n \nb",
        "#a\n#b",
        "---\na",
        "...",
        "\u{85}",
        "\u{feff}",
        "a\u{2028}b",
        "<<",
        "=",
        "😀",
    ];
    prop_oneof![
        proptest::sample::select(words.to_vec()).prop_map(str::to_owned),
        "\\PC{0,12}",
        "[-:?&*!|>%@`{}\\[\\],#'\" \n\tay10.~<=_xeE+]{0,12}",
        any::<String>(),
    ]
}

fn value() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>()
            .prop_filter("as the API server has it", |float| float.is_finite() && float.fract() != 0.0)
            .prop_map(Json::from),
        odd_string().prop_map(Json::String),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Json::Array),
            proptest::collection::vec((odd_string(), inner), 0..5)
                .prop_map(|entries| Json::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn printed_objects_are_read_unchanged(values in proptest::collection::vec(value(), 1..4)) {
        let objects: Vec<Json> = values.into_iter().map(|value| json!({"kind": "Any", "value": value})).collect();
        prop_assert_eq!(reread(&print(&objects)), objects);
    }

    #[test]
    fn root_values_are_read_unchanged(value in value()) {
        prop_assume!(!value.is_null() && value.get("kind").is_none());
        prop_assert_eq!(reread(&print([&value])), [value]);
    }
}
