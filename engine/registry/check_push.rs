//! The right to push.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use reqwest::Method;

use crate::image::Repository;

use super::client::{Call, Subject};
use super::{Action, RegistryClient, RegistryError};

/// How long giving up the probing upload may take; a registry cleans up by itself if it must.
const CLEANUP: Duration = Duration::from_secs(5);

impl RegistryClient {
    /// Finds out whether we may push to `repository`, before a long build: begins an upload of a blob and gives
    /// it up (distribution spec, "pushing a blob in chunks" and "cancel a blob upload"). A repository is asked
    /// about once, however many images want to know.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::is_refusal`] tells whether the registry said no, or could not be asked.
    pub async fn check_push(&self, repository: &Repository) -> Result<(), RegistryError> {
        let cell = {
            let mut pushable = self.pushable.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(pushable.entry(repository.clone()).or_default())
        };
        cell.get_or_try_init(|| self.try_upload(repository)).await.copied()
    }

    async fn try_upload(&self, repository: &Repository) -> Result<(), RegistryError> {
        let subject = Subject::new(Action::Push, repository.to_string(), repository, "pull,push");
        let path = format!("{}/blobs/uploads/", repository.path());
        let answer = self.send(&subject, &Call::new(Method::POST, &path)).await?;
        if let Some(upload) = answer.location() {
            // Elsewhere it is not ours to send credentials to.
            if let Some(upload) = self.own_url(&subject, upload).await {
                let give_up = Call::new(Method::DELETE, &upload);
                let _ = tokio::time::timeout(CLEANUP, self.send(&subject, &give_up)).await;
            }
        }
        Ok(())
    }
}
