//! The lock of a deployment while it is worked on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::cluster::{ClusterAccess, DeployLock, LockHolder};
use crate::error::{Cancelled, ErrorKind, StageError};

/// How to wait for another run that works on the same deployment.
#[derive(Clone, Copy)]
pub struct LockOptions<'a> {
    /// The timeout.
    pub limit: Duration,
    /// Receives the holder of the lock, and since when it holds it.
    pub on_wait: &'a (dyn Fn(&str, Timestamp) + Send + Sync),
    /// Ends the wait, and the work.
    pub cancel: &'a CancellationToken,
}

/// The lock of a deployment.
pub struct Locked {
    lock: DeployLock,
    /// Whether another run held it before.
    pub has_waited: bool,
}

impl Locked {
    /// Locks the deployment `name` in `namespace`, which must exist.
    ///
    /// # Errors
    /// `deploy::locked` if another run holds the lock longer than the limit, `run::cancelled`, `cluster::...`.
    pub async fn acquire(
        access: &ClusterAccess,
        namespace: &str,
        name: &str,
        options: LockOptions<'_>,
    ) -> Result<Self, StageError> {
        let has_waited = AtomicBool::new(false);
        let on_wait = |holder: &str, since| {
            has_waited.store(true, Ordering::Relaxed);
            (options.on_wait)(holder, since);
        };
        let holder = LockHolder::current();
        let lock = access.lock_deployment(namespace, name, &holder, options.limit, on_wait);
        let lock = tokio::select! {
            biased;
            () = options.cancel.cancelled() => return Err(Cancelled.into()),
            lock = lock => lock?,
        };
        Ok(Self { lock, has_waited: has_waited.into_inner() })
    }

    /// Like [`Locked::acquire`]; `None` if the namespace does not exist: then there is nothing that another run works on.
    ///
    /// # Errors
    /// As for [`Locked::acquire`].
    pub async fn acquire_if_exists(
        access: &ClusterAccess,
        namespace: &str,
        name: &str,
        options: LockOptions<'_>,
    ) -> Result<Option<Self>, StageError> {
        match Self::acquire(access, namespace, name, options).await {
            Err(error) if error.kind() == ErrorKind::NoNamespace => Ok(None),
            acquired => acquired.map(Some),
        }
    }

    /// Does `work`, which may be dropped: on `cancel`, and when the lock is lost. Releases the lock.
    ///
    /// # Errors
    /// Those of `work`, `deploy::lock_lost`, `run::cancelled`.
    pub async fn run<T>(
        self,
        cancel: &CancellationToken,
        work: impl Future<Output = Result<T, StageError>>,
    ) -> Result<T, StageError> {
        let result = tokio::select! {
            biased;
            () = cancel.cancelled() => Err(Cancelled.into()),
            lost = self.lock.lost() => Err(lost.into()),
            result = work => result,
        };
        self.release().await;
        result
    }

    /// Releases the lock.
    pub async fn release(self) {
        self.lock.release().await;
    }
}
