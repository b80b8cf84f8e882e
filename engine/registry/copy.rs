//! Copies an image from one repository to another, with the same digest.

use std::collections::HashSet;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::image::{ImageReference, Repository};

use super::client::Subject;
use super::document::ManifestOrIndex;
use super::manifest::{Manifest, is_digest};
use super::manifest_digest::name_of;
use super::{Action, RegistryClient, RegistryError, RegistryErrorKind};

/// The maximum number of parallel transfers.
const AT_ONCE: usize = 4;

/// The maximum nesting depth of indexes.
const DEEPEST: usize = 4;

/// The source and the target of a copy.
pub(super) struct Route<'a> {
    pub(super) from: &'a Repository,
    pub(super) to: &'a Repository,
    pub(super) reading: Subject<'a>,
    pub(super) writing: Subject<'a>,
}

impl Route<'_> {
    /// Whether both repositories are in one registry, which can then mount blobs.
    pub(super) fn is_within_one_registry(&self) -> bool {
        self.from.domain() == self.to.domain()
    }
}

impl RegistryClient {
    /// Copies the image of `from`, or its index with all images, to the repository and the tag of `to`, and returns its
    /// digest. Existing blobs are not transferred; within one registry, no blobs are (distribution spec, "mounting a
    /// blob from another repository").
    ///
    /// # Errors
    /// [`RegistryError`] if the image does not exist or one of the registries refuses.
    pub async fn copy(&self, from: &ImageReference, to: &ImageReference) -> Result<String, RegistryError> {
        let route = route(from, to);
        let manifest = self.manifest(&route.reading, route.from, name_of(from)).await?;
        let mut done = HashSet::new();
        self.copy_content(&route, &manifest, &mut done, DEEPEST).await?;
        self.put_manifest(&route.writing, route.to, name_of(to), &manifest).await?;
        Ok(manifest.digest)
    }

    /// Copies the content of `manifest`, which a registry requires before the manifest itself.
    async fn copy_content(
        &self,
        route: &Route<'_>,
        manifest: &Manifest,
        done: &mut HashSet<String>,
        depth: usize,
    ) -> Result<(), RegistryError> {
        let malformed = |reason: String| route.reading.error(RegistryErrorKind::Malformed { reason });
        let document: ManifestOrIndex = serde_json::from_slice(&manifest.content)
            .map_err(|error| malformed(format!("invalid manifest: {error}")))?;
        for child in document.manifests.into_iter().flatten() {
            let depth = depth
                .checked_sub(1)
                .ok_or_else(|| malformed("the indexes are nested too deeply".to_owned()))?;
            if !is_digest(&child.digest) {
                return Err(malformed("the index has a digest of an unknown algorithm".to_owned()));
            }
            let child = self.manifest(&route.reading, route.from, &child.digest).await?;
            Box::pin(self.copy_content(route, &child, done, depth)).await?;
            self.put_manifest(&route.writing, route.to, &child.digest, &child).await?;
        }
        if route.from == route.to {
            return Ok(());
        }
        let blobs = document.config.into_iter().chain(document.layers);
        let blobs: Vec<_> =
            blobs.filter(|blob| blob.urls.is_empty() && done.insert(blob.digest.clone())).collect();
        if blobs.iter().any(|blob| !is_digest(&blob.digest)) {
            return Err(malformed("the manifest has a digest of an unknown algorithm".to_owned()));
        }
        let copies = blobs.into_iter().map(async |blob| self.copy_blob(route, &blob.digest).await);
        stream::iter(copies).buffer_unordered(AT_ONCE).try_collect::<()>().await
    }
}

fn route<'a>(from: &'a ImageReference, to: &'a ImageReference) -> Route<'a> {
    let (source, target) = (&from.repository, &to.repository);
    let mut writing = Subject::new(Action::Copy, to.to_string(), target, "pull,push");
    if source.domain() == target.domain() && source != target {
        // Mounting blobs requires the permission to read them.
        writing.scope += &format!(" repository:{}:pull", source.path());
    }
    Route {
        from: source,
        to: target,
        reading: Subject::new(Action::Copy, from.to_string(), source, "pull"),
        writing,
    }
}
