//! Checks the permission to push.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use reqwest::Method;

use crate::image::Repository;

use super::client::{Call, Subject};
use super::{Action, RegistryClient, RegistryError};

/// The timeout for cancelling the test upload; otherwise the registry cleans it up itself.
const CLEANUP: Duration = Duration::from_secs(5);

impl RegistryClient {
    /// Checks the permission to push to `repository` before a long build: starts a blob upload and cancels it
    /// (distribution spec, "pushing a blob in chunks" and "cancel a blob upload"). Each repository is checked once,
    /// regardless of the number of images.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::is_refusal`] distinguishes a refusal from a failed request.
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
            // Other hosts must not get the registry's credentials.
            if let Some(upload) = self.own_url(&subject, upload).await {
                let give_up = Call::new(Method::DELETE, &upload);
                let _ = tokio::time::timeout(CLEANUP, self.send(&subject, &give_up)).await;
            }
        }
        Ok(())
    }
}
