//! References that are not replaced.

use std::fmt;

/// A reference to a known image that was not replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftAlone {
    /// Its place: `Deployment/web spec.template.spec.containers[0].args[1]`.
    pub place: String,
    /// The reference as written.
    pub value: String,
    /// The name of the image; several names if it is ambiguous.
    pub image: String,
    /// The reason.
    pub reason: LeftAloneReason,
}

impl fmt::Display for LeftAlone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` in `{}` is unchanged: {}", self.value, self.place, self.reason)
    }
}

/// The reason why a reference to a known image was not replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeftAloneReason {
    /// It is in an environment variable.
    Environment,
    /// It is below `labels` or `annotations`.
    Label,
    /// It is not in an image field.
    NotAnImageField,
    /// Another key of the same map, such as `registry`, makes it another reference.
    OtherReference,
    /// It has a digest.
    Pinned,
    /// Tag replacement is off for the deployment.
    SwitchedOff,
    /// The image is not managed by the run.
    Unmanaged(String),
}

impl fmt::Display for LeftAloneReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Environment => "environment variables are replaced only with `env: true`",
            Self::Label => "labels and annotations are not image fields",
            Self::NotAnImageField => "it is not in an image field",
            Self::OtherReference => "other keys of the map make it another reference",
            Self::Pinned => "it is pinned by its digest",
            Self::SwitchedOff => "tag replacement is off for this deployment",
            Self::Unmanaged(reason) => reason,
        })
    }
}
