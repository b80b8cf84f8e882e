//! Pulls an image from its registry into the image store.

use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::client::Subject;
use super::document::ManifestOrIndex;
use super::image_config::{CONFIG_LIMIT, choose, own_platform};
use super::manifest_digest::name_of;
use super::transfer::Transfer;
use super::{Action, RegistryClient, RegistryError, RegistryErrorKind};
use crate::event::{ImageEvents, Level};
use crate::image::{Digest, ImageReference};
use crate::oci::{BlobStore, ImageOrigin, Layer, StoreError, StoredImage};

/// The maximum number of parallel transfers.
const AT_ONCE: usize = 4;

impl RegistryClient {
    /// Pulls the image that `reference` resolves to on `platform` (`linux/arm64`, `linux/arm/v7`; default: Linux on
    /// this machine's architecture) into `store`, with all layers. Every digest is checked, and cached content is not
    /// transferred.
    ///
    /// A client resolves each tag once. The registry may be unreachable if a digest is in the store or a tag was pulled
    /// before, which is reported as a warning.
    ///
    /// # Errors
    /// [`RegistryError`] if the image or platform does not exist, the registry refuses, or its content is invalid.
    pub async fn pull(
        &self,
        store: &BlobStore,
        reference: &ImageReference,
        platform: Option<&str>,
        events: &ImageEvents,
    ) -> Result<StoredImage, RegistryError> {
        let image = self.resolve(store, reference, platform, events).await?;
        self.pull_layers(store, reference, &image, image.layers(), events).await?;
        Ok(image)
    }

    /// Pulls the manifest and the configuration of an image into `store`, without its layers. See
    /// [`RegistryClient::pull`].
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn resolve(
        &self,
        store: &BlobStore,
        reference: &ImageReference,
        platform: Option<&str>,
        events: &ImageEvents,
    ) -> Result<StoredImage, RegistryError> {
        let places = self.places_of(reference);
        for place in &places {
            let is_last = place == reference;
            match self.resolve_at(store, place, (reference, is_last), platform, events).await {
                Err(error) if !is_last => events.notice(Level::Debug, error.to_string()),
                resolved => return resolved,
            }
        }
        Err(reading(reference).error(RegistryErrorKind::NotFound { reason: "no registry has it".to_owned() }))
    }

    /// The digest of the manifest or index that `reference` resolved to.
    pub fn resolved_digest(&self, reference: &ImageReference) -> Option<Digest> {
        let resolved = self.resolved.lock().unwrap_or_else(PoisonError::into_inner);
        resolved.get(reference)?.get().copied()
    }

    /// [`RegistryClient::resolve`] with the registry of `place`; `name` is the reference of the image, and `is_last`
    /// marks the last registry.
    async fn resolve_at(
        &self,
        store: &BlobStore,
        place: &ImageReference,
        (name, is_last): (&ImageReference, bool),
        platform: Option<&str>,
        events: &ImageEvents,
    ) -> Result<StoredImage, RegistryError> {
        let subject = reading(place);
        let cell = {
            let mut resolved = self.resolved.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(resolved.entry(name.clone()).or_default())
        };
        let root =
            *cell.get_or_try_init(|| self.root(&subject, store, place, (name, is_last), events)).await?;
        let (digest, document) = self.manifest_for(&subject, store, place, root, platform).await?;
        let config = document.config.map(|config| config.digest);
        let config: Digest = config
            .and_then(|digest| digest.parse().ok())
            .ok_or_else(|| malformed(&subject, "the manifest has no image configuration".to_owned()))?;
        let kept = |error| subject.error(RegistryErrorKind::Store(error));
        if store.read(&config).map_err(kept)?.is_none() {
            let content = self.blob(&subject, &place.repository, &config.to_string(), CONFIG_LIMIT).await?;
            store.put(content).map_err(kept)?;
            store.record_repository(&config, &place.repository).map_err(kept)?;
        }
        let image = StoredImage::open(store, &digest).map_err(kept)?;
        let image = image.ok_or_else(|| kept(StoreError::Missing { digest }))?;
        for layer in image.layers() {
            if let Ok(digest) = layer.descriptor.digest().as_ref().parse() {
                store.record_repository(&digest, &place.repository).map_err(kept)?;
            }
        }
        Ok(image)
    }

    /// Pulls the missing ones of `layers` of `image`, which `reference` resolves to, into `store`.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn pull_layers(
        &self,
        store: &BlobStore,
        reference: &ImageReference,
        image: &StoredImage,
        layers: &[Layer],
        events: &ImageEvents,
    ) -> Result<(), RegistryError> {
        for place in &self.places_of(reference) {
            let is_last = place == reference;
            match self.pull_layers_from(store, place, (reference, image), layers, events).await {
                Err(error) if !is_last => events.notice(Level::Debug, error.to_string()),
                pulled => return pulled,
            }
        }
        Ok(())
    }

    async fn pull_layers_from(
        &self,
        store: &BlobStore,
        place: &ImageReference,
        (name, image): (&ImageReference, &StoredImage),
        layers: &[Layer],
        events: &ImageEvents,
    ) -> Result<(), RegistryError> {
        let subject = reading(place);
        let missing =
            image.missing_layers(store).map_err(|error| subject.error(RegistryErrorKind::Store(error)))?;
        let missing: Vec<_> = missing.into_iter().filter(|layer| layers.contains(layer)).collect();
        let transfer = Transfer::new(events, format!("pulling {name}"));
        let shares =
            missing.into_iter().map(|layer| (layer.clone(), transfer.share(layer.descriptor.size())));
        let shares: Vec<_> = shares.collect();
        let (subject, within) = (&subject, image.digest());
        let fetches = shares.into_iter().map(|(layer, share)| async move {
            let content = (&layer.descriptor, &within);
            self.fetch_blob(subject, &place.repository, store, content, &share).await
        });
        stream::iter(fetches).buffer_unordered(AT_ONCE).try_collect::<()>().await
    }

    /// The digest of the manifest or index that `reference` resolves to.
    async fn root(
        &self,
        subject: &Subject<'_>,
        store: &BlobStore,
        place: &ImageReference,
        (reference, is_last): (&ImageReference, bool),
        events: &ImageEvents,
    ) -> Result<Digest, RegistryError> {
        let parse = |digest: &str| {
            let unknown = || malformed(subject, "its digest has an unknown algorithm".to_owned());
            digest.parse::<Digest>().map_err(|_| unknown())
        };
        if let Some(digest) = &reference.digest {
            return parse(digest);
        }
        let known = store.named(reference, ImageOrigin::Pulled);
        let kept = |error| subject.error(RegistryErrorKind::Store(error));
        let asked = match known {
            // One request is enough for a tag that was never pulled.
            None => match self.manifest(subject, &place.repository, name_of(place)).await {
                Ok(manifest) => store.put(&manifest.content).map(|_| Some(manifest.digest)).map_err(kept),
                Err(error) => Err(error),
            },
            Some(_) => self
                .manifest_digest(reference)
                .await
                .map_err(|error| RegistryError { action: Action::Pull, ..error }),
        };
        match (asked, known) {
            (Ok(Some(digest)), _) => {
                let digest = parse(&digest)?;
                store.name(reference, ImageOrigin::Pulled, digest).map_err(kept)?;
                Ok(digest)
            }
            (Ok(None), _) => {
                Err(subject.error(RegistryErrorKind::NotFound { reason: "404 Not Found".to_owned() }))
            }
            (Err(error), Some(digest)) if is_last && error.is_transient() => {
                let message = format!("using the last pulled {reference}, {digest}: {}", error.problem);
                events.notice(Level::Warning, message);
                Ok(digest)
            }
            (Err(error), _) => Err(error),
        }
    }

    /// The manifest for `platform`: `root` itself, or, if it is an index, one of its manifests.
    async fn manifest_for(
        &self,
        subject: &Subject<'_>,
        store: &BlobStore,
        reference: &ImageReference,
        root: Digest,
        platform: Option<&str>,
    ) -> Result<(Digest, ManifestOrIndex), RegistryError> {
        let read = |content: &[u8]| {
            let document = serde_json::from_slice::<ManifestOrIndex>(content);
            document.map_err(|error| malformed(subject, format!("invalid manifest: {error}")))
        };
        let document = read(&self.document(subject, store, reference, root).await?)?;
        let Some(manifests) = document.manifests else { return Ok((root, document)) };
        let own = own_platform();
        let child = choose(&manifests, platform.unwrap_or(&own)).map_err(|problem| subject.error(problem))?;
        let child = child
            .parse()
            .map_err(|_| malformed(subject, "the index has a digest of an unknown algorithm".to_owned()))?;
        let document = read(&self.document(subject, store, reference, child).await?)?;
        Ok((child, document))
    }

    /// A manifest or index, from the store or otherwise from the registry.
    async fn document(
        &self,
        subject: &Subject<'_>,
        store: &BlobStore,
        reference: &ImageReference,
        digest: Digest,
    ) -> Result<Bytes, RegistryError> {
        let kept = |error| subject.error(RegistryErrorKind::Store(error));
        if let Some(content) = store.read(&digest).map_err(kept)? {
            return Ok(content.into());
        }
        let manifest = self.manifest(subject, &reference.repository, &digest.to_string()).await?;
        store.put(&manifest.content).map_err(kept)?;
        Ok(manifest.content)
    }
}

fn reading(reference: &ImageReference) -> Subject<'_> {
    Subject::new(Action::Pull, reference.to_string(), &reference.repository, "pull")
}

fn malformed(subject: &Subject<'_>, reason: String) -> RegistryError {
    subject.error(RegistryErrorKind::Malformed { reason })
}
