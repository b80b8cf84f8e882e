//! Queries for the current digests of base images outside of the project.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use tokio::sync::{OnceCell, Semaphore};

use super::{Run, RunError};
use crate::event::Level;
use crate::image::ImageReference;
use crate::lock::lock;
use crate::state::{BaseDigest, BasePlace, LockWriteError, LockedBase};

/// The number of queries at a time.
const PLACES: usize = 8;

/// The digest of a base image, or the reason why it is unknown, once the registry was asked.
type Response = Arc<OnceCell<Result<BaseDigest, String>>>;

/// The responses of registries about base images. No reference is queried twice.
pub struct OutsideBases {
    places: Semaphore,
    found: Mutex<HashMap<ImageReference, Response>>,
}

impl Default for OutsideBases {
    fn default() -> Self {
        Self { places: Semaphore::new(PLACES), found: Mutex::default() }
    }
}

impl Run {
    /// The digests that `references` have in their registries now, or the reasons why they are unknown: one request for
    /// each, which is not repeated in this run.
    ///
    /// # Errors
    /// `run::cancelled`.
    pub fn query_bases(
        &self,
        references: &[ImageReference],
    ) -> Result<Vec<Result<BaseDigest, String>>, RunError> {
        let queries = references.iter().map(|reference| async move {
            let cell = Arc::clone(lock(&self.session.outside.found).entry(reference.clone()).or_default());
            cell.get_or_init(async || self.query_base(reference).await).await.clone()
        });
        let found = self.session.wait(join_all(queries))?;
        for (reference, found) in references.iter().zip(&found) {
            if let Ok(found) = found {
                self.memory.bases.learn_digest(&reference.to_string(), Some(found.clone()));
            }
        }
        Ok(found)
    }

    /// Adds `reference` with the digest `found` to the lock file, and reports it. On a host that only plans, nothing is
    /// written.
    ///
    /// # Errors
    /// If the file is invalid or cannot be written.
    pub fn lock_base(&self, reference: &ImageReference, found: &BaseDigest) -> Result<(), LockWriteError> {
        let lock = &self.memory.base_lock;
        if lock.entries()?.is_some_and(|entries| entries.contains_key(&reference.full())) {
            return Ok(());
        }
        let message = format!("adding {reference} to `windlass.lock`: {}", found.digest);
        self.session.notice_once(Level::Info, message);
        lock.set(&[(reference.clone(), LockedBase::new(found))])
    }

    /// Warns, once for each reference, that its digest is unknown, with the `consequence`.
    pub fn warn_unknown_base(&self, reference: &ImageReference, consequence: &str, reason: &str) {
        let message = format!("{consequence}: cannot query the registry for {reference}: {reason}");
        self.session.notice_once(Level::Warning, message);
    }

    async fn query_base(&self, reference: &ImageReference) -> Result<BaseDigest, String> {
        // The semaphore is never closed.
        let _place = self.session.outside.places.acquire().await.map_err(|error| error.to_string())?;
        let found = self.session.host.registry.find_digest(reference).await?;
        let digest = found.ok_or_else(|| "not found".to_owned())?;
        let asked = self.session.host.clock.now().as_second();
        Ok(BaseDigest { digest, place: BasePlace::Registry, asked })
    }
}
