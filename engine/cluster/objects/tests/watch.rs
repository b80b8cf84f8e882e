//! Watching objects.

use futures_util::StreamExt as _;

use super::super::{WatchTarget, WatchedObject};
use super::*;

#[tokio::test]
async fn changes_are_reported() {
    let Some(cluster) = TestCluster::new().await else { return };
    let (first, second) = (cluster.config_map("a"), cluster.config_map("b"));
    cluster.apply(&first).await;
    cluster.apply(&cluster.config_map("other")).await;
    let keys = [&first, &second].map(|object| ObjectKey::new(object).expect("complete"));
    let mut targets = WatchTarget::deployment(&keys);
    targets.retain(|target| target.kind == "ConfigMap");
    let mut changes = cluster.access.watch_objects(&targets).await.expect("a watch");
    let mut next = async || {
        let change = tokio::time::timeout(LIMIT, changes.next()).await.expect("a change").expect("a change");
        let shown = |object: &Value| {
            format!("{}/{} {}", object["kind"], object["metadata"]["name"], object["data"]["a"])
                .replace('"', "")
        };
        match change {
            WatchedObject::Exists(object) => {
                assert!(object["metadata"]["managedFields"].is_null());
                shown(&object)
            }
            WatchedObject::Deleted(object) => format!("deleted {}", shown(&object)),
            WatchedObject::Complete { kind, .. } => format!("all {kind}"),
            change => format!("{change:?}"),
        }
    };
    assert_eq!(next().await, "ConfigMap/a 1");
    assert_eq!(next().await, "all ConfigMap");
    cluster.apply(&second).await;
    assert_eq!(next().await, "ConfigMap/b 1");
    cluster.apply(&cluster.object("v1", "ConfigMap", "b", &json!({ "data": { "a": "2" } }))).await;
    assert_eq!(next().await, "ConfigMap/b 2");
    cluster.access.delete_object(&keys[0], None, Propagation::Background).await.expect("it is deleted");
    assert_eq!(next().await, "deleted ConfigMap/a 1");
}

#[tokio::test]
async fn forbidden_watch_ends_with_its_error() {
    let Some(cluster) = TestCluster::new().await else { return };
    let Some(access) = cluster.unprivileged() else { return };
    let target = WatchTarget {
        api_version: "v1".to_owned(),
        kind: "Pod".to_owned(),
        namespace: Some(cluster.namespace.clone()),
        ..WatchTarget::default()
    };
    let mut changes = access.watch_objects(&[target]).await.expect("a watch");
    let change = tokio::time::timeout(LIMIT, changes.next()).await.expect("a change").expect("a change");
    let WatchedObject::Failed(error) = change else { panic!("{change:?}") };
    assert!(cluster.shown(&error).starts_with("cannot watch the pods (namespace NS): "), "{error}");
    let end = tokio::time::timeout(LIMIT, changes.next()).await.expect("the end");
    assert!(end.is_none(), "{end:?}");
}
