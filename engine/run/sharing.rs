//! Builds that machines share through the registry: whether they do, and the responses of the registry.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex};

use tokio::sync::{OnceCell, Semaphore};

use super::{Image, Run, RunError};
use crate::event::Level;
use crate::image::{ImageReference, Repository, Tag};
use crate::lock::lock;
use crate::registry::ShareDocument;

/// The environment variable with the mode; `--share` takes precedence.
const VARIABLE: &str = "WINDLASS_SHARE";
/// The number of look-ups at a time.
const PLACES: usize = 8;

/// Whether an image is shared with other machines through its registry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ShareMode {
    /// Not at all.
    #[default]
    Off,
    /// Builds of other machines are used.
    Read,
    /// Builds of other machines are used, and they find the builds of this one.
    Write,
}

impl ShareMode {
    /// All modes.
    pub const ALL: [Self; 3] = [Self::Off, Self::Read, Self::Write];

    /// Its name: `read`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

impl fmt::Display for ShareMode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for ShareMode {
    type Err = UnknownShareMode;

    fn from_str(text: &str) -> Result<Self, UnknownShareMode> {
        let found = Self::ALL.into_iter().find(|mode| mode.as_str() == text);
        found.ok_or_else(|| UnknownShareMode { text: text.to_owned(), from: String::new() })
    }
}

/// A string that is not a [`ShareMode`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("unknown sharing mode `{text}`{from}")]
#[diagnostic(code(share::mode), help("use `off`, `read` or `write`"))]
pub struct UnknownShareMode {
    text: String,
    /// ` in WINDLASS_SHARE`, or nothing.
    from: String,
}

/// The responses of registries about shared builds. Nothing is asked twice, and no registry after a failure.
pub struct SharedBuilds {
    places: Semaphore,
    found: Mutex<HashMap<ImageReference, Arc<OnceCell<Option<String>>>>>,
    /// The registries that get no more requests, and those to which nothing more is written.
    unasked: Mutex<HashSet<String>>,
    unwritten: Mutex<HashSet<String>>,
    /// The registries that refused to store or to return the inputs of a build.
    undocumented: Mutex<HashSet<String>>,
}

impl Default for SharedBuilds {
    fn default() -> Self {
        Self {
            places: Semaphore::new(PLACES),
            found: Mutex::default(),
            unasked: Mutex::default(),
            unwritten: Mutex::default(),
            undocumented: Mutex::default(),
        }
    }
}

impl Run {
    /// How `image` is shared, if its pipeline asks for `asked`: `--share` and `WINDLASS_SHARE` take precedence. A build that
    /// is not pushed is not shared, and is wanted on this machine: only the user can request to skip it because another
    /// machine has built it.
    ///
    /// # Errors
    /// `share::mode` if `WINDLASS_SHARE` has another value.
    pub fn share_mode(&self, image: &Image, asked: ShareMode) -> Result<ShareMode, RunError> {
        let requested = self.requested_share_mode()?;
        Ok(match requested {
            Some(ShareMode::Write) if !image.is_published() => ShareMode::Read,
            Some(mode) => mode,
            None if image.is_published() => asked,
            None => ShareMode::Off,
        })
    }

    /// The mode that the user requests for all images.
    ///
    /// # Errors
    /// As for [`Run::share_mode`].
    pub fn requested_share_mode(&self) -> Result<Option<ShareMode>, RunError> {
        if self.options.share.is_some() {
            return Ok(self.options.share);
        }
        let Some(text) = self.variable(VARIABLE).filter(|text| !text.is_empty()) else { return Ok(None) };
        let from = format!(" in {VARIABLE}");
        Ok(Some(text.parse().map_err(|error| UnknownShareMode { from, ..error })?))
    }

    /// The digest of the shared build `reference`; `None` if it does not exist, or if its registry does not respond, which is
    /// reported once for each registry.
    ///
    /// # Errors
    /// `run::cancelled`.
    pub fn find_shared(&self, reference: &ImageReference) -> Result<Option<String>, RunError> {
        let cell = Arc::clone(lock(&self.session.shared.found).entry(reference.clone()).or_default());
        let find = cell.get_or_try_init(async || self.ask_registry(reference).await);
        // A registry that did not respond is not remembered as one without the image.
        self.session.wait(async { find.await.cloned().unwrap_or_default() })
    }

    /// As [`Run::find_shared`], but the registry is asked again.
    ///
    /// # Errors
    /// `run::cancelled`.
    pub fn find_shared_now(&self, reference: &ImageReference) -> Result<TagLookup, RunError> {
        let found = self.session.wait(self.ask_registry(reference))?;
        Ok(match found {
            Ok(Some(digest)) => TagLookup::Image(digest),
            Ok(None) => TagLookup::Nothing,
            Err(NoResponse) => TagLookup::Unknown,
        })
    }

    /// Asks the registry of `reference`, unless it failed before.
    async fn ask_registry(&self, reference: &ImageReference) -> Result<Option<String>, NoResponse> {
        let domain = reference.repository.domain();
        let shared = &self.session.shared;
        // The semaphore is never closed.
        let _place = shared.places.acquire().await.map_err(|_| NoResponse)?;
        if lock(&shared.unasked).contains(domain) {
            return Err(NoResponse);
        }
        let found = self.session.host.registry.find_digest(reference).await;
        found.map_err(|reason| {
            if lock(&shared.unasked).insert(domain.to_owned()) {
                let repository = &reference.repository;
                let message = format!("builds of others are not looked up in {repository}: {reason}");
                self.session.notice(Level::Warning, message);
            }
            NoResponse
        })
    }

    /// Lets other machines find the image with this digest by the tag `tag`. Returns whether the tag names it now. A failure
    /// is reported once for each registry, and never fails a run.
    ///
    /// # Errors
    /// `run::cancelled`.
    pub fn write_shared(&self, repository: &Repository, digest: &str, tag: &Tag) -> Result<Wrote, RunError> {
        let shared = &self.session.shared;
        if lock(&shared.unwritten).contains(repository.domain()) {
            return Ok(Wrote::Nothing);
        }
        let from = repository.with_digest(digest.to_owned());
        Ok(match self.session.wait(self.session.host.registry.share(&from, tag))? {
            Ok(true) => {
                let known = Arc::new(OnceCell::new_with(Some(Some(digest.to_owned()))));
                lock(&shared.found).insert(repository.with_tag(tag.clone()), known);
                Wrote::Tag
            }
            Ok(false) => Wrote::Kept,
            Err(reason) => {
                if lock(&shared.unwritten).insert(repository.domain().to_owned()) {
                    let message = format!("builds are not shared in {repository}: {reason}");
                    self.session.notice(Level::Warning, message);
                }
                Wrote::Nothing
            }
        })
    }
}

impl Run {
    /// Stores the inputs of a shared build with the image with this digest, for `windlass why` of other machines. Unless they
    /// replace those of an earlier build of the same inputs, these stay. A failure is reported once for each registry, and
    /// never fails a run.
    ///
    /// # Errors
    /// `run::cancelled`.
    pub fn write_inputs(
        &self,
        repository: &Repository,
        digest: &str,
        document: &ShareDocument,
        replaces: bool,
    ) -> Result<(), RunError> {
        if lock(&self.session.shared.undocumented).contains(repository.domain()) {
            return Ok(());
        }
        let image = repository.with_digest(digest.to_owned());
        let attach = self.session.host.registry.attach_share_document(&image, document, replaces);
        if let Err(reason) = self.session.wait(attach)? {
            self.undocumented(repository, || format!("inputs are not stored in {repository}: {reason}"));
        }
        Ok(())
    }

    /// The inputs of the shared build `share` of the image with this digest, or of the newest build for `None`; `None` if they
    /// are not stored, or if the registry does not respond, which is reported once for each registry.
    ///
    /// # Errors
    /// `run::cancelled`.
    pub fn read_inputs(
        &self,
        repository: &Repository,
        digest: &str,
        share: Option<&str>,
    ) -> Result<Option<ShareDocument>, RunError> {
        if lock(&self.session.shared.undocumented).contains(repository.domain()) {
            return Ok(None);
        }
        let image = repository.with_digest(digest.to_owned());
        let found = self.session.wait(self.session.host.registry.share_document(&image, share))?;
        Ok(found.unwrap_or_else(|reason| {
            self.undocumented(repository, || format!("stored inputs of {repository} are ignored: {reason}"));
            None
        }))
    }

    /// Reports the failure of a registry once.
    fn undocumented(&self, repository: &Repository, message: impl FnOnce() -> String) {
        if lock(&self.session.shared.undocumented).insert(repository.domain().to_owned()) {
            self.session.notice(Level::Warning, message());
        }
    }
}

/// The registry did not respond, or refused.
struct NoResponse;

/// The response of a registry about a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagLookup {
    /// It names the image with this digest.
    Image(String),
    /// It names no image.
    Nothing,
    /// It did not respond, or refused.
    Unknown,
}

impl TagLookup {
    /// The digest of the image, if there is one.
    pub fn image(self) -> Option<String> {
        match self {
            Self::Image(digest) => Some(digest),
            Self::Nothing | Self::Unknown => None,
        }
    }
}

/// The result of sharing a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrote {
    /// The tag names the build.
    Tag,
    /// The tag names another build: it is immutable.
    Kept,
    /// Nothing, which was reported.
    Nothing,
}
