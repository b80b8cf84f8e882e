//! Hints of tag replacement.

use std::fmt;

/// A hint for the user about a replaced reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// A reference has a digest, so that the image of this run is not deployed there.
    Pinned {
        /// The name of the image.
        image: String,
        /// The place of the reference.
        place: String,
    },
    /// The tag refers to another image than before, and the chart has no key for the digest.
    SameTag {
        /// The name of the image.
        image: String,
        /// The tag.
        tag: String,
        /// The place of the tag.
        place: String,
    },
    /// The image is only in the local cluster, so that the pull policy was changed.
    PullPolicyChanged {
        /// The name of the image.
        image: String,
        /// The place of the pull policy.
        place: String,
    },
    /// The image is only in the local cluster, but the values request to pull it.
    PullPolicyAlways {
        /// The name of the image.
        image: String,
        /// The place of the pull policy.
        place: String,
    },
    /// A placeholder refers to an unknown image.
    UnknownImage {
        /// The placeholder as written: `tag(wbe)`.
        placeholder: String,
        /// The place of the placeholder.
        place: String,
        /// The nearest name, or all names.
        help: String,
    },
}

impl Hint {
    /// Whether the deployment might not do what the user expects.
    pub fn is_warning(&self) -> bool {
        !matches!(self, Self::PullPolicyChanged { .. })
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pinned { image, place } => write!(
                formatter,
                "not deploying the image `{image}` of this run in `{place}`: the reference is pinned by its digest"
            ),
            Self::SameTag { image, tag, place } => write!(
                formatter,
                "pods might not restart: `{place}` is still `{tag}`, but the image `{image}` has changed (add `#` to \
                 its `tags`, or a key `digest` to the values)"
            ),
            Self::PullPolicyChanged { image, place } => write!(
                formatter,
                "set `{place}` to `IfNotPresent`: the image `{image}` is only in the local cluster"
            ),
            Self::PullPolicyAlways { image, place } => write!(
                formatter,
                "pods might not start: `{place}` is `Always`, but the image `{image}` is only in the local cluster"
            ),
            Self::UnknownImage { placeholder, place, help } => {
                write!(formatter, "`{placeholder}` in `{place}` is unchanged: unknown image ({help})")
            }
        }
    }
}
