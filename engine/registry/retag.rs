//! Adds a tag to an image in its registry.

use crate::image::{Repository, Tag};

use super::client::Subject;
use super::{Action, RegistryClient, RegistryError};

impl RegistryClient {
    /// Adds the tag `tag` to the image `source`, a tag or a digest, in `repository`, and returns its digest. No layer
    /// is transferred: the manifest is read and written under the new tag.
    ///
    /// # Errors
    /// [`RegistryError`] if the image does not exist or the registry refuses the tag.
    pub async fn retag(
        &self,
        repository: &Repository,
        source: &str,
        tag: &Tag,
    ) -> Result<String, RegistryError> {
        let subject =
            Subject::new(Action::Tag, repository.with_tag(tag.clone()).to_string(), repository, "pull,push");
        let manifest = self.manifest(&subject, repository, source).await?;
        self.put_manifest(&subject, repository, tag.as_str(), &manifest).await?;
        Ok(manifest.digest)
    }
}
