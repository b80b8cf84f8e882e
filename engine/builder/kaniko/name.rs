//! Names and labels of build pods.

use std::collections::BTreeMap;

use crate::builder::BuildRequest;
use crate::cluster::MANAGER;
use crate::image::Digest;

/// The default prefix of pod names.
const PREFIX: &str = "windlass-build-";

/// The longest name, which is also the pod's host name (RFC 1123).
const LIMIT: usize = 63;

/// The number of random characters at the end of a name.
const RANDOM: usize = 8;

/// The label with the build that a pod belongs to.
pub(super) const BUILD: &str = "windlass/build";

/// The label that pods of one image have in common.
pub(super) const IMAGE: &str = "windlass/image";

/// A unique pod name: it starts with `prefix`, or otherwise with the default prefix and `image`. It is generated
/// here, so that a pod whose creation was not confirmed can be found.
pub(super) fn pod_name(prefix: Option<&str>, image: &str) -> String {
    let prefix = prefix.map_or_else(|| format!("{PREFIX}{image}-"), str::to_owned);
    let check_support = |character: char| {
        let lower = character.to_ascii_lowercase();
        if lower.is_ascii_lowercase() || lower.is_ascii_digit() { lower } else { '-' }
    };
    let prefix: String = prefix.chars().map(check_support).take(LIMIT - RANDOM - 1).collect();
    let prefix = prefix.trim_start_matches(|character: char| !character.is_ascii_alphanumeric());
    let random: String = std::iter::repeat_with(random_character).take(RANDOM).collect();
    match prefix {
        "" => format!("{PREFIX}{random}"),
        prefix if prefix.ends_with('-') => format!("{prefix}{random}"),
        prefix => format!("{prefix}-{random}"),
    }
}

/// The labels by which windlass identifies the pod `name` that builds `request`.
pub(super) fn labels(name: &str, request: &BuildRequest) -> BTreeMap<String, String> {
    [
        ("app.kubernetes.io/managed-by".to_owned(), MANAGER.to_owned()),
        (BUILD.to_owned(), name.to_owned()),
        (IMAGE.to_owned(), image_label(request)),
    ]
    .into()
}

/// A selector for the pods of the image that `request` builds, regardless of who created them.
pub(super) fn selector(request: &BuildRequest) -> String {
    format!("app.kubernetes.io/managed-by={MANAGER},{IMAGE}={}", image_label(request))
}

/// The label value for the image: the hash of its repository, which has characters that are invalid in labels.
fn image_label(request: &BuildRequest) -> String {
    let repository = request.references.first().map(|reference| reference.repository.to_string());
    Digest::of(repository.unwrap_or_default()).hex()[..32].to_owned()
}

fn random_character() -> char {
    fastrand::choice(b"bcdfghjklmnpqrstvwxz2456789").map_or('x', |byte| char::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(prefix: Option<&str>, image: &str, expected: &str) {
        let name = pod_name(prefix, image);
        let (start, random) = name.split_at(name.len() - RANDOM);
        assert_eq!(start, expected);
        assert!(random.bytes().all(|byte| byte.is_ascii_alphanumeric()) && name.len() <= LIMIT, "{name}");
    }

    #[test]
    fn names_are_fit_for_kubernetes() {
        check(None, "api", "windlass-build-api-");
        check(None, "My_Api", "windlass-build-my-api-");
        check(Some("build-"), "api", "build-");
        check(Some("build"), "api", "build-");
        check(Some("-"), "api", "windlass-build-");
        check(None, &"a".repeat(80), &format!("windlass-build-{}-", "a".repeat(39)));
    }
}
