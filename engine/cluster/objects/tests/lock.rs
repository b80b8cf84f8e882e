//! The lock of a deployment.

use jiff::{SignedDuration, Timestamp};

use super::super::{DeployLock, LockHolder};
use super::*;

const SHORT: Duration = Duration::from_millis(1500);

fn holder(user: &str) -> LockHolder {
    LockHolder { user: user.to_owned(), host: "h".to_owned(), process: 7 }
}

async fn lock(cluster: &TestCluster, user: &str, limit: Duration) -> Result<DeployLock, ApplyError> {
    cluster.access.lock_deployment(&cluster.namespace, "app", &holder(user), limit, |_, _| {}).await
}

async fn lease(cluster: &TestCluster) -> Option<Value> {
    cluster.live(&cluster.object("coordination.k8s.io/v1", "Lease", "windlass-app", &json!({}))).await
}

#[tokio::test]
async fn second_run_waits_for_the_first() {
    let Some(cluster) = TestCluster::new().await else { return };
    let first = lock(&cluster, "ann", SHORT).await.expect("it is free");
    let error = lock(&cluster, "bob", SHORT).await.expect_err("it is locked").to_string();
    let expected = "the deployment `app` is locked: ann on h (process 7) has been working on it since ";
    assert!(error.starts_with(expected), "{error}");
    let mut waited = Vec::new();
    let second = async {
        let on_wait = |holder: &str, _| waited.push(holder.to_owned());
        cluster.access.lock_deployment(&cluster.namespace, "app", &holder("bob"), LIMIT, on_wait).await
    };
    let release = async {
        tokio::time::sleep(SHORT * 2).await;
        first.release().await;
    };
    let (second, ()) = tokio::join!(second, release);
    let second = second.expect("it was released");
    assert_eq!(waited, ["ann on h (process 7)"]);
    // Dropping it releases it as well.
    drop(second);
    lock(&cluster, "eve", LIMIT).await.expect("it was released").release().await;
    assert!(lease(&cluster).await.is_none(), "the lease is deleted");
}

#[tokio::test]
async fn lock_is_renewed_until_another_run_acquires_it() {
    let Some(cluster) = TestCluster::new().await else { return };
    let held = lock(&cluster, "ann", SHORT).await.expect("it is free");
    let before = lease(&cluster).await.expect("a lease");
    tokio::time::sleep(SHORT * 2).await;
    let after = lease(&cluster).await.expect("a lease");
    assert_ne!(before["spec"]["renewTime"], after["spec"]["renewTime"]);
    assert_eq!(before["spec"]["acquireTime"], after["spec"]["acquireTime"]);
    let spec = json!({ "spec": { "holderIdentity": holder("bob").identity() } });
    cluster.apply_as("bob", &cluster.object("coordination.k8s.io/v1", "Lease", "windlass-app", &spec)).await;
    let lost = tokio::time::timeout(LIMIT, held.lost()).await.expect("the loss is noticed");
    let expected = "lost the lock of the deployment `app`: bob on h (process 7) took it over";
    assert_eq!(lost.to_string(), expected);
    held.release().await;
    assert!(lease(&cluster).await.is_some(), "the lock of another run is kept");
}

#[tokio::test]
async fn stale_lock_is_taken_over() {
    let Some(cluster) = TestCluster::new().await else { return };
    let old = Timestamp::now() - SignedDuration::from_secs(70);
    let time = old.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
    let spec = json!({
        "holderIdentity": holder("ann").identity(), "leaseDurationSeconds": 60, "acquireTime": time, "renewTime": time,
    });
    cluster
        .apply(&cluster.object("coordination.k8s.io/v1", "Lease", "windlass-app", &json!({ "spec": spec })))
        .await;
    let held = lock(&cluster, "bob", SHORT).await.expect("it is stale");
    let lease = lease(&cluster).await.expect("a lease");
    assert_eq!(lease["spec"]["leaseTransitions"], 1);
    held.release().await;
}
