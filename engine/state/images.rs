//! Recorded builds: one small file per image, with its last few builds.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::BuiltFor;
use super::bases::BaseDigest;
use super::instructions::{self, InstructionChange, RecordedInstruction};
use super::{BaseIdentity, Progress};
use crate::event::OutsideImage;
use crate::image::{
    CacheKey, Digest, Dockerfile, ENCODING, ImageReference, Inputs, Repository, Tag, TagTemplate,
};

/// How many builds of an image are recorded: enough for switching between a few profiles and branches.
const KEPT: usize = 12;
/// How many of them may have the same cache key and differ only in their tags.
const KEPT_OF_KEY: usize = 3;
/// How many successful checks of a build are recorded: those of a few profiles.
const KEPT_CHECKS: usize = 8;
/// Timeout for the lock of the store: other processes hold it for milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many earlier digests of a tag are recorded: with two, it has moved, whatever its digest is now.
const KEPT_DIGESTS: usize = 2;
/// The version of the file format.
const VERSION: u32 = 2;

/// One build of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The cache key.
    pub key: CacheKey,
    /// Identifies the build: unique, whatever its inputs are.
    pub build: String,
    /// How far the pipelines got with it.
    pub progress: Progress,
    /// The checks that succeeded on it: digests of the scripts that define `verify`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verified: Vec<Digest>,
    /// The repository it was built for, in familiar form.
    pub repository: String,
    /// The tag templates it was built with.
    pub templates: Vec<TagTemplate>,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// The image ID in the daemon, if the image was in one.
    pub image_id: Option<String>,
    /// The digest of its manifest in the image store, if it was built there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<Digest>,
    /// The tags that are in the registry, with their digests if known.
    pub pushed: BTreeMap<Tag, Option<String>>,
    /// Whether its tags may name another image in the daemon and the image store: it was reused from the registry after
    /// another build took them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lost_tags: bool,
    /// The digest that its share tag names in the registry, by which other machines find this build, or another one of its
    /// inputs that was shared first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<String>,
    /// Whether another machine built it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_foreign: bool,
    /// The digests that its tags had in the registry before, at most two for each: a tag with one of them may have
    /// moved.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub earlier: BTreeMap<Tag, BTreeSet<String>>,
    /// Whether a custom command built it; windlass assumes that the command also pushed or loaded it.
    #[serde(default)]
    pub custom: bool,
    /// Whether that command was run without a push.
    #[serde(default)]
    pub push_skipped: bool,
    /// When it was built, in seconds since 1970; `None` for builds of older versions of windlass and of other machines.
    #[serde(default)]
    pub built_at: Option<i64>,
    /// The images of projects that it was built on, by name.
    pub bases: BTreeMap<String, BaseIdentity>,
    /// The IDs of the other images that it was built on and that the daemon had, by reference.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub daemon_bases: BTreeMap<String, String>,
    /// The digests of the other images that it was built on, by reference, as far as they are known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outside_bases: BTreeMap<String, BaseDigest>,
    /// The builder that chose its platform; `None` if a platform was requested, or the builder is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built_for: Option<BuiltFor>,
    /// The recorded inputs.
    pub inputs: RecordedInputs,
}

impl Record {
    /// The digest of `tag` in the registry, if the tag had another one before.
    pub fn moved(&self, tag: &Tag) -> Option<&str> {
        let now = self.pushed.get(tag)?.as_deref()?;
        self.earlier.get(tag)?.iter().any(|earlier| earlier != now).then_some(now)
    }

    /// Whether all steps of a pipeline for this image have succeeded.
    pub fn is_finished(&self) -> bool {
        self.progress >= Progress::Finished
    }

    /// Whether `check`, if any, has succeeded on it.
    pub fn is_verified(&self, check: Option<&Digest>) -> bool {
        check.is_none_or(|check| self.verified.contains(check))
    }

    /// The platforms of the image, as far as they are known.
    pub fn platforms(&self) -> Vec<String> {
        let built_for = self.built_for.as_ref().map(|built_for| &built_for.platform);
        let known = self.inputs.platform.as_ref().or(built_for).filter(|known| !known.is_empty());
        known.map(|known| known.split(',').map(str::to_owned).collect()).unwrap_or_default()
    }

    /// A new value for [`Record::build`].
    pub fn new_build() -> String {
        std::iter::repeat_with(fastrand::alphanumeric).take(16).collect()
    }

    /// Records that `check` has succeeded on it.
    pub fn add_verified(&mut self, check: Digest) {
        if !self.verified.contains(&check) {
            self.verified.push(check);
            let surplus = self.verified.len().saturating_sub(KEPT_CHECKS);
            self.verified.drain(..surplus);
        }
    }

    /// The identity of the image, for images that are built on it.
    pub fn identity(&self) -> BaseIdentity {
        BaseIdentity {
            build: self.build.clone(),
            digest: self.digest().map(ToOwned::to_owned),
            image_id: self.image_id.clone(),
            stored: self.stored,
        }
    }

    /// Its digest in the registry, if another machine built it and it may have no tags there.
    pub fn foreign_digest(&self) -> Option<&str> {
        self.shared.as_deref().filter(|_| self.is_foreign)
    }

    /// The images that a daemon had and that it was built on, with their IDs.
    pub fn daemon_bases(&self) -> impl Iterator<Item = (ImageReference, &str)> {
        self.daemon_bases.iter().filter_map(|(base, id)| Some((base.parse().ok()?, id.as_str())))
    }

    /// The images outside of the project that it was built on, with their digests.
    pub fn outside_images(&self) -> impl Iterator<Item = OutsideImage> {
        self.outside_bases.iter().map(|(reference, base)| base.of(reference))
    }

    /// The references of its tags in `repository`.
    pub fn references(&self, repository: &Repository) -> Vec<ImageReference> {
        self.tags.iter().map(|tag| repository.with_tag(tag.clone())).collect()
    }

    /// The reference by which other images are built on it: its first tag in `repository`. If a later one of the
    /// `records` of the image, newest first, has this tag too, or had it when this one was reused from the registry,
    /// the tag names that build in the daemon or the image store; then the digest in the registry, if it is known.
    pub fn base_reference(&self, repository: &Repository, records: &[Self]) -> Option<ImageReference> {
        let tag = self.tags.first()?;
        let is_lost = self.lost_tags || self.is_taken(tag, records);
        let own = || self.pushed.get(tag)?.clone();
        // This tag may be about to be pushed; the others name the same image.
        let digest = own().or_else(|| self.digest().map(ToOwned::to_owned)).filter(|_| is_lost);
        Some(match digest {
            Some(digest) => repository.with_digest(digest),
            None => repository.with_tag(tag.clone()),
        })
    }

    /// Whether a later build among the `records` of the image, newest first, has `tag`.
    pub fn is_taken(&self, tag: &Tag, records: &[Self]) -> bool {
        let later = records.iter().take_while(|later| later.build != self.build);
        later.filter(|later| later.repository == self.repository).any(|later| later.tags.contains(tag))
    }

    /// Its digest in the registry: that of any of its tags.
    pub fn digest(&self) -> Option<&str> {
        let of_tag = self.pushed.values().flatten().next().map(String::as_str);
        of_tag.or_else(|| self.foreign_digest())
    }
}

/// The recorded inputs of a build, to report later which of them changed: hashes, never values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedInputs {
    /// The version of the encoding of the cache key.
    #[serde(default = "first_encoding")]
    pub encoding: u32,
    /// Prevents guessing values from the hashes below.
    pub(super) salt: String,
    /// Hash of the Dockerfile.
    pub dockerfile: Option<Digest>,
    /// The build target.
    pub target: Option<String>,
    /// The network mode.
    pub network: Option<String>,
    /// The requested platform.
    #[serde(default)]
    pub platform: Option<String>,
    /// Salted hash of the custom command.
    pub(super) command: Digest,
    /// Salted hash of the arguments for the Docker CLI.
    pub(super) arguments: Digest,
    /// Salted hashes of the build arguments.
    pub(super) build_args: BTreeMap<String, Digest>,
    /// Digest of the build context; its list of files is stored separately, see [`ImageStore::context`].
    pub context: Option<Digest>,
    /// Cache keys of the images it was built from.
    pub parents: BTreeMap<String, CacheKey>,
    /// The digests of other base images that a lock file chose.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bases: BTreeMap<String, String>,
    /// The instructions of the Dockerfile.
    #[serde(default)]
    pub(super) instructions: Vec<RecordedInstruction>,
}

impl RecordedInputs {
    /// The record of `inputs`.
    pub fn new(inputs: &Inputs) -> Self {
        Self::new_with_salt(inputs, std::iter::repeat_with(fastrand::alphanumeric).take(32).collect())
    }

    /// The record of `inputs`, with hashes that are comparable with those of the same `salt`.
    pub(super) fn new_with_salt(inputs: &Inputs, salt: String) -> Self {
        Self {
            encoding: ENCODING,
            dockerfile: inputs.dockerfile,
            target: inputs.target.clone(),
            network: inputs.network.clone(),
            platform: inputs.platform.clone(),
            command: salted(&salt, &inputs.command),
            arguments: salted(&salt, &inputs.arguments),
            build_args: inputs
                .build_args
                .iter()
                .map(|(name, value)| (name.clone(), salted(&salt, std::slice::from_ref(value))))
                .collect(),
            context: inputs.context,
            parents: inputs.parents.clone(),
            bases: inputs.bases.clone(),
            instructions: Vec::new(),
            salt,
        }
    }

    /// Adds the instructions of the Dockerfile.
    #[must_use]
    pub fn with_dockerfile(self, dockerfile: &Dockerfile) -> Self {
        Self { instructions: instructions::record(dockerfile, &self.salt), ..self }
    }

    /// The differences between the recorded Dockerfile and `dockerfile`; `None` if its instructions are not recorded.
    pub fn instruction_changes<'a>(
        &'a self,
        dockerfile: &'a Dockerfile,
    ) -> Option<Vec<InstructionChange<'a>>> {
        let is_known = !self.instructions.is_empty();
        is_known.then(|| instructions::changes(&self.instructions, dockerfile, &self.salt))
    }

    /// Whether the build had a build argument of this name.
    pub fn has_build_arg(&self, name: &str) -> bool {
        self.build_args.contains_key(name)
    }

    /// Whether the custom command is the one of `inputs`.
    pub fn has_command_of(&self, inputs: &Inputs) -> bool {
        self.command == salted(&self.salt, &inputs.command)
    }

    /// Whether the arguments for the Docker CLI are those of `inputs`.
    pub fn has_arguments_of(&self, inputs: &Inputs) -> bool {
        self.arguments == salted(&self.salt, &inputs.arguments)
    }

    /// The names of build arguments that `inputs` adds, removes or changes.
    pub fn changed_build_args<'a>(&'a self, inputs: &'a Inputs) -> impl Iterator<Item = &'a str> {
        let dropped = self.build_args.keys().filter(|name| !inputs.build_args.contains_key(*name));
        let changed = inputs.build_args.iter().filter(|(name, value)| {
            self.build_args.get(*name) != Some(&salted(&self.salt, std::slice::from_ref(*value)))
        });
        dropped.chain(changed.map(|(name, _)| name)).map(String::as_str)
    }
}

/// The encoding of records that do not name one.
fn first_encoding() -> u32 {
    1
}

/// The hash of `words`, comparable only for the same `salt`.
pub(super) fn salted(salt: &str, words: &[String]) -> Digest {
    let mut text = salt.to_owned();
    for word in words {
        text.push('\0');
        text.push_str(word);
    }
    Digest::of(text)
}

/// The part that all versions of the store's files have in common.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// A file of the store.
#[derive(Serialize, Deserialize)]
struct ImageFile {
    version: u32,
    /// Newest first.
    records: Vec<Record>,
}

/// The state directory of a project, in which windlass records its builds: `.windlass/`.
#[derive(Debug, Clone)]
pub struct ImageStore {
    folder: PathBuf,
    writes: bool,
}

impl ImageStore {
    /// The store of the project in `root`. Nothing is read or written yet.
    pub fn new(root: &Path) -> Self {
        Self { folder: root.join(".windlass"), writes: true }
    }

    /// The store of the project in `root`, to which nothing is ever written: new records are dropped.
    pub fn read_only(root: &Path) -> Self {
        Self { writes: false, ..Self::new(root) }
    }

    /// Whether it is writable.
    pub fn writes(&self) -> bool {
        self.writes
    }

    /// The recorded builds of `image`, the newest first, and a warning if its file is damaged, which
    /// means no records.
    pub fn records(&self, image: &str) -> (Vec<Record>, Option<String>) {
        let path = self.image_path(image);
        let damaged = |why: String| {
            let message = format!("ignoring the recorded builds of `{image}`: {} {why}", path.display());
            (Vec::new(), Some(message))
        };
        let bytes = match crate::input_file::read_up_to(&path, crate::input_file::KEPT) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return (Vec::new(), None),
            Err(error) => return damaged(format!("cannot be read: {error}")),
        };
        match decode::<ImageFile>(&bytes, VERSION) {
            Ok(file) => (file.records, None),
            Err(why) => damaged(why),
        }
    }

    /// Records `record` as the newest build of `image`. Other processes may do the same at any time.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn record(&self, image: &str, record: &Record) -> io::Result<()> {
        if !self.writes {
            return Ok(());
        }
        let _lock = self.lock()?;
        let mut records = self.records(image).0;
        let before = contexts(&records);
        insert_record(&mut records, record);
        let after = contexts(&records);
        let file = serde_json::to_vec_pretty(&ImageFile { version: VERSION, records })?;
        write_atomically(&self.image_path(image), &file)?;
        if before.iter().any(|digest| !after.contains(digest)) {
            self.drop_contexts();
        }
        Ok(())
    }

    /// Records that pipelines got as far as `progress` with these builds of `image`, unless they got further.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn advance(&self, image: &str, builds: &[String], progress: Progress) -> io::Result<()> {
        self.change(image, builds, |record| record.progress = record.progress.max(progress))
    }

    /// Records that `check` has succeeded on this build of `image`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn verified(&self, image: &str, build: &str, check: Digest) -> io::Result<()> {
        self.change(image, &[build.to_owned()], |record| record.add_verified(check))
    }

    /// Changes the records of these builds of `image`.
    fn change(&self, image: &str, builds: &[String], change: impl Fn(&mut Record)) -> io::Result<()> {
        if builds.is_empty() || !self.writes {
            return Ok(());
        }
        let _lock = self.lock()?;
        let before = self.records(image).0;
        let mut records = before.clone();
        records.iter_mut().filter(|record| builds.contains(&record.build)).for_each(change);
        if records == before {
            return Ok(());
        }
        let file = serde_json::to_vec_pretty(&ImageFile { version: VERSION, records })?;
        write_atomically(&self.image_path(image), &file)
    }

    /// Removes the file lists of contexts that no recorded build uses. They only improve messages, so a list
    /// that cannot be removed is ignored.
    fn drop_contexts(&self) {
        let mut used = HashSet::new();
        for entry in fs::read_dir(self.folder.join("images")).into_iter().flatten().flatten() {
            let file = crate::input_file::read_up_to(&entry.path(), crate::input_file::KEPT).ok();
            let file = file.and_then(|bytes| decode::<ImageFile>(&bytes, VERSION).ok());
            used.extend(file.iter().flat_map(|file| contexts(&file.records)).map(|digest| digest.hex()));
        }
        for entry in fs::read_dir(self.folder.join("contexts")).into_iter().flatten().flatten() {
            if entry.file_name().to_str().is_some_and(|name| !used.contains(name)) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// The list of files behind a context's digest, if it is stored.
    pub fn context(&self, digest: &Digest) -> Option<Vec<u8>> {
        crate::input_file::read_up_to(&self.context_path(digest), crate::input_file::KEPT).ok()
    }

    /// Stores the list of files behind a context's digest.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn keep_context(&self, digest: &Digest, list: impl FnOnce() -> Vec<u8>) -> io::Result<()> {
        let path = self.context_path(digest);
        if path.exists() || !self.writes {
            return Ok(());
        }
        self.prepare()?;
        write_atomically(&path, &list())
    }

    /// The directory of the store.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The directory for this project's files: created if it does not exist, with a `.gitignore` that excludes it.
    ///
    /// # Errors
    /// If it cannot be created.
    pub fn prepare(&self) -> io::Result<&Path> {
        prepare_folder(&self.folder)?;
        Ok(&self.folder)
    }

    fn lock(&self) -> io::Result<File> {
        let lock = crate::own_file::create(&self.prepare()?.join("lock"))?;
        let end = Instant::now() + PATIENCE;
        while !crate::own_file::try_lock(&lock)? {
            if Instant::now() >= end {
                let seconds = PATIENCE.as_secs();
                let message = format!("another process held its lock for {seconds} seconds");
                return Err(io::Error::new(io::ErrorKind::TimedOut, message));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(lock)
    }

    fn image_path(&self, image: &str) -> PathBuf {
        self.folder.join("images").join(format!("{}.json", file_name(image)))
    }

    fn context_path(&self, digest: &Digest) -> PathBuf {
        self.folder.join("contexts").join(digest.hex())
    }
}

/// Puts `record` first in `records`, and removes the records that it replaces.
fn insert_record(records: &mut Vec<Record>, record: &Record) {
    let is_same = |known: &Record| known.key == record.key && known.repository == record.repository;
    // A run that records another tag of a build might not know the progress of other runs with it.
    let mut merged = record.clone();
    for known in records.iter().filter(|known| known.build == record.build) {
        merged.progress = merged.progress.max(known.progress);
        known.verified.iter().for_each(|check| merged.add_verified(*check));
    }
    for known in records.iter().filter(|known| known.repository == record.repository) {
        for tag in &record.tags {
            let pushed = known.pushed.get(tag).into_iter().flatten();
            let digests = known.earlier.get(tag).into_iter().flatten().chain(pushed);
            for digest in digests {
                let earlier = merged.earlier.entry(tag.clone()).or_default();
                if earlier.len() < KEPT_DIGESTS {
                    earlier.insert(digest.clone());
                }
            }
        }
    }
    let record = &merged;
    records.retain(|known| !is_same(known) || known.templates != record.templates);
    for known in records.iter_mut().filter(|known| known.repository == record.repository) {
        // If the tag was pushed again, it is another image in the registry now.
        known.pushed.retain(|tag, digest| {
            record.pushed.get(tag).is_none_or(|pushed| pushed.is_some() && pushed == digest)
        });
    }
    records.insert(0, record.clone());
    let mut twins = 0;
    records.retain(|known| {
        twins += usize::from(is_same(known));
        !is_same(known) || twins <= KEPT_OF_KEY
    });
    records.truncate(KEPT);
}

/// The digests of the contexts that `records` were built from.
fn contexts(records: &[Record]) -> HashSet<Digest> {
    records.iter().filter_map(|record| record.inputs.context).collect()
}

/// Reads a JSON file of the state; the error is a phrase that follows the file's name.
pub(super) fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8], version: u32) -> Result<T, String> {
    let damaged = |error: serde_json::Error| format!("is damaged: {error}");
    let found = serde_json::from_slice::<Versioned>(bytes).map_err(damaged)?.version;
    if found != version {
        return Err(format!("has version {found}, but this windlass supports version {version}"));
    }
    serde_json::from_slice(bytes).map_err(damaged)
}

/// A file name for any key of `images`; different keys have different names, even if case is ignored.
pub(super) fn file_name(image: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if !image.is_empty() && image.len() <= 100 && image.chars().all(plain) {
        return image.to_owned();
    }
    let readable: String = image.chars().take(40).map(|c| if plain(c) { c } else { '_' }).collect();
    format!("{readable}.{}", &Digest::of(image).hex()[..16])
}

/// Creates the directory `.windlass` of a project if it does not exist, with a `.gitignore` that excludes it.
pub(super) fn prepare_folder(folder: &Path) -> io::Result<()> {
    crate::own_file::create_folder(folder)?;
    let ignore = folder.join(".gitignore");
    if ignore.exists() { Ok(()) } else { write_atomically(&ignore, b"*\n") }
}

/// Writes `bytes` to `path` atomically: a reader sees either the old file or the new one.
pub(super) fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    crate::own_file::create_folder(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::sample;

    fn store() -> (tempfile::TempDir, ImageStore) {
        let folder = tempfile::tempdir().expect("a directory");
        let store = ImageStore::new(folder.path());
        (folder, store)
    }

    fn record(number: usize, tag: &str) -> Record {
        let inputs = Inputs {
            target: Some(number.to_string()),
            build_args: BTreeMap::from([("TOKEN".to_owned(), "hunter2".to_owned())]),
            context: Some(Digest::of(number.to_string())),
            ..Inputs::default()
        };
        Record {
            build: number.to_string(),
            templates: vec![tag.parse().expect("a tag")],
            tags: vec![tag.parse().expect("a tag")],
            image_id: Some(format!("sha256:{number}")),
            ..sample::record(&inputs)
        }
    }

    fn pushed(number: usize, tag: &str, digest: Option<&str>) -> Record {
        let tag: Tag = tag.parse().expect("a tag");
        let digest = digest.map(ToOwned::to_owned);
        Record { pushed: BTreeMap::from([(tag.clone(), digest)]), ..record(number, tag.as_str()) }
    }

    fn keys(records: &[Record]) -> Vec<CacheKey> {
        records.iter().map(|record| record.key).collect()
    }

    #[test]
    fn builds_are_remembered_newest_first() {
        let (_folder, store) = store();
        assert_eq!(store.records("api"), (Vec::new(), None));
        let (one, two) = (record(1, "a"), record(2, "b"));
        store.record("api", &one).expect("written");
        store.record("api", &two).expect("written");
        assert_eq!(store.records("api"), (vec![two.clone(), one.clone()], None));
        assert_eq!(store.records("worker").0, []);
        store.record("api", &one).expect("written");
        assert_eq!(store.records("api").0, [one, two]);
    }

    #[test]
    fn only_the_latest_builds_are_kept() {
        let (_folder, store) = store();
        let all: Vec<_> = (0..KEPT + 3).map(|number| record(number, "a")).collect();
        for record in &all {
            store.record("api", record).expect("written");
        }
        let expected: Vec<_> = all.iter().rev().take(KEPT).map(|record| record.key).collect();
        assert_eq!(keys(&store.records("api").0), expected);
    }

    #[test]
    fn progress_never_goes_back() {
        let (_folder, store) = store();
        let built = |number: usize| Record { progress: Progress::Built, ..record(number, "a") };
        store.record("api", &built(1)).expect("written");
        store.record("api", &built(2)).expect("written");
        let all = || -> Vec<_> { store.records("api").0.iter().map(|record| record.progress).collect() };
        store.advance("api", &["2".to_owned()], Progress::Finished).expect("written");
        assert_eq!(all(), [Progress::Finished, Progress::Built]);
        store.advance("api", &["1".to_owned(), "2".to_owned()], Progress::Settled).expect("written");
        store.advance("api", &["1".to_owned()], Progress::Finished).expect("written");
        // Another tag of the same build is recorded, by a run that does not know the progress.
        store.record("api", &built(1)).expect("written");
        assert_eq!(all(), [Progress::Settled, Progress::Settled]);
        let again = Record { build: "another".to_owned(), ..built(1) };
        store.record("api", &again).expect("written");
        assert_eq!(all(), [Progress::Built, Progress::Settled], "a new build starts from the beginning");
    }

    #[test]
    fn checks_that_succeeded_are_kept_for_each_build() {
        let (_folder, store) = store();
        let check = |number: usize| Digest::of(number.to_string());
        store.record("api", &record(1, "a")).expect("written");
        store.record("api", &record(2, "b")).expect("written");
        for number in 0..=KEPT_CHECKS {
            store.verified("api", "1", check(number)).expect("written");
        }
        store.record("api", &record(1, "a")).expect("written");
        let records = store.records("api").0;
        let has = |record: &Record, number| record.is_verified(Some(&check(number)));
        assert!(has(&records[0], KEPT_CHECKS) && has(&records[0], 1) && !has(&records[0], 0));
        assert!(!has(&records[1], 1) && records[1].is_verified(None));
    }

    #[test]
    fn many_tags_of_one_build_do_not_push_others_out() {
        let (_folder, store) = store();
        store.record("api", &record(1, "a")).expect("written");
        for number in 0..2 * KEPT {
            store.record("api", &record(2, &format!("t{number}"))).expect("written");
        }
        let records = store.records("api").0;
        assert_eq!(records.len(), KEPT_OF_KEY + 1);
        assert_eq!(records[KEPT_OF_KEY].key, record(1, "a").key);
    }

    #[test]
    fn a_tag_that_had_another_digest_has_moved() {
        #[track_caller]
        fn check(records: &[Record], expected: Option<&str>) {
            let (_folder, store) = store();
            records.iter().for_each(|record| store.record("api", record).expect("written"));
            let newest = store.records("api").0.swap_remove(0);
            assert_eq!(newest.moved(&newest.tags[0]), expected);
        }
        let push = |number, digest| pushed(number, "1.4", Some(digest));
        check(&[push(1, "d1")], None);
        check(&[push(1, "d1"), push(1, "d1"), push(2, "d1")], None);
        check(&[push(1, "d1"), push(2, "d2")], Some("d2"));
        // The same inputs can give another image, and a build is recorded before it is pushed.
        check(&[push(1, "d1"), record(1, "1.4"), push(1, "d2")], Some("d2"));
        check(&[push(1, "d1"), push(2, "d2"), push(1, "d1")], Some("d1"));
        check(&[push(1, "d1"), push(2, "d2"), push(2, "d2")], Some("d2"));
        check(&[push(1, "d1"), push(2, "d2"), record(3, "1.4")], None);
        check(&[pushed(1, "1.3", Some("d1")), push(2, "d2")], None);
        let elsewhere = Record { repository: "acme/old".to_owned(), ..push(1, "d1") };
        check(&[elsewhere, push(2, "d2")], None);
    }

    #[test]
    fn a_tag_pushed_again_is_no_longer_the_earlier_builds() {
        #[track_caller]
        fn check(before: Record, after: &Record, expected: usize) {
            let (_folder, store) = store();
            store.record("api", &before).expect("written");
            store.record("api", after).expect("written");
            assert_eq!(store.records("api").0[1].pushed.len(), expected);
        }
        check(pushed(1, "latest", Some("d1")), &pushed(2, "latest", Some("d2")), 0);
        check(pushed(1, "latest", None), &pushed(2, "latest", None), 0);
        check(pushed(1, "latest", Some("d1")), &pushed(2, "latest", Some("d1")), 1);
        check(pushed(1, "1.4", Some("d1")), &pushed(2, "latest", Some("d2")), 1);
        check(pushed(1, "latest", Some("d1")), &record(2, "latest"), 1);
        let elsewhere = Record { repository: "acme/old".to_owned(), ..pushed(1, "latest", Some("d1")) };
        check(elsewhere, &pushed(2, "latest", Some("d2")), 1);
    }

    #[test]
    fn lists_of_contexts_go_with_the_last_build_that_has_them() {
        let (_folder, store) = store();
        let digest = |number: usize| Digest::of(number.to_string());
        for number in 0..=KEPT {
            store.keep_context(&digest(number), || vec![1]).expect("written");
            store.record("api", &record(number, "a")).expect("written");
            if number == 1 {
                store.record("worker", &record(1, "a")).expect("written");
            }
        }
        assert_eq!(store.context(&digest(0)), None);
        store.record("api", &record(KEPT + 1, "a")).expect("written");
        assert_eq!(store.context(&digest(1)), Some(vec![1]), "`worker` uses it");
        assert_eq!(store.context(&digest(2)), Some(vec![1]));
    }

    #[test]
    fn a_file_that_cannot_be_understood_is_reported_and_replaced() {
        let (_folder, store) = store();
        store.record("api", &record(1, "a")).expect("written");
        let path = store.image_path("api");
        let whole = fs::read(&path).expect("readable");
        let check = |bytes: &[u8], expected: &str| {
            fs::write(&path, bytes).expect("written");
            let (records, warning) = store.records("api");
            assert_eq!(records, []);
            let warning = warning.expect("a warning");
            assert!(warning.starts_with("ignoring the recorded builds of `api`: "), "{warning}");
            assert!(warning.contains(expected), "{warning}");
        };
        check(b"", "is damaged");
        check(b"\0\xff garbage", "is damaged");
        check(&whole[..whole.len() / 2], "is damaged");
        check(b"[]", "is damaged");
        check(br#"{"version": 2}"#, "is damaged");
        check(br#"{"version": 1, "records": []}"#, "has version 1, but this windlass supports version 2");
        check("[".repeat(100_000).as_bytes(), "is damaged");
        store.record("api", &record(1, "a")).expect("written");
        assert_eq!(store.records("api").0.len(), 1);
        fs::remove_file(&path).expect("removed");
        fs::create_dir(&path).expect("made");
        assert!(store.records("api").1.expect("a warning").contains("cannot be read"));
        assert!(store.record("api", &record(1, "a")).is_err());
    }

    #[test]
    fn threads_do_not_lose_each_others_builds() {
        let (_folder, store) = store();
        std::thread::scope(|scope| {
            for number in 0..KEPT {
                let store = &store;
                scope.spawn(move || store.record("api", &record(number, "a")).expect("written"));
            }
        });
        let (records, warning) = store.records("api");
        assert_eq!((records.len(), warning), (KEPT, None));
        let names = |folder: &str| fs::read_dir(store.folder.join(folder)).expect("readable").count();
        assert_eq!(names("images"), 1, "no temporary file remains");
    }

    #[test]
    fn every_image_has_its_own_file_on_every_system() {
        #[track_caller]
        fn check(image: &str, expected: &str) {
            assert_eq!(file_name(image), expected);
        }
        check("api-2_x", "api-2_x");
        check("API", "___.c8e5998f6a3955c2");
        check("../../etc/passwd", "______etc_passwd.3754d6cb3a38e118");
        check("", ".e3b0c44298fc1c14");
        let names = ["a/b", "a:b", "a.b", "A/b", "a_b", "\u{e9}"].map(file_name);
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
        assert!(file_name(&"\u{e9}".repeat(500)).len() < 110);
    }

    #[test]
    fn values_of_build_arguments_are_not_kept() {
        let (_folder, store) = store();
        store.record("api", &record(1, "a")).expect("written");
        let text = fs::read_to_string(store.image_path("api")).expect("readable");
        assert!(text.contains("TOKEN") && !text.contains("hunter2"), "{text}");
        assert!(!text.contains(&Digest::of("hunter2").hex()), "{text}");
    }

    #[test]
    fn the_directory_ignores_itself_in_git() {
        let (_folder, store) = store();
        store.keep_context(&Digest::of("x"), Vec::new).expect("written");
        assert_eq!(fs::read_to_string(store.folder.join(".gitignore")).expect("readable"), "*\n");
    }
}
