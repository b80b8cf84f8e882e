//! Brings an image from its registry into the store.

use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::client::Subject;
use super::document::Document;
use super::image_config::{CONFIG_LIMIT, choose, own_platform};
use super::manifest_digest::name_of;
use super::transfer::Transfer;
use super::{Action, Problem, RegistryClient, RegistryError};
use crate::event::{ImageEvents, Level};
use crate::image::{Digest, ImageReference};
use crate::oci::{BlobStore, Layer, Origin, StoreError, StoredImage};

/// How many layers travel at a time.
const AT_ONCE: usize = 4;

impl RegistryClient {
    /// Brings the image that `reference` stands for on `platform` (`linux/arm64`, `linux/arm/v7`; Linux on this
    /// machine's architecture when absent) into `store`, whole. Every digest is checked, and what is there does not
    /// travel again.
    ///
    /// What a tag stands for is asked once in the life of a client. A registry that cannot be reached does not matter
    /// for a digest that is in the store, nor for a tag that was pulled before: a notice says so.
    ///
    /// # Errors
    /// [`RegistryError`] when there is no such image or platform, the registry refuses, or what it sends is not what
    /// it says.
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

    /// Brings the documents of an image into `store`, its manifest and its configuration, and none of its layers. See
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
        Err(reading(reference).error(Problem::NotFound { reason: "nobody has it".to_owned() }))
    }

    /// [`RegistryClient::resolve`] with the registry of `place`, the last one or not; `name` is how the image is called.
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
            .ok_or_else(|| malformed(&subject, "its manifest names no image configuration".to_owned()))?;
        let kept = |error| subject.error(Problem::Store(error));
        if store.read(&config).map_err(kept)?.is_none() {
            let content = self.blob(&subject, &place.repository, &config.to_string(), CONFIG_LIMIT).await?;
            store.put(content).map_err(kept)?;
            store.note_repository(&config, &place.repository).map_err(kept)?;
        }
        let image = StoredImage::open(store, &digest).map_err(kept)?;
        let image = image.ok_or_else(|| kept(StoreError::Missing { digest }))?;
        for layer in image.layers() {
            if let Ok(digest) = layer.descriptor.digest().as_ref().parse() {
                store.note_repository(&digest, &place.repository).map_err(kept)?;
            }
        }
        Ok(image)
    }

    /// Brings `layers` of `image`, which `reference` stands for, into `store`, those that are not there.
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
        let missing = image.missing_layers(store).map_err(|error| subject.error(Problem::Store(error)))?;
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

    /// The digest of the manifest or index that `reference` stands for.
    async fn root(
        &self,
        subject: &Subject<'_>,
        store: &BlobStore,
        place: &ImageReference,
        (reference, is_last): (&ImageReference, bool),
        events: &ImageEvents,
    ) -> Result<Digest, RegistryError> {
        let parse = |digest: &str| {
            let unknown = || malformed(subject, "it is named by a digest of an unknown kind".to_owned());
            digest.parse::<Digest>().map_err(|_| unknown())
        };
        if let Some(digest) = &reference.digest {
            return parse(digest);
        }
        let known = store.named(reference, Origin::Pulled);
        let kept = |error| subject.error(Problem::Store(error));
        let asked = match known {
            // One request is enough for a tag that was never seen.
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
                store.name(reference, Origin::Pulled, digest).map_err(kept)?;
                Ok(digest)
            }
            (Ok(None), _) => Err(subject.error(Problem::NotFound { reason: "404 Not Found".to_owned() })),
            (Err(error), Some(digest)) if is_last && error.is_transient() => {
                let message = format!("using {reference} as it was pulled last, {digest}: {}", error.problem);
                events.notice(Level::Warning, message);
                Ok(digest)
            }
            (Err(error), _) => Err(error),
        }
    }

    /// The manifest for `platform`: `root` itself, or one of the index that it is.
    async fn manifest_for(
        &self,
        subject: &Subject<'_>,
        store: &BlobStore,
        reference: &ImageReference,
        root: Digest,
        platform: Option<&str>,
    ) -> Result<(Digest, Document), RegistryError> {
        let read = |content: &[u8]| {
            let document = serde_json::from_slice::<Document>(content);
            document.map_err(|error| malformed(subject, format!("its manifest is not valid: {error}")))
        };
        let document = read(&self.document(subject, store, reference, root).await?)?;
        let Some(manifests) = document.manifests else { return Ok((root, document)) };
        let own = own_platform();
        let child = choose(&manifests, platform.unwrap_or(&own)).map_err(|problem| subject.error(problem))?;
        let child = child
            .parse()
            .map_err(|_| malformed(subject, "its index names a digest of an unknown kind".to_owned()))?;
        let document = read(&self.document(subject, store, reference, child).await?)?;
        Ok((child, document))
    }

    /// A manifest or index, from the store or else from the registry.
    async fn document(
        &self,
        subject: &Subject<'_>,
        store: &BlobStore,
        reference: &ImageReference,
        digest: Digest,
    ) -> Result<Bytes, RegistryError> {
        let kept = |error| subject.error(Problem::Store(error));
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
    subject.error(Problem::Malformed { reason })
}
