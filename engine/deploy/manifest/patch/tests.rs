use super::*;
use proptest::prelude::*;
use serde_json::json;

fn web() -> Json {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "labels": {"n": "0777", "t": "true", "m": "1\n2"}},
        "spec": {"replicas": 1, "big": 12_345_678_901_234_567_890_u64, "half": 0.5, "none": null, "template": {"spec": {
            "containers": [{"name": "web", "image": "w", "args": ["a"]}, {"name": "side", "image": "s"}],
        }}},
    })
}

fn documents() -> Vec<ManifestDocument> {
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {}});
    [web(), service].into_iter().map(ManifestDocument::new).collect()
}

fn patch(target: (&str, &str), operation: &str, path: &str, value: Option<Json>) -> ObjectPatch {
    let part = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let target = ObjectSelector { name: part(target.0), kind: part(target.1), api_version: None };
    ObjectPatch { target, operation: operation.to_owned(), path: path.to_owned(), value }
}

fn check(operation: &str, path: &str, value: Option<Json>, pointer: &str, expected: Option<Json>) {
    let mut documents = documents();
    apply_patches(&mut documents, &[patch(("web", "Deployment"), operation, path, value)]).expect(path);
    assert_eq!(documents[0].value.pointer(pointer), expected.as_ref(), "{operation} {path}");
    assert_eq!(documents[1].value["spec"], json!({}));
}

fn refuses(patch: ObjectPatch, expected: &str, help: &str) {
    let error = apply_patches(&mut documents(), &[patch]).expect_err("refused");
    assert_eq!(error.to_string(), expected);
    let shown = miette::Diagnostic::help(&error).map(|help| help.to_string());
    assert_eq!(shown.unwrap_or_default(), help);
}

#[test]
fn patches_change_the_matching_object() {
    let containers = "/spec/template/spec/containers";
    let image = |index: usize| format!("{containers}/{index}/image");
    check("replace", "spec.replicas", Some(json!(3)), "/spec/replicas", Some(json!(3)));
    check("replace", "/spec/replicas", Some(json!("3")), "/spec/replicas", Some(json!("3")));
    check("replace", "spec.template.spec.containers[0].image", Some(json!("x")), &image(0), Some(json!("x")));
    check(
        "replace",
        "spec.template.spec.containers.name=side.image",
        Some(json!("x")),
        &image(1),
        Some(json!("x")),
    );
    check(
        "replace",
        "spec.template.spec.containers[?(@.name=='side')].image",
        Some(json!("x")),
        &image(1),
        Some(json!("x")),
    );
    check("replace", "$..containers[*].image", Some(json!("x")), &image(1), Some(json!("x")));
    check("remove", "metadata.labels", None, "/metadata/labels", None);
    check("remove", "/metadata/labels/n", None, "/metadata/labels", Some(json!({"t": "true", "m": "1\n2"})));
    check("add", "metadata.labels", Some(json!({"x": "y"})), "/metadata/labels/x", Some(json!("y")));
    check("add", "metadata.labels", Some(json!({"x": "y"})), "/metadata/labels/n", Some(json!("0777")));
    check(
        "add",
        "metadata.annotations",
        Some(json!({"x": "1"})),
        "/metadata/annotations/x",
        Some(json!("1")),
    );
    check(
        "add",
        "spec.template.spec.containers[0].args",
        Some(json!("b")),
        &format!("{containers}/0/args"),
        Some(json!(["a", "b"])),
    );
    check(
        "add",
        "/spec/template/spec/containers/0/args/0",
        Some(json!("b")),
        &format!("{containers}/0/args"),
        Some(json!(["b", "a"])),
    );
    check(
        "add",
        "/metadata/annotations",
        Some(json!({"a/b": null})),
        "/metadata/annotations/a~1b",
        Some(json!(null)),
    );
}

#[test]
fn rest_of_the_object_is_unchanged() {
    let mut documents = documents();
    apply_patches(&mut documents, &[patch(("web", ""), "add", "spec.x", Some(json!(1)))]).expect("valid");
    let mut expected = web();
    expected["spec"]["x"] = json!(1);
    assert_eq!(documents[0].value.to_string(), expected.to_string());
    assert_eq!(documents[1].value["spec"], json!({"x": 1}), "both objects match");
}

#[test]
fn patches_that_match_nothing_are_errors() {
    let replace = |target, path: &str| patch(target, "replace", path, Some(json!(1)));
    let prefix = "cannot apply patch 1 of the manifests:";
    refuses(
        replace(("wbe", "Deployment"), "spec"),
        &format!("{prefix} no object matches `Deployment/wbe`"),
        "did you mean `web`?",
    );
    refuses(
        replace(("web", "StatefulSet"), "spec"),
        &format!("{prefix} no object matches `StatefulSet/web`"),
        "objects of this deployment: Deployment/web, Service/web",
    );
    refuses(
        replace(("database", ""), "spec"),
        &format!("{prefix} no object matches `*/database`"),
        "objects of this deployment: Deployment/web, Service/web",
    );
    refuses(
        replace(("web", "Deployment"), "spec.replcas"),
        &format!("{prefix} `spec.replcas` of Deployment/web in script:1: its path matches nothing"),
        "`spec` has no `replcas`; did you mean `replicas`?",
    );
    refuses(
        patch(("web", "Deployment"), "remove", "sepc", None),
        &format!("{prefix} `sepc` of Deployment/web in script:1: its path matches nothing"),
        "the object has no `sepc`; did you mean `spec`?",
    );
}

#[test]
fn invalid_patches_are_errors() {
    let prefix = "cannot apply patch 1 of the manifests:";
    let target = ("web", "Deployment");
    refuses(patch(target, "ad", "a", None), &format!("{prefix} unknown `op` `ad`"), "did you mean `add`?");
    refuses(
        patch(target, "test", "a", None),
        &format!("{prefix} unknown `op` `test`"),
        "valid operations: `add`, `remove`, `replace`",
    );
    refuses(patch(target, "add", "a", None), &format!("{prefix} `op: add` requires a `value`"), "");
    refuses(
        patch(target, "remove", "a[", None),
        &format!("{prefix} invalid `path` `a[`: a `[` is not closed"),
        "",
    );
    refuses(
        patch(("", ""), "remove", "a", None),
        &format!("{prefix} its `target` is empty"),
        "set `target.name`",
    );
    refuses(
        patch(target, "add", "spec.replicas.x", Some(json!(1))),
        &format!("{prefix} `spec.replicas.x` of Deployment/web in script:1: its path goes through a scalar"),
        "`spec.replicas` is not a map at this point, so it has no `x`",
    );
}

#[test]
fn api_version_limits_the_target() {
    let target = |api_version: &str| ObjectSelector {
        name: Some("web".to_owned()),
        kind: None,
        api_version: Some(api_version.to_owned()),
    };
    let remove =
        |api_version| ObjectPatch { target: target(api_version), ..patch(("", ""), "remove", "spec", None) };
    let mut documents = documents();
    apply_patches(&mut documents, &[remove("v1")]).expect("valid");
    assert!(documents[0].value.get("spec").is_some() && documents[1].value.get("spec").is_none());
    refuses(
        remove("v2"),
        "cannot apply patch 1 of the manifests: no object matches `*/web` (v2)",
        "objects of this deployment: Deployment/web, Service/web",
    );
}

proptest! {
    #[test]
    fn random_patches_do_not_panic(operation in "add|remove|replace", path in "[a-z/.\\[\\]*?@='$~0-9:-]{0,12}|spec.[a-z\\[\\]0*.]{0,9}") {
        let _ = apply_patches(&mut documents(), &[patch(("web", ""), &operation, &path, Some(json!({"a": [1]})))]);
    }
}
