//! Logs in to a registry.

use crate::secret::Secret;

use super::client::Subject;
use super::credential_store::Stored;
use super::{Action, Credential, RegistryClient, RegistryError, RegistryErrorKind};

impl RegistryClient {
    /// Checks `username` and `password` against the registry `domain` and stores them in the credential store, as
    /// `docker login` does: if the registry issues an identity token, it replaces the password.
    ///
    /// # Errors
    /// [`RegistryError`] if the registry refuses them or they cannot be stored.
    pub async fn log_in(
        &self,
        domain: &str,
        username: String,
        password: Secret,
    ) -> Result<Stored, RegistryError> {
        let subject =
            Subject { action: Action::LogIn, reference: domain.to_owned(), domain, scope: String::new() };
        let credential = Credential::Basic { username, password };
        let credential = self.verify(&subject, credential).await.map_err(|problem| subject.error(problem))?;
        let stored = self.credentials().store(domain, &credential).await;
        stored.map_err(|error| subject.error(RegistryErrorKind::Credentials(Box::new(error))))
    }
}
