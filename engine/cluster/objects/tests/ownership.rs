//! The record of the objects of a deployment, and pruning.

use super::super::{ApplySet, PART_OF, Pruning};
use super::*;

async fn deploy(cluster: &TestCluster, set: &ApplySet, objects: &[Value]) -> (ApplySet, Pruning) {
    let access = &cluster.access;
    let mut wanted = ApplySet::new("app", &cluster.namespace);
    for object in objects {
        let key = ObjectKey::new(object).expect("complete");
        let (resource, key) = access.resolve_key(&key).await.expect("known");
        wanted.insert(&resource, &key);
    }
    let wide = set.union(&wanted);
    access.write_apply_set(&wide).await.expect("it is written");
    let mut applied = Vec::new();
    for object in objects {
        applied.push(cluster.apply(&wide.with_label(object)).await);
    }
    let members = access.apply_set_members(&wide).await.expect("a list");
    let pruning = Pruning::new(members, &applied);
    for object in &pruning.deleted {
        let key = ObjectKey::new(object).expect("complete");
        let uid = object["metadata"]["uid"].as_str();
        assert!(access.delete_object(&key, uid, Propagation::Background).await.expect("it is deleted"));
    }
    access.wait_until_deleted(&pruning.deleted, LIMIT).await.expect("they no longer exist");
    access.write_apply_set(&wanted).await.expect("it is written");
    (wanted, pruning)
}

#[tokio::test]
async fn objects_that_left_are_pruned() {
    let Some(mut cluster) = TestCluster::new().await else { return };
    let other = format!("{}-b", cluster.namespace);
    cluster.access.create_namespace(&other).await.expect("it is created");
    cluster.paths.push(format!("/api/v1/namespaces/{other}"));
    let claim = json!({ "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } },
    } });
    let claim = cluster.object("v1", "PersistentVolumeClaim", "data", &claim);
    let mut elsewhere = cluster.config_map("elsewhere");
    elsewhere["metadata"]["namespace"] = other.into();
    let foreign = cluster.config_map("foreign");
    cluster.apply(&foreign).await;
    let (kept, old) = (cluster.config_map("kept"), cluster.config_map("old"));
    let role = cluster.object("rbac.authorization.k8s.io/v1", "Role", "r", &json!({ "rules": [] }));
    let empty = ApplySet::new("app", &cluster.namespace);
    assert_eq!(cluster.access.apply_set("app", &cluster.namespace).await.expect("no record"), None);
    let all = [claim.clone(), elsewhere.clone(), kept.clone(), old.clone(), role.clone()];
    let (set, pruning) = deploy(&cluster, &empty, &all).await;
    assert_eq!(pruning, Pruning::default());
    let stored = cluster.access.apply_set("app", &cluster.namespace).await.expect("a record");
    assert_eq!(stored.as_ref(), Some(&set));
    let (set, pruning) = deploy(&cluster, &set, std::slice::from_ref(&kept)).await;
    let mut deleted: Vec<_> =
        pruning.deleted.iter().map(|object| object["metadata"]["name"].clone()).collect();
    deleted.sort_by_key(ToString::to_string);
    assert_eq!(deleted, ["elsewhere", "old", "r"]);
    assert_eq!(pruning.kept.len(), 1);
    for (object, exists) in
        [(&claim, true), (&foreign, true), (&kept, true), (&old, false), (&elsewhere, false)]
    {
        assert_eq!(cluster.live(object).await.is_some(), exists, "{object}");
    }
    cluster.access.delete_apply_set(&set).await.expect("it is deleted");
    assert_eq!(cluster.access.apply_set("app", &cluster.namespace).await.expect("no record"), None);
}

#[tokio::test]
async fn objects_of_other_deployments_are_refused() {
    let Some(cluster) = TestCluster::new().await else { return };
    let set = ApplySet::new("app", &cluster.namespace);
    deploy(&cluster, &set, &[cluster.config_map("a")]).await;
    let live = cluster.live(&cluster.config_map("a")).await.expect("it exists");
    cluster.access.check_owner(&set, &live).await.expect("it is a member");
    let other = ApplySet::new("other", &cluster.namespace);
    let error = cluster.access.check_owner(&other, &live).await.expect_err("another deployment");
    let expected = "cannot apply ConfigMap/a (namespace NS): it belongs to the deployment `app`";
    assert_eq!(cluster.shown(&error), expected);
    let mut unknown = live.clone();
    unknown["metadata"]["labels"][PART_OF] = "applyset-x-v1".into();
    let error = cluster.access.check_owner(&other, &unknown).await.expect_err("another deployment");
    assert!(error.to_string().ends_with("another deployment (ApplySet `applyset-x-v1`)"), "{error}");
    let mut secret = cluster.object("v1", "Secret", "windlass-foreign", &json!({}));
    secret["metadata"]["annotations"] = json!({ "applyset.kubernetes.io/tooling": "kubectl/v1.34" });
    cluster.apply(&secret).await;
    let error = cluster.access.apply_set("foreign", &cluster.namespace).await.expect_err("another tool");
    let expected = "cannot use Secret/windlass-foreign (namespace NS): it belongs to `kubectl`";
    assert_eq!(cluster.shown(&error), expected);
}
