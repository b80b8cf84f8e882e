//! The exact image that was used as a base image.

use serde::{Deserialize, Serialize};

use crate::image::Digest;

/// The known identity of the exact base image of a build. A cache key does not identify it: a build that
/// is forced, or that depends on more than its inputs, creates another image with the same cache key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseIdentity {
    /// The [build](super::Record::build) that created it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub build: String,
    /// Its digest in a registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Its ID in a daemon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_id: Option<String>,
    /// The digest of its manifest in the image store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<Digest>,
}

impl BaseIdentity {
    /// Whether it is identified by its content: in a daemon, a registry or the image store.
    pub fn has_content(&self) -> bool {
        self.digest.is_some() || self.image_id.is_some() || self.stored.is_some()
    }

    /// Whether `other` is the same image: at least one content identifier that both have is equal. If they have no
    /// content identifier in common, both must come from the same build.
    pub fn is_same(&self, other: &Self) -> bool {
        let stored = |identity: &Self| identity.stored.map(|digest| digest.to_string());
        let names = [
            (self.digest.clone(), other.digest.clone()),
            (self.image_id.clone(), other.image_id.clone()),
            (stored(self), stored(other)),
        ];
        let mut common = names.into_iter().filter_map(|(own, others)| Some((own?, others?))).peekable();
        match common.peek() {
            Some(_) => common.any(|(own, others)| own == others),
            None => !self.build.is_empty() && self.build == other.build,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(own: &str, other: &str, expected: bool) {
        let identity = |text: &str| {
            let part = |key: &str| {
                let mut words = text.split(' ').filter_map(|word| word.split_once('='));
                words.find(|(name, _)| *name == key).map(|(_, value)| value.to_owned())
            };
            BaseIdentity {
                build: part("build").unwrap_or_default(),
                digest: part("digest"),
                image_id: part("id"),
                stored: part("stored").map(Digest::of),
            }
        };
        let (own, other) = (identity(own), identity(other));
        assert_eq!(own.is_same(&other), expected);
        assert_eq!(other.is_same(&own), expected);
    }

    #[test]
    fn a_common_name_must_be_equal() {
        check("id=1", "id=1", true);
        check("id=1", "id=2", false);
        check("build=a id=1", "build=b id=1", true);
        check("build=a id=1", "build=a id=2", false);
        check("id=1 digest=x", "id=2 digest=x", true);
        check("stored=s", "stored=t", false);
    }

    #[test]
    fn without_a_common_name_the_builds_must_be_the_same() {
        check("build=a id=1", "build=a digest=x", true);
        check("build=a id=1", "build=b digest=x", false);
        check("build=a", "build=a", true);
        check("", "", false);
        check("id=1", "", false);
    }
}
