//! The user's image store.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::builder::docker::Daemon;
use crate::builder::oci::{BaseImages, OciBuilder, passed_on, take_saved, taken_before};
use crate::builder::{BuildError, BuildRequest, Builder, BuiltImage};
use crate::config::BuilderKind;
use crate::error::{Cancelled, StageError};
use crate::event::{Events, ImageEvents, Level};
use crate::host::{Attachment, Oci, ProjectPath};
use crate::image::dockerfile::BaseConfig;
use crate::image::{Digest, ImageReference, Platform};
use crate::lock::lock;
use crate::oci::{BlobStore, Compression, ImageName, ImageOrigin, StoredImage};
use crate::registry::{RegistryClient, own_platform};
use crate::state::BuiltFor;

/// The time of new files, in seconds since 1970 (reproducible-builds.org).
const EPOCH: &str = "SOURCE_DATE_EPOCH";

/// The user's image store.
#[derive(Clone)]
pub(super) struct LiveOci {
    pub(super) store: BlobStore,
    pub(super) client: Arc<RegistryClient>,
    pub(super) daemon: Daemon,
    pub(super) events: Events,
    /// The images that the current build read from the daemon, by reference, with their IDs in the daemon.
    pub(super) taken: Arc<Mutex<BTreeMap<String, String>>>,
    /// The images that the current build got from registries, by reference, with their digests.
    pub(super) resolved: Arc<Mutex<BTreeMap<String, String>>>,
}

impl LiveOci {
    /// The value of `SOURCE_DATE_EPOCH`; 0 (1970) if it is not set.
    fn time(&self) -> u64 {
        let Some(text) = std::env::var(EPOCH).ok().filter(|text| !text.is_empty()) else { return 0 };
        text.parse().unwrap_or_else(|_| {
            self.events.notice(Level::Warning, format!("{EPOCH} is not a number of seconds: {text}"));
            0
        })
    }

    /// The image that was built here as `reference`, or whose manifest has this digest, if it is in the store.
    fn built(&self, reference: &str) -> Result<Option<StoredImage>, StageError> {
        if let Ok(digest) = reference.parse() {
            return Ok(self.store.image_for(&digest, &own_platform())?);
        }
        let Ok(reference) = reference.parse::<ImageReference>() else { return Ok(None) };
        match self.store.named(&reference, ImageOrigin::Built) {
            Some(digest) => Ok(self.store.image_for(&digest, &own_platform())?),
            None => Ok(None),
        }
    }

    /// The daemon's image `reference` for `platform`; `None` if no daemon responds or it has no such image.
    async fn of_daemon(
        &self,
        reference: &ImageReference,
        platform: &Platform,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<Option<StoredImage>, BuildError> {
        let Ok(Some(facts)) = self.daemon.inspect(&reference.to_string()).await else { return Ok(None) };
        lock(&self.taken).insert(reference.to_string(), facts.id.clone());
        let take = async {
            if let Some(image) = taken_before(&self.store, &facts.id, platform)? {
                return Ok(image);
            }
            events.step(format!("reading {reference} from the Docker daemon"));
            let archive = self.daemon.save(&facts.id).await?;
            let (store, cancel, id) = (self.store.clone(), cancel.clone(), facts.id.clone());
            let wanted = platform.clone();
            let take = move || take_saved(&store, &archive, &id, &wanted, &cancel);
            let taken = tokio::task::spawn_blocking(take).await;
            taken.map_err(io::Error::other)?
        };
        let image = take.await.map_err(|error: io::Error| BuildError::NotTaken {
            reference: reference.to_string(),
            reason: error.to_string(),
        })?;
        Ok(Some(image).filter(|image| image.platform_name() == platform.to_string()))
    }
}

#[async_trait]
impl Oci for LiveOci {
    async fn has(&self, digest: &Digest) -> Result<bool, StageError> {
        Ok(self.store.is_available(digest)?)
    }

    async fn names_of(
        &self,
        digest: &Digest,
        references: &[ImageReference],
    ) -> Result<Vec<ImageReference>, StageError> {
        let is_its = |reference: &&ImageReference| {
            self.store.named(reference, ImageOrigin::Built).as_ref() == Some(digest)
        };
        Ok(references.iter().filter(is_its).cloned().collect())
    }

    async fn base_config(&self, reference: &str) -> Result<Option<BaseConfig>, StageError> {
        let digest = reference.parse().ok().and_then(|named| self.store.named(&named, ImageOrigin::Built));
        let digest = digest.map(|digest| digest.to_string());
        Ok(self.built(reference)?.map(|image| BaseConfig { digest, ..passed_on(&image) }))
    }

    async fn build(
        &self,
        request: BuildRequest,
        compression: Compression,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<BuiltImage, StageError> {
        events.step("assembling without a daemon");
        let images = Self { taken: Arc::default(), resolved: Arc::default(), ..self.clone() };
        let (taken, resolved) = (Arc::clone(&images.taken), Arc::clone(&images.resolved));
        let builder = OciBuilder {
            store: self.store.clone(),
            compression,
            images: Arc::new(images),
            time: self.time(),
        };
        let built = builder.build(request, events, cancel).await?;
        let daemon_bases = std::mem::take(&mut *lock(&taken));
        let base_digests = std::mem::take(&mut *lock(&resolved));
        Ok(BuiltImage {
            built_for: Some(BuiltFor::new(own_platform(), BuilderKind::Oci)),
            daemon_bases,
            base_digests,
            ..built
        })
    }

    async fn annotate(
        &self,
        digest: &Digest,
        annotations: &BTreeMap<String, String>,
        references: &[ImageReference],
    ) -> Result<Digest, StageError> {
        let digest = self.store.annotate(digest, annotations)?;
        for reference in references {
            self.store.name(reference, ImageOrigin::Built, digest)?;
        }
        Ok(digest)
    }

    async fn attach(&self, digest: &Digest, attachment: &Attachment) -> Result<(), StageError> {
        match attachment {
            Attachment::Document { media_type, content } => {
                self.store.attach(digest, media_type, content, BTreeMap::new())?;
            }
            Attachment::Sbom { name } => {
                let (store, root, name) = (self.store.clone(), *digest, name.clone());
                let attached = tokio::task::spawn_blocking(move || store.attach_bills(&root, &name)).await;
                attached.map_err(|_| Cancelled)??;
            }
        }
        Ok(())
    }

    async fn save(
        &self,
        digest: &Digest,
        references: &[ImageReference],
        path: &ProjectPath,
        is_folder: bool,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<(), StageError> {
        let complete = self.client.complete(&self.store, digest, events);
        cancel.run_until_cancelled(complete).await.ok_or(Cancelled)??;
        let (store, digest, references) = (self.store.clone(), *digest, references.to_vec());
        let path = path.absolute().to_owned();
        let write = move || match is_folder {
            true => store.write_layout(&digest, &references, &path),
            false => store.write_archive_file(&digest, &references, &own_platform(), &path),
        };
        let written = tokio::task::spawn_blocking(write).await;
        Ok(written.map_err(|_| Cancelled)??)
    }

    async fn tag(&self, digest: &Digest, reference: &ImageReference) -> Result<(), StageError> {
        Ok(self.store.name(reference, ImageOrigin::Built, *digest)?)
    }

    async fn remove(&self, references: &[ImageReference]) -> Result<(), StageError> {
        for reference in references {
            if let Some(digest) = self.store.named(reference, ImageOrigin::Built) {
                let name = ImageName { reference: reference.to_string(), digest, origin: ImageOrigin::Built };
                self.store.remove_name(&name)?;
            }
        }
        Ok(())
    }

    async fn load(
        &self,
        digest: &Digest,
        references: &[ImageReference],
        cancel: &CancellationToken,
    ) -> Result<bool, StageError> {
        let load = async {
            if self.daemon.connect().await.is_err() {
                return Ok(false);
            }
            let image = self.store.image_for(digest, &own_platform())?;
            // The image ID in a daemon depends on its image store.
            let ids = image
                .as_ref()
                .map(|image| [*digest, image.digest(), image.image_id()].map(|id| id.to_string()));
            let there = self.daemon.images(references).await?;
            let is_there = |reference| match (&ids, there.get(reference)) {
                (Some(ids), Some(id)) => ids.contains(id),
                (ids, id) => ids.is_none() && id.is_none(),
            };
            if references.iter().all(is_there) {
                return Ok(false);
            }
            let events =
                self.events.of_image(references.first().map(ToString::to_string).unwrap_or_default());
            self.client.complete(&self.store, digest, &events).await?;
            self.daemon.load(&self.store, digest, references).await?;
            Ok(true)
        };
        cancel.run_until_cancelled(load).await.ok_or(Cancelled)?
    }

    async fn push(
        &self,
        digest: &Digest,
        reference: &ImageReference,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<Option<String>, StageError> {
        let references = [reference.clone()];
        let push = self.client.push(&self.store, digest, &references, events);
        match cancel.run_until_cancelled(push).await {
            Some(pushed) => pushed?,
            None => return Err(Cancelled.into()),
        }
        Ok(Some(digest.to_string()))
    }
}

#[async_trait]
impl BaseImages for LiveOci {
    async fn image(
        &self,
        reference: &str,
        platform: &Platform,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<StoredImage, BuildError> {
        let reference = reference.parse::<ImageReference>()?;
        if let Some(digest) = self.store.named(&reference, ImageOrigin::Built)
            && let Some(image) = self.store.image_for(&digest, &platform.to_string())?
        {
            return Ok(image);
        }
        let name = platform.to_string();
        let resolve = self.client.resolve(&self.store, &reference, Some(&name), events);
        let error = match cancel.run_until_cancelled(resolve).await.ok_or(BuildError::Cancelled)? {
            Ok(image) => {
                if let Some(digest) = self.client.resolved_digest(&reference) {
                    lock(&self.resolved).insert(reference.or_latest().to_string(), digest.to_string());
                }
                return Ok(image);
            }
            Err(error) => error,
        };
        let taken = self.of_daemon(&reference, platform, events, cancel);
        match cancel.run_until_cancelled(taken).await.ok_or(BuildError::Cancelled)?? {
            Some(image) => Ok(image),
            None => Err(error.into()),
        }
    }

    async fn fetch(
        &self,
        reference: &str,
        image: &StoredImage,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<(), BuildError> {
        let reference = reference.parse::<ImageReference>()?;
        let fetch = self.client.pull_layers(&self.store, &reference, image, image.layers(), events);
        Ok(cancel.run_until_cancelled(fetch).await.ok_or(BuildError::Cancelled)??)
    }
}
