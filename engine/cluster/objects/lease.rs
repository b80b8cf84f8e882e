//! The lock of a deployment: a Lease that its run renews.
//!
//! The times in a lease are those of the API server, from the header of its responses, because the clocks of two machines
//! can differ by more than the lock lasts.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use super::super::{ClusterAccess, MANAGER};
use super::lease_state::{Observed, STALE, ServerClock, display, holder_of, new_lease};
use super::request::{Call, Failure, REPEATED, Response};
use super::resource::segment;
use super::{ApplyError, LockHolder};

/// The delay between renewals; short in tests, which see several of them.
const RENEWAL: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 10 });

/// The delay before a failed renewal is repeated.
const RETRY: Duration = Duration::from_secs(2);

/// The delay before a lock of another run is read again.
const PAUSE: Duration = Duration::from_secs(1);

/// The lock of a deployment. It is renewed until it is released or dropped; dropping it releases it in the background, as
/// long as the runtime exists.
#[derive(Debug)]
pub struct DeployLock {
    held: Arc<Held>,
    renewal: tokio::task::JoinHandle<()>,
    lost: watch::Receiver<Option<ApplyError>>,
    is_released: bool,
}

/// The inputs of a renewal.
struct Held {
    access: ClusterAccess,
    path: String,
    deployment: String,
    identity: String,
    /// The lease that was written last.
    lease: Mutex<(Value, ServerClock)>,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Held").field("path", &self.path).finish_non_exhaustive()
    }
}

impl ClusterAccess {
    /// Acquires the lock of the deployment `name` in `namespace`, which must exist. Waits up to `limit` while another run
    /// holds it, and calls `on_wait` with the holder and the time since which it holds it, once for each holder. A lock
    /// that was not renewed for 60 seconds is taken over.
    ///
    /// # Errors
    /// [`ApplyError::Locked`] after `limit`; [`ApplyError::Forbidden`] without the permissions for leases.
    pub async fn lock_deployment(
        &self,
        namespace: &str,
        name: &str,
        holder: &LockHolder,
        limit: Duration,
        mut on_wait: impl FnMut(&str, Timestamp),
    ) -> Result<DeployLock, ApplyError> {
        let leases = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", segment(namespace));
        let lease_name = format!("{MANAGER}-{name}");
        let path = format!("{leases}/{}", segment(&lease_name));
        let doing = format!("lock the deployment `{name}` (namespace {namespace})");
        let identity = holder.identity();
        let end = Instant::now() + limit;
        let mut seen: Option<Observed> = None;
        // Usually it is free, so it is not read first.
        if let Some(clock) = self.server_clock() {
            let lease = new_lease(&lease_name, &identity, clock);
            match self.send(Call::post(&leases, &lease)).await {
                Ok(written) => return Ok(DeployLock::new(self, path, name, identity, written)),
                // It exists, or the second attempt reports the error.
                Err(Failure::Status(_)) => {}
                Err(failure) => return Err(self.problem(failure, &doing, None)),
            }
        }
        loop {
            let found = match self.send(Call::get(&path)).await {
                Ok(found) => Some(found),
                Err(Failure::Status(status)) if status.code == 404 && !is_namespace(&status) => None,
                Err(failure) => return Err(self.problem(failure, &doing, None)),
            };
            let is_free = match &found {
                None => true,
                Some(found) => {
                    let observed = Observed::update(&mut seen, &found.body);
                    holder_of(&found.body) == identity || observed.is_stale(found)
                }
            };
            if is_free {
                let written = match found {
                    None => {
                        let clock = self.server_clock().unwrap_or_else(|| ServerClock::new(None));
                        let lease = new_lease(&lease_name, &identity, clock);
                        self.send(Call::post(&leases, &lease)).await
                    }
                    Some(found) => {
                        let mut lease = new_lease(&lease_name, &identity, ServerClock::new(found.date));
                        lease["metadata"] = found.body["metadata"].clone();
                        let count = found.body["spec"]["leaseTransitions"].as_u64().unwrap_or_default();
                        lease["spec"]["leaseTransitions"] = (count + 1).into();
                        self.send(Call::put(&path, &lease)).await
                    }
                };
                match written {
                    Ok(written) => return Ok(DeployLock::new(self, path, name, identity, written)),
                    // Another run was faster, or an attempt without a response was successful.
                    Err(Failure::Status(status)) if status.code == 409 => continue,
                    Err(failure) => return Err(self.problem(failure, &doing, None)),
                }
            }
            let observed = seen.as_mut().expect("a lock that is not free was observed");
            if Instant::now() + PAUSE >= end {
                return Err(ApplyError::Locked {
                    deployment: name.to_owned(),
                    holder: observed.holder(),
                    since: observed.since.strftime("%F %T UTC").to_string(),
                });
            }
            if !std::mem::replace(&mut observed.is_reported, true) {
                on_wait(&observed.holder(), observed.since);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl DeployLock {
    fn new(access: &ClusterAccess, path: String, name: &str, identity: String, written: Response) -> Self {
        let held = Arc::new(Held {
            access: access.clone(),
            path,
            deployment: name.to_owned(),
            identity,
            lease: Mutex::new((written.body, ServerClock::new(written.date))),
        });
        let (sender, lost) = watch::channel(None);
        let renewal = tokio::spawn({
            let held = Arc::clone(&held);
            async move {
                let error = held.renew_until_lost().await;
                sender.send_replace(Some(error));
            }
        });
        Self { held, renewal, lost, is_released: false }
    }

    /// Waits until the lock is lost, which must end the deployment. Never returns while it is held.
    pub async fn lost(&self) -> ApplyError {
        let mut lost = self.lost.clone();
        let found = lost.wait_for(Option::is_some).await.ok().and_then(|error| error.clone());
        match found {
            Some(error) => error,
            None => std::future::pending().await,
        }
    }

    /// Releases the lock: the lease is deleted. If that fails, the lock becomes stale after 60 seconds.
    pub async fn release(mut self) {
        self.is_released = true;
        self.renewal.abort();
        self.held.release().await;
    }
}

impl Drop for DeployLock {
    fn drop(&mut self) {
        self.renewal.abort();
        if !self.is_released
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let held = Arc::clone(&self.held);
            drop(runtime.spawn(async move { held.release().await }));
        }
    }
}

impl Held {
    /// Renews the lock until it is lost; returns why.
    async fn renew_until_lost(&self) -> ApplyError {
        let lost = |reason: &str| ApplyError::LockLost {
            deployment: self.deployment.clone(),
            reason: reason.to_owned(),
        };
        let mut renewed = Instant::now();
        let mut pause = RENEWAL;
        loop {
            tokio::time::sleep(pause).await;
            pause = RENEWAL;
            match self.renew().await {
                Ok(()) => renewed = Instant::now(),
                Err(Failure::Status(status)) if status.code == 404 => return lost("the lease was deleted"),
                Err(Failure::Status(status)) if status.code == 409 => match self.read_again().await {
                    Some(holder) if holder != self.identity => {
                        return lost(&format!("{} took it over", display(&holder)));
                    }
                    _ => pause = RETRY,
                },
                Err(failure) if renewed.elapsed() + RETRY >= STALE => {
                    let error = self.access.problem(failure, "renew the lease", None);
                    return lost(&error.to_string());
                }
                Err(_) => pause = RETRY,
            }
        }
    }

    async fn renew(&self) -> Result<(), Failure> {
        let mut last = self.lease.lock().await;
        let (lease, clock) = &*last;
        let mut lease = lease.clone();
        lease["spec"]["renewTime"] = clock.now().into();
        let written = self.access.send(Call::put(&self.path, &lease).with_limits(REPEATED)).await?;
        *last = (written.body, ServerClock::new(written.date));
        Ok(())
    }

    /// Reads the lease that another client changed; returns its holder.
    async fn read_again(&self) -> Option<String> {
        let found = self.access.send(Call::get(&self.path).with_limits(REPEATED)).await.ok()?;
        let holder = holder_of(&found.body).to_owned();
        *self.lease.lock().await = (found.body, ServerClock::new(found.date));
        Some(holder)
    }

    async fn release(&self) {
        let last = self.lease.lock().await.0.clone();
        // The lease of another run is never deleted.
        if holder_of(&last) == self.identity && self.delete(&last).await {
            return;
        }
        // The last renewal was written, but its response did not arrive.
        let Ok(found) = self.access.send(Call::get(&self.path).with_limits(REPEATED)).await else { return };
        if holder_of(&found.body) == self.identity {
            // If it fails, the lock becomes stale.
            self.delete(&found.body).await;
        }
    }

    /// Deletes `lease`, unless it was changed; returns whether it no longer exists.
    async fn delete(&self, lease: &Value) -> bool {
        let metadata = &lease["metadata"];
        let options = json!({
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "preconditions": { "uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"] },
        });
        match self.access.send(Call::delete(&self.path, &options).with_limits(REPEATED)).await {
            Err(Failure::Status(status)) => status.code == 404,
            deleted => deleted.is_ok(),
        }
    }
}

fn is_namespace(status: &kube::core::Status) -> bool {
    status.details.as_ref().is_some_and(|details| details.kind == "namespaces")
}
