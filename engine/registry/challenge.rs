//! The challenge in a registry's `WWW-Authenticate` header.

use reqwest::Url;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

use super::RegistryErrorKind;

/// The authentication scheme of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User name and password in each request.
    Basic,
    /// A token of its token server (distribution spec, token authentication).
    Bearer {
        /// The token server.
        realm: Url,
        /// The registry's name at the token server.
        service: Option<String>,
    },
}

impl Challenge {
    /// The challenge in the response of the registry at `base`; tokens are preferred to passwords.
    ///
    /// # Errors
    /// [`RegistryErrorKind::Malformed`] if no scheme is supported, or if it would send the credentials for an HTTPS
    /// registry over HTTP.
    pub(super) fn of(headers: &HeaderMap, base: &Url) -> Result<Self, RegistryErrorKind> {
        let malformed = |reason: &str| RegistryErrorKind::Malformed { reason: reason.to_owned() };
        let mut basic = false;
        for header in headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|header| header.to_str().ok()) {
            // An invalid header may accompany a valid one.
            for challenge in http_auth::parse_challenges(header).unwrap_or_default() {
                if challenge.scheme.eq_ignore_ascii_case("basic") {
                    basic = true;
                } else if challenge.scheme.eq_ignore_ascii_case("bearer") {
                    let parameter = |name: &str| {
                        let found = challenge.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
                        found.map(|(_, value)| value.to_unescaped())
                    };
                    let realm = parameter("realm").and_then(|realm| realm.parse::<Url>().ok());
                    let realm = realm.ok_or_else(|| malformed("the challenge has no valid token server"))?;
                    if realm.scheme() != "https" && base.scheme() == "https" {
                        return Err(malformed("the token server does not use TLS"));
                    }
                    return Ok(Self::Bearer { realm, service: parameter("service") });
                }
            }
        }
        if basic { Ok(Self::Basic) } else { Err(malformed("no supported authentication scheme")) }
    }
}

/// Whether the registry reports a valid token with insufficient scope.
pub(super) fn is_insufficient_scope(headers: &HeaderMap) -> bool {
    let headers = headers.get_all(WWW_AUTHENTICATE).iter();
    headers.filter_map(|header| header.to_str().ok()).any(|header| header.contains("insufficient_scope"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[&'static str], expected: &str) {
        let base = "https://r.io/v2/".parse().expect("url");
        let map = headers.iter().map(|value| (WWW_AUTHENTICATE, value.parse().expect("header"))).collect();
        let got = match Challenge::of(&map, &base) {
            Ok(Challenge::Basic) => "basic".to_owned(),
            Ok(Challenge::Bearer { realm, service }) => {
                format!("{realm} {}", service.as_deref().unwrap_or("-"))
            }
            Err(RegistryErrorKind::Malformed { reason }) => reason,
            Err(problem) => panic!("{problem:?}"),
        };
        assert_eq!(got, expected, "{headers:?}");
    }

    #[test]
    fn tokens_are_preferred_to_passwords() {
        let bearer = r#"Bearer realm="https://auth.io/token",service="r.io",scope="repository:a:pull,push""#;
        check(&[r#"Basic realm="x""#], "basic");
        check(&[bearer], "https://auth.io/token r.io");
        check(&[r#"basic realm="x""#, bearer], "https://auth.io/token r.io");
        check(&[r#"Basic realm="x", bearer realm="https://auth.io/t""#], "https://auth.io/t -");
        check(&["Negotiate", r#"Basic realm="x""#], "basic");
    }

    #[test]
    fn a_challenge_we_cannot_meet_is_refused() {
        check(&[], "no supported authentication scheme");
        check(&["Negotiate"], "no supported authentication scheme");
        check(&[r#"Bearer realm="http://auth.io/token""#], "the token server does not use TLS");
        check(&[r#"Bearer realm="https://""#], "the challenge has no valid token server");
        check(&[r#"Bearer service="r.io""#], "the challenge has no valid token server");
    }
}
