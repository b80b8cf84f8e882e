//! Translates a Docker daemon's registry errors.

use crate::image::ImageReference;

use super::{Action, Credential, CredentialError, RegistryError, RegistryErrorKind};

/// The start of the message about a lost connection to the daemon itself.
pub const CONNECTION_LOST: &str = "connection to the docker daemon lost";

impl RegistryError {
    /// The error for `text`, a Docker daemon's message that it cannot push or pull `reference` with the `known`
    /// credential, which is an error if the credential store failed.
    pub fn from_daemon(
        action: Action,
        reference: &ImageReference,
        known: &Result<Credential, CredentialError>,
        text: &str,
    ) -> Self {
        let registry = reference.repository.domain();
        let problem = said_by_daemon(registry, known.as_ref().unwrap_or(&Credential::Anonymous), text);
        let problem = problem.because_of(known.as_ref().err().cloned());
        let (reference, registry) = (reference.to_string(), registry.to_owned());
        Self { action, reference, registry, problem, is_retried: false }
    }
}

/// The problem that a Docker daemon reports about `registry` in `text`.
pub fn said_by_daemon(registry: &str, credential: &Credential, text: &str) -> RegistryErrorKind {
    let lower = text.to_ascii_lowercase();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| lower.contains(phrase));
    let (host, reason) = (registry.to_owned(), text.trim().to_owned());
    // From the most to the least specific: the message of a denied pull also contains "does not exist" and "login".
    if says(&["server gave http response to https client"]) {
        RegistryErrorKind::PlainHttp { host }
    } else if says(&["x509:", "tls: ", "certificate"]) && !says(&["tls handshake timeout"]) {
        RegistryErrorKind::Tls { host, reason }
    } else if says(&["no basic auth credentials"]) {
        RegistryErrorKind::CredentialsMissing
    } else if says(&["toomanyrequests", "too many requests", "rate limit", "http 429"]) {
        RegistryErrorKind::TooManyRequests { reason, after: None }
    } else if says(&[
        "unauthorized",
        "authentication required",
        "incorrect username or password",
        "status: 401",
        "http 401",
    ]) {
        if credential.is_anonymous() {
            RegistryErrorKind::CredentialsMissing
        } else {
            RegistryErrorKind::CredentialsRefused { reason }
        }
    } else if says(&["denied", "forbidden", "insufficient_scope", "http 403"]) {
        if credential.is_anonymous() {
            RegistryErrorKind::CredentialsMissing
        } else {
            RegistryErrorKind::Denied { reason }
        }
    } else if says(&[
        "i/o timeout",
        "handshake timeout",
        "client.timeout",
        "deadline exceeded",
        "request canceled",
    ]) {
        RegistryErrorKind::Timeout { host, reason }
    } else if says(&[
        "connection refused",
        "connection reset",
        "no such host",
        "no route to host",
        "network is unreachable",
        "broken pipe",
        "dial tcp",
        "connection lost",
        "use of closed network connection",
        "temporary failure",
        "unexpected eof",
        ": eof",
        CONNECTION_LOST,
    ]) || lower.ends_with("eof")
    {
        RegistryErrorKind::Unreachable { host, reason }
    } else if says(&[
        "unexpected http status: 5",
        "internal server error",
        "bad gateway",
        "service unavailable",
        "gateway timeout",
    ]) || lower.split_whitespace().any(|word| ["500", "502", "503", "504"].contains(&word))
    {
        RegistryErrorKind::Broken { reason, after: None }
    } else if says(&[
        "name unknown",
        "name not known",
        "manifest unknown",
        "repository does not exist",
        "does not exist in the registry",
        "not found",
        "http 404",
    ]) {
        RegistryErrorKind::NotFound { reason }
    } else {
        RegistryErrorKind::Refused { reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn a_daemons_words_become_ours() {
        let known = Credential::Basic { username: "ann".into(), password: Secret::new("pw") };
        let check = |text: &str, anonymous: &str, authenticated: &str| {
            let kind = |credential| {
                let debug = format!("{:?}", said_by_daemon("r.io", credential, text));
                debug.split(' ').next().unwrap_or_default().to_owned()
            };
            assert_eq!(kind(&Credential::Anonymous), anonymous, "{text}");
            assert_eq!(kind(&known), authenticated, "{text}");
        };
        let same = |text, expected| check(text, expected, expected);
        check("denied: requested access to the resource is denied", "CredentialsMissing", "Denied");
        check("unauthorized: authentication required", "CredentialsMissing", "CredentialsRefused");
        check(
            "pull access denied for acme/x, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
            "CredentialsMissing",
            "Denied",
        );
        same("no basic auth credentials", "CredentialsMissing");
        same(
            "Get \"https://10.0.0.1:5000/v2/\": http: server gave HTTP response to HTTPS client",
            "PlainHttp",
        );
        same("Get \"https://r.io/v2/\": x509: certificate signed by unknown authority", "Tls");
        same("remote error: tls: bad certificate", "Tls");
        same(
            "name unknown: The repository with name 'x' does not exist in the registry with id '1'",
            "NotFound",
        );
        // With the containerd image store, the message lacks the registry's error code.
        same("error from registry: repository name not known to registry", "NotFound");
        same(
            "error from registry: The repository with name 'x' does not exist in the registry with id '1'",
            "NotFound",
        );
        same("manifest for r.io/x:1 not found: manifest unknown: manifest unknown", "NotFound");
        same("toomanyrequests: You have reached your pull rate limit.", "TooManyRequests");
        same("received unexpected HTTP status: 500 Internal Server Error", "Broken");
        same("received unexpected HTTP status: 503 Service Unavailable", "Broken");
        same("Get \"https://r.io/v2/\": dial tcp 10.0.0.1:443: connect: connection refused", "Unreachable");
        same("Get \"https://r.io/v2/\": dial tcp: lookup r.io: no such host", "Unreachable");
        same("Get \"https://r.io/v2/\": dial tcp 10.0.0.1:443: i/o timeout", "Timeout");
        same("Get \"https://r.io/v2/\": net/http: TLS handshake timeout", "Timeout");
        same("Patch \"https://r.io/v2/x\": EOF", "Unreachable");
        // From a proxy that responds with HTML.
        check(
            "error parsing HTTP 403 response body: unexpected end of JSON input: \"\"",
            "CredentialsMissing",
            "Denied",
        );
        same("Head \"http://r/v2/\": EOF", "Unreachable");
        same("Put \"http://127.0.0.1:34035/v2/x\": EOF", "Unreachable");
        same("connection to the docker daemon lost: hyper", "Unreachable");
        same("cannot find 127.0.0.1:45500 on this machine", "Refused");
        same("An image does not exist locally with the tag: acme/api", "Refused");
        same("error parsing HTTP 429 response body: invalid character", "TooManyRequests");
        same("error parsing HTTP 404 response body: invalid character '<'", "NotFound");
        same("blob upload invalid", "Refused");
        same("blob sha256:0401 is invalid", "Refused");
    }
}
