//! What a shared image was built from, for other machines: written with its share tag, and read only to explain. No decision
//! depends on it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::difference::{Difference, Input, Sign, differences};
use super::plan::Identity;
use super::{Plan, Verdict};
use crate::config::BuilderKind;
use crate::error::StageError;
use crate::event::Level;
use crate::image::context::ContextDigest;
use crate::image::{CacheKey, ImageReference, ShareKey, TagTemplate};
use crate::oci::canonical_json;
use crate::registry::ShareDocument;
use crate::run::{Image, Run};
use crate::state::{Record, RecordedInputs, SharedInputs};

/// The version of the format.
const VERSION: u64 = 1;
/// The maximum length of a string in a document, in bytes.
const LONGEST: usize = 4096;

/// The description of a shared build.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct InputsDocument {
    version: u64,
    /// The name of the image in its project.
    image: String,
    /// The cache key; `None` if only the owners of a secret may know what it depends on.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<CacheKey>,
    /// The name of the shared build.
    share: String,
    platforms: Vec<String>,
    digest: String,
    tool: String,
    builder: String,
    /// RFC 3339.
    built_at: Option<String>,
    /// The URL of the CI job.
    run: Option<String>,
    commit: Option<String>,
    /// Whether files differed from the commit.
    #[serde(default)]
    dirty: bool,
    templates: Vec<TagTemplate>,
    tags: Vec<String>,
    /// The digests of its base images that belong to projects.
    parents: BTreeMap<String, Option<String>>,
    /// The digests of its other base images.
    bases: BTreeMap<String, String>,
    inputs: SharedInputs,
}

/// A build of another machine, as its document describes it. Everyone who may push to the repository can write one, so it
/// only explains.
pub struct ForeignBuild {
    /// The reference by which it was found.
    pub reference: ImageReference,
    /// The digest of the image.
    pub digest: String,
    /// When it was built, RFC 3339.
    pub built_at: Option<String>,
    /// The URL of the CI job that built it.
    pub run: Option<String>,
    /// The commit, and whether files differed from it.
    pub commit: Option<(String, bool)>,
    /// The kind of builder.
    pub builder: String,
    inputs: SharedInputs,
    files: Option<Vec<u8>>,
    secret: Option<String>,
}

/// The inputs that differ from those of a build of another machine.
#[derive(Default)]
pub struct ForeignDifferences {
    /// The differences, as far as the names are known here.
    pub differences: Vec<Difference>,
    /// The number of its files that are not here.
    pub missing_files: usize,
}

/// The document for the build `record` of `image`, shared as `key` with this `digest`.
pub(super) fn document(
    image: &Image,
    record: &Record,
    (key, platforms): (&ShareKey, &[String]),
    digest: &str,
    secret: Option<&str>,
) -> ShareDocument {
    let run = image.run();
    let commit = run.commit();
    let inputs = SharedInputs::new(&record.inputs, secret);
    let files = record.inputs.context.and_then(|context| run.memory.store.context(&context));
    let files = files.and_then(|bytes| inputs.list(&ContextDigest::from_bytes(&bytes)?, secret));
    let at = record.built_at.and_then(|at| jiff::Timestamp::from_second(at).ok());
    let document = InputsDocument {
        version: VERSION,
        image: image.name().to_owned(),
        key: secret.is_none().then_some(record.key),
        share: key.hex(),
        platforms: platforms.to_vec(),
        digest: digest.to_owned(),
        tool: format!("windlass {}", env!("CARGO_PKG_VERSION")),
        builder: builder_of(image, record).to_string(),
        built_at: at.map(|at| at.to_string()),
        run: job(run).map(|url| run.session.secrets.mask(&url).into_owned()),
        dirty: commit.as_ref().is_some_and(|(_, is_dirty)| *is_dirty),
        commit: commit.map(|(commit, _)| commit),
        templates: record.templates.clone(),
        tags: record.tags.iter().map(ToString::to_string).collect(),
        parents: record.bases.iter().map(|(name, base)| (name.clone(), base.digest.clone())).collect(),
        bases: record.outside_images().map(|base| (base.reference, base.digest)).collect(),
        inputs,
    };
    ShareDocument { share: key.hex(), inputs: canonical_json(&document).into(), files: files.map(Into::into) }
}

/// The builder of `record`, as far as it is known.
fn builder_of(image: &Image, record: &Record) -> BuilderKind {
    match (&record.stored, &record.image_id) {
        _ if record.custom => BuilderKind::Custom,
        (Some(_), _) => BuilderKind::Oci,
        (None, Some(_)) => BuilderKind::Docker,
        (None, None) => image.run().options.builder_over(image.config().builder()),
    }
}

/// The URL of the CI job in which windlass runs.
fn job(run: &Run) -> Option<String> {
    let variable = |name: &str| run.variable(name).filter(|value| !value.is_empty());
    variable("CI_JOB_URL").or_else(|| {
        let (server, repository) = (variable("GITHUB_SERVER_URL")?, variable("GITHUB_REPOSITORY")?);
        Some(format!("{server}/{repository}/actions/runs/{}", variable("GITHUB_RUN_ID")?))
    })
}

impl InputsDocument {
    /// Reads the document of the image with this `digest`.
    ///
    /// # Errors
    /// Why it cannot be used, as a phrase.
    fn read(content: &[u8], digest: &str) -> Result<Self, String> {
        let damaged = |error: serde_json::Error| format!("damaged ({error})");
        let value: Value = serde_json::from_slice(content).map_err(damaged)?;
        match value.get("version").and_then(Value::as_u64) {
            Some(VERSION) => {}
            Some(newer) if newer > VERSION => {
                return Err(format!("version {newer}, but this windlass supports version {VERSION}"));
            }
            _ => return Err("damaged (no version)".to_owned()),
        }
        if !is_printable(&value) {
            return Err("damaged (a string is too long or has control characters)".to_owned());
        }
        let document: Self = serde_json::from_value(value).map_err(damaged)?;
        match document.digest == digest {
            true => Ok(document),
            false => Err("they are those of another image".to_owned()),
        }
    }
}

/// Whether all strings in `value` can be shown in a terminal.
fn is_printable(value: &Value) -> bool {
    let is_plain = |text: &str| {
        let is_control =
            |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        text.len() <= LONGEST && !text.contains(is_control)
    };
    match value {
        Value::String(text) => is_plain(text),
        Value::Array(list) => list.iter().all(is_printable),
        Value::Object(map) => map.iter().all(|(name, value)| is_plain(name) && is_printable(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

impl Plan {
    /// The build of another machine that the image is compared with: the one that is reused; for an image that was never
    /// built here, the one that its first tag without `#` names. `None` if builds are not shared, or if nothing is known about
    /// it, which is reported if the registry has a document that cannot be used.
    ///
    /// # Errors
    /// `run::cancelled`.
    pub fn foreign_build(&self) -> Result<Option<ForeignBuild>, StageError> {
        if !self.asks_registry {
            return Ok(None);
        }
        let run = self.image.run();
        let repository = &self.image.config().repository;
        let compared = self.compared();
        let (reference, digest, share) = match (&compared, self.first_tag()) {
            (Some(record), _) => match record.foreign_digest() {
                Some(digest) => {
                    let is_reused = matches!(self.verdict, Verdict::Reuse(_));
                    let share = run.share_of(self.image.name()).filter(|_| is_reused);
                    (repository.with_digest(digest.to_owned()), digest.to_owned(), share)
                }
                None => return Ok(None),
            },
            (None, Some(tag)) => {
                let reference = self.reference(&tag);
                match run.find_shared(&reference)? {
                    Some(digest) => (reference, digest, None),
                    None => return Ok(None),
                }
            }
            (None, None) => return Ok(None),
        };
        self.described(reference, digest, share.as_deref())
    }

    /// The build of the image `reference` with this digest, as the document of the shared build `share` describes it; for
    /// `None`, the newest document. `None` as for [`Plan::foreign_build`].
    ///
    /// # Errors
    /// `run::cancelled`.
    pub fn described(
        &self,
        reference: ImageReference,
        digest: String,
        share: Option<&str>,
    ) -> Result<Option<ForeignBuild>, StageError> {
        let run = self.image.run();
        let Some(found) = run.read_inputs(&self.image.config().repository, &digest, share)? else {
            return Ok(None);
        };
        let secret = self.share_secret();
        let document = InputsDocument::read(&found.inputs, &digest).and_then(|document| {
            match document.inputs.is_readable(secret.as_deref()) {
                true => Ok(document),
                false => Err("they were stored with another WINDLASS_SHARE_SECRET".to_owned()),
            }
        });
        let document = match document {
            Ok(document) => document,
            Err(reason) => {
                let message = format!("the inputs stored with {reference} are ignored: {reason}");
                self.image.events().notice(Level::Warning, message);
                return Ok(None);
            }
        };
        Ok(Some(ForeignBuild {
            reference,
            digest,
            built_at: document.built_at,
            run: document.run,
            commit: document.commit.map(|commit| (commit, document.dirty)),
            builder: document.builder,
            inputs: document.inputs,
            files: found.files.map(|files| files.to_vec()),
            secret,
        }))
    }

    /// The inputs that differ from those of `build`.
    ///
    /// # Errors
    /// If a file of the build context cannot be read.
    pub fn differences_from_foreign(&self, build: &ForeignBuild) -> Result<ForeignDifferences, StageError> {
        let Identity { inputs, files, .. } = self.identity()?;
        let before = self.foreign_inputs(build)?;
        let secret = build.secret.as_deref();
        let mut missing_files = 0;
        let mut differences = differences(&before, inputs, || {
            let changed = build.inputs.changed_files(build.files.as_ref()?, files, secret)?;
            missing_files = changed.missing;
            Some(changed.changes)
        });
        if missing_files > 0 {
            // They are the difference.
            let is_whole =
                |found: &Difference| found.input == Input::Context && found.change == Sign::Changed;
            differences.retain(|found| !is_whole(found));
        }
        Ok(ForeignDifferences { differences, missing_files })
    }

    /// The inputs of `build` in the form of a record of this machine.
    ///
    /// # Errors
    /// If a file of the build context cannot be read.
    pub fn foreign_inputs(&self, build: &ForeignBuild) -> Result<RecordedInputs, StageError> {
        let inputs = &self.identity()?.inputs;
        Ok(build.inputs.compared_with(inputs, self.dockerfile(), build.secret.as_deref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:1";

    fn sample() -> Value {
        let inputs = RecordedInputs::new(&crate::state::sample::inputs());
        serde_json::json!({
            "version": 1, "image": "api", "share": "5", "platforms": [], "digest": DIGEST, "tool": "windlass",
            "builder": "oci", "built_at": null, "run": null, "commit": null, "templates": [], "tags": [],
            "parents": {}, "bases": {}, "inputs": SharedInputs::new(&inputs, None),
        })
    }

    #[test]
    fn documents_that_cannot_be_used_are_refused_with_a_reason() {
        #[track_caller]
        fn check(edit: impl Fn(&mut Value), expected: &str) {
            let mut value = sample();
            edit(&mut value);
            let found = InputsDocument::read(value.to_string().as_bytes(), DIGEST);
            let found = found.map_or_else(|reason| reason, |_| "fine".to_owned());
            assert!(found.starts_with(expected), "{found}");
        }
        check(|_| {}, "fine");
        check(|value| value["unknown"] = 1.into(), "fine");
        check(|value| value["version"] = 2.into(), "version 2, but this windlass supports version 1");
        check(|value| value["version"] = "1".into(), "damaged (no version)");
        check(|value| *value = serde_json::json!([]), "damaged (no version)");
        check(|value| value["digest"] = "sha256:2".into(), "they are those of another image");
        check(|value| value["run"] = "\u{1b}[2J".into(), "damaged (a string");
        check(|value| value["parents"] = serde_json::json!({"a\nb": null}), "damaged (a string");
        check(|value| value["image"] = "x".repeat(5000).into(), "damaged (a string");
        check(|value| value["inputs"] = Value::Null, "damaged (");
        let refused = |content: &[u8]| InputsDocument::read(content, DIGEST).is_err();
        assert!(refused(b"") && refused(b"\0\xff") && refused("[".repeat(100_000).as_bytes()));
        let whole = sample().to_string();
        assert!((0..whole.len()).step_by(7).all(|length| refused(&whole.as_bytes()[..length])));
    }
}
