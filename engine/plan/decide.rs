//! The one function that decides whether an image is built.

use std::collections::BTreeMap;

use super::CacheKey;
use crate::image::{ImageReference, Repository, Tag, TagTemplate};
use crate::state::Record;

/// All that the decision depends on. Questions to a daemon or registry are closures, asked only when the
/// answer matters.
pub struct Situation<'a, E> {
    /// The key of the image as it would be built now.
    pub key: CacheKey,
    /// Its repository.
    pub repository: &'a Repository,
    /// The tags it should have.
    pub templates: &'a [TagTemplate],
    /// What is known of earlier builds, newest first.
    pub records: &'a [Record],
    /// Why it is built whatever is known: `forced`, `rebuildStrategy is always`.
    pub always: Option<&'a str>,
    /// Whether this run pushes it.
    pub pushes: bool,
    /// Whether a pushed image is looked up rather than trusted.
    pub verify: bool,
    /// The image ID under which the daemon has a reference.
    pub in_daemon: &'a dyn Fn(&ImageReference) -> Result<Option<String>, E>,
    /// The digest of a reference in its registry.
    pub in_registry: &'a dyn Fn(&ImageReference) -> Result<Option<String>, E>,
    /// Replaces each `#` of a tag.
    pub random: &'a dyn Fn() -> char,
}

/// What happens to an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is built.
    Build {
        /// Why, when that is not a change of its inputs.
        reason: Option<String>,
    },
    /// Its earlier build is used.
    Reuse {
        /// That build.
        record: Box<Record>,
        /// The tags it has, or gets now.
        tags: Vec<Tag>,
        /// Where it is.
        source: Source,
        /// What is left to do, such as `not pushed yet`; `None`: nothing.
        publish: Option<String>,
    },
}

/// Where a built image is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In the daemon, under this ID.
    Daemon(String),
    /// In its registry, under this tag.
    Registry(Tag),
    /// Wherever the custom command put it.
    Elsewhere,
}

/// Decides whether an image is built or an earlier build of it is good enough.
///
/// A build with the same key is good when all its tags are in the registry (trusted, or looked up with
/// `verify`), or when a daemon has it. Tags that are new are added to the existing image.
///
/// # Errors
/// What the daemon or the registry answered when they had to be asked and could not.
pub fn decide<E>(situation: &Situation<'_, E>) -> Result<Verdict, E> {
    if let Some(reason) = situation.always {
        return Ok(Verdict::Build { reason: Some(reason.to_owned()) });
    }
    let repository = situation.repository.to_string();
    let same_key = || situation.records.iter().filter(|record| record.key == situation.key);
    let Some(record) = same_key().find(|record| record.repository == repository) else {
        return Ok(Verdict::Build {
            reason: same_key()
                .next()
                .map(|record| format!("moved from {} to {repository}", record.repository)),
        });
    };
    let tags = situation.tags(record);
    let reuse = |source, publish| {
        Ok(Verdict::Reuse { record: Box::new(record.clone()), tags: tags.clone(), source, publish })
    };
    if record.custom {
        let known = tags.iter().all(|tag| record.tags.contains(tag));
        return if known {
            reuse(Source::Elsewhere, None)
        } else {
            Ok(Verdict::Build { reason: Some(format!("new tag {}", missing(&tags, &record.tags))) })
        };
    }

    let pushed = situation.still_pushed(record)?;
    if let Some(tag) = tags.first()
        && tags.iter().all(|tag| pushed.contains_key(tag))
    {
        return reuse(Source::Registry(tag.clone()), None);
    }

    let mut id = None;
    let mut local = Vec::new();
    for reference in record.references(situation.repository) {
        let Some(found) = (situation.in_daemon)(&reference)? else { continue };
        // A name that was moved to another image since is not this build any more.
        if record.image_id.as_ref().is_none_or(|built| *built == found) {
            local.extend(reference.tag);
            id = Some(found);
        }
    }
    let left_to_do = || {
        if tags.iter().any(|tag| !record.tags.contains(tag)) {
            Some(format!("new tag {}", missing(&tags, &record.tags)))
        } else if situation.pushes {
            Some("not pushed yet".to_owned())
        } else if tags.iter().any(|tag| !local.contains(tag)) {
            Some(format!("tag {} is gone from the daemon", missing(&tags, &local)))
        } else {
            None
        }
    };
    if let Some(id) = id {
        return reuse(Source::Daemon(id), left_to_do());
    }
    match pushed.keys().next() {
        Some(tag) if situation.pushes => reuse(Source::Registry(tag.clone()), left_to_do()),
        _ if record.pushed.is_empty() => Ok(build_because("the image is gone from the daemon")),
        _ => Ok(build_because("the image is gone from the registry and the daemon")),
    }
}

fn build_because(reason: &str) -> Verdict {
    Verdict::Build { reason: Some(reason.to_owned()) }
}

/// The first of `wanted` that is not among `known`.
fn missing(wanted: &[Tag], known: &[Tag]) -> String {
    wanted.iter().find(|tag| !known.contains(tag)).map(ToString::to_string).unwrap_or_default()
}

impl<E> Situation<'_, E> {
    /// The tags a reused build should have: its own when they came from the same templates.
    fn tags(&self, record: &Record) -> Vec<Tag> {
        if record.templates == self.templates {
            return record.tags.clone();
        }
        self.templates.iter().map(|template| template.fill(|| (self.random)())).collect()
    }

    /// The pushed tags that are still there.
    fn still_pushed(&self, record: &Record) -> Result<BTreeMap<Tag, Option<String>>, E> {
        let mut pushed = record.pushed.clone();
        if self.verify {
            for (tag, digest) in &record.pushed {
                let found = (self.in_registry)(&self.repository.with_tag(tag.clone()))?;
                let is_same = match (&found, digest) {
                    (Some(found), Some(digest)) => found == digest,
                    (found, None) => found.is_some(),
                    (None, Some(_)) => false,
                };
                if !is_same {
                    pushed.remove(tag);
                }
            }
        }
        Ok(pushed)
    }
}
