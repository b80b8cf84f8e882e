//! Merged values are those of real helm.

use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::real::{Project, run, with_helms};
use crate::deploy::chart::values::ValuesOrigin;
use crate::deploy::chart::{RenderOptions, ValueLayers, chart_defaults, template};

const TEMPLATE: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  v: {{ toJson .Values | b64enc }}\n";

#[tokio::test]
async fn merged_values_are_those_of_helm() {
    let project = &Project::new(&[("chart/templates/a.yaml", TEMPLATE)]);
    let cases = [
        ("a: {x: 1, k: {z: 2}}\nl: [1, 2]\n", "a: {k: {w: 3}}\nl: [3]\n", json!({})),
        ("a: {x: 1, k: 2}\nb: 1\n", "a: {x: null}\nb: null\n", json!({})),
        ("a: {x: 1}\n", "a: null\n", json!({})),
        ("a: {x: 1}\n", "a: null\n", json!({ "a": { "k": 2 } })),
        ("a: {x: 1}\n", "a: {x: 5}\n", json!({ "a": { "x": null } })),
        ("a: 1\n", "a: {x: 2}\n", json!({})),
        ("a: null\nb: {c: null}\n", "b: {d: 1}\n", json!({ "e": null, "f": { "g": null } })),
        ("", "# nothing\n", json!({ "a": [null, { "b": null }] })),
        ("a: &x {b: 1}\nc: *x\n", "c: {<<: {d: 1}, e: 2}\n", json!({})),
        (
            "a: yes\nb: on\nc: Off\nd: \"yes\"\n",
            "e: 010\nf: 0x1F\ng: 1e3\nh: .5\ni: ~\nj: 1_000\n",
            json!({}),
        ),
        (
            "a: 2026-01-02\nb: 1.10\nc: 0b11\nd: 0o17\ne: 12345678901\n",
            "f: 1:30\ng: =\nh: !!str 1\n",
            json!({}),
        ),
    ];
    let cases = &cases;
    with_helms("merging", |helm| async move {
        for (chart, file, inline) in cases {
            project.write("chart/values.yaml", chart);
            project.write("values.yaml", file);
            let mut request = project.request();
            request.values_files = vec!["values.yaml".into()];
            request.values = inline.clone();
            let own = ValueLayers::read(&request).map(|layers| layers.user_values());
            let own = own
                .and_then(|user| Ok(with_defaults(chart_defaults(&project.path("chart"), &request)?, user)));
            let cancel = CancellationToken::new();
            let text = template(&request, &RenderOptions::default(), run(&helm, &cancel)).await;
            let case = format!("{} {chart:?} {file:?} {inline}", helm.version);
            let text = text.unwrap_or_else(|error| panic!("{case}: {error}"));
            let encoded = text.lines().find_map(|line| line.strip_prefix("  v: ")).expect("values");
            let bytes =
                base64::Engine::decode(&base64::engine::general_purpose::STANDARD, encoded).expect("base64");
            let theirs: Value = serde_json::from_slice(&bytes).expect("JSON");
            let own = own.unwrap_or_else(|error| panic!("{case}: {error}"));
            assert_eq!(with_floats(own.into()), with_floats(theirs), "{case}");
        }
    })
    .await;
}

/// The values `user` completed with `defaults` of a chart: maps merge, a null of the user deletes a default, and every
/// other value of the user replaces it.
fn with_defaults(defaults: Map<String, Value>, mut user: Map<String, Value>) -> Map<String, Value> {
    for (key, default) in defaults {
        match user.get_mut(&key) {
            None => {
                user.insert(key, default);
            }
            Some(Value::Null) => {
                user.shift_remove(&key);
            }
            Some(Value::Object(own)) => {
                if let Value::Object(default) = default {
                    *own = with_defaults(default, std::mem::take(own));
                }
            }
            Some(_) => {}
        }
    }
    user
}

/// `value` with all numbers as floats: Go writes whole floats without a point.
fn with_floats(value: Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().into(),
        Value::Array(items) => items.into_iter().map(with_floats).collect(),
        Value::Object(entries) => entries.into_iter().map(|(key, value)| (key, with_floats(value))).collect(),
        other => other,
    }
}

#[test]
fn origins_are_the_highest_layer() {
    let project =
        Project::new(&[("chart/values.yaml", "a: 1\nb: {c: 1, l: [1]}\n"), ("v.yaml", "b: {c: 2}\n")]);
    let mut request = project.request();
    request.values_files = vec!["v.yaml".into(), "https://c.io/values.yaml".into()];
    request.replaced = json!({ "d": 1 });
    let layers = ValueLayers::read(&request).unwrap();
    let origin = |path: &str| layers.origin(&path.split('.').map(str::to_owned).collect::<Vec<_>>());
    assert_eq!(origin("a"), Some(&ValuesOrigin::Chart));
    assert_eq!(origin("b.c"), Some(&ValuesOrigin::File("v.yaml".into())));
    assert_eq!(origin("b.l.0"), Some(&ValuesOrigin::Chart));
    assert_eq!(origin("d"), Some(&ValuesOrigin::Replaced));
    assert_eq!(origin("none"), None);
}
