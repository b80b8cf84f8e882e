//! Discovery and custom resources.

use super::*;

#[tokio::test]
async fn unknown_kinds_have_a_hint() {
    let Some(cluster) = TestCluster::without_namespace() else { return };
    let check = async |api_version: &str, kind: &str, expected: &str| {
        let error = cluster.access.resource_type(api_version, kind).await.expect_err("unknown");
        let help = miette::Diagnostic::help(&error).expect("a hint").to_string();
        assert_eq!(help, expected, "{api_version} {kind}");
    };
    let deployments = cluster.access.resource_type("apps/v1", "Deployment").await.expect("known");
    assert_eq!((deployments.plural.as_str(), deployments.is_namespaced), ("deployments", true));
    check(
        "extensions/v1beta1",
        "Deployment",
        "use `apiVersion: apps/v1`: Kubernetes 1.16 removed `extensions/v1beta1`",
    )
    .await;
    check("apps/v2", "Deployment", "use `apiVersion: apps/v1`, which the cluster serves").await;
    check("apps/v1", "Deploymnt", "did you mean `Deployment`?").await;
    check("v1", "Deployment", "use `apiVersion: apps/v1` for `Deployment`").await;
    check(
        "acme.io/v1",
        "Widget",
        "install the CustomResourceDefinition of `Widget.acme.io`, or add it to the manifests",
    )
    .await;
}

#[tokio::test]
async fn custom_resources_are_served_after_their_definition() {
    let Some(mut cluster) = TestCluster::new().await else { return };
    let group = format!("{}.acme.io", cluster.namespace);
    let name = format!("widgets.{group}");
    let schema = json!({ "type": "object", "properties": { "spec": {
        "type": "object", "properties": { "size": { "type": "integer" } },
    } } });
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": name },
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": { "kind": "Widget", "plural": "widgets", "singular": "widget" },
            "versions": [
                { "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": schema } },
            ],
        },
    });
    let widget = cluster.object(&format!("{group}/v1"), "Widget", "w", &json!({ "spec": { "size": 1 } }));
    let key = ObjectKey::new(&widget).expect("complete");
    assert!(matches!(cluster.access.get_object(&key).await, Err(ApplyError::UnknownKind { .. })));
    cluster.paths.push(format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"));
    let applied = cluster.apply(&definition).await;
    let definitions = std::slice::from_ref(&applied);
    cluster.access.wait_until_established(definitions, LIMIT).await.expect("it is established");
    assert_eq!(cluster.apply(&widget).await["spec"]["size"], 1);
    let wrong = cluster.object(&format!("{group}/v1"), "Widget", "w", &json!({ "spec": { "size": "a" } }));
    let error = cluster.error(&wrong).await;
    assert!(error.fields().iter().any(|field| field.field == "spec.size"), "{error}");
    let resource = cluster.access.resource_of_group(&group, "Widget").await.expect("the cluster responds");
    assert_eq!(resource.expect("known").group_kind(), format!("Widget.{group}"));
}
