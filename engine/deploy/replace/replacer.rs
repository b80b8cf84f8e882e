//! Replaces single references.

use super::error::ReplaceError;
use super::hint::Hint;
use super::known::{KnownImages, LONGEST_REFERENCE};
use super::known_image::{KnownImage, KnownReference};
use super::left_alone::{LeftAlone, LeftAloneReason};
use super::options::ReplaceOptions;
use super::place::Place;
use super::placeholders;
use super::report::{ReplaceReport, ReplacedValue};
use super::written::{Written, is_more_than_word};
use crate::image::{Digest, ImageReference, Tag};

/// Replaces single references, and reports each replacement.
pub(super) struct Replacer<'a> {
    pub(super) images: &'a KnownImages,
    pub(super) options: &'a ReplaceOptions,
    pub(super) report: ReplaceReport,
}

/// The replacement of a reference.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) image: &'a KnownImage,
    pub(super) tag: &'a Tag,
    pub(super) digest: Option<&'a Digest>,
}

impl Target<'_> {
    /// The reference, in the user's spelling of the repository.
    pub(super) fn reference(&self, repository: &str) -> String {
        match self.digest {
            Some(digest) => format!("{repository}:{}@{digest}", self.tag),
            None => format!("{repository}:{}", self.tag),
        }
    }
}

impl<'a> Replacer<'a> {
    pub(super) fn new(images: &'a KnownImages, options: &'a ReplaceOptions) -> Self {
        Self { images, options, report: ReplaceReport::default() }
    }

    /// Resolves the placeholders of an image field, and replaces its tag.
    pub(super) fn image_field(&mut self, text: &mut String, place: &Place<'_>) -> Result<(), ReplaceError> {
        let mut new = placeholders::resolve(self, text, place, true)?;
        let current = new.as_deref().unwrap_or(text).trim();
        if let Some(replaced) = self.replaced(current, place)? {
            new = Some(replaced);
        }
        if let Some(new) = new.filter(|new| new != text) {
            let old = std::mem::replace(text, new.clone());
            self.report.changes.push(ReplacedValue { place: place.to_string(), old: Some(old), new });
        }
        Ok(())
    }

    /// `text` with the tag of the image that it refers to; `None` if nothing changes.
    pub(super) fn replaced(&mut self, text: &str, place: &Place<'_>) -> Result<Option<String>, ReplaceError> {
        let Some(written) = self.images.find(text) else {
            self.record_other(text, place);
            return Ok(None);
        };
        let target = self.target(&written, written.tag, text, place)?;
        Ok(target.map(|target| target.reference(written.repository)).filter(|reference| reference != text))
    }

    /// The replacement of `text`, parsed as `written`, if `tag` is its tag; `None` if it is not replaced.
    pub(super) fn target(
        &mut self,
        written: &Written<'_, '_>,
        tag: Option<&str>,
        text: &str,
        place: &Place<'_>,
    ) -> Result<Option<Target<'a>>, ReplaceError> {
        if !self.options.update_tags {
            self.record_left_alone(written, text, place, LeftAloneReason::SwitchedOff);
            return Ok(None);
        }
        if written.digest.is_some() {
            if let Some(image) = self.current(written) {
                self.report.used.insert(image.full_name());
            } else {
                let image = self.record_left_alone(written, text, place, LeftAloneReason::Pinned);
                self.report.hints.push(Hint::Pinned { image, place: place.to_string() });
            }
            return Ok(None);
        }
        let image = self.images.choose(written, tag).map_err(|names| ReplaceError::AmbiguousImage {
            reference: text.to_owned(),
            names,
            place: place.to_string(),
        })?;
        match &image.reference {
            KnownReference::Tagged { tag, digest } => {
                self.report.used.insert(image.full_name());
                Ok(Some(Target { image, tag, digest: digest.as_ref() }))
            }
            KnownReference::NeverBuilt => {
                Err(ReplaceError::NeverBuilt { image: image.full_name(), place: place.to_string() })
            }
            KnownReference::Unmanaged { reason } => {
                self.record_left_alone(written, text, place, LeftAloneReason::Unmanaged(reason.clone()));
                Ok(None)
            }
        }
    }

    /// Reports `text` if it refers to an image, although nothing is replaced here.
    pub(super) fn keep(&mut self, text: &str, place: &Place<'_>, reason: LeftAloneReason) {
        // Words such as `app` are in every manifest, and `app:8080` is a host and a port.
        if !self.options.update_tags || !is_more_than_word(text) {
            return;
        }
        if let Some(written) = self.images.find(text).filter(|written| self.current(written).is_none()) {
            let image = self.names(&written);
            self.report.left_alone.push(LeftAlone {
                place: place.to_string(),
                value: text.to_owned(),
                image,
                reason,
            });
        }
    }

    /// Records a reference to another image: it may be a near miss of an unused image.
    pub(super) fn record_other(&mut self, text: &str, place: &Place<'_>) {
        let is_known = self.report.others.contains_key(text);
        if !is_known && text.len() <= LONGEST_REFERENCE && text.parse::<ImageReference>().is_ok() {
            self.report.others.insert(text.to_owned(), place.to_string());
        }
    }

    /// The image whose reference `written` already is.
    fn current(&self, written: &Written<'_, '_>) -> Option<&'a KnownImage> {
        self.images.candidates(written).into_iter().find(|image| match &image.reference {
            KnownReference::Tagged { tag, digest } => {
                written.tag == Some(tag.as_str())
                    && written.digest == digest.map(|digest| digest.to_string()).as_deref()
            }
            KnownReference::NeverBuilt | KnownReference::Unmanaged { .. } => false,
        })
    }

    /// Records a reference in an image field that is not replaced. Returns the name of the image.
    fn record_left_alone(
        &mut self,
        written: &Written<'_, '_>,
        text: &str,
        place: &Place<'_>,
        reason: LeftAloneReason,
    ) -> String {
        let image = self.names(written);
        // The user chose another build, so the image is not unused.
        self.report.used.extend(self.images.candidates(written).into_iter().map(KnownImage::full_name));
        let (place, value) = (place.to_string(), text.to_owned());
        self.report.left_alone.push(LeftAlone { place, value, image: image.clone(), reason });
        image
    }

    fn names(&self, written: &Written<'_, '_>) -> String {
        let names = self.images.candidates(written).into_iter().map(KnownImage::full_name);
        names.collect::<Vec<_>>().join(", ")
    }
}
