//! Tag replacement in maps of values that hold the repository and the tag of an image in two keys.

use serde_json::{Map, Value};

use super::error::ReplaceError;
use super::hint::Hint;
use super::left_alone::LeftAloneReason;
use super::pairs::{Pair, TAG_KEYS, named_pairs, readings};
use super::place::Place;
use super::replacer::{Replacer, Target};
use super::written::{Written, split};

impl Replacer<'_> {
    /// Replaces the tags of the pairs of repository and tag in `map`. Returns the keys that need nothing else.
    pub(super) fn pairs(
        &mut self,
        map: &mut Map<String, Value>,
        place: &Place<'_>,
    ) -> Result<Vec<String>, ReplaceError> {
        let mut settled = Vec::new();
        let readings = readings(map);
        let mut is_found = false;
        for pair in &readings {
            if self.pair(map, pair, place)? {
                settled.extend([pair.repository_key.clone(), pair.tag_key.clone(), "registry".to_owned()]);
                is_found = true;
                break;
            }
        }
        for Pair { repository_key: key, .. } in readings.iter().filter(|_| !is_found) {
            let text = map.get(key).and_then(Value::as_str).unwrap_or_default();
            self.keep(text, &place.key(key), LeftAloneReason::OtherReference);
            settled.push(key.clone());
        }
        for pair in named_pairs(map, self.images) {
            if !settled.contains(&pair.repository_key)
                && !settled.contains(&pair.tag_key)
                && self.pair(map, &pair, place)?
            {
                settled.extend([pair.repository_key, pair.tag_key]);
            }
        }
        Ok(settled)
    }

    /// Replaces the tag of `pair`. Whether it refers to a known image.
    fn pair(
        &mut self,
        map: &mut Map<String, Value>,
        pair: &Pair,
        place: &Place<'_>,
    ) -> Result<bool, ReplaceError> {
        let repository_place = place.key(&pair.repository_key);
        let Some(mut written) = self.images.find(&pair.repository) else {
            self.record_other(&pair.repository, &repository_place);
            return Ok(false);
        };
        let old = match map.get(&pair.tag_key) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(tag)) => tag.trim().to_owned(),
            Some(Value::Array(_) | Value::Object(_)) => {
                self.keep(&pair.repository, &repository_place, LeftAloneReason::OtherReference);
                return Ok(true);
            }
            Some(tag) => tag.to_string(),
        };
        // `tag: 1.0@sha256:...` pins by digest in charts without a key for the digest.
        let (old_tag, old_digest) =
            old.split_once('@').map_or((&*old, None), |(tag, digest)| (tag, Some(digest)));
        let old_tag = Some(old_tag).filter(|tag| !tag.is_empty());
        written = Written { tag: old_tag.or(written.tag), digest: old_digest.or(written.digest), ..written };
        if let Some(target) = self.target(&written, written.tag, &pair.repository, &repository_place)? {
            self.set(map, pair, target, place);
        }
        Ok(true)
    }

    /// Writes `target` into the keys of `pair`.
    fn set(&mut self, map: &mut Map<String, Value>, pair: &Pair, target: Target<'_>, place: &Place<'_>) {
        map.insert(pair.tag_key.clone(), target.tag.as_str().into());
        if let Some(Value::String(repository)) = map.get_mut(&pair.repository_key)
            && let (cut, Some(_), _) = split(repository.trim())
        {
            *repository = cut.to_owned();
        }
        // In a map with several images, it is unclear whose digest it is.
        let old_digest = map.get("digest").filter(|_| TAG_KEYS.contains(&pair.tag_key.as_str()));
        let digest = target.digest.map(ToString::to_string);
        match (old_digest, &digest) {
            (Some(Value::String(_) | Value::Null), Some(digest)) => {
                map.insert("digest".to_owned(), digest.as_str().into());
            }
            (Some(Value::String(_)), None) => {
                map.insert("digest".to_owned(), "".into());
            }
            (_, Some(_)) => self.report.hints.push(Hint::SameTag {
                image: target.image.full_name(),
                tag: target.tag.to_string(),
                place: place.key(&pair.tag_key).to_string(),
            }),
            (_, None) => {}
        }
        let policies = ["pullPolicy", "imagePullPolicy"];
        let policy = policies.into_iter().find(|key| map.get(*key).is_some_and(|policy| policy == "Always"));
        if let Some(key) = policy.filter(|_| target.image.is_local_only) {
            let (image, place) = (target.image.full_name(), place.key(key).to_string());
            self.report.hints.push(Hint::PullPolicyAlways { image, place });
        }
    }
}
