//! The function that decides whether an image is built.

use std::collections::BTreeMap;

use crate::host::ImageIds;
use crate::image::{CacheKey, Digest, ImageReference, Repository, Tag, TagTemplate};
use crate::state::{BaseDigest, BaseIdentity, BuiltFor, Record};

/// A query for the references that the daemon has.
pub type AskDaemon<'a, E> = dyn Fn(&[ImageReference]) -> Result<Option<ImageIds>, E> + 'a;

/// Asks the image store which of some references name an image.
type AskStore<'a, E> = dyn Fn(&Digest, &[ImageReference]) -> Result<Option<Vec<ImageReference>>, E> + 'a;

/// All inputs of the decision. Queries to a daemon or registry are closures, called only if the decision needs them.
pub struct DecisionInputs<'a, E> {
    /// The cache key of a build now. A closure too, because it may read many files.
    pub key: &'a dyn Fn() -> Result<CacheKey, E>,
    /// Its repository.
    pub repository: &'a Repository,
    /// The tags that it should have.
    pub templates: &'a [TagTemplate],
    /// The records of earlier builds, newest first.
    pub records: &'a [Record],
    /// Its current base images that belong to projects.
    pub bases: &'a [UsedBase],
    /// The identity of the base image with this name, for one whose content is not recorded.
    pub identify: &'a dyn Fn(&str) -> BaseIdentity,
    /// The current digests of its other base images, by reference, if the user asks whether they moved.
    pub outside: &'a BTreeMap<String, BaseDigest>,
    /// Why it is built regardless of its inputs: `forced`, `rebuildStrategy is always`.
    pub always: Option<&'a str>,
    /// The digest of the check that an image must pass; `None` without a check.
    pub check: Option<Digest>,
    /// Whether this run pushes it; for a custom command, whether it gets the option to push.
    pub pushes: bool,
    /// Whether an image that is only in its registry, without tags, is good enough.
    pub uses_shared: bool,
    /// Whether pushed images are verified in the registry instead of trusted.
    pub check_registry: bool,
    /// The image IDs of the references that the daemon has; `None` if no daemon responds.
    pub in_daemon: &'a AskDaemon<'a, E>,
    /// Whether the daemon has an image with this ID, even untagged.
    pub has_id: &'a dyn Fn(&str) -> Result<bool, E>,
    /// Those of the references that name the image with this manifest in the image store; `None` if the store does not
    /// have it.
    pub in_store: &'a AskStore<'a, E>,
    /// The digest of a reference in its registry.
    pub in_registry: &'a dyn Fn(&ImageReference) -> Result<Option<String>, E>,
    /// The platform of a build now, if another builder than the recorded one would choose it.
    pub own_platform: &'a dyn Fn(&BuiltFor) -> Result<Option<String>, E>,
    /// Replaces each `#` of a tag.
    pub random: &'a dyn Fn() -> char,
}

/// A current base image that belongs to a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedBase {
    /// Its name.
    pub name: String,
    /// Its identity; `None` if it will be built.
    pub identity: Option<BaseIdentity>,
    /// Whether this run built it.
    pub is_new: bool,
}

/// The decision about an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is built.
    Build {
        /// The reason, if it is not a change of the inputs.
        reason: Option<String>,
        /// Whether an earlier build of the same inputs must not be used.
        is_forced: bool,
    },
    /// Its earlier build is used.
    Reuse(Box<Reuse>),
}

/// An earlier build to reuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reuse {
    /// The record of the build, without pushed tags that no longer exist.
    pub record: Record,
    /// Its tags, including new ones.
    pub tags: Vec<Tag>,
    /// The tags to add in the daemon, if the image comes from there.
    pub untagged: Vec<Tag>,
    /// Its location.
    pub source: Source,
    /// The step after the build that has not succeeded, such as `not verified yet`.
    pub unfinished: Option<&'static str>,
    /// The remaining work on its tags, such as `not pushed yet`, or `None`.
    pub left: Option<String>,
}

/// The location of a built image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In the daemon, under this ID.
    Daemon(String),
    /// In the image store, with this manifest digest.
    Store(Digest),
    /// In its registry, under this tag.
    Registry(Tag),
    /// In its registry, with this digest: another machine built it.
    Shared(String),
    /// At an unknown location chosen by the custom command.
    Elsewhere,
}

/// The state of an earlier build in the daemon.
enum InDaemon {
    /// The daemon has it, with this ID and these of its tags.
    There(String, Vec<Tag>),
    /// The daemon no longer has it.
    Gone,
    /// This base image is now a different image in the daemon.
    OtherBase(ImageReference),
    /// No daemon responds.
    Silent,
}

/// Why an earlier build is not reused.
struct Obstacle {
    reason: String,
    /// Whether no build of the same inputs may be used, not even one of another machine.
    is_forced: bool,
}

impl From<String> for Obstacle {
    fn from(reason: String) -> Self {
        Self { reason, is_forced: false }
    }
}

/// Decides whether an image is built or an earlier build of it is reused.
///
/// A build with the same cache key and the current base images is reused if all its tags are in the registry (trusted,
/// or verified with `check_registry`), or if a daemon or the image store has it. A daemon that does not respond has no
/// images: the build may not need it. New tags are added to the existing image.
///
/// # Errors
/// The error of the daemon or the registry if a required query fails.
pub fn decide<E>(situation: &DecisionInputs<'_, E>) -> Result<Verdict, E> {
    if let Some(reason) = situation.always {
        return Ok(Verdict::Build { reason: Some(reason.to_owned()), is_forced: true });
    }
    if situation.records.is_empty() {
        return Ok(Verdict::Build { reason: None, is_forced: false });
    }
    let key = (situation.key)()?;
    let repository = situation.repository.to_string();
    let same_key: Vec<_> = situation.records.iter().filter(|record| record.key == key).collect();
    // A build with exactly these templates keeps its random tags; any other one gets new tags.
    let is_twin = |record: &&&Record| record.templates == situation.templates;
    let here = || same_key.iter().filter(|record| record.repository == repository);
    let candidates = here().filter(is_twin).chain(here().filter(|record| !is_twin(record)));
    let mut first_obstacle = None;
    let mut has_moved = false;
    for record in candidates {
        // After a build on an older base image, one on an unknown base image is not better.
        let moved = moved_outside(record, situation.outside, has_moved);
        has_moved |= moved.is_some();
        let reuse = if let Some(reason) = moved {
            Err(Obstacle { reason, is_forced: true })
        } else if let Some(reason) = situation.other_base(record) {
            Err(reason.into())
        } else {
            situation.reuse(record)?
        };
        match reuse {
            Ok(reuse) => return Ok(Verdict::Reuse(Box::new(reuse))),
            Err(obstacle) => first_obstacle = first_obstacle.or(Some(obstacle)),
        }
    }
    let moved = || {
        let elsewhere = same_key.first()?;
        Some(format!("moved from {} to {repository}", elsewhere.repository))
    };
    let latest = situation.records.first().filter(|_| same_key.is_empty());
    let is_forced = match latest {
        Some(latest) => moved_outside(latest, situation.outside, false).is_some(),
        None => first_obstacle.as_ref().is_some_and(|obstacle: &Obstacle| obstacle.is_forced),
    };
    let reason = first_obstacle.map(|obstacle| obstacle.reason).or_else(moved);
    Ok(Verdict::Build { reason, is_forced })
}

impl Reuse {
    /// The step after the build that has not succeeded for `record`, whose image must pass `check`.
    pub fn unfinished(record: &Record, check: Option<&Digest>) -> Option<&'static str> {
        match record.is_finished() {
            _ if !record.is_verified(check) => Some("not verified yet"),
            false => Some("not finished yet"),
            true => None,
        }
    }

    /// The remaining work, as a phrase, or `None`.
    pub fn rest(&self) -> Option<String> {
        let parts: Vec<_> = self.unfinished.into_iter().chain(self.left.as_deref()).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// Those of `tags` that are not among `local`, which refer to the image, and the problem of the first one.
fn untagged(tags: &[Tag], local: &[Tag]) -> (Vec<Tag>, Option<String>) {
    let untagged: Vec<_> = tags.iter().filter(|tag| !local.contains(tag)).cloned().collect();
    let renamed = untagged.first().map(|tag| format!("tag {tag} no longer refers to it"));
    (untagged, renamed)
}

/// The reason to build an image because one of its base images that belong to no project is not the one that `record` was
/// built on: `now` has their digests. An unknown base image is the same one, unless `is_strict`.
pub fn moved_outside(record: &Record, now: &BTreeMap<String, BaseDigest>, is_strict: bool) -> Option<String> {
    let has_moved = |(reference, now): &(&String, &BaseDigest)| match record.outside_bases.get(*reference) {
        Some(then) => then.digest != now.digest,
        None => is_strict,
    };
    now.iter().find(has_moved).map(|(reference, _)| format!("base {reference} moved"))
}

/// The first of `wanted` that is not among `known`.
fn missing<'a>(wanted: &'a [Tag], known: &[Tag]) -> Option<&'a Tag> {
    wanted.iter().find(|tag| !known.contains(tag))
}

impl<E> DecisionInputs<'_, E> {
    /// The reason for the first base image that differs from the one `record` was built on. In a dry run, a base image
    /// that will be built counts as different, although the result may be the same.
    fn other_base(&self, record: &Record) -> Option<String> {
        let is_same = |base: &&UsedBase| {
            let Some(now) = &base.identity else { return false };
            let was_built_on = |now: &BaseIdentity| match record.bases.get(&base.name) {
                Some(then) => then.is_same(now),
                // Names are ignored: the same cache key implies the same base images.
                None => record.bases.values().any(|then| then.is_same(now)),
            };
            was_built_on(now) || (!now.has_content() && was_built_on(&(self.identify)(&base.name)))
        };
        let other = self.bases.iter().find(|base| !is_same(base))?;
        let when = if other.is_new { "is" } else { "was" };
        Some(format!("its base `{}` {when} rebuilt", other.name))
    }

    /// How `record` is reused, or the reason why it cannot be.
    fn reuse(&self, record: &Record) -> Result<Result<Reuse, Obstacle>, E> {
        if let Some(built_for) = &record.built_for
            && let Some(now) = (self.own_platform)(built_for)?.filter(|now| *now != built_for.platform)
        {
            return Ok(Err(format!("built for {}, now for {now}", built_for.platform).into()));
        }
        let tags = self.tags(record);
        let reuse = |source, record: &Record, left| {
            let (record, tags, untagged) = (record.clone(), tags.clone(), Vec::new());
            let unfinished = Reuse::unfinished(&record, self.check.as_ref());
            Ok(Ok(Reuse { record, tags, untagged, source, unfinished, left }))
        };
        if record.custom {
            // Where a command leaves its image is not known, so its tag cannot be given back to it.
            if let Some(tag) = tags.iter().find(|tag| record.is_taken(tag, self.records)) {
                return Ok(Err(format!("tag {tag} was built from other inputs since").into()));
            }
            return match missing(&tags, &record.tags) {
                Some(tag) => Ok(Err(format!("new tag {tag}").into())),
                None if self.pushes && record.push_skipped => Ok(Err("not pushed yet".to_owned().into())),
                None if self.pushes && self.check_registry => match self.pushed_by_command(record, &tags)? {
                    Ok(pushed) => reuse(Source::Elsewhere, &Record { pushed, ..record.clone() }, None),
                    Err(lost) => Ok(Err(lost.into())),
                },
                None => reuse(Source::Elsewhere, record, None),
            };
        }

        let (pushed, lost) = self.still_pushed(record)?;
        if let Some(tag) = tags.first()
            && tags.iter().all(|tag| pushed.contains_key(tag))
        {
            return reuse(Source::Registry(tag.clone()), record, None);
        }
        let record = &Record { pushed, ..record.clone() };
        let unfinished = Reuse::unfinished(record, self.check.as_ref());

        let new = missing(&tags, &record.tags).map(|tag| format!("new tag {tag}"));
        let unpushed: Vec<_> = tags.iter().filter(|tag| !record.pushed.contains_key(tag)).collect();
        let not_pushed = || match unpushed.as_slice() {
            [tag] if tags.len() > 1 => format!("tag {tag} is not pushed yet"),
            _ => "not pushed yet".to_owned(),
        };
        let to_push = || self.pushes.then(|| lost.clone().unwrap_or_else(not_pushed));
        if let Some(digest) = record.stored
            && let Some(names) = (self.in_store)(&digest, &record.references(self.repository))?
        {
            if let Some(base) = self.find_moved_base(record)? {
                return Ok(Err(base_moved(&base)));
            }
            let local: Vec<_> = names.into_iter().filter_map(|name| name.tag).collect();
            let (untagged, renamed) = untagged(&tags, &local);
            let left = new.or_else(to_push).or(renamed);
            let (record, source) = (record.clone(), Source::Store(digest));
            return Ok(Ok(Reuse { record, tags, untagged, source, unfinished, left }));
        }
        let foreign = match record.foreign_digest() {
            Some(digest) if self.uses_shared && !self.is_lost(digest)? => Some(digest),
            _ => None,
        };
        let in_daemon = match self.find_in_daemon(record) {
            // The registry can add a tag to its image without a daemon.
            Err(_) if self.pushes && !record.pushed.is_empty() => InDaemon::Gone,
            found => found?,
        };
        if let InDaemon::OtherBase(base) = in_daemon {
            return Ok(Err(base_moved(&base)));
        }
        let is_silent = matches!(in_daemon, InDaemon::Silent);
        if let InDaemon::There(id, local) = in_daemon {
            let (untagged, renamed) = untagged(&tags, &local);
            let left = new.or_else(to_push).or(renamed);
            return Ok(Ok(Reuse {
                record: record.clone(),
                tags,
                untagged,
                source: Source::Daemon(id),
                unfinished,
                left,
            }));
        }
        match record.pushed.keys().next() {
            _ if foreign.is_some() => {
                reuse(Source::Shared(foreign.unwrap_or_default().to_owned()), record, new.or_else(to_push))
            }
            Some(tag) if self.pushes => reuse(Source::Registry(tag.clone()), record, new.or_else(to_push)),
            _ if is_silent => Ok(Err("the Docker daemon that has it does not respond".to_owned().into())),
            None if lost.is_some() => {
                Ok(Err("the image is no longer in the registry or the daemon".to_owned().into()))
            }
            _ if record.is_foreign => Ok(Err("the image is only in the registry".to_owned().into())),
            _ if record.stored.is_some() => Ok(Err("the image is no longer in the store".to_owned().into())),
            _ => Ok(Err("the image is no longer in the daemon".to_owned().into())),
        }
    }

    /// Whether the registry no longer has the image with this digest. Trusted unless the user requests a query.
    fn is_lost(&self, digest: &str) -> Result<bool, E> {
        if !self.check_registry {
            return Ok(false);
        }
        Ok((self.in_registry)(&self.repository.with_digest(digest.to_owned()))?.is_none())
    }

    /// The tags of a reused build: its own if they come from the same templates.
    fn tags(&self, record: &Record) -> Vec<Tag> {
        if record.templates == self.templates {
            return record.tags.clone();
        }
        self.templates.iter().map(|template| template.fill(|| (self.random)())).collect()
    }

    /// Looks up, for an image that is not in the daemon, a base image that is now a different one there. A daemon that
    /// does not respond does not affect earlier builds.
    fn find_moved_base(&self, record: &Record) -> Result<Option<ImageReference>, E> {
        let asked: Vec<_> = record.daemon_bases().map(|(base, _)| base).collect();
        if asked.is_empty() {
            return Ok(None);
        }
        Ok((self.in_daemon)(&asked)?.and_then(|mut found| moved_base(record, &mut found)))
    }

    /// Looks up the build in the daemon.
    fn find_in_daemon(&self, record: &Record) -> Result<InDaemon, E> {
        let Some(id) = &record.image_id else { return Ok(InDaemon::Gone) };
        let mut asked = record.references(self.repository);
        asked.extend(record.daemon_bases().map(|(base, _)| base));
        let Some(mut found) = (self.in_daemon)(&asked)? else { return Ok(InDaemon::Silent) };
        if let Some(base) = moved_base(record, &mut found) {
            return Ok(InDaemon::OtherBase(base));
        }
        // A tag that has moved to another image no longer refers to this build.
        let own = found.into_iter().filter(|(_, found)| found == id);
        let local: Vec<Tag> = own.filter_map(|(reference, _)| reference.tag).collect();
        let is_there = !local.is_empty() || (self.has_id)(id)?;
        Ok(if is_there { InDaemon::There(id.clone(), local) } else { InDaemon::Gone })
    }

    /// The pushed tags that still exist, and the problem of the first that does not.
    fn still_pushed(&self, record: &Record) -> Result<(Pushed, Option<String>), E> {
        let mut pushed = record.pushed.clone();
        let mut lost = None;
        for (tag, digest) in record.pushed.iter().filter(|_| self.check_registry) {
            if let Err(what) = self.look_up(tag, digest.as_deref())? {
                pushed.remove(tag);
                lost = lost.or(Some(what));
            }
        }
        Ok((pushed, lost))
    }

    /// The tags of a custom command that the registry has, or the problem of the first missing one. What the command
    /// pushed is not recorded, so the first digest in the registry is used.
    fn pushed_by_command(&self, record: &Record, tags: &[Tag]) -> Result<Result<Pushed, String>, E> {
        let mut pushed = Pushed::new();
        for tag in tags {
            let known = record.pushed.get(tag).and_then(Option::as_deref);
            match self.look_up(tag, known)? {
                Ok(digest) => drop(pushed.insert(tag.clone(), Some(digest))),
                Err(lost) => return Ok(Err(lost)),
            }
        }
        Ok(Ok(pushed))
    }

    /// The digest of `tag` in its registry, if it still matches `known`; otherwise its problem.
    fn look_up(&self, tag: &Tag, known: Option<&str>) -> Result<Result<String, String>, E> {
        Ok(match (self.in_registry)(&self.repository.with_tag(tag.clone()))? {
            Some(now) if known.is_some_and(|known| now != known) => {
                Err(format!("tag {tag} is a different image in the registry"))
            }
            Some(now) => Ok(now),
            None => Err(format!("tag {tag} is no longer in the registry")),
        })
    }
}

/// Tags in a registry, with their digests where known.
type Pushed = BTreeMap<Tag, Option<String>>;

/// Removes the base images of `record` from `found`, the images of the daemon; returns the first that is now a
/// different image. A missing base image does not affect the images built on it.
fn moved_base(record: &Record, found: &mut ImageIds) -> Option<ImageReference> {
    let moved = |(base, then): &(ImageReference, &str)| found.remove(base).is_some_and(|now| now != *then);
    record.daemon_bases().find(moved).map(|(base, _)| base)
}

/// The reason to build an image whose base image changed in the daemon. Other machines may have built it on the old one.
fn base_moved(base: &ImageReference) -> Obstacle {
    Obstacle {
        reason: format!("its base {base} is now a different image in the Docker daemon"),
        is_forced: true,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    use super::*;
    use crate::image::Inputs;
    use crate::state::{BasePlace, Progress, sample};

    /// A test world with an image `acme/api`, and the queries to it.
    struct World {
        templates: Vec<TagTemplate>,
        records: Vec<Record>,
        always: Option<&'static str>,
        check: Option<Digest>,
        pushes: bool,
        uses_shared: bool,
        check_registry: bool,
        bases: Vec<UsedBase>,
        outside: BTreeMap<String, BaseDigest>,
        /// The known identity of a base image.
        identity: BaseIdentity,
        /// Tags in the daemon with their image IDs; it has other images without a tag.
        daemon: BTreeMap<&'static str, &'static str>,
        nameless: Vec<&'static str>,
        /// Whether no daemon responds.
        is_silent: bool,
        /// The image in the image store.
        stored: Option<Digest>,
        /// Tags that name another image in the image store.
        moved: Vec<&'static str>,
        /// Tags in the registry with their digests.
        registry: BTreeMap<&'static str, &'static str>,
        asked: RefCell<Vec<String>>,
    }

    /// A build with the current cache key.
    fn record(tags: &[&str], id: Option<&str>, pushed: &[(&str, Option<&str>)]) -> Record {
        let inputs = inputs("now");
        let tag = |tag: &str| tag.parse::<Tag>().expect("a tag");
        Record {
            templates: tags.iter().map(|tag| tag.parse().expect("a tag")).collect(),
            tags: tags.iter().map(|text| tag(text)).collect(),
            image_id: id.map(ToOwned::to_owned),
            pushed: pushed.iter().map(|(text, digest)| (tag(text), digest.map(ToOwned::to_owned))).collect(),
            ..sample::record(&inputs)
        }
    }

    fn inputs(text: &str) -> Inputs {
        Inputs { dockerfile: Some(Digest::of(text)), ..Inputs::default() }
    }

    fn world(tags: &[&str], records: Vec<Record>) -> World {
        World {
            templates: tags.iter().map(|tag| tag.parse().expect("a tag")).collect(),
            records,
            always: None,
            check: None,
            pushes: true,
            uses_shared: true,
            check_registry: false,
            bases: Vec::new(),
            outside: BTreeMap::new(),
            identity: BaseIdentity::default(),
            daemon: BTreeMap::new(),
            nameless: Vec::new(),
            is_silent: false,
            stored: None,
            moved: Vec::new(),
            registry: BTreeMap::new(),
            asked: RefCell::default(),
        }
    }

    impl World {
        fn verdict(&self) -> Verdict {
            let repository: Repository = "acme/api".parse().expect("a repository");
            let note = |question: String| self.asked.borrow_mut().push(question);
            let tag = |reference: &ImageReference| {
                reference.tag.as_ref().map(ToString::to_string).unwrap_or_default()
            };
            let verdict: Result<Verdict, ()> = decide(&DecisionInputs {
                key: &|| Ok(inputs("now").key()),
                repository: &repository,
                templates: &self.templates,
                records: &self.records,
                bases: &self.bases,
                outside: &self.outside,
                identify: &|base| {
                    note(format!("base {base}"));
                    self.identity.clone()
                },
                always: self.always,
                check: self.check,
                pushes: self.pushes,
                uses_shared: self.uses_shared,
                check_registry: self.check_registry,
                in_daemon: &|references| {
                    let tags: Vec<_> = references.iter().map(tag).collect();
                    note(format!("daemon {}", tags.join(" ")));
                    let found = references.iter().filter_map(|reference| {
                        let id = self.daemon.get(tag(reference).as_str())?;
                        Some((reference.clone(), (*id).to_owned()))
                    });
                    Ok((!self.is_silent).then(|| found.collect()))
                },
                has_id: &|id| {
                    note(format!("id {id}"));
                    Ok(self.nameless.contains(&id))
                },
                in_store: &|digest, references| {
                    let is_its = |reference: &&ImageReference| !self.moved.contains(&tag(reference).as_str());
                    let names = references.iter().filter(is_its).cloned().collect();
                    Ok((self.stored == Some(*digest)).then_some(names))
                },
                in_registry: &|reference| {
                    note(format!("registry {}", tag(reference)));
                    Ok(self.registry.get(tag(reference).as_str()).map(|digest| (*digest).to_owned()))
                },
                own_platform: &|_| Ok(None),
                random: &|| 'x',
            });
            verdict.expect("a verdict")
        }

        /// Checks the verdict in short form (`build: reason`, `daemon a b (+ b): remaining work`) and the queries.
        #[track_caller]
        fn check(&self, expected: &str, asked: &[&str]) {
            let join = |tags: &[Tag]| tags.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
            let short = match self.verdict() {
                Verdict::Build { reason, .. } => format!("build: {}", reason.unwrap_or_default()),
                Verdict::Reuse(reuse) => {
                    let source = match &reuse.source {
                        Source::Daemon(id) => format!("daemon {id}"),
                        Source::Store(_) => "store".to_owned(),
                        Source::Registry(tag) => format!("registry {tag}"),
                        Source::Shared(digest) => format!("shared {digest}"),
                        Source::Elsewhere => "elsewhere".to_owned(),
                    };
                    let untagged = match join(&reuse.untagged) {
                        tags if tags.is_empty() => tags,
                        tags => format!(" (+ {tags})"),
                    };
                    let left = reuse.rest().unwrap_or_else(|| "nothing".to_owned());
                    format!("{source} as {}{untagged}: {left}", join(&reuse.tags))
                }
            };
            assert_eq!((short.as_str(), self.asked.take()), (expected, to_owned(asked)));
        }
    }

    fn to_owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    const PUSHED: (&str, Option<&str>) = ("1", Some("d1"));

    #[test]
    fn without_a_build_of_this_key_it_is_built_without_queries() {
        world(&["1"], Vec::new()).check("build: ", &[]);
        let mut old = record(&["1"], Some("i"), &[PUSHED]);
        old.key = inputs("before").key();
        world(&["1"], vec![old]).check("build: ", &[]);
        let moved = Record { repository: "acme/old".to_owned(), ..record(&["1"], Some("i"), &[PUSHED]) };
        world(&["1"], vec![moved]).check("build: moved from acme/old to acme/api", &[]);
    }

    #[test]
    fn build_of_another_machine_needs_no_tag() {
        let foreign = |pushed| Record {
            shared: Some("d1".to_owned()),
            is_foreign: true,
            lost_tags: true,
            ..record(&["1"], None, pushed)
        };
        let mut world = world(&["1"], vec![foreign(&[])]);
        world.check("shared d1 as 1: not pushed yet", &[]);
        world.records = vec![foreign(&[PUSHED])];
        world.check("registry 1 as 1: nothing", &[]);
        world.templates = vec!["1".parse().expect("a tag"), "2".parse().expect("a tag")];
        world.check("shared d1 as 1 2: new tag 2", &[]);
        world.records = vec![foreign(&[])];
        world.templates.truncate(1);
        world.pushes = false;
        world.check("shared d1 as 1: nothing", &[]);
        world.check_registry = true;
        world.check("build: the image is only in the registry", &["registry "]);
        world.check_registry = false;
        world.uses_shared = false;
        world.check("build: the image is only in the registry", &[]);
    }

    #[test]
    fn an_image_of_the_store_needs_no_daemon() {
        let digest = Digest::of("manifest");
        let stored = |pushed| Record { stored: Some(digest), ..record(&["1"], None, pushed) };
        let mut world = world(&["1"], vec![stored(&[])]);
        world.check("build: the image is no longer in the store", &[]);
        world.stored = Some(digest);
        world.check("store as 1: not pushed yet", &[]);
        world.pushes = false;
        world.check("store as 1: nothing", &[]);
        world.moved = vec!["1"];
        world.check("store as 1 (+ 1): tag 1 no longer refers to it", &[]);
        world.moved.clear();
        world.templates = vec!["2".parse().expect("a tag")];
        world.check("store as 2 (+ 2): new tag 2", &[]);
        world.records = vec![stored(&[PUSHED])];
        world.templates = vec!["1".parse().expect("a tag")];
        world.check("registry 1 as 1: nothing", &[]);
    }

    fn build(name: &str) -> BaseIdentity {
        BaseIdentity { build: name.to_owned(), ..BaseIdentity::default() }
    }

    fn base(identity: Option<BaseIdentity>, is_new: bool) -> Vec<UsedBase> {
        vec![UsedBase { name: "low".to_owned(), identity, is_new }]
    }

    /// A pushed build on the base `low` with this known identity.
    fn record_on(low: BaseIdentity) -> Record {
        Record { bases: BTreeMap::from([("low".to_owned(), low)]), ..record(&["1"], Some("i"), &[PUSHED]) }
    }

    #[test]
    fn another_base_image_is_a_change() {
        let mut world = world(&["1"], vec![record_on(build("first"))]);
        world.bases = base(Some(build("first")), false);
        world.check("registry 1 as 1: nothing", &[]);
        // Its content is unknown.
        world.bases = base(Some(build("second")), false);
        world.check("build: its base `low` was rebuilt", &["base low"]);
        world.bases = base(Some(build("second")), true);
        world.check("build: its base `low` is rebuilt", &["base low"]);
        world.bases = base(None, true);
        world.check("build: its base `low` is rebuilt", &[]);
        world.bases = base(Some(build("first")), false);
        world.bases[0].name = "renamed".to_owned();
        world.check("registry 1 as 1: nothing", &[]);
        world.records = vec![record(&["1"], Some("i"), &[PUSHED])];
        world.check("build: its base `renamed` was rebuilt", &["base renamed"]);
    }

    #[test]
    fn a_base_built_to_the_same_image_is_not_another() {
        let known = |name: &str, id: &str| BaseIdentity { image_id: Some(id.to_owned()), ..build(name) };
        let mut world = world(&["1"], vec![record_on(known("first", "id"))]);
        world.bases = base(Some(known("second", "id")), true);
        world.check("registry 1 as 1: nothing", &[]);
        // A custom command reports no content, so the content must be queried.
        world.bases = base(Some(build("second")), true);
        world.identity = known("second", "id");
        world.check("registry 1 as 1: nothing", &["base low"]);
        world.identity = known("second", "other");
        world.check("build: its base `low` is rebuilt", &["base low"]);
    }

    #[test]
    fn an_earlier_build_on_the_same_base_is_reused() {
        let (newer, older) = (record_on(build("second")), record_on(build("first")));
        let mut world = world(&["1"], vec![newer, older]);
        world.bases = base(Some(build("first")), false);
        world.check("registry 1 as 1: nothing", &["base low"]);
    }

    #[test]
    fn a_base_of_the_daemon_is_compared_when_the_daemon_is_queried() {
        let on = |pushed| Record {
            daemon_bases: BTreeMap::from([("acme/base:dev".to_owned(), "b1".to_owned())]),
            ..record(&["1"], Some("i"), pushed)
        };
        let mut world = world(&["1"], vec![on(&[])]);
        world.daemon = BTreeMap::from([("1", "i"), ("dev", "b1")]);
        world.check("daemon i as 1: not pushed yet", &["daemon 1 dev"]);
        world.daemon.insert("dev", "b2");
        let other = "build: its base acme/base:dev is now a different image in the Docker daemon";
        world.check(other, &["daemon 1 dev"]);
        // A missing base image does not affect images built on it.
        world.daemon.remove("dev");
        world.check("daemon i as 1: not pushed yet", &["daemon 1 dev"]);
        world.records = vec![on(&[PUSHED])];
        world.check("registry 1 as 1: nothing", &[]);
        // For an image that windlass assembled, only the base images are compared.
        let digest = Digest::of("stored");
        world.stored = Some(digest);
        world.records = vec![Record { stored: Some(digest), image_id: None, ..on(&[]) }];
        world.check("store as 1: not pushed yet", &["daemon dev"]);
        world.daemon.insert("dev", "b2");
        world.check(other, &["daemon dev"]);
        world.is_silent = true;
        world.check("store as 1: not pushed yet", &["daemon dev"]);
    }

    #[test]
    fn an_image_that_is_always_built_queries_nothing() {
        let mut world = world(&["1"], vec![record(&["1"], Some("i"), &[PUSHED])]);
        world.always = Some("forced");
        world.check("build: forced", &[]);
    }

    #[test]
    fn a_pushed_image_needs_no_query() {
        let mut world = world(&["1"], vec![record(&["1"], Some("i"), &[PUSHED])]);
        world.check("registry 1 as 1: nothing", &[]);
        world.pushes = false;
        world.check("registry 1 as 1: nothing", &[]);
    }

    #[test]
    fn a_pushed_image_is_looked_up_on_request() {
        let mut world = world(&["1"], vec![record(&["1"], Some("i"), &[PUSHED])]);
        world.check_registry = true;
        let all = ["registry 1", "daemon 1", "id i"];
        world.check("build: the image is no longer in the registry or the daemon", &all);
        world.registry = BTreeMap::from([("1", "d1")]);
        world.check("registry 1 as 1: nothing", &all[..1]);
        world.registry = BTreeMap::from([("1", "d2")]);
        world.daemon = BTreeMap::from([("1", "i")]);
        world.check("daemon i as 1: tag 1 is a different image in the registry", &all[..2]);
        world.registry.clear();
        world.check("daemon i as 1: tag 1 is no longer in the registry", &all[..2]);
        let Verdict::Reuse(reuse) = world.verdict() else { panic!("it is reused") };
        assert!(reuse.record.pushed.is_empty(), "a missing tag must be pushed again");
        world.asked.take();
        world.pushes = false;
        world.check("daemon i as 1: nothing", &all[..2]);
    }

    #[test]
    fn images_that_a_command_pushed_are_looked_up_as_well() {
        let custom = |pushed| Record { custom: true, ..record(&["1"], None, pushed) };
        let mut world = world(&["1"], vec![custom(&[])]);
        world.check_registry = true;
        world.check("build: tag 1 is no longer in the registry", &["registry 1"]);
        world.registry = BTreeMap::from([("1", "d1")]);
        world.check("elsewhere as 1: nothing", &["registry 1"]);
        let Verdict::Reuse(reuse) = world.verdict() else { panic!("it is reused") };
        assert_eq!(reuse.record.digest(), Some("d1"));
        world.asked.take();
        world.records = vec![custom(&[("1", Some("d0"))])];
        world.check("build: tag 1 is a different image in the registry", &["registry 1"]);
        world.pushes = false;
        world.check("elsewhere as 1: nothing", &[]);
    }

    #[test]
    fn a_build_without_a_finished_pipeline_is_not_finished() {
        let mut built = record(&["1"], Some("i"), &[PUSHED]);
        for (progress, expected) in [
            (Progress::Built, "registry 1 as 1: not finished yet"),
            (Progress::Finished, "registry 1 as 1: nothing"),
            (Progress::Settled, "registry 1 as 1: nothing"),
        ] {
            built.progress = progress;
            world(&["1"], vec![built.clone()]).check(expected, &[]);
        }
        let unpushed = Record { progress: Progress::Built, ..record(&["1"], Some("i"), &[]) };
        let mut world = world(&["1"], vec![unpushed]);
        world.daemon = BTreeMap::from([("1", "i")]);
        world.check("daemon i as 1: not finished yet, not pushed yet", &["daemon 1"]);
    }

    #[test]
    fn an_image_must_pass_the_current_check() {
        let mut record = record(&["1"], Some("i"), &[PUSHED]);
        record.add_verified(Digest::of("check"));
        let mut world = world(&["1"], vec![record]);
        for (check, expected) in [
            (None, "registry 1 as 1: nothing"),
            (Some("check"), "registry 1 as 1: nothing"),
            (Some("another check"), "registry 1 as 1: not verified yet"),
        ] {
            world.check = check.map(Digest::of);
            world.check(expected, &[]);
        }
    }

    #[test]
    fn an_unknown_digest_is_not_a_difference() {
        let mut world = world(&["1"], vec![record(&["1"], Some("i"), &[("1", None)])]);
        world.check_registry = true;
        world.registry = BTreeMap::from([("1", "d1")]);
        world.check("registry 1 as 1: nothing", &["registry 1"]);
    }

    #[test]
    fn an_image_of_only_the_daemon_is_looked_up_in_it() {
        let mut world = world(&["1"], vec![record(&["1"], Some("i"), &[])]);
        world.check("build: the image is no longer in the daemon", &["daemon 1", "id i"]);
        world.daemon = BTreeMap::from([("1", "i")]);
        world.check("daemon i as 1: not pushed yet", &["daemon 1"]);
        world.pushes = false;
        world.check("daemon i as 1: nothing", &["daemon 1"]);
    }

    #[test]
    fn a_daemon_that_does_not_respond_has_no_image() {
        let mut world = world(&["1"], vec![record(&["1"], Some("i"), &[])]);
        world.is_silent = true;
        world.check("build: the Docker daemon that has it does not respond", &["daemon 1"]);
        world.records = vec![record(&["1"], Some("i"), &[PUSHED])];
        world.check("registry 1 as 1: nothing", &[]);
    }

    #[test]
    fn a_tag_of_another_image_is_taken_back() {
        let mut world = world(&["1"], vec![record(&["1"], Some("i"), &[])]);
        world.pushes = false;
        world.daemon = BTreeMap::from([("1", "other")]);
        world.check("build: the image is no longer in the daemon", &["daemon 1", "id i"]);
        world.nameless = vec!["i"];
        world.check("daemon i as 1 (+ 1): tag 1 no longer refers to it", &["daemon 1", "id i"]);
    }

    #[test]
    fn a_build_without_an_id_cannot_be_distinguished_from_others() {
        let mut world = world(&["1"], vec![record(&["1"], None, &[])]);
        world.daemon = BTreeMap::from([("1", "i")]);
        world.check("build: the image is no longer in the daemon", &[]);
    }

    #[test]
    fn a_new_tag_is_added_to_the_existing_image() {
        let mut world = world(&["1", "2"], vec![record(&["1"], Some("i"), &[PUSHED])]);
        world.check("registry 1 as 1 2: new tag 2", &["daemon 1", "id i"]);
        world.daemon = BTreeMap::from([("1", "i")]);
        world.check("daemon i as 1 2 (+ 2): new tag 2", &["daemon 1"]);
        world.daemon.clear();
        world.pushes = false;
        world.check("build: the image is no longer in the daemon", &["daemon 1", "id i"]);
    }

    #[test]
    fn a_moved_base_is_a_reason_to_build_as_far_as_it_is_known() {
        let base =
            |digest: &str| BaseDigest { digest: digest.to_owned(), place: BasePlace::Registry, asked: 0 };
        let bases = |digest: &str| BTreeMap::from([("alpine:3".to_owned(), base(digest))]);
        let on = |digest: &str| Record { outside_bases: bases(digest), ..record(&["1"], None, &[PUSHED]) };
        let unknown = || record(&["1"], None, &[PUSHED]);
        #[track_caller]
        fn check(world: World, expected: &str, is_forced: bool) {
            world.check(expected, &[]);
            let verdict = world.verdict();
            assert_eq!(matches!(verdict, Verdict::Build { is_forced: true, .. }), is_forced);
        }
        let asked = |records, digest: &str| World { outside: bases(digest), ..world(&["1"], records) };
        check(world(&["1"], vec![on("d1")]), "registry 1 as 1: nothing", false);
        check(asked(vec![on("d1")], "d1"), "registry 1 as 1: nothing", false);
        check(asked(vec![on("d1")], "d2"), "build: base alpine:3 moved", true);
        check(asked(vec![unknown()], "d2"), "registry 1 as 1: nothing", false);
        // An older build is used if it was built on what the tag names again, but not if that is unknown.
        check(asked(vec![on("d2"), on("d1")], "d1"), "registry 1 as 1: nothing", false);
        check(asked(vec![on("d2"), unknown()], "d1"), "build: base alpine:3 moved", true);
        let other_inputs = Record { key: inputs("then").key(), ..on("d1") };
        check(asked(vec![other_inputs], "d2"), "build: ", true);
    }

    #[test]
    fn a_half_pushed_image_is_pushed_on() {
        let mut world = world(&["1", "2"], vec![record(&["1", "2"], Some("i"), &[PUSHED])]);
        world.check("registry 1 as 1 2: tag 2 is not pushed yet", &["daemon 1 2", "id i"]);
        world.daemon = BTreeMap::from([("1", "i"), ("2", "i")]);
        world.check("daemon i as 1 2: tag 2 is not pushed yet", &["daemon 1 2"]);
    }

    #[test]
    fn a_random_tag_stays_as_long_as_its_template() {
        let random = Record {
            templates: vec!["v#".parse().expect("a template")],
            ..record(&["va"], Some("i"), &[("va", None)])
        };
        world(&["v#"], vec![random.clone()]).check("registry va as va: nothing", &[]);
        world(&["w#"], vec![random.clone()]).check("registry va as wx: new tag wx", &["daemon va", "id i"]);
        let released = record(&["1"], Some("i"), &[PUSHED]);
        world(&["v#"], vec![released, random]).check("registry va as va: nothing", &[]);
    }

    #[test]
    fn an_earlier_build_of_the_same_key_is_reused() {
        let (gone, there) = (record(&["1"], Some("old"), &[]), record(&["2"], Some("i"), &[]));
        let mut world = world(&["1"], vec![there, gone]);
        world.daemon = BTreeMap::from([("2", "i")]);
        world.check("daemon i as 1 (+ 1): new tag 1", &["daemon 1", "id old", "daemon 2"]);
    }

    #[test]
    fn tags_of_a_custom_command_are_not_queried() {
        let custom = Record { custom: true, ..record(&["1"], None, &[]) };
        world(&["1"], vec![custom.clone()]).check("elsewhere as 1: nothing", &[]);
        world(&["2"], vec![custom.clone()]).check("build: new tag 2", &[]);
        let other = || Record { key: inputs("then").key(), build: "other".to_owned(), ..custom.clone() };
        world(&["1"], vec![custom.clone(), other()]).check("elsewhere as 1: nothing", &[]);
        let taken = "build: tag 1 was built from other inputs since";
        world(&["1"], vec![other(), custom.clone()]).check(taken, &[]);
        let local = Record { push_skipped: true, ..custom };
        let mut world = world(&["1"], vec![local]);
        world.check("build: not pushed yet", &[]);
        world.pushes = false;
        world.check("elsewhere as 1: nothing", &[]);
    }
}
