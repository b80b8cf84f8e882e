//! What was built: one small file for each image, with its last few builds.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::image::{Digest, ImageReference, Repository, Tag, TagTemplate};
use crate::plan::{CacheKey, Inputs};

/// How many builds of an image are remembered: enough for switching between a few profiles and branches.
const KEPT: usize = 12;
/// The version of the files' form.
const VERSION: u32 = 1;

/// One build of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The cache key.
    pub key: CacheKey,
    /// The repository it was built for, in familiar form.
    pub repository: String,
    /// The tag templates it was built with.
    pub templates: Vec<TagTemplate>,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// The image ID in the daemon, when one held it.
    pub image_id: Option<String>,
    /// The tags that are in the registry, with their digests where known.
    pub pushed: BTreeMap<Tag, Option<String>>,
    /// Whether a custom command built it, and is trusted to have put it where it belongs.
    #[serde(default)]
    pub custom: bool,
    /// What went in.
    pub inputs: RecordedInputs,
}

impl Record {
    /// The references of its tags in `repository`.
    pub fn references(&self, repository: &Repository) -> Vec<ImageReference> {
        self.tags.iter().map(|tag| repository.with_tag(tag.clone())).collect()
    }

    /// The digest in the registry, of any of its tags.
    pub fn digest(&self) -> Option<&str> {
        self.pushed.values().flatten().next().map(String::as_str)
    }
}

/// The inputs of a build as remembered, to say later which of them changed: hashes, never values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedInputs {
    /// Makes the hashes below useless for guessing values.
    salt: String,
    /// Hash of the Dockerfile.
    pub dockerfile: Option<Digest>,
    /// The build target.
    pub target: Option<String>,
    /// The network mode.
    pub network: Option<String>,
    /// Salted hash of the custom command.
    command: Digest,
    /// Salted hash of the docker CLI's arguments.
    arguments: Digest,
    /// Salted hashes of the build arguments.
    build_args: BTreeMap<String, Digest>,
    /// Digest of the context; the list behind it is kept beside, see [`ImageStore::context`].
    pub context: Option<Digest>,
    /// Keys of the images it was built from.
    pub parents: BTreeMap<String, CacheKey>,
}

impl RecordedInputs {
    /// `inputs` as they are remembered.
    pub fn new(inputs: &Inputs) -> Self {
        let salt: String = std::iter::repeat_with(fastrand::alphanumeric).take(32).collect();
        Self {
            dockerfile: inputs.dockerfile,
            target: inputs.target.clone(),
            network: inputs.network.clone(),
            command: salted(&salt, &inputs.command),
            arguments: salted(&salt, &inputs.arguments),
            build_args: inputs
                .build_args
                .iter()
                .map(|(name, value)| (name.clone(), salted(&salt, std::slice::from_ref(value))))
                .collect(),
            context: inputs.context,
            parents: inputs.parents.clone(),
            salt,
        }
    }

    /// Whether the custom command was the one of `inputs`.
    pub fn has_command_of(&self, inputs: &Inputs) -> bool {
        self.command == salted(&self.salt, &inputs.command)
    }

    /// Whether the docker CLI's arguments were those of `inputs`.
    pub fn has_arguments_of(&self, inputs: &Inputs) -> bool {
        self.arguments == salted(&self.salt, &inputs.arguments)
    }

    /// The names of build arguments that `inputs` adds, drops or changes.
    pub fn changed_build_args<'a>(&'a self, inputs: &'a Inputs) -> impl Iterator<Item = &'a str> {
        let dropped = self.build_args.keys().filter(|name| !inputs.build_args.contains_key(*name));
        let changed = inputs.build_args.iter().filter(|(name, value)| {
            self.build_args.get(*name) != Some(&salted(&self.salt, std::slice::from_ref(*value)))
        });
        dropped.chain(changed.map(|(name, _)| name)).map(String::as_str)
    }
}

fn salted(salt: &str, words: &[String]) -> Digest {
    let mut text = salt.to_owned();
    for word in words {
        text.push('\0');
        text.push_str(word);
    }
    Digest::of(text)
}

/// A file of the store.
#[derive(Serialize, Deserialize)]
struct ImageFile {
    version: u32,
    /// Newest first.
    records: Vec<Record>,
}

/// The folder of a project in which windlass remembers its builds: `.windlass/`.
#[derive(Debug, Clone)]
pub struct ImageStore {
    folder: PathBuf,
}

impl ImageStore {
    /// The store of the project in `root`. Nothing is read or written yet.
    pub fn new(root: &Path) -> Self {
        Self { folder: root.join(".windlass") }
    }

    /// The remembered builds of `image`, the newest first, and a warning when its file is damaged: then there
    /// are none.
    pub fn records(&self, image: &str) -> (Vec<Record>, Option<String>) {
        let path = self.image_path(image);
        let damaged = |why: String| {
            let message = format!("ignoring what was known of `{image}`: {} {why}", path.display());
            (Vec::new(), Some(message))
        };
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return (Vec::new(), None),
            Err(error) => return damaged(format!("cannot be read: {error}")),
        };
        match serde_json::from_slice::<ImageFile>(&bytes) {
            Ok(file) if file.version == VERSION => (file.records, None),
            Ok(file) => damaged(format!("has version {}, this windlass knows {VERSION}", file.version)),
            Err(error) => damaged(format!("is damaged: {error}")),
        }
    }

    /// Remembers `record` as the newest build of `image`. Other processes may do the same at any time.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn remember(&self, image: &str, record: &Record) -> io::Result<()> {
        let _lock = self.lock()?;
        let mut records = self.records(image).0;
        records.retain(|known| known.key != record.key || known.repository != record.repository);
        records.insert(0, record.clone());
        records.truncate(KEPT);
        let file = serde_json::to_vec_pretty(&ImageFile { version: VERSION, records })?;
        write_atomically(&self.image_path(image), &file)
    }

    /// The list of files behind a context's digest, when it is still kept.
    pub fn context(&self, digest: &Digest) -> Option<Vec<u8>> {
        fs::read(self.context_path(digest)).ok()
    }

    /// Keeps the list of files behind a context's digest.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep_context(&self, digest: &Digest, list: impl FnOnce() -> Vec<u8>) -> io::Result<()> {
        let path = self.context_path(digest);
        if path.exists() {
            return Ok(());
        }
        self.prepare()?;
        write_atomically(&path, &list())
    }

    /// The folder for this project's files, made when it is not there, ignoring itself in git.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn prepare(&self) -> io::Result<&Path> {
        fs::create_dir_all(&self.folder)?;
        let ignore = self.folder.join(".gitignore");
        if !ignore.exists() {
            fs::write(ignore, "*\n")?;
        }
        Ok(&self.folder)
    }

    fn lock(&self) -> io::Result<File> {
        let lock = File::create(self.prepare()?.join("lock"))?;
        lock.lock()?;
        Ok(lock)
    }

    fn image_path(&self, image: &str) -> PathBuf {
        self.folder.join("images").join(format!("{}.json", file_name(image)))
    }

    fn context_path(&self, digest: &Digest) -> PathBuf {
        self.folder.join("contexts").join(digest.hex())
    }
}

/// A file name for any key of `images`; different keys give different names, also where case is ignored.
fn file_name(image: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if !image.is_empty() && image.len() <= 100 && image.chars().all(plain) {
        return image.to_owned();
    }
    let readable: String = image.chars().take(40).map(|c| if plain(c) { c } else { '_' }).collect();
    format!("{readable}.{}", &Digest::of(image).hex()[..16])
}

/// Writes `bytes` to `path` so that a reader sees the old file or the new one, whole.
pub(super) fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}
