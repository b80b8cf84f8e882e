//! Another tag for an image that is in its registry already.

use crate::image::{Repository, Tag};

use super::client::Subject;
use super::{Action, RegistryClient, RegistryError};

impl RegistryClient {
    /// Gives the image that `source`, a tag or a digest, stands for in `repository` the tag `tag`, and returns
    /// its digest. No layer travels: the manifest is read and written under its new name.
    ///
    /// # Errors
    /// [`RegistryError`] when there is no such image, or the registry refuses it the tag.
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
