//! Objects that the API server rejects.

use super::super::LogTail;
use super::*;

#[tokio::test]
async fn rejected_fields_are_named() {
    let Some(cluster) = TestCluster::new().await else { return };
    let mut object = cluster.deployment(1);
    object["spec"]["replica"] = json!(1);
    let unknown = "cannot apply Deployment/web (namespace NS): spec.replica: unknown field";
    assert_eq!(cluster.message(&object).await, unknown);
    let object = cluster.object("apps/v1", "Deployment", "web", &json!({ "spec": { "replicas": "x" } }));
    let wrong = cluster.error(&object).await;
    assert_eq!((wrong.fields().len(), wrong.fields()[0].field.as_str()), (1, "spec.replicas"), "{wrong}");
    let mut object = cluster.deployment(1);
    object["spec"]["replicas"] = json!(-1);
    let invalid = "cannot apply Deployment/web (namespace NS): spec.replicas: Invalid value: -1: must be greater than \
                   or equal to 0";
    assert_eq!(cluster.message(&object).await, invalid);
    let selector = json!({ "matchLabels": { "app": "other" } });
    cluster.apply(&cluster.deployment(1)).await;
    let mut object = cluster.deployment(1);
    object["spec"]["selector"] = selector;
    object["spec"]["template"]["metadata"]["labels"]["app"] = json!("other");
    let immutable = "cannot apply Deployment/web (namespace NS): spec.selector.matchLabels.app: field is immutable \
                     (`web` -> `other`)";
    assert_eq!(cluster.message(&object).await, immutable);
}

#[tokio::test]
async fn immutable_fields_are_named_with_their_values() {
    let Some(cluster) = TestCluster::new().await else { return };
    let job = |image: &str| {
        let containers = json!([{ "name": "a", "image": image }]);
        let template = json!({ "spec": { "restartPolicy": "Never", "containers": containers } });
        cluster.object("batch/v1", "Job", "migrate", &json!({ "spec": { "template": template } }))
    };
    cluster.apply(&job("a:1")).await;
    let error = cluster.error(&job("a:2")).await;
    let expected = "cannot apply Job/migrate (namespace NS): spec.template.spec.containers[0].image: field is immutable \
                    (`a:1` -> `a:2`)";
    assert_eq!(cluster.shown(&error), expected);
    let help = miette::Diagnostic::help(&error).expect("a hint").to_string();
    assert!(help.ends_with("`--recreate Job/migrate`"), "{help}");
    let set = |service: &str| {
        let template = cluster.deployment(1)["spec"]["template"].clone();
        let spec = json!({ "serviceName": service, "selector": { "matchLabels": { "app": "web" } }, "template": template });
        cluster.object("apps/v1", "StatefulSet", "db", &json!({ "spec": spec }))
    };
    cluster.apply(&set("a")).await;
    let expected =
        "cannot apply StatefulSet/db (namespace NS): spec.serviceName: field is immutable (`a` -> `b`)";
    assert_eq!(cluster.message(&set("b")).await, expected);
}

#[tokio::test]
async fn namespaces_that_do_not_exist_are_named() {
    let Some(cluster) = TestCluster::without_namespace() else { return };
    let error = cluster.error(&cluster.config_map("a")).await;
    assert_eq!(cluster.shown(&error), "cannot apply ConfigMap/a (namespace NS): namespace `NS` not found");
    assert!(cluster.access.create_namespace(&cluster.namespace).await.expect("it is created"));
    assert!(!cluster.access.create_namespace(&cluster.namespace).await.expect("it exists"));
    let mut held = cluster.config_map("a");
    held["metadata"]["finalizers"] = json!(["acme.io/hold"]);
    cluster.apply(&held).await;
    let namespace =
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": cluster.namespace } });
    let key = ObjectKey::new(&namespace).expect("complete");
    assert!(cluster.access.delete_object(&key, None, Propagation::Background).await.expect("it is deleted"));
    let error = cluster.error(&cluster.config_map("b")).await;
    assert!(matches!(&error, ApplyError::NamespaceTerminating { .. }), "{error}");
    // The controller writes the conditions a moment later.
    let mut error = String::new();
    for _ in 0..100 {
        let created = cluster.access.create_namespace(&cluster.namespace).await;
        error = cluster.shown(&created.expect_err("it is being deleted"));
        if error.contains("acme.io/hold") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(
        error.starts_with("cannot create the namespace `NS`: the namespace `NS` is being deleted: "),
        "{error}"
    );
    assert!(error.contains("acme.io/hold"), "{error}");
    held["metadata"]["finalizers"] = json!([]);
    cluster.apply_as("windlass", &held).await;
}

#[tokio::test]
async fn quotas_and_sizes_are_named() {
    let Some(cluster) = TestCluster::new().await else { return };
    let quota = json!({ "spec": { "hard": { "configmaps": "0" } } });
    cluster.apply(&cluster.object("v1", "ResourceQuota", "none", &quota)).await;
    let mut message = String::new();
    for number in 0..100 {
        let object = cluster.config_map(&format!("c{number}"));
        match cluster.access.apply_object(&object, None).await {
            // The controller has not counted yet.
            Ok(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            Err(error) => {
                message = cluster.shown(&error);
                break;
            }
        }
    }
    assert!(message.contains("exceeded quota none, requested: configmaps=1, used: configmaps="), "{message}");
    for size in [1_200_000, 4_000_000] {
        let content = json!({ "stringData": { "a": "x".repeat(size) } });
        let error = cluster.error(&cluster.object("v1", "Secret", "large", &content)).await;
        assert!(matches!(&error, ApplyError::TooLarge { .. }), "{size}: {error}");
    }
}

#[tokio::test]
async fn failing_webhooks_are_named() {
    let Some(mut cluster) = TestCluster::new().await else { return };
    let name = format!("{}.acme.io", cluster.namespace);
    let mut namespace =
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": cluster.namespace } });
    namespace["metadata"]["labels"] = json!({ "hooked": cluster.namespace });
    cluster.apply(&namespace).await;
    let webhook = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": { "name": name },
        "webhooks": [{
            "name": name, "sideEffects": "None", "admissionReviewVersions": ["v1"], "timeoutSeconds": 1,
            "namespaceSelector": { "matchLabels": { "hooked": cluster.namespace } },
            "clientConfig": { "service": { "name": "guard", "namespace": "ops" } },
            "rules": [{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"] }],
        }],
    });
    let path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    cluster.paths.insert(0, format!("{path}/{name}"));
    cluster.apply(&webhook).await;
    let mut error = None;
    for number in 0..100 {
        let object = cluster.config_map(&format!("c{number}"));
        match cluster.access.dry_run_object(&object, None).await {
            // The API server has not read the configuration yet.
            Ok(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            Err(failed) => {
                error = Some(failed);
                break;
            }
        }
    }
    let error = error.expect("the webhook fails");
    assert!(matches!(&error, ApplyError::Webhook { .. }), "{error}");
    let help = miette::Diagnostic::help(&error).expect("a hint").to_string();
    assert_eq!(
        help,
        "check the service `guard` in the namespace `ops`, or ask a cluster admin about the webhook"
    );
}

#[tokio::test]
async fn missing_permissions_are_named() {
    let Some(cluster) = TestCluster::new().await else { return };
    let Some(access) = cluster.unprivileged() else { return };
    let error = access.dry_run_object(&cluster.config_map("a"), None).await.expect_err("forbidden");
    let message = cluster.shown(&error);
    assert!(message.ends_with("lacks the permission to `patch` `configmaps`"), "{message}");
    let help = miette::Diagnostic::help(&error).expect("a hint").to_string();
    assert!(
        help.contains(&format!("kubectl auth can-i patch configmaps -n {}", cluster.namespace)),
        "{help}"
    );
    assert!(!access.create_namespace("unknown").await.expect("it may exist"), "reading it is forbidden");
}

#[tokio::test]
async fn log_of_a_pod_that_does_not_run_is_an_error() {
    let Some(cluster) = TestCluster::new().await else { return };
    let tail = LogTail {
        namespace: &cluster.namespace,
        pod: "a",
        container: Some("c"),
        lines: 10,
        is_previous: true,
    };
    let error = cluster.access.log_tail(&tail).await.expect_err("the pod does not exist");
    let expected = "cannot read the log of Pod/a (namespace NS): pods \"a\" not found";
    assert_eq!(cluster.shown(&error), expected);
}
