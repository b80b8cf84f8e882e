//! Operations on an image in the image store.

use std::collections::BTreeMap;

use super::provenance::{PROVENANCE_TYPE, SourceCode, statement};
use super::{Built, Source};
use crate::error::StageError;
use crate::host::{Attachment, ProjectPath};
use crate::image::Digest;
use crate::state::Record;

/// The image is not in the image store.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("cannot {action} `{image}`: it is not in the image store")]
#[diagnostic(
    code(stage::not_stored),
    help("build it with the builder `oci`: `fn builder(image) {{ \"oci\" }}`, or `--builder oci`")
)]
pub struct NotStored {
    /// The operation.
    pub action: &'static str,
    /// The image's name.
    pub image: String,
}

impl Built {
    /// The image with `annotations` added to its manifest. Its layers and its configuration stay the same; its digest
    /// changes. A disabled image is not changed.
    ///
    /// # Errors
    /// [`NotStored`], or if the store cannot be written.
    pub fn annotate(&self, annotations: &BTreeMap<String, String>) -> Result<Self, StageError> {
        let Some((record, digest)) = self.stored("annotate")? else { return Ok(self.clone()) };
        let run = self.image().run();
        let references = self.references();
        let annotated =
            run.session.wait(run.session.host.oci.annotate(&digest, annotations, &references))??;
        if annotated == digest {
            return Ok(self.clone());
        }
        let mut record = record.clone();
        record.stored = Some(annotated);
        // The pushed tags refer to the image without the annotations.
        record.pushed.clear();
        run.record(self.image().name(), &record);
        Ok(self.with(record, Source::Store(annotated)))
    }

    /// Attaches `attachment` to the image; it is pushed with the next push.
    ///
    /// # Errors
    /// [`NotStored`], or if the store cannot be read or written.
    pub fn attach(&self, attachment: &Attachment) -> Result<Self, StageError> {
        let Some((_, digest)) = self.stored("attach something to")? else { return Ok(self.clone()) };
        let run = self.image().run();
        run.session.wait(run.session.host.oci.attach(&digest, attachment))??;
        Ok(self.clone())
    }

    /// Attaches an SBOM with the files that COPY and ADD added.
    ///
    /// # Errors
    /// As for [`Built::attach`].
    pub fn attach_sbom(&self) -> Result<Self, StageError> {
        self.attach(&Attachment::Sbom { name: self.image().config().repository.to_string() })
    }

    /// Attaches the provenance of the image.
    ///
    /// # Errors
    /// As for [`Built::attach`].
    pub fn attach_provenance(&self, source: &SourceCode) -> Result<Self, StageError> {
        let Some((record, digest)) = self.stored("attach something to")? else { return Ok(self.clone()) };
        let content = statement(self.image(), record, &digest, source);
        self.attach(&Attachment::Document { media_type: PROVENANCE_TYPE.to_owned(), content })
    }

    /// Writes the image with its references to `path`: an archive, or an image layout if `is_folder`.
    ///
    /// # Errors
    /// [`NotStored`], or if it cannot be written.
    pub fn save(&self, path: &ProjectPath, is_folder: bool) -> Result<Self, StageError> {
        let Some((_, digest)) = self.stored("save")? else {
            // Unlike a missing annotation or attachment, a missing file is an error.
            return if self.record().is_none() {
                Ok(self.clone())
            } else {
                Err(self.not_stored("save").into())
            };
        };
        let (run, events) = (self.image().run(), self.image().events());
        events.step(format!("saving to {path}"));
        let references = self.references();
        let cancel = run.session.cancellation();
        let save = run.session.host.oci.save(&digest, &references, path, is_folder, &events, &cancel);
        run.session.wait_for_end(save)?;
        Ok(self.clone())
    }

    /// Its record and the digest of its manifest; `None` if nothing is to be done: it is disabled, or it is reused and
    /// only in its registry, as published.
    fn stored(&self, action: &'static str) -> Result<Option<(&Record, Digest)>, StageError> {
        let Some(record) = self.record() else { return Ok(None) };
        let run = self.image().run();
        match record.stored {
            Some(digest) if self.was_built() || run.session.wait(run.session.host.oci.has(&digest))?? => {
                Ok(Some((record, digest)))
            }
            _ if self.was_built() => Err(self.not_stored(action).into()),
            _ => Ok(None),
        }
    }

    fn not_stored(&self, action: &'static str) -> NotStored {
        NotStored { action, image: self.image().name().to_owned() }
    }
}
