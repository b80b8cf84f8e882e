//! Pulls the missing layers of an image in the image store.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use oci_spec::image::{Descriptor, MediaType};

use super::client::Subject;
use super::transfer::Transfer;
use super::{Action, RegistryClient, RegistryError, RegistryErrorKind};
use crate::event::ImageEvents;
use crate::image::{Digest, Repository};
use crate::oci::{BlobStore, ImageContents, StoreError};

/// The maximum number of parallel transfers.
const AT_ONCE: usize = 4;

impl RegistryClient {
    /// Pulls the missing layers of `root`, a manifest or an index in `store`, from the repositories that have them: an
    /// image may be built on layers that were never pulled.
    ///
    /// # Errors
    /// [`RegistryError`]; also if no repository is known to have a layer.
    pub async fn complete(
        &self,
        store: &BlobStore,
        root: &Digest,
        events: &ImageEvents,
    ) -> Result<(), RegistryError> {
        let here = |error: StoreError| RegistryError {
            action: Action::Pull,
            reference: root.to_string(),
            registry: String::new(),
            problem: RegistryErrorKind::Store(error),
            is_retried: false,
        };
        let transfer = Transfer::new(events, "pulling layers".to_owned());
        let mut missing = Vec::new();
        for (digest, size) in ImageContents::of(store, root).map_err(here)?.blobs {
            if store.has(&digest, size).map_err(here)? {
                continue;
            }
            let from = store.repositories_of(&digest).into_iter().next();
            let from: Repository = from.ok_or_else(|| here(StoreError::Missing { digest }))?;
            missing.push((digest, size, from, transfer.share(size)));
        }
        let fetches = missing.into_iter().map(|(digest, size, from, share)| async move {
            let subject = Subject::new(Action::Pull, format!("{from}@{digest}"), &from, "pull");
            let Ok(name) = digest.to_string().parse::<oci_spec::image::Digest>() else { return Ok(()) };
            let content =
                Descriptor::new(MediaType::Other("application/octet-stream".to_owned()), size, name);
            self.fetch_blob(&subject, &from, store, (&content, root), &share).await
        });
        stream::iter(fetches).buffer_unordered(AT_ONCE).try_collect::<()>().await
    }
}
