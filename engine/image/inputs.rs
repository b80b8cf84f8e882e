//! The inputs of an image and their cache key.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::image::Digest;

/// The version of the cache key's encoding and of the content of its digests: a new version invalidates all older keys.
pub const ENCODING: u32 = 2;

/// The hash of all inputs of a build; equal keys mean equal images. Displayed as 64 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CacheKey(Digest);

impl CacheKey {
    /// Its bytes.
    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

impl fmt::Display for CacheKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.hex())
    }
}

impl FromStr for CacheKey {
    type Err = crate::image::DigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        format!("sha256:{text}").parse().map(Self)
    }
}

impl TryFrom<String> for CacheKey {
    type Error = crate::image::DigestError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<CacheKey> for String {
    fn from(key: CacheKey) -> Self {
        key.to_string()
    }
}

/// Everything that determines the content of an image. Not included, because they do not change the content: tags, push
/// options, pull secrets, absolute paths, times and owners of files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    /// The words of the custom command, if it is not built from a Dockerfile.
    pub command: Vec<String>,
    /// The Dockerfile's bytes, with injected entrypoint, command and instructions.
    pub dockerfile: Option<Digest>,
    /// The build target.
    pub target: Option<String>,
    /// The network mode of RUN steps.
    pub network: Option<String>,
    /// The requested platform; `None` for the builder's default.
    pub platform: Option<String>,
    /// Additional arguments of the Docker CLI.
    pub arguments: Vec<String>,
    /// The resolved build arguments that are used.
    pub build_args: BTreeMap<String, String>,
    /// The part of the build context that the Dockerfile can read, or the files of `onChange`; `None` if the build
    /// context is not an input.
    pub context: Option<Digest>,
    /// The cache keys of its base images, by name.
    pub parents: BTreeMap<String, CacheKey>,
    /// The digests of its other base images, by reference, if a lock file chooses them.
    pub bases: BTreeMap<String, String>,
}

impl Inputs {
    /// The cache key of all inputs.
    pub fn key(&self) -> CacheKey {
        let mut hasher = Hasher::new(&format!("windlass cache key {ENCODING}"));
        hasher.list("command", self.command.iter().map(String::as_bytes));
        hasher.list("dockerfile", self.dockerfile.iter().map(|digest| &digest.as_bytes()[..]));
        hasher.list("target", self.target.iter().map(String::as_bytes));
        hasher.list("network", self.network.iter().map(String::as_bytes));
        hasher.list("platform", self.platform.iter().map(String::as_bytes));
        hasher.list("arguments", self.arguments.iter().map(String::as_bytes));
        let words = self.build_args.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
        hasher.list("build arguments", words);
        hasher.list("context", self.context.iter().map(|digest| &digest.as_bytes()[..]));
        hasher.list("parents", self.parents.values().map(|key| &key.0.as_bytes()[..]));
        // Without a lock file, keys are as they were before there was one.
        if !self.bases.is_empty() {
            let words =
                self.bases.iter().flat_map(|(reference, digest)| [reference.as_bytes(), digest.as_bytes()]);
            hasher.list("bases", words);
        }
        CacheKey(hasher.finish())
    }
}

/// Hashes fields so that different inputs never give the same bytes: each with its name, the number of its words, and
/// each word with its length.
pub(super) struct Hasher(Sha256);

impl Hasher {
    /// A hasher whose results differ from those of another `purpose`.
    pub(super) fn new(purpose: &str) -> Self {
        Self(Sha256::new_with_prefix(purpose))
    }

    pub(super) fn finish(self) -> Digest {
        Digest::from_bytes(self.0.finalize().into())
    }

    pub(super) fn list<'a>(&mut self, name: &str, words: impl Iterator<Item = &'a [u8]>) {
        let words: Vec<_> = words.collect();
        self.word(name.as_bytes());
        self.0.update((words.len() as u64).to_le_bytes());
        for word in words {
            self.word(word);
        }
    }

    fn word(&mut self, word: &[u8]) {
        self.0.update((word.len() as u64).to_le_bytes());
        self.0.update(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::sample::inputs;

    #[test]
    fn every_input_flips_the_key() {
        let key = inputs().key();
        let edits: [fn(&mut Inputs); 12] = [
            |inputs| inputs.command = vec!["make".into()],
            |inputs| inputs.dockerfile = Some(Digest::of("FROM busybox")),
            |inputs| inputs.target = Some("final".into()),
            |inputs| inputs.network = Some("host".into()),
            |inputs| inputs.platform = Some("linux/arm64".into()),
            |inputs| inputs.arguments = vec!["--squash".into()],
            |inputs| inputs.build_args = BTreeMap::from([("A".into(), "2".into())]),
            |inputs| inputs.context = Some(Digest::of("x")),
            |inputs| inputs.context = None,
            |inputs| inputs.parents = BTreeMap::from([("base".into(), key_of("x"))]),
            |inputs| inputs.bases = BTreeMap::from([("alpine:3".into(), "sha256:1".into())]),
            |inputs| inputs.bases = BTreeMap::from([("alpine:3".into(), "sha256:2".into())]),
        ];
        let mut keys = vec![key];
        for edit in edits {
            let mut changed = inputs();
            edit(&mut changed);
            keys.push(changed.key());
        }
        let distinct: std::collections::HashSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
    }

    fn key_of(text: &str) -> CacheKey {
        CacheKey(Digest::of(text))
    }

    /// A change of the encoding requires a new [`ENCODING`]: keys of earlier versions must keep their meaning.
    #[test]
    fn recorded_key_stays() {
        let inputs = Inputs {
            command: vec!["make".into(), "all".into()],
            target: Some("final".into()),
            network: Some("host".into()),
            platform: Some("linux/arm64".into()),
            arguments: vec!["--squash".into()],
            build_args: BTreeMap::from([("A".into(), "1".into()), ("B".into(), String::new())]),
            parents: BTreeMap::from([("base".into(), key_of("x"))]),
            ..inputs()
        };
        assert_eq!(
            (ENCODING, inputs.key().to_string().as_str()),
            (2, "ac034a52b1eda81dc20d4edac0221091b124dadd4d6d1e09bc318792a2a7e54e")
        );
    }

    #[test]
    fn words_do_not_run_into_each_other() {
        let with = |words: &[&str]| Inputs {
            command: words.iter().map(|word| (*word).to_owned()).collect(),
            ..inputs()
        };
        assert_ne!(with(&["a", "b"]).key(), with(&["ab"]).key());
        assert_ne!(with(&["a"]).key(), with(&["a", ""]).key());
    }

    #[test]
    fn name_of_a_parent_does_not_count() {
        let with =
            |name: &str| Inputs { parents: BTreeMap::from([(name.to_owned(), key_of("k"))]), ..inputs() };
        assert_eq!(with("base").key(), with("renamed").key());
    }
}
