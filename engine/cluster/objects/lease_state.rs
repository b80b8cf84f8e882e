//! The content of the Lease that locks a deployment.

use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::MANAGER;
use super::LockHolder;
use super::request::Response;

/// The time without a renewal after which a lock is stale.
pub(super) const STALE: Duration = Duration::from_secs(60);

/// The clock of the API server: the time of a response, and the time since then.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct ServerClock {
    date: SystemTime,
    read: Instant,
}

impl ServerClock {
    /// The clock at `date`; without one, that of this machine.
    pub fn new(date: Option<SystemTime>) -> Self {
        Self { date: date.unwrap_or_else(SystemTime::now), read: Instant::now() }
    }

    /// The time as leases have it.
    pub fn now(&self) -> String {
        let now = Timestamp::try_from(self.date + self.read.elapsed()).unwrap_or_else(|_| Timestamp::now());
        now.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
    }
}

/// The lock of another run that was read from the cluster.
pub(super) struct Observed {
    identity: String,
    renewed: String,
    /// When the holder acquired it.
    pub since: Timestamp,
    /// When this state of the lock was first read.
    first_read: Instant,
    /// Whether the holder is known.
    pub is_reported: bool,
}

impl Observed {
    /// Records the state of `lease`.
    pub fn update<'a>(seen: &'a mut Option<Self>, lease: &Value) -> &'a Self {
        let (identity, renewed) = (holder_of(lease), lease["spec"]["renewTime"].as_str().unwrap_or_default());
        let since = lease["spec"]["acquireTime"].as_str().and_then(|time| time.parse().ok());
        let is_same_holder = seen.as_ref().is_some_and(|seen| seen.identity == identity);
        if !is_same_holder || seen.as_ref().is_some_and(|seen| seen.renewed != renewed) {
            let is_reported = is_same_holder && seen.as_ref().is_some_and(|seen| seen.is_reported);
            *seen = Some(Self {
                identity: identity.to_owned(),
                renewed: renewed.to_owned(),
                since: since.unwrap_or_else(Timestamp::now),
                first_read: Instant::now(),
                is_reported,
            });
        }
        seen.as_ref().expect("it was set")
    }

    /// Whether the lock has no holder, or was not renewed in time: by the clock of the API server, or by that of this
    /// machine since the lock was first read.
    pub fn is_stale(&self, found: &Response) -> bool {
        if self.identity.is_empty() || self.first_read.elapsed() >= STALE {
            return true;
        }
        let renewed: Option<Timestamp> = self.renewed.parse().ok();
        let now = found.date.and_then(|date| Timestamp::try_from(date).ok());
        let limit = SignedDuration::try_from(STALE).unwrap_or(SignedDuration::MAX);
        matches!((renewed, now), (Some(renewed), Some(now)) if now.duration_since(renewed) > limit)
    }

    /// The holder, as a phrase.
    pub fn holder(&self) -> String {
        display(&self.identity)
    }
}

/// The identity of the holder; empty without one.
pub(super) fn holder_of(lease: &Value) -> &str {
    lease["spec"]["holderIdentity"].as_str().unwrap_or_default()
}

/// The holder with this identity, as a phrase.
pub(super) fn display(identity: &str) -> String {
    LockHolder::from_identity(identity).map_or_else(|| format!("`{identity}`"), |holder| holder.to_string())
}

/// The lease of a new lock.
pub(super) fn new_lease(name: &str, identity: &str, clock: ServerClock) -> Value {
    let now = clock.now();
    json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": { "name": name, "labels": { "app.kubernetes.io/managed-by": MANAGER } },
        "spec": {
            "holderIdentity": identity,
            "leaseDurationSeconds": STALE.as_secs(),
            "acquireTime": now,
            "renewTime": now,
        },
    })
}
