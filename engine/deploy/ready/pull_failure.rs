//! Why an image cannot be pulled.

/// Why an image cannot be pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullFailure {
    /// The registry does not have it.
    NotFound,
    /// It was built but not pushed.
    NotPushed,
    /// The registry requires other credentials.
    Unauthorized,
    /// The registry does not have it, or requires credentials: it does not reveal which.
    NotFoundOrUnauthorized,
    /// It is not a valid reference.
    InvalidName {
        /// Whether a tag was added to a tag.
        has_two_tags: bool,
    },
    /// The pod never pulls it, and the node does not have it.
    NeverPulled,
    /// It is not built for the platform of the node.
    NoPlatform,
    /// The registry allows no more pulls at the moment.
    RateLimited,
    /// The registry has no certificate that the node trusts, or uses HTTP.
    Tls,
    /// The node cannot reach the registry.
    Unreachable,
    /// Another one.
    Other,
}

impl PullFailure {
    /// Why the node that waits for `reason` with `message` cannot pull `image`.
    pub(super) fn new(reason: &str, image: &str, message: &str) -> Self {
        let message = message.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
        match reason {
            "InvalidImageName" => return Self::InvalidName { has_two_tags: has_two_tags(image) },
            "ErrImageNeverPull" => return Self::NeverPulled,
            "RegistryUnavailable" => return Self::Unreachable,
            _ => {}
        }
        if has(&["toomanyrequests", "too many requests", "rate limit"]) {
            Self::RateLimited
        } else if has(&["repository does not exist or may require", "insufficient_scope"]) {
            Self::NotFoundOrUnauthorized
        } else if has(&[
            "no match for platform",
            "no matching manifest for",
            "does not match the specified platform",
        ]) {
            Self::NoPlatform
        } else if has(&["x509", "http response to https client", "tls:", "certificate"]) {
            Self::Tls
        } else if has(&[
            "unauthorized",
            "authentication required",
            "no basic auth",
            "403 forbidden",
            "access denied",
            "denied:",
        ]) {
            Self::Unauthorized
        } else if has(&[
            "dial tcp",
            "no such host",
            "i/o timeout",
            "connection refused",
            "connection reset",
            "deadline exceeded",
            "503 service",
            "502 bad",
            "500 internal",
            "unexpected eof",
        ]) {
            Self::Unreachable
        } else if has(&["not found", "notfound", "manifest unknown", "does not exist", "name unknown"]) {
            Self::NotFound
        } else {
            Self::Other
        }
    }

    /// Whether a second attempt may succeed without any change.
    pub(super) fn may_pass(self) -> bool {
        matches!(self, Self::RateLimited | Self::Unreachable | Self::Other)
    }
}

/// Whether `image` is a reference to which a second tag was appended: `web:1:2`.
fn has_two_tags(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or_default();
    let name = name.split('@').next().unwrap_or_default();
    name.matches(':').count() > 1
}
