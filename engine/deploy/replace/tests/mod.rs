//! Cases, errors, reports and properties of tag replacement.

mod case;
mod cases_manifests;
mod cases_values;
mod details;
mod properties;

use super::*;
use crate::image::Digest;

/// The digest of `fix`.
const DIGEST: &str = "sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd";

/// A digest that belongs to no image of the tests.
const OTHER_DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn image(name: &str, repository: &str, tags: &[&str], reference: KnownReference) -> KnownImage {
    let (dependency, name) = match name.split_once('.') {
        Some((dependency, name)) => (Some(dependency.to_owned()), name),
        None => (None, name),
    };
    KnownImage {
        dependency,
        name: name.to_owned(),
        repository: repository.parse().unwrap(),
        tags: tags.iter().map(|tag| tag.parse().unwrap()).collect(),
        reference,
        is_local_only: false,
    }
}

fn tagged(tag: &str) -> KnownReference {
    KnownReference::Tagged { tag: tag.parse().unwrap(), digest: None }
}

fn with_digest(tag: &str) -> KnownReference {
    let digest: Digest = DIGEST.parse().unwrap();
    KnownReference::Tagged { tag: tag.parse().unwrap(), digest: Some(digest) }
}

fn disabled() -> KnownReference {
    KnownReference::Unmanaged { reason: "it is disabled".to_owned() }
}

/// The images of all cases.
fn images() -> Vec<KnownImage> {
    vec![
        image("web", "ghcr.io/shop/web", &["#####"], tagged("N1")),
        image("api", "acme/api", &[], tagged("N2")),
        image("app", "app", &[], tagged("N3")),
        image("job", "localhost:5000/job", &[], tagged("N4")),
        image("fix", "ghcr.io/shop/fix", &["stable"], with_digest("stable")),
        image("off", "ghcr.io/shop/off", &[], disabled()),
        image("new", "ghcr.io/shop/new", &[], KnownReference::NeverBuilt),
        image("auth.srv", "ghcr.io/auth/srv", &[], tagged("N5")),
    ]
}

fn known() -> KnownImages {
    images().into_iter().collect()
}

fn no_tags() -> ReplaceOptions {
    ReplaceOptions { update_tags: false, ..ReplaceOptions::default() }
}
