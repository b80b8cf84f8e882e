//! Pull policies of images that nodes cannot pull.

use serde_json::{Map, Value};

use super::hint::Hint;
use super::known_image::KnownImage;
use super::place::Place;
use super::replacer::Replacer;
use super::report::ReplacedValue;

/// The default of Kubernetes for tags other than `latest`.
const IF_NOT_PRESENT: &str = "IfNotPresent";

impl<'a> Replacer<'a> {
    /// Makes sure that the nodes of a local cluster use the image that was loaded into them, and do not try to pull it.
    pub(super) fn pull_policy(
        &mut self,
        map: &mut Map<String, Value>,
        (image_key, policy_key): (&str, &str),
        place: &Place<'_>,
    ) {
        let Some(text) = map.get(image_key).and_then(Value::as_str) else { return };
        let Some(image) = self.local_only(text) else { return };
        let is_latest = image.tag().is_some_and(|tag| tag.as_str() == "latest");
        let old = map.get(policy_key).cloned();
        let pulls = match &old {
            None | Some(Value::Null) => is_latest,
            Some(policy) => policy == "Always",
        };
        if !pulls {
            return;
        }
        map.insert(policy_key.to_owned(), IF_NOT_PRESENT.into());
        let place = place.key(policy_key).to_string();
        let old = old.and_then(|old| old.as_str().map(str::to_owned));
        self.report.changes.push(ReplacedValue { place: place.clone(), old, new: IF_NOT_PRESENT.to_owned() });
        self.report.hints.push(Hint::PullPolicyChanged { image: image.full_name(), place });
    }

    /// The image that `text` deploys, if it is only in a local cluster.
    fn local_only(&self, text: &str) -> Option<&'a KnownImage> {
        if !self.options.update_tags {
            return None;
        }
        let written = self.images.find(text).filter(|written| written.digest.is_none())?;
        let image = self.images.choose(&written, written.tag).ok()?;
        let is_deployed = image.tag().map(|tag| tag.as_str()) == written.tag;
        Some(image).filter(|image| image.is_local_only && is_deployed)
    }
}
