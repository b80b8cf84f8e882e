//! Builds that machines share: one request to the registry decides whether another machine has built an image.
//!
//! The tag `windlass-KEY` in the repository of the image names the first build of these inputs, for these platforms, on
//! these base images. A run that finds it uses that image, by its digest. Nothing here fails a run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::inputs_document::document;
use super::plan::{Identity, Recipe};
use super::{Built, Plan, Reuse, Source, Verdict};
use crate::config::{BuilderKind, RebuildStrategy};
use crate::error::StageError;
use crate::event::Level;
use crate::image::{CacheKey, ImageReference, ShareKey, Tag, normal_platforms};
use crate::run::{ShareMode, TagLookup, Wrote};
use crate::state::{BuiltFor, Progress, Record, RecordedInputs};

/// The environment variable with a secret, that the names of shared builds depend on.
const SECRET: &str = "WINDLASS_SHARE_SECRET";
/// How many tags are tried before random ones.
const ATTEMPTS: u32 = 8;

/// How a planned image is shared.
pub(super) struct Share {
    pub(super) mode: ShareMode,
    /// Whether the inputs of a build are stored with it.
    stores_inputs: bool,
    /// The digests of its base images that belong to projects, in the order of their names.
    parents: Vec<String>,
    secret: Option<String>,
    /// The platforms of a build now, as far as it can be known before.
    platforms: Vec<String>,
}

/// The shared build of the current inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SharedBuild {
    /// The image with this digest.
    Found(String),
    /// No machine has shared a build; why, or for which platforms, as a phrase.
    None(String),
    /// It cannot be found out, for this reason.
    Unknown(String),
}

/// Why an image is not shared.
enum Unshared {
    /// This reason, which the user should know.
    Reason(String),
    /// In a dry run, its base images will be built.
    Planned,
}

impl From<String> for Unshared {
    fn from(reason: String) -> Self {
        Self::Reason(reason)
    }
}

impl Share {
    fn key(&self, key: &CacheKey, platforms: &[String]) -> ShareKey {
        ShareKey::new(key, platforms, &self.parents, self.secret.as_deref())
    }
}

impl Plan {
    /// This plan for an image that is shared as `asked`, unless the user requests another mode: if it would be built or
    /// published, and another machine has built it, that build is reused. Its own build is stored with its inputs, if
    /// `stores_inputs`.
    ///
    /// # Errors
    /// `share::mode` if `WINDLASS_SHARE` is invalid, `context::...` if a file of the build context cannot be read.
    pub fn shared(&self, asked: ShareMode, stores_inputs: bool) -> Result<Self, StageError> {
        let (run, name) = (self.image.run(), self.image.name());
        let mode = run.share_mode(&self.image, asked)?;
        let plain = Self { share: None, asks_registry: mode != ShareMode::Off, ..self.clone() };
        if mode == ShareMode::Off {
            return Ok(plain);
        }
        let is_settled = match &self.verdict {
            Verdict::Reuse(reuse) => {
                reuse.rest().is_none() && (mode == ShareMode::Read || reuse.record.shared.is_some())
            }
            Verdict::Build { .. } => false,
        };
        let share = match self.how_shared(mode, is_settled)? {
            Ok(share) => Arc::new(Share { stores_inputs, ..share }),
            Err(Unshared::Planned) => return Ok(plain),
            Err(Unshared::Reason(reason)) => {
                if !is_settled {
                    self.image.events().notice(Level::Info, format!("not shared: {reason}"));
                }
                return Ok(plain);
            }
        };
        if is_settled {
            return Ok(Self { share: Some(share), ..plain });
        }
        let identity = self.identity()?;
        let key = share.key(&identity.key, &share.platforms);
        run.record_share(name, Some(key.hex()));
        let plan = Self { share: Some(Arc::clone(&share)), ..plain };
        let is_asked = match &self.verdict {
            Verdict::Reuse(reuse) => reuse.rest().is_some(),
            Verdict::Build { is_forced, .. } => !is_forced,
        };
        if !is_asked {
            return Ok(plan);
        }
        let Some(digest) = run.find_shared(&self.reference(&key.tag()))? else {
            let reason =
                if self.reason == NEVER_BUILT { "never built".to_owned() } else { self.reason.clone() };
            return Ok(Self { reason, ..plan });
        };
        match &self.verdict {
            // It is its own build, which may also be on this machine.
            Verdict::Reuse(reuse) if reuse.record.digest() == Some(&digest) => Ok(plan),
            _ => plan.found(identity, &key, digest),
        }
    }

    /// The shared build of the current inputs, whatever was built on this machine. The registry is asked.
    ///
    /// # Errors
    /// `context::...` if a file of the build context cannot be read; `run::cancelled`.
    pub fn shared_build(&self) -> Result<SharedBuild, StageError> {
        let share = match self.how_shared(ShareMode::Read, false)? {
            Ok(share) => share,
            Err(Unshared::Reason(reason)) => return Ok(SharedBuild::Unknown(reason)),
            Err(Unshared::Planned) => {
                let planned = self.bases.iter().find(|(_, base)| base.identity.is_none());
                let name = planned.map_or("", |(name, _)| name);
                return Ok(SharedBuild::None(format!("its base `{name}` is not built")));
            }
        };
        let tag = share.key(&self.identity()?.key, &share.platforms).tag();
        Ok(match self.image.run().find_shared_now(&self.reference(&tag))? {
            TagLookup::Image(digest) => SharedBuild::Found(digest),
            TagLookup::Nothing => SharedBuild::None(format!("for {}", share.platforms.join(", "))),
            TagLookup::Unknown => SharedBuild::Unknown("the registry does not respond".to_owned()),
        })
    }

    /// Whether the image is shared.
    pub fn is_shared(&self) -> bool {
        self.share.is_some()
    }

    /// This plan, which reuses the build of another machine.
    fn found(self, identity: &Identity, key: &ShareKey, digest: String) -> Result<Self, StageError> {
        let tags = self.shared_tags(key, Some(&digest))?;
        let record = self.foreign_record(identity, tags.clone(), &digest);
        let unfinished = Reuse::unfinished(&record, self.image.run().scripts().check.as_ref());
        let reuse = Reuse {
            record,
            tags,
            untagged: Vec::new(),
            source: Source::Shared(digest),
            unfinished,
            left: None,
        };
        let rest = reuse.rest().map(|rest| format!(", {rest}")).unwrap_or_default();
        let reason = format!("unchanged, found in the registry{rest}");
        Ok(Self { verdict: Verdict::Reuse(Box::new(reuse)), reason, ..self })
    }

    /// The record of a build of another machine.
    fn foreign_record(&self, identity: &Identity, tags: Vec<Tag>, digest: &str) -> Record {
        super::docker_build::keep_context(self.image.run(), &identity.files);
        let inputs = RecordedInputs::new(&identity.inputs);
        let inputs = match self.dockerfile() {
            Some(dockerfile) => inputs.with_dockerfile(dockerfile),
            None => inputs,
        };
        let platforms = self.share.as_ref().map(|share| share.platforms.join(",")).unwrap_or_default();
        Record {
            key: identity.key,
            build: Record::new_build(),
            progress: Progress::Settled,
            verified: Vec::new(),
            repository: self.image.config().repository.to_string(),
            templates: self.templates.clone(),
            tags,
            image_id: None,
            stored: None,
            pushed: BTreeMap::new(),
            shared: Some(digest.to_owned()),
            is_foreign: true,
            earlier: BTreeMap::new(),
            custom: false,
            push_skipped: false,
            // Its tags may name another image in the daemon of this machine.
            lost_tags: true,
            built_at: None,
            bases: self.used_bases(),
            daemon_bases: BTreeMap::new(),
            outside_bases: self.pinned_digests(true).into_iter().chain(self.pinned_digests(false)).collect(),
            // No builder of this machine chose it, so it is compared with that of each.
            built_for: identity
                .inputs
                .platform
                .is_none()
                .then(|| BuiltFor { platform: platforms, builder: String::new() }),
            inputs,
        }
    }

    /// The secret that the names of shared builds depend on.
    pub(super) fn share_secret(&self) -> Option<String> {
        let run = self.image.run();
        let secret = run.variable(SECRET).filter(|secret| !secret.is_empty())?;
        run.session.secrets.add(&secret);
        Some(secret)
    }

    /// How the image is shared. Nothing is asked about the platform of an image that `is_settled`.
    fn how_shared(&self, mode: ShareMode, is_settled: bool) -> Result<Result<Share, Unshared>, StageError> {
        let secret = self.share_secret();
        if let Some(reason) = self.unshareable(secret.is_some()) {
            return Ok(Err(reason.into()));
        }
        let parents = match self.parent_digests() {
            Ok(parents) => parents,
            Err(unshared) => return Ok(Err(unshared)),
        };
        let platforms = if is_settled { Some(Vec::new()) } else { self.platforms()? };
        let Some(platforms) = platforms else {
            let reason = "the platform of the nodes is unknown or not the same; set `platforms`";
            return Ok(Err(reason.to_owned().into()));
        };
        Ok(Ok(Share { mode, stores_inputs: true, parents, secret, platforms }))
    }

    /// Why no build of the image can be shared: its cache key does not determine it, or would reveal a secret.
    fn unshareable(&self, has_secret: bool) -> Option<String> {
        let config = self.image.config();
        match &self.recipe {
            Recipe::Custom(_) => {
                let custom = config.custom.as_ref();
                let always = custom.is_none_or(|custom| custom.on_change.is_empty());
                always.then(|| "a custom command without `onChange` may read any file".to_owned())
            }
            Recipe::Dockerfile(_) if config.rebuild_strategy == RebuildStrategy::IgnoreContextChanges => {
                Some("`rebuildStrategy` ignores its files".to_owned())
            }
            Recipe::Dockerfile(recipe) => {
                if let Some(base) = recipe.unknown_bases.first() {
                    return Some(format!("nothing is known about its base {base}"));
                }
                let secrets: BTreeSet<_> = self.secret_args(&recipe.dockerfile);
                let used = secrets.iter().find(|name| self.outline.build_args.contains_key(*name));
                let reason = |name: &String| {
                    format!("the build argument `{name}` is secret, and could be guessed; set `{SECRET}`")
                };
                used.filter(|_| !has_secret).map(reason)
            }
        }
    }

    /// The digests of its base images that belong to projects.
    fn parent_digests(&self) -> Result<Vec<String>, Unshared> {
        let mut bases: Vec<_> = self.bases.iter().collect();
        bases.sort_by(|(one, _), (other, _)| one.cmp(other));
        bases.dedup_by(|(one, _), (other, _)| one == other);
        let digest = |(name, base): &(String, crate::run::Finished)| match &base.identity {
            None => Err(Unshared::Planned),
            Some(identity) => identity
                .digest
                .clone()
                .ok_or_else(|| format!("its base `{name}` is not known to be in a registry").into()),
        };
        bases.into_iter().map(digest).collect()
    }

    /// The platforms of a build now; `None` if they are unknown.
    fn platforms(&self) -> Result<Option<Vec<String>>, StageError> {
        let run = self.image.run();
        if let Some(requested) = self.image.platform() {
            return Ok(Some(requested.split(',').map(ToOwned::to_owned).collect()));
        }
        let own = match self.image.wanted_builder() {
            BuilderKind::Kaniko | BuilderKind::BuildKit => {
                // Without an answer, the build says why.
                let nodes = run.session.wait(run.session.host.cluster.nodes())?.unwrap_or_default();
                let platforms: BTreeSet<_> = nodes.into_iter().map(|node| node.platform).collect();
                return Ok(Some(platforms)
                    .filter(|found| found.len() == 1)
                    .map(|found| found.into_iter().collect()));
            }
            BuilderKind::Oci | BuilderKind::Custom => None,
            _ => run.session.wait(run.session.host.docker.own_platform(""))?,
        };
        let own = own.unwrap_or_else(crate::registry::own_platform);
        Ok(Some(vec![normal_platforms(&own)]))
    }

    /// The tags of a build that is shared as `key`: each `#` is a character that all machines choose. A tag that names
    /// another image than `digest` is not taken from it.
    pub(super) fn shared_tags(&self, key: &ShareKey, digest: Option<&str>) -> Result<Vec<Tag>, StageError> {
        let random = &self.image.run().session.host.random;
        let mut tags = Vec::with_capacity(self.templates.len());
        for (index, template) in self.templates.iter().enumerate() {
            let mut tag = template.fixed();
            let mut attempts = 0..ATTEMPTS;
            while let (None, Some(attempt)) = (&tag, attempts.next()) {
                let candidate = key.fill(template, index, attempt);
                let is_free = match self.named_by(&candidate)? {
                    TagLookup::Image(named) => Some(named.as_str()) == digest,
                    TagLookup::Nothing => true,
                    TagLookup::Unknown => break,
                };
                tag = is_free.then_some(candidate);
            }
            tags.push(tag.unwrap_or_else(|| template.fill(|| random.character())));
        }
        Ok(tags)
    }

    /// The image that a tag names, if it may get another one in this run.
    fn named_by(&self, tag: &Tag) -> Result<TagLookup, StageError> {
        if !self.image.is_published() {
            return Ok(TagLookup::Nothing);
        }
        Ok(self.image.run().find_shared_now(&self.reference(tag))?)
    }

    /// The tags of a build with `builder` that starts now. A builder that pushes at once, and a build that replaces an
    /// earlier one of the same inputs, must not change what a tag names.
    pub(super) fn tags_of_build(&self, builder: BuilderKind) -> Result<Vec<Tag>, StageError> {
        let pushes_at_once =
            matches!(builder, BuilderKind::Kaniko | BuilderKind::BuildKit | BuilderKind::Custom);
        match &self.share {
            Some(share) if !pushes_at_once && !self.replaces() && self.image.pushes() => {
                let key = share.key(&self.identity()?.key, &share.platforms);
                self.shared_tags(&key, None)
            }
            _ => Ok(self.new_tags()),
        }
    }

    /// Whether its build replaces an earlier build of the same inputs, also of other machines.
    pub(super) fn replaces(&self) -> bool {
        !matches!(self.verdict, Verdict::Build { is_forced: false, .. })
    }

    /// The build that another machine has shared since this one began, with the digest of that image. The `platforms` are
    /// those of the build, if its builder reported them.
    pub(super) fn built_meanwhile(
        &self,
        identity: &Identity,
        tags: &[Tag],
        built_for: Option<&BuiltFor>,
    ) -> Result<Option<(Record, String)>, StageError> {
        let Some(share) = self.share.as_ref().filter(|_| !self.replaces() && self.image.pushes()) else {
            return Ok(None);
        };
        let own = built_for.filter(|_| identity.inputs.platform.is_none());
        let platforms = own.map_or_else(|| share.platforms.clone(), |own| vec![own.platform.clone()]);
        let tag = share.key(&identity.key, &platforms).tag();
        let TagLookup::Image(digest) = self.image.run().find_shared_now(&self.reference(&tag))? else {
            return Ok(None);
        };
        self.image.events().notice(Level::Info, format!("another run built it meanwhile: using {digest}"));
        Ok(Some((self.foreign_record(identity, tags.to_vec(), &digest), digest)))
    }
}

/// The reason to build an image without a recorded build.
pub(super) const NEVER_BUILT: &str = "never built here";

impl Built {
    /// Lets other machines find this build, once all its tags are in the registry. The first build of the same inputs stays,
    /// unless this one was forced. A failure is only reported.
    ///
    /// # Errors
    /// `registry::...` if a tag of an image that another machine built cannot be pushed; `run::cancelled`.
    pub fn share(&self) -> Result<Self, StageError> {
        let Some(share) = self.sharing() else { return Ok(self.clone()) };
        let (image, run) = (self.image(), self.image().run());
        // A command that has not run has not pushed the tags.
        if let (Source::Shared(_), Some(_), false) =
            (self.source(), &image.config().custom, run.options.skip_push)
        {
            return self.push();
        }
        let Some(record) = self.record().filter(|_| share.mode == ShareMode::Write && !self.is_planned())
        else {
            return Ok(self.clone());
        };
        if record.is_foreign || (record.shared.is_some() && !self.replaces()) {
            return Ok(self.clone());
        }
        let Some(digest) = self.digest_to_share(record)? else {
            image.events().notice(Level::Debug, "not shared: its digest in the registry is unknown");
            return Ok(self.clone());
        };
        let repository = &image.config().repository;
        let by_digest = repository.with_digest(digest.clone());
        let facts = run.session.wait(run.session.host.registry.inspect(&by_digest))?;
        let Ok(Some(facts)) = facts else {
            image.events().notice(Level::Debug, format!("not shared: {by_digest} cannot be read"));
            return Ok(self.clone());
        };
        let platforms: Vec<_> = facts.platforms.iter().map(|platform| normal_platforms(platform)).collect();
        let key = share.key(&record.key, &platforms);
        let reference = repository.with_tag(key.tag());
        let there = run.find_shared_now(&reference)?;
        if there == TagLookup::Unknown {
            return Ok(self.clone());
        }
        let there = there.image();
        let is_first = there.as_ref() != Some(&digest);
        let shared = match there {
            Some(there) if there == digest || !self.replaces() => Some(there),
            there => match run.write_shared(repository, &digest, &key.tag())? {
                Wrote::Tag => Some(digest.clone()),
                Wrote::Kept => {
                    let message = "the registry keeps the first build of these inputs";
                    image.events().notice(Level::Info, message);
                    there
                }
                Wrote::Nothing => None,
            },
        };
        if share.stores_inputs && shared.as_ref() == Some(&digest) {
            let secret = share.secret.as_deref();
            let document = document(image, record, (&key, &platforms), &digest, secret);
            run.write_inputs(repository, &digest, &document, is_first || self.replaces())?;
        }
        let mut record = record.clone();
        if record.custom {
            record.pushed.extend(record.tags.first().map(|tag| (tag.clone(), Some(digest))));
        }
        record.shared = shared;
        if self.record() != Some(&record) {
            run.record(image.name(), &record);
        }
        run.record_share(image.name(), Some(key.hex()));
        Ok(self.with(record, self.source().clone()))
    }

    /// The digest of the image in its registry, with all its tags.
    fn digest_to_share(&self, record: &Record) -> Result<Option<String>, StageError> {
        let run = self.image().run();
        if !record.custom {
            let is_pushed = record.tags.iter().all(|tag| record.pushed.contains_key(tag));
            return Ok(record.digest().filter(|_| is_pushed).map(ToOwned::to_owned));
        }
        // The command pushed it at a time that is unknown.
        let first: Option<ImageReference> = self.references().into_iter().next();
        match first.filter(|_| !record.push_skipped) {
            Some(first) => Ok(run.find_shared_now(&first)?.image()),
            None => Ok(None),
        }
    }
}
