//! Apply, dry run, list, delete.

use super::super::{ApplyOutcome, has_same_content};
use super::*;

#[tokio::test]
async fn apply_creates_changes_or_keeps() {
    let Some(cluster) = TestCluster::new().await else { return };
    let access = &cluster.access;
    let ports = json!({ "spec": { "selector": { "app": "web" }, "ports": [{ "port": 80 }] } });
    for object in [cluster.deployment(1), cluster.object("v1", "Service", "web", &ports)] {
        let dry = access.dry_run_object(&object, None).await.expect("a dry run");
        assert_eq!(dry.outcome, ApplyOutcome::Created);
        assert!(cluster.live(&object).await.is_none(), "a dry run changes nothing");
        let created = access.apply_object(&object, None).await.expect("an apply");
        assert_eq!(created.outcome, ApplyOutcome::Created);
        let live = cluster.live(&object).await.expect("it exists");
        let dry = access.dry_run_object(&object, Some(&live)).await.expect("a dry run");
        assert_eq!(dry.outcome, ApplyOutcome::Unchanged);
        let again = access.apply_object(&object, Some(&live)).await.expect("an apply");
        assert_eq!(again.outcome, ApplyOutcome::Unchanged);
    }
    let (before, object) = (cluster.live(&cluster.deployment(1)).await, cluster.deployment(2));
    let dry = access.dry_run_object(&object, before.as_ref()).await.expect("a dry run");
    assert_eq!((dry.outcome, &dry.object["spec"]["replicas"]), (ApplyOutcome::Changed, &json!(2)));
    let live = cluster.live(&object).await.expect("it exists");
    let changed = access.apply_object(&object, Some(&live)).await.expect("an apply");
    assert_eq!((changed.outcome, &changed.object["kind"]), (ApplyOutcome::Changed, &json!("Deployment")));
    assert!(has_same_content(&dry.object, &changed.object), "a dry run shows the result");
}

#[tokio::test]
async fn namespace_of_the_run_is_the_default() {
    let Some(cluster) = TestCluster::new().await else { return };
    let mut object = cluster.config_map("a");
    object["metadata"].as_object_mut().expect("a map").remove("namespace");
    let applied = cluster.apply(&object).await;
    assert_eq!(applied["metadata"]["namespace"], cluster.namespace.as_str());
}

#[tokio::test]
async fn client_side_fields_are_taken_over() {
    let Some(cluster) = TestCluster::new().await else { return };
    for manager in ["kubectl-client-side-apply", "kubectl"] {
        let name = manager.replace("kubectl", "k");
        let mut old = cluster.object("v1", "ConfigMap", &name, &json!({ "data": { "a": "1", "b": "2" } }));
        old["metadata"]["annotations"] = json!({ "kubectl.kubernetes.io/last-applied-configuration": "{}" });
        let path = format!("/api/v1/namespaces/{}/configmaps?fieldManager={manager}", cluster.namespace);
        let created = cluster.access.send(Call::post(path, &old)).await.expect("it is created");
        let mut new = cluster.object("v1", "ConfigMap", &name, &json!({ "data": { "a": "3" } }));
        new["metadata"]["labels"] = json!({ "app": "web" });
        let live = cluster.live(&new).await.expect("it exists");
        let dry = cluster.access.dry_run_object(&new, Some(&live)).await.expect("a dry run");
        assert_eq!((dry.outcome, &dry.object["data"]), (ApplyOutcome::Changed, &json!({ "a": "3" })));
        // Another client changes the object after it was read.
        let mut other = cluster.object("v1", "ConfigMap", &name, &json!({}));
        other["metadata"]["labels"] = json!({ "other": "x" });
        cluster.apply_as("other", &other).await;
        let applied = cluster.access.apply_object(&new, Some(&live)).await.expect("an apply");
        assert_eq!((applied.outcome, &applied.object["data"]), (ApplyOutcome::Changed, &json!({ "a": "3" })));
        let metadata = &applied.object["metadata"];
        assert_eq!(metadata["labels"], json!({ "app": "web", "other": "x" }));
        assert!(metadata["annotations"].is_null(), "{metadata}");
        assert_eq!(metadata["uid"], created.body["metadata"]["uid"], "it is the same object");
        let managers: Vec<_> = metadata["managedFields"].as_array().expect("entries").iter().collect();
        assert!(managers.iter().all(|entry| entry["manager"] != manager), "{managers:?}");
        let again = cluster.access.apply_object(&new, Some(&applied.object)).await.expect("an apply");
        assert_eq!(again.outcome, ApplyOutcome::Unchanged);
    }
}

#[tokio::test]
async fn fields_of_a_deployment_are_taken_over() {
    let Some(cluster) = TestCluster::new().await else { return };
    let mut old = cluster.deployment(3);
    old["metadata"]["annotations"] = json!({ "kubectl.kubernetes.io/last-applied-configuration": "{}" });
    let container = &mut old["spec"]["template"]["spec"]["containers"][0];
    container["env"] = json!([{ "name": "A", "value": "1" }, { "name": "B", "value": "2" }]);
    let path = format!(
        "/apis/apps/v1/namespaces/{}/deployments?fieldManager=kubectl-client-side-apply",
        cluster.namespace
    );
    cluster.access.send(Call::post(path, &old)).await.expect("it is created");
    let mut new = cluster.deployment(3);
    new["spec"]["template"]["spec"]["containers"][0]["env"] = json!([{ "name": "A", "value": "1" }]);
    let live = cluster.live(&new).await.expect("it exists");
    let dry = cluster.access.dry_run_object(&new, Some(&live)).await.expect("a dry run");
    let applied = cluster.access.apply_object(&new, Some(&live)).await.expect("an apply");
    let env = json!([{ "name": "A", "value": "1" }]);
    assert_eq!(applied.object["spec"]["template"]["spec"]["containers"][0]["env"], env);
    assert_eq!(dry.object["spec"], applied.object["spec"]);
}

#[tokio::test]
async fn only_fields_of_other_tools_are_overwritten() {
    let Some(cluster) = TestCluster::new().await else { return };
    cluster.apply_as("hpa", &cluster.deployment(3)).await;
    let error = cluster.error(&cluster.deployment(1)).await;
    assert_eq!(
        cluster.shown(&error),
        "cannot apply Deployment/web (namespace NS): `hpa` owns `spec.replicas`"
    );
    cluster.apply_as("helm", &cluster.config_map("a")).await;
    let object = cluster.object("v1", "ConfigMap", "a", &json!({ "data": { "a": "2" } }));
    let live = cluster.live(&object).await;
    let applied = cluster.access.apply_object(&object, live.as_ref()).await.expect("an apply");
    assert_eq!((applied.forced, &applied.object["data"]["a"]), (vec!["helm".to_owned()], &json!("2")));
}

#[tokio::test]
async fn live_objects_come_from_one_list() {
    let Some(cluster) = TestCluster::new().await else { return };
    // More than a page.
    let objects: Vec<_> = (0..260).map(|number| cluster.config_map(&format!("m{number}"))).collect();
    let applies = objects.iter().map(|object| cluster.access.apply_object(object, None));
    futures_util::future::try_join_all(applies).await.expect("they are applied");
    let mut keys: Vec<_> =
        objects.iter().skip(2).map(|object| ObjectKey::new(object).expect("complete")).collect();
    keys.push(ObjectKey { name: "missing".to_owned(), ..keys[0].clone() });
    keys.push(ObjectKey { api_version: "acme.io/v1".to_owned(), ..keys[0].clone() });
    keys.push(keys[0].clone());
    let live = cluster.access.list_objects(&keys).await.expect("a list");
    let found: Vec<_> = live
        .iter()
        .map(|object| object.as_ref().map(|object| ObjectKey::new(object).expect("complete")))
        .collect();
    assert_eq!(found.iter().filter(|key| key.is_none()).count(), 2);
    for (key, found) in keys.iter().zip(&found) {
        assert!(found.as_ref().is_none_or(|found| found == key), "{key}");
    }
}

#[tokio::test]
async fn objects_are_selected_by_label() {
    let Some(cluster) = TestCluster::new().await else { return };
    let mut labelled = cluster.config_map("a");
    labelled["metadata"]["labels"] = json!({ "app": "web" });
    cluster.apply(&labelled).await;
    cluster.apply(&cluster.config_map("b")).await;
    let resource = cluster.access.resource_type("v1", "ConfigMap").await.expect("known");
    let found = cluster.access.objects_with_labels(&resource, Some(&cluster.namespace), "app=web").await;
    let found = found.expect("a list");
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0]["kind"], &found[0]["metadata"]["name"]), (&json!("ConfigMap"), &json!("a")));
}

#[tokio::test]
async fn deletion_is_waited_for() {
    let Some(cluster) = TestCluster::new().await else { return };
    let mut object = cluster.config_map("a");
    object["metadata"]["finalizers"] = json!(["acme.io/hold"]);
    let live = cluster.apply(&object).await;
    let (key, uid) = (ObjectKey::new(&object).expect("complete"), live["metadata"]["uid"].as_str());
    let delete = async |uid: Option<&str>| {
        let deleted = cluster.access.delete_object(&key, uid, Propagation::Foreground).await;
        deleted.expect("the cluster responds")
    };
    assert!(!delete(Some("other")).await, "another object has another UID");
    assert!(delete(uid).await);
    let objects = std::slice::from_ref(&live);
    let waited = cluster.access.wait_until_deleted(objects, Duration::from_millis(300)).await;
    let error = cluster.shown(&waited.expect_err("the finalizer remains"));
    let expected = "cannot delete ConfigMap/a (namespace NS): it still exists after 0 seconds: the finalizer \
                    `acme.io/hold` remains";
    assert_eq!(error, expected);
    object["metadata"]["finalizers"] = json!([]);
    cluster.apply_as("windlass", &object).await;
    cluster.access.wait_until_deleted(objects, LIMIT).await.expect("it no longer exists");
    assert!(!delete(None).await);
}
