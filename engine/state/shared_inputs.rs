//! The inputs of a build in a form that other machines may read: names, and salted hashes of everything else.

use std::collections::{BTreeMap, HashMap};

use ring::hmac;
use serde::{Deserialize, Serialize};

use super::images::{RecordedInputs, salted};
use super::instructions::{RecordedInstruction, record};
use crate::image::context::{Change, ChangeKind, ContextDigest};
use crate::image::{CacheKey, Digest, Dockerfile, Inputs};

/// The maximum number of files in a list: with more, only a change of the whole build context is found.
const FILES: usize = 1 << 16;
/// The bytes of a file in a list, and of each of the two hashes in it.
const FILE: usize = 16;
const HALF: usize = 8;
/// The maximum number of instructions that are compared one by one.
const INSTRUCTIONS: usize = 1000;

/// The inputs of a build for other machines: the names of build arguments, base images and the build target, and hashes of
/// everything else. No path, no value and no text of an instruction can be read from it.
///
/// The hashes depend on a salt. With a secret, they also depend on it, so that only its owners can guess a weak value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedInputs {
    encoding: u32,
    salt: String,
    /// The hash of nothing, if the hashes depend on a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<Digest>,
    command: Digest,
    dockerfile: Option<Digest>,
    target: Option<String>,
    network: Option<Digest>,
    platform: Option<String>,
    arguments: Digest,
    build_args: BTreeMap<String, Digest>,
    context: Option<Digest>,
    parents: BTreeMap<String, Digest>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    bases: BTreeMap<String, String>,
    #[serde(default)]
    instructions: Vec<RecordedInstruction>,
}

/// The files that differ from those of a shared build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedFiles {
    /// The changed and added files.
    pub changes: Vec<Change>,
    /// The number of files of that build that are not here; their names are unknown.
    pub missing: usize,
}

/// Hashes with the salt of a build, and a secret.
struct Seal<'a> {
    salt: &'a str,
    secret: Option<hmac::Key>,
}

impl<'a> Seal<'a> {
    fn new(salt: &'a str, secret: Option<&str>) -> Self {
        let secret = secret.map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()));
        Self { salt, secret }
    }

    /// The published form of a salted hash.
    fn seal(&self, hash: &Digest) -> Digest {
        let Some(secret) = &self.secret else { return *hash };
        let mut bytes = [0; 32];
        bytes.copy_from_slice(hmac::sign(secret, hash.as_bytes()).as_ref());
        Digest::from_bytes(bytes)
    }

    /// The published hash of `word`, which is a `kind` of input.
    fn of(&self, kind: &str, word: &str) -> Digest {
        self.seal(&salted(self.salt, &[kind.to_owned(), word.to_owned()]))
    }

    /// The published form of the short hash of an instruction.
    fn short(&self, hash: &str) -> String {
        match &self.secret {
            Some(_) => self.of("instruction", hash).hex()[..12].to_owned(),
            None => hash.to_owned(),
        }
    }

    /// The entry of a file in a list.
    fn file(&self, path: &str, fingerprint: &[u8; 8]) -> [u8; FILE] {
        let mut entry = [0; FILE];
        entry[..HALF].copy_from_slice(&self.of("path", path).as_bytes()[..HALF]);
        let state = self.of("file", &format!("{}\0{path}", hex::encode(fingerprint)));
        entry[HALF..].copy_from_slice(&state.as_bytes()[..HALF]);
        entry
    }
}

impl SharedInputs {
    /// The published form of `inputs`; with a `secret`, only its owners can compare it.
    pub fn new(inputs: &RecordedInputs, secret: Option<&str>) -> Self {
        let seal = Seal::new(&inputs.salt, secret);
        let instructions =
            inputs.instructions.iter().take_while(|_| inputs.instructions.len() <= INSTRUCTIONS);
        let parents = inputs.parents.iter();
        Self {
            encoding: inputs.encoding,
            salt: inputs.salt.clone(),
            sealed: secret.map(|_| seal.of("seal", "")),
            command: seal.seal(&inputs.command),
            dockerfile: inputs.dockerfile.map(|digest| seal.of("dockerfile", &digest.hex())),
            target: inputs.target.clone(),
            network: inputs.network.as_ref().map(|network| seal.of("network", network)),
            platform: inputs.platform.clone(),
            arguments: seal.seal(&inputs.arguments),
            build_args: inputs
                .build_args
                .iter()
                .map(|(name, hash)| (name.clone(), seal.seal(hash)))
                .collect(),
            context: inputs.context.map(|digest| seal.of("context", &digest.hex())),
            parents: parents.map(|(name, key)| (name.clone(), seal.of("parent", &key.to_string()))).collect(),
            bases: inputs.bases.clone(),
            instructions: instructions
                .map(|found| RecordedInstruction { hash: seal.short(&found.hash), ..found.clone() })
                .collect(),
        }
    }

    /// The published list of `files`; `None` if there are too many.
    pub fn list(&self, files: &ContextDigest, secret: Option<&str>) -> Option<Vec<u8>> {
        let seal = Seal::new(&self.salt, secret);
        let entries = files.entries();
        let mut list: Vec<_> = match entries.len() {
            0..=FILES => entries.iter().map(|file| seal.file(&file.path, &file.fingerprint)).collect(),
            _ => return None,
        };
        // The order of paths tells something about them.
        list.sort_unstable();
        Some(list.concat())
    }

    /// Whether they can be compared with `secret`.
    pub fn is_readable(&self, secret: Option<&str>) -> bool {
        let open = || Seal::new(&self.salt, secret).of("seal", "");
        self.sealed.is_none_or(|sealed| secret.is_some() && sealed == open())
    }

    /// Inputs in the form of a record of this machine that differ from `now` as the shared ones do.
    pub fn compared_with(
        &self,
        now: &Inputs,
        dockerfile: Option<&Dockerfile>,
        secret: Option<&str>,
    ) -> RecordedInputs {
        let seal = Seal::new(&self.salt, secret.filter(|_| self.sealed.is_some()));
        let own = RecordedInputs::new_with_salt(now, self.salt.clone());
        let own = match dockerfile {
            Some(dockerfile) => own.with_dockerfile(dockerfile),
            None => own,
        };
        // What is equal gets its own value, everything else keeps a hash, which equals no value.
        let digest = |kind: &str, then: Option<Digest>, now: Option<Digest>| {
            then.map(|then| now.filter(|now| seal.of(kind, &now.hex()) == then).unwrap_or(then))
        };
        let hash = |then: &Digest, now: Option<&Digest>| {
            now.filter(|now| seal.seal(now) == *then).copied().unwrap_or(*then)
        };
        let parent = |(name, then): (&String, &Digest)| {
            let now = own.parents.get(name).filter(|now| seal.of("parent", &now.to_string()) == *then);
            Some((name.clone(), now.copied().or_else(|| then.hex().parse::<CacheKey>().ok())?))
        };
        let network = self.network.map(|then| {
            let now = own.network.as_ref().filter(|now| seal.of("network", now) == then);
            now.cloned().unwrap_or_default()
        });
        let is_long = self.instructions.len() > INSTRUCTIONS;
        let known = dockerfile.map(|dockerfile| record(dockerfile, &self.salt)).unwrap_or_default();
        let known: HashMap<_, _> = known.into_iter().map(|own| (seal.short(&own.hash), own.hash)).collect();
        let instructions = self.instructions.iter().take_while(|_| !is_long).map(|then| {
            let hash = known.get(&then.hash).unwrap_or(&then.hash);
            RecordedInstruction { hash: hash.clone(), ..then.clone() }
        });
        RecordedInputs {
            encoding: self.encoding,
            salt: self.salt.clone(),
            dockerfile: digest("dockerfile", self.dockerfile, own.dockerfile),
            target: self.target.clone(),
            network,
            platform: self.platform.clone(),
            command: hash(&self.command, Some(&own.command)),
            arguments: hash(&self.arguments, Some(&own.arguments)),
            build_args: self
                .build_args
                .iter()
                .map(|(name, then)| (name.clone(), hash(then, own.build_args.get(name))))
                .collect(),
            context: digest("context", self.context, own.context),
            parents: self.parents.iter().filter_map(parent).collect(),
            bases: self.bases.clone(),
            instructions: instructions.collect(),
        }
    }

    /// The files that differ from those in the published `list`; `None` if it is damaged.
    pub fn changed_files(
        &self,
        list: &[u8],
        now: &ContextDigest,
        secret: Option<&str>,
    ) -> Option<ChangedFiles> {
        if !list.len().is_multiple_of(FILE) || list.len() / FILE > FILES {
            return None;
        }
        let seal = Seal::new(&self.salt, secret.filter(|_| self.sealed.is_some()));
        let mut then: HashMap<&[u8], &[u8]> =
            list.chunks_exact(FILE).map(|file| file.split_at(HALF)).collect();
        let mut changes = Vec::new();
        for file in now.entries() {
            let entry = seal.file(&file.path, &file.fingerprint);
            let kind = match then.remove(&entry[..HALF]) {
                Some(state) if state == &entry[HALF..] => continue,
                Some(_) => ChangeKind::Changed,
                None => ChangeKind::Added,
            };
            changes.push(Change { path: file.path.clone(), kind });
        }
        Some(ChangedFiles { changes, missing: then.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::sample::inputs;

    fn dockerfile(text: &str) -> Dockerfile {
        Dockerfile::parse("Dockerfile", text).expect("a Dockerfile")
    }

    /// A build with one input of each kind.
    fn sample() -> Inputs {
        Inputs {
            command: vec!["make-canary".into()],
            dockerfile: Some(Digest::of("FROM scratch")),
            target: Some("final".into()),
            network: Some("network-canary".into()),
            platform: Some("linux/arm64".into()),
            arguments: vec!["--canary".into()],
            build_args: BTreeMap::from([("A".into(), "value-canary".into()), ("B".into(), "2".into())]),
            context: Some(Digest::of("files")),
            parents: BTreeMap::from([("base".into(), inputs().key())]),
            bases: BTreeMap::from([("alpine:3".into(), "sha256:1".into())]),
        }
    }

    #[test]
    fn equal_inputs_have_no_difference_and_others_have() {
        let text = "FROM scratch\nARG TOKEN=canary\n";
        for secret in [None, Some("open sesame")] {
            let recorded = RecordedInputs::new(&sample()).with_dockerfile(&dockerfile(text));
            let shared = SharedInputs::new(&recorded, secret);
            assert!(shared.is_readable(secret));
            let same = shared.compared_with(&sample(), Some(&dockerfile(text)), secret);
            assert_eq!(same, recorded, "{secret:?}");
            let other = Inputs {
                command: Vec::new(),
                dockerfile: Some(Digest::of("FROM other")),
                network: None,
                arguments: Vec::new(),
                build_args: BTreeMap::from([("A".into(), "1".into()), ("C".into(), "2".into())]),
                context: Some(Digest::of("other files")),
                parents: BTreeMap::from([("base".into(), sample().key())]),
                ..sample()
            };
            let now = dockerfile("FROM scratch\nARG TOKEN=x\n");
            let then = shared.compared_with(&other, Some(&now), secret);
            assert!(!then.has_command_of(&other) && !then.has_arguments_of(&other));
            assert_ne!(then.dockerfile, other.dockerfile);
            assert_eq!(then.network, Some(String::new()));
            assert_eq!(then.changed_build_args(&other).collect::<Vec<_>>(), ["B", "A", "C"]);
            assert_ne!(then.context, other.context);
            assert_ne!(then.parents, other.parents);
            assert_eq!(then.instruction_changes(&now).map(|changes| changes.len()), Some(2));
        }
    }

    #[test]
    fn nothing_but_names_can_be_read() {
        let text = "FROM scratch\nARG TOKEN=canary\n";
        let recorded = RecordedInputs::new(&sample()).with_dockerfile(&dockerfile(text));
        let plain = serde_json::to_string(&SharedInputs::new(&recorded, None)).expect("JSON");
        let sealed = serde_json::to_string(&SharedInputs::new(&recorded, Some("sesame"))).expect("JSON");
        let unsalted = [sample().dockerfile, sample().context].map(|digest| digest.expect("a digest").hex());
        for text in [&plain, &sealed] {
            assert!(!text.contains("canary") && !text.contains("sesame"), "{text}");
            assert!(!text.contains(&inputs().key().to_string()), "{text}");
            assert!(unsalted.iter().all(|digest| !text.contains(digest)), "{text}");
        }
        // With a secret, not even the hashes that guesses can be compared with.
        let guess = salted(&recorded.salt, &["value-canary".to_owned()]).hex();
        assert!(plain.contains(&guess) && !sealed.contains(&guess));
    }

    #[test]
    fn another_secret_cannot_compare() {
        let sealed = SharedInputs::new(&RecordedInputs::new(&sample()), Some("open sesame"));
        assert!(!sealed.is_readable(None) && !sealed.is_readable(Some("open barley")));
        let plain = SharedInputs::new(&RecordedInputs::new(&sample()), None);
        assert!(plain.is_readable(None) && plain.is_readable(Some("any")));
    }
}
