//! An in-memory image store.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::{CallKind, MemoryHost, Scripted, digest_of};
use crate::builder::oci::check_daemonless;
use crate::builder::{BuildRequest, BuiltImage};
use crate::config::BuilderKind;
use crate::error::StageError;
use crate::event::ImageEvents;
use crate::host::{Attachment, Oci, ProjectPath};
use crate::image::dockerfile::BaseConfig;
use crate::image::{Digest, ImageReference};
use crate::oci::Compression;

/// The references of an image, sorted.
fn texts(references: &[ImageReference]) -> String {
    let mut texts: Vec<_> = references.iter().map(ToString::to_string).collect();
    texts.sort_unstable();
    texts.join(", ")
}

#[async_trait]
impl Oci for MemoryHost {
    async fn has(&self, digest: &Digest) -> Result<bool, StageError> {
        Ok(self.state().stored.values().any(|known| known == digest))
    }

    async fn names_of(
        &self,
        digest: &Digest,
        references: &[ImageReference],
    ) -> Result<Vec<ImageReference>, StageError> {
        let state = self.state();
        let is_its = |reference: &&ImageReference| state.stored.get(*reference) == Some(digest);
        Ok(references.iter().filter(is_its).cloned().collect())
    }

    async fn base_config(&self, reference: &str) -> Result<Option<BaseConfig>, StageError> {
        let state = self.state();
        let mut stored = state.stored.iter();
        let found =
            stored.find(|(known, digest)| known.to_string() == reference || digest.to_string() == reference);
        Ok(found.map(|(known, _)| state.configs.get(&known.to_string()).cloned().unwrap_or_default()))
    }

    async fn build(
        &self,
        request: BuildRequest,
        _: Compression,
        _: &ImageEvents,
        _: &CancellationToken,
    ) -> Result<BuiltImage, StageError> {
        let image = &request.image;
        let configs = self.state().configs.clone();
        check_daemonless(&request, &|base| configs.get(base).cloned())?;
        self.did(CallKind::Build, image);
        let mut state = self.state();
        if let Some(reason) = state.broken.get(image) {
            return Err(Scripted::broken_build(image, reason).into());
        }
        let digest = Digest::of(state.make(&request, BuilderKind::Oci));
        state.stored.extend(request.references.iter().map(|reference| (reference.clone(), digest)));
        drop(state);
        self.did(CallKind::Built, image);
        Ok(BuiltImage::in_store(digest))
    }

    async fn annotate(
        &self,
        digest: &Digest,
        annotations: &BTreeMap<String, String>,
        references: &[ImageReference],
    ) -> Result<Digest, StageError> {
        let digest = Digest::of(format!("{digest} {annotations:?}"));
        self.did(CallKind::Annotate, texts(references));
        self.state().stored.extend(references.iter().map(|reference| (reference.clone(), digest)));
        Ok(digest)
    }

    async fn attach(&self, digest: &Digest, attachment: &Attachment) -> Result<(), StageError> {
        let known: Vec<_> = {
            let state = self.state();
            let known = state.stored.iter().filter(|(_, known)| *known == digest);
            known.map(|(reference, _)| reference.clone()).collect()
        };
        let kind = match attachment {
            Attachment::Sbom { .. } => crate::oci::SBOM_MEDIA_TYPE,
            Attachment::Document { media_type, .. } => media_type,
        };
        self.did(CallKind::Attach, format!("{kind} to {}", texts(&known)));
        Ok(())
    }

    async fn save(
        &self,
        _: &Digest,
        references: &[ImageReference],
        path: &ProjectPath,
        _: bool,
        _: &ImageEvents,
        _: &CancellationToken,
    ) -> Result<(), StageError> {
        self.did(CallKind::Save, format!("{} to {path}", texts(references)));
        Ok(())
    }

    async fn tag(&self, digest: &Digest, reference: &ImageReference) -> Result<(), StageError> {
        self.did(CallKind::Tag, reference);
        let mut state = self.state();
        let known =
            state.stored.iter().find(|(_, known)| *known == digest).map(|(known, _)| known.to_string());
        known.into_iter().for_each(|known| state.pass_on(&known, reference.to_string()));
        state.stored.insert(reference.clone(), *digest);
        Ok(())
    }

    async fn remove(&self, references: &[ImageReference]) -> Result<(), StageError> {
        let mut state = self.state();
        state.stored.retain(|known, _| !references.contains(known));
        Ok(())
    }

    async fn load(
        &self,
        digest: &Digest,
        references: &[ImageReference],
        _: &CancellationToken,
    ) -> Result<bool, StageError> {
        let (is_there, id) = (self.state().is_daemon_there, digest.to_string());
        let has = |known: &ImageReference| self.state().images.get(known) == Some(&id);
        if !is_there || references.iter().all(has) {
            return Ok(false);
        }
        for reference in references {
            self.did(CallKind::Load, format!("{reference} into docker"));
            self.state().images.insert(reference.clone(), id.clone());
        }
        Ok(true)
    }

    async fn push(
        &self,
        digest: &Digest,
        reference: &ImageReference,
        _: &ImageEvents,
        _: &CancellationToken,
    ) -> Result<Option<String>, StageError> {
        self.check_refusal(reference)?;
        self.did(CallKind::Push, reference);
        let digest = digest_of(&digest.to_string());
        self.state().push(reference.clone(), &digest);
        Ok(Some(digest))
    }
}
