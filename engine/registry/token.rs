//! Short-lived tokens of a registry's token server (distribution spec, token authentication).

use std::time::{Duration, Instant};

use reqwest::{Client, Method, Request, StatusCode, Url};
use serde::Deserialize;

use crate::secret::Secret;

use super::retry::Retry;
use super::transport::{Answer, exchange};
use super::{Credential, RegistryErrorKind};

/// The lifetime of a token whose server does not declare one (the minimum of the specification).
const SHORTEST: Duration = Duration::from_secs(60);

/// How long before its expiry a token is renewed.
const MARGIN: Duration = Duration::from_secs(10);

/// The maximum response size of a token server, in bytes.
const LIMIT: usize = 1 << 20;

/// A token server's response.
#[derive(Clone)]
pub(super) struct Token {
    /// The token for requests.
    pub(super) access: Secret,
    /// Replaces the password, if the server issues one.
    pub(super) identity: Option<Secret>,
    expires: Instant,
}

/// A request for a token.
pub(super) struct TokenRequest<'a> {
    /// The token server.
    pub(super) realm: &'a Url,
    /// The registry's name at the token server.
    pub(super) service: Option<&'a str>,
    /// The requested permissions, separated by spaces: `repository:acme/app:pull,push`; empty for a login.
    pub(super) scope: &'a str,
    /// The credential for the token server.
    pub(super) credential: &'a Credential,
    /// Whether to request an identity token too.
    pub(super) offline: bool,
}

#[derive(Deserialize)]
struct Body {
    token: Option<String>,
    access_token: Option<String>,
    refresh_token: Option<String>,
    expires_in: Option<u64>,
}

impl Token {
    /// Whether the token is still valid.
    pub(super) fn is_fresh(&self) -> bool {
        Instant::now() < self.expires
    }
}

impl TokenRequest<'_> {
    /// Requests a token: with GET for a user or anonymously, with POST for an identity token.
    pub(super) async fn send(&self, http: &Client, retry: &Retry) -> Result<Token, RegistryErrorKind> {
        let request = match self.credential {
            Credential::IdentityToken { token, .. } => self.refresh(http, token)?,
            _ => self.get(),
        };
        let answer = exchange(http, request, LIMIT, retry).await?;
        if !answer.status.is_success() {
            // OAuth 2 servers respond to an invalid refresh token with 400 (RFC 6749, section 5.2).
            let refused = answer.status == StatusCode::BAD_REQUEST && !self.credential.is_anonymous();
            return Err(match answer.problem(self.credential.is_anonymous()) {
                RegistryErrorKind::Refused { reason } if refused => {
                    RegistryErrorKind::CredentialsRefused { reason }
                }
                problem => problem,
            });
        }
        read(&answer)
    }

    fn get(&self) -> Request {
        let mut url = self.realm.clone();
        {
            let mut query = url.query_pairs_mut();
            query.extend_pairs(self.service.map(|service| ("service", service)));
            // One parameter for each repository (distribution spec, token authentication).
            query.extend_pairs(self.scope.split_whitespace().map(|scope| ("scope", scope)));
            if self.offline {
                query.append_pair("offline_token", "true").append_pair("client_id", "windlass");
            }
            if let Credential::Basic { username, .. } = self.credential {
                query.append_pair("account", username);
            }
        }
        let mut request = Request::new(Method::GET, url);
        if let Credential::Basic { username, password } = self.credential {
            request.headers_mut().extend(basic(username, password));
        }
        request
    }

    fn refresh(&self, http: &Client, token: &Secret) -> Result<Request, RegistryErrorKind> {
        let form = [
            ("grant_type", "refresh_token"),
            ("service", self.service.unwrap_or_default()),
            ("client_id", "windlass"),
            ("refresh_token", token.expose()),
            ("scope", self.scope),
        ];
        let request = http.post(self.realm.clone()).form(&form).build();
        request.map_err(|error| RegistryErrorKind::Malformed { reason: error.without_url().to_string() })
    }
}

/// The header with a user name and a password. Empty if they contain characters that are invalid in a header.
pub(super) fn basic(username: &str, password: &Secret) -> reqwest::header::HeaderMap {
    authorization("Basic", &super::docker_config::encode(username, password))
}

/// The header with a token. Empty if it contains characters that are invalid in a header.
pub(super) fn bearer(token: &Secret) -> reqwest::header::HeaderMap {
    authorization("Bearer", token.expose())
}

fn authorization(scheme: &str, value: &str) -> reqwest::header::HeaderMap {
    let value = reqwest::header::HeaderValue::try_from(format!("{scheme} {value}"));
    let value = value.map(|mut value| {
        value.set_sensitive(true);
        value
    });
    value.into_iter().map(|value| (reqwest::header::AUTHORIZATION, value)).collect()
}

fn read(answer: &Answer) -> Result<Token, RegistryErrorKind> {
    let malformed = || RegistryErrorKind::Malformed { reason: "the token server sent no token".to_owned() };
    let body: Body = serde_json::from_slice(&answer.body).map_err(|_| malformed())?;
    let some = |text: Option<String>| text.filter(|text| !text.is_empty()).map(Secret::new);
    let access = some(body.token).or_else(|| some(body.access_token)).ok_or_else(malformed)?;
    let lifetime = body.expires_in.map_or(SHORTEST, Duration::from_secs).max(SHORTEST) - MARGIN;
    // A lifetime beyond the clock's range gets the minimum.
    let expires = Instant::now().checked_add(lifetime).unwrap_or_else(|| Instant::now() + SHORTEST);
    Ok(Token { access, identity: some(body.refresh_token), expires })
}
