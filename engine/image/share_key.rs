//! The name by which machines share a build.

use ring::hmac;

use super::inputs::{CacheKey, Hasher};
use super::{Digest, Tag, TagTemplate};

/// The characters of tags.
const CHARACTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// Everything that determines which build of an image machines share: equal keys name images that may replace each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShareKey(Digest);

impl ShareKey {
    /// The key of a build with the cache key `key` for `platforms`, on the images of projects with the digests `parents`, in
    /// the order of [`Inputs::parents`](super::Inputs::parents). With a `secret`, only its owners can compute it.
    pub fn new(key: &CacheKey, platforms: &[String], parents: &[String], secret: Option<&str>) -> Self {
        let mut platforms: Vec<_> = platforms.iter().map(String::as_bytes).collect();
        platforms.sort_unstable();
        platforms.dedup();
        let mut fields = Hasher::new("windlass share 1");
        fields.list("key", std::iter::once(&key.as_bytes()[..]));
        fields.list("platforms", platforms.into_iter());
        fields.list("parents", parents.iter().map(String::as_bytes));
        let plain = fields.finish();
        Self(match secret {
            Some(secret) => {
                let secret = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
                let mut bytes = [0; 32];
                bytes.copy_from_slice(hmac::sign(&secret, plain.as_bytes()).as_ref());
                Digest::from_bytes(bytes)
            }
            None => plain,
        })
    }

    /// 64 hex digits.
    pub fn hex(&self) -> String {
        self.0.hex()
    }

    /// The tag that names the build in its registry.
    pub fn tag(&self) -> Tag {
        Self::tag_of(&self.hex())
    }

    /// The tag for the key `hex`.
    pub fn tag_of(hex: &str) -> Tag {
        Tag::of_share(hex)
    }

    /// The tag of the template with this index among those of the image: each `#` becomes a character that depends only on
    /// this key and on `attempt`.
    pub fn fill(&self, template: &TagTemplate, index: usize, attempt: u32) -> Tag {
        let mut fields = Hasher::new("windlass tag 1");
        let (index, attempt) = ((index as u64).to_le_bytes(), attempt.to_le_bytes());
        fields.list("tag", [&self.0.as_bytes()[..], &index, &attempt].into_iter());
        let mut bytes = fields.finish();
        let mut used = 0;
        template.fill(|| {
            if used == bytes.as_bytes().len() {
                bytes = Digest::of(bytes.as_bytes());
                used = 0;
            }
            used += 1;
            char::from(CHARACTERS[usize::from(bytes.as_bytes()[used - 1]) % CHARACTERS.len()])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::sample::inputs;

    fn key(platforms: &[&str], parents: &[&str], secret: Option<&str>) -> ShareKey {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        ShareKey::new(&inputs().key(), &texts(platforms), &texts(parents), secret)
    }

    #[test]
    fn every_field_flips_the_key_and_the_order_of_platforms_does_not() {
        let keys = [
            key(&["linux/amd64"], &[], None),
            key(&["linux/arm64"], &[], None),
            key(&["linux/amd64", "linux/arm64"], &[], None),
            key(&["linux/amd64"], &["a"], None),
            key(&["linux/amd64"], &["a", "b"], None),
            key(&["linux/amd64"], &["b", "a"], None),
            key(&["linux/amd64"], &[], Some("secret")),
            key(&["linux/amd64"], &[], Some("another")),
        ];
        for (index, one) in keys.iter().enumerate() {
            assert!(keys[index + 1..].iter().all(|other| other != one), "{index}");
        }
        assert_eq!(key(&["b", "a"], &[], None), key(&["a", "b", "a"], &[], None));
    }

    /// Another value would make all machines with different versions of windlass build everything.
    #[test]
    fn names_stay() {
        let key = key(&["linux/amd64"], &["sha256:1"], None);
        assert_eq!(
            key.tag().as_str(),
            "windlass-4c4c22ae2052f2015d2e5a4754d2fb5bd1948413efeb699a4e990061d0c4e8fb"
        );
        let template: TagTemplate = "v-#####".parse().expect("a template");
        let tags =
            [(0, 0), (1, 0), (0, 1)].map(|(index, attempt)| key.fill(&template, index, attempt).to_string());
        assert_eq!(tags, ["v-1g5Tg", "v-Gqukm", "v-uRx2g"]);
        let long: TagTemplate = "#".repeat(100).parse().expect("a template");
        assert_eq!(key.fill(&long, 0, 0).as_str().len(), 100);
    }
}
