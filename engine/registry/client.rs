//! A minimal client of the registry API (OCI distribution spec).

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Method, Request, StatusCode, Url};
use tokio::sync::OnceCell;

use crate::event::Events;
use crate::image::{Digest, ImageReference, Repository};

use super::challenge::{Challenge, is_insufficient_scope};
use super::daemon_settings::DaemonSettings;
use super::endpoint::{self, Endpoint};
use super::retry::Retry;
use super::token::{Token, TokenRequest, basic, bearer};
use super::transport::{Answer, exchange};
use super::{Action, Credential, CredentialStore, RegistryError, RegistryErrorKind, host};

/// The directory of Docker's certificates for individual registries.
const CERTIFICATES: &str = "/etc/docker/certs.d";

/// Sends requests to registries, with the credentials of a [`CredentialStore`].
///
/// A registry is contacted when an operation needs it. Its scheme, challenge and tokens are requested once and shared
/// by all operations and images. Timeouts apply (10 seconds to connect, 30 seconds without data, 120 seconds in total);
/// 429, 5xx and lost connections are tried three times with increasing delays. Dropping the future of an operation
/// cancels it.
///
/// Registries on this machine may lack TLS, as with Docker; so may those passed to [`RegistryClient::with_insecure`]
/// and [`RegistryClient::trusting`]. Certificates in `/etc/docker/certs.d` are used as in Docker. Proxies come from the
/// environment.
pub struct RegistryClient {
    credentials: Arc<CredentialStore>,
    insecure: InsecureLookup,
    known_insecure: OnceCell<BTreeSet<String>>,
    trusted: Mutex<BTreeSet<String>>,
    settings: LazyLock<DaemonSettings, Box<dyn FnOnce() -> DaemonSettings + Send>>,
    pub(super) retry: Retry,
    /// For requests that are repeated by their operation only.
    pub(super) once: Retry,
    secure: OnceCell<Client>,
    hosts: Mutex<HashMap<String, Arc<Host>>>,
    /// Where the permission to push is confirmed.
    pub(super) pushable: Mutex<HashMap<Repository, Arc<OnceCell<()>>>>,
    /// The digests that tags resolved to.
    pub(super) resolved: Mutex<HashMap<ImageReference, Arc<OnceCell<Digest>>>>,
    /// Locked while a blob is fetched, so that each is fetched once.
    pub(super) fetching: Mutex<HashMap<Digest, Arc<tokio::sync::Mutex<()>>>>,
}

/// Returns the registries that may lack TLS: hosts with ports, as in references, and networks like `10.0.0.0/8`.
type InsecureLookup = Box<dyn Fn() -> BoxFuture<'static, BTreeSet<String>> + Send + Sync>;

/// The cached state of one registry.
#[derive(Default)]
struct Host {
    endpoint: OnceCell<Endpoint>,
    challenge: Mutex<Option<Challenge>>,
    /// By scope. Locked while a token is fetched, so that each is fetched once.
    tokens: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Option<Token>>>>>,
}

/// The purpose of a request, for messages, and the permissions it needs.
pub(super) struct Subject<'a> {
    pub(super) action: Action,
    pub(super) reference: String,
    pub(super) domain: &'a str,
    /// `repository:acme/app:pull`, several separated by spaces; empty for none.
    pub(super) scope: String,
}

/// A request, before its registry is resolved.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    /// Below `/v2/`, or a full URL.
    pub(super) path: &'a str,
    pub(super) accept: Option<&'static str>,
    /// Media type and content.
    pub(super) body: Option<(HeaderValue, bytes::Bytes)>,
    /// The maximum response size, in bytes.
    pub(super) limit: usize,
}

/// The maximum size of a response whose content is not needed.
const SMALL: usize = 1 << 16;

impl<'a> Subject<'a> {
    /// An operation on `repository` that needs the permissions `rights`: `pull`, `pull,push`.
    pub(super) fn new(action: Action, reference: String, repository: &'a Repository, rights: &str) -> Self {
        let scope = format!("repository:{}:{rights}", repository.path());
        Self { action, reference, domain: repository.domain(), scope }
    }

    /// The error for `problem` in this operation.
    pub(super) fn error(&self, problem: RegistryErrorKind) -> RegistryError {
        RegistryError {
            action: self.action,
            reference: self.reference.clone(),
            registry: self.domain.to_owned(),
            problem,
            is_retried: false,
        }
    }
}

impl<'a> Call<'a> {
    /// A request without content, for a response without content.
    pub(super) fn new(method: Method, path: &'a str) -> Self {
        Self { method, path, accept: None, body: None, limit: SMALL }
    }

    fn request(&self, url: Url, authorization: HeaderMap) -> Request {
        let mut request = Request::new(self.method.clone(), url);
        let headers = request.headers_mut();
        *headers = authorization;
        if let Some(accept) = self.accept {
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
        }
        if let Some((media_type, content)) = &self.body {
            headers.insert(CONTENT_TYPE, media_type.clone());
            *request.body_mut() = Some(content.clone().into());
        }
        request
    }
}

impl RegistryClient {
    /// A client that reads its credentials from `credentials`.
    pub fn new(credentials: Arc<CredentialStore>) -> Self {
        Self {
            credentials,
            insecure: Box::new(|| Box::pin(std::future::ready(BTreeSet::new()))),
            known_insecure: OnceCell::new(),
            trusted: Mutex::default(),
            settings: LazyLock::new(Box::new(|| DaemonSettings::read(&DaemonSettings::usual_files()))),
            retry: Retry::default(),
            once: Retry::once(),
            secure: OnceCell::new(),
            hosts: Mutex::default(),
            pushable: Mutex::default(),
            resolved: Mutex::default(),
            fetching: Mutex::default(),
        }
    }

    /// Accepts any certificate and plain HTTP from the registries that `lookup` returns: hosts and networks, as in the
    /// daemon's `insecure-registries`. It is called at most once, but not for registries on this machine, which are
    /// always insecure, and not for Docker Hub.
    #[must_use]
    pub fn with_insecure(
        mut self,
        lookup: impl Fn() -> BoxFuture<'static, BTreeSet<String>> + Send + Sync + 'static,
    ) -> Self {
        self.insecure = Box::new(lookup);
        self
    }

    /// Accepts any certificate and plain HTTP from the registries of `domains`.
    #[must_use]
    pub fn trusting(mut self, domains: BTreeSet<String>) -> Self {
        self.trusted = Mutex::new(domains);
        self
    }

    /// From now on, accepts any certificate and plain HTTP from the registry of `domain`.
    pub fn trust(&self, domain: &str) {
        if self.trusted.lock().unwrap_or_else(PoisonError::into_inner).insert(domain.to_owned()) {
            // Its cached endpoint is no longer valid.
            self.hosts.lock().unwrap_or_else(PoisonError::into_inner).remove(domain);
        }
    }

    /// Reads `files` instead of the daemon's `/etc/docker/daemon.json` and the user's `~/.config/docker/daemon.json`:
    /// their `registry-mirrors` are queried for Docker Hub images, and their `insecure-registries` may lack TLS.
    #[must_use]
    pub fn with_daemon_settings(mut self, files: Vec<PathBuf>) -> Self {
        self.settings = LazyLock::new(Box::new(move || DaemonSettings::read(&files)));
        self
    }

    /// Reports to `events` the waits that registries request, and their warnings.
    #[must_use]
    pub fn reporting(mut self, events: Events) -> Self {
        self.retry = self.retry.reporting(events);
        self
    }

    /// Sets the delay between attempts.
    #[cfg(test)]
    pub(super) fn with_pause(mut self, pause: std::time::Duration) -> Self {
        self.retry.pause = pause;
        self
    }

    /// The credentials of this client.
    pub fn credentials(&self) -> &Arc<CredentialStore> {
        &self.credentials
    }

    /// Sends `call`, authenticating as the registry requires. Only a success status is `Ok`.
    pub(super) async fn send(&self, subject: &Subject<'_>, call: &Call<'_>) -> Result<Answer, RegistryError> {
        self.send_with(subject, call, &self.retry).await
    }

    /// As [`RegistryClient::send`], with other attempts.
    pub(super) async fn send_with(
        &self,
        subject: &Subject<'_>,
        call: &Call<'_>,
        retry: &Retry,
    ) -> Result<Answer, RegistryError> {
        let known = self.credentials.get(subject.domain).await;
        let credential = known.as_ref().unwrap_or(&Credential::Anonymous);
        let problem = match self.send_as(subject, call, credential, retry).await {
            Ok(answer) if answer.status.is_success() => return Ok(answer),
            Ok(answer) => match answer.problem(credential.is_anonymous()) {
                RegistryErrorKind::CredentialsRefused { reason }
                    if is_insufficient_scope(&answer.headers) =>
                {
                    RegistryErrorKind::Denied { reason }
                }
                problem => problem,
            },
            Err(problem) => problem,
        };
        let problem = problem.because_of(known.err());
        Err(RegistryError { is_retried: problem.may_pass(), ..subject.error(problem) })
    }

    async fn send_as(
        &self,
        subject: &Subject<'_>,
        call: &Call<'_>,
        credential: &Credential,
        retry: &Retry,
    ) -> Result<Answer, RegistryErrorKind> {
        let host = self.host(subject.domain);
        let endpoint = self.endpoint(&host, subject.domain).await?;
        let url = endpoint.base.join(call.path);
        let url =
            url.map_err(|error| RegistryErrorKind::Malformed { reason: format!("invalid URL: {error}") })?;
        let authorization = self.authorization(&host, &endpoint, subject, credential).await?;
        let request = call.request(url.clone(), authorization);
        let answer = exchange(&endpoint.http, request, call.limit, retry).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        // The first request to a registry gets its challenge; a later one may contain an expired token.
        host.learn(Challenge::of(&answer.headers, &endpoint.base)?);
        host.remove_token(&subject.scope);
        let authorization = self.authorization(&host, &endpoint, subject, credential).await?;
        if authorization.is_empty() {
            return Ok(answer);
        }
        exchange(&endpoint.http, call.request(url, authorization), call.limit, retry).await
    }

    /// The registry of `subject`, and the authorization headers. The registry's challenge must be known: an earlier
    /// request must have been sent.
    pub(super) async fn authorized(
        &self,
        subject: &Subject<'_>,
    ) -> Result<(Endpoint, HeaderMap), RegistryError> {
        let known = self.credentials.get(subject.domain).await;
        let credential = known.as_ref().unwrap_or(&Credential::Anonymous);
        let host = self.host(subject.domain);
        let find = async {
            let endpoint = self.endpoint(&host, subject.domain).await?;
            let authorization = self.authorization(&host, &endpoint, subject, credential).await?;
            Ok((endpoint, authorization))
        };
        find.await.map_err(|problem: RegistryErrorKind| subject.error(problem))
    }

    /// The authorization header for `subject`; empty until the registry sends a challenge.
    async fn authorization(
        &self,
        host: &Host,
        endpoint: &Endpoint,
        subject: &Subject<'_>,
        credential: &Credential,
    ) -> Result<HeaderMap, RegistryErrorKind> {
        let Some(challenge) = host.challenge() else { return Ok(HeaderMap::new()) };
        match (challenge, credential) {
            (_, Credential::RegistryToken(token)) => Ok(bearer(token)),
            (Challenge::Basic, Credential::Anonymous) => Ok(HeaderMap::new()),
            (Challenge::Basic, Credential::Basic { username, password }) => Ok(basic(username, password)),
            (Challenge::Basic, Credential::IdentityToken { username, token }) => Ok(basic(username, token)),
            (Challenge::Bearer { realm, service }, credential) => {
                let request = TokenRequest {
                    realm: &realm,
                    service: service.as_deref(),
                    scope: &subject.scope,
                    credential,
                    offline: false,
                };
                let slot = host.token_slot(&subject.scope);
                let mut slot = slot.lock().await;
                if let Some(token) = slot.as_ref().filter(|token| token.is_fresh()) {
                    return Ok(bearer(&token.access));
                }
                let token = slot.insert(request.send(&endpoint.http, &self.retry).await?);
                Ok(bearer(&token.access))
            }
        }
    }

    /// Checks `credential` against the registry, as a login does. Returns the credential to store: the token server's
    /// identity token instead of the password, if it issues one.
    pub(super) async fn verify(
        &self,
        subject: &Subject<'_>,
        credential: Credential,
    ) -> Result<Credential, RegistryErrorKind> {
        let host = self.host(subject.domain);
        let endpoint = self.endpoint(&host, subject.domain).await?;
        let ask = async |authorization| {
            let request = Call::new(Method::GET, "").request(endpoint.base.clone(), authorization);
            exchange(&endpoint.http, request, SMALL, &self.retry).await
        };
        let open = ask(HeaderMap::new()).await?;
        if open.status != StatusCode::UNAUTHORIZED {
            return if open.status.is_success() { Ok(credential) } else { Err(open.problem(false)) };
        }
        let mut kept = None;
        let authorization = match (Challenge::of(&open.headers, &endpoint.base)?, &credential) {
            (Challenge::Bearer { realm, service }, _) => {
                let service = service.as_deref();
                let request = TokenRequest {
                    realm: &realm,
                    service,
                    scope: "",
                    credential: &credential,
                    offline: true,
                };
                let token = request.send(&endpoint.http, &self.retry).await?;
                kept = token.identity;
                bearer(&token.access)
            }
            (Challenge::Basic, Credential::Basic { username, password }) => basic(username, password),
            (Challenge::Basic, _) => return Err(open.problem(false)),
        };
        let answer = ask(authorization).await?;
        if !answer.status.is_success() {
            return Err(answer.problem(false));
        }
        Ok(match (kept, credential) {
            (Some(token), Credential::Basic { username, .. }) => {
                Credential::IdentityToken { username, token }
            }
            (_, credential) => credential,
        })
    }

    /// `url`, if it belongs to the registry of `subject`.
    pub(super) async fn own_url(&self, subject: &Subject<'_>, url: Url) -> Option<String> {
        let endpoint = self.endpoint(&self.host(subject.domain), subject.domain).await.ok()?;
        (url.origin() == endpoint.base.origin()).then(|| url.into())
    }

    /// The references to pull `reference` from: for a Docker Hub image the mirrors first, and its own registry last.
    pub(super) fn places_of(&self, reference: &ImageReference) -> Vec<ImageReference> {
        let is_mirrored = reference.repository.is_docker_hub();
        let mirrors = self.settings.mirrors.iter().filter(|_| is_mirrored);
        let there = mirrors.map(|mirror| ImageReference {
            repository: reference.repository.at(mirror.as_str()),
            ..reference.clone()
        });
        there.chain(std::iter::once(reference.clone())).collect()
    }

    fn host(&self, domain: &str) -> Arc<Host> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = hosts.get(domain) {
            return Arc::clone(host);
        }
        Arc::clone(hosts.entry(domain.to_owned()).or_default())
    }

    async fn endpoint(&self, host: &Host, domain: &str) -> Result<Endpoint, RegistryErrorKind> {
        let find = async || {
            if self.is_insecure(domain).await {
                let (endpoint, answer) = Endpoint::insecure(domain, &self.retry).await?;
                if answer.status == StatusCode::UNAUTHORIZED {
                    host.learn(Challenge::of(&answer.headers, &endpoint.base)?);
                }
                return Ok(endpoint);
            }
            if let Some(client) = endpoint::client_with_certificates(&certificates_of(domain))? {
                return Endpoint::secure(domain, client);
            }
            // Reading the system's certificates is slow, so all registries share one client.
            let client = self.secure.get_or_try_init(async || endpoint::secure_client()).await?;
            Endpoint::secure(domain, client.clone())
        };
        host.endpoint.get_or_try_init(find).await.cloned()
    }

    async fn is_insecure(&self, domain: &str) -> bool {
        if host::is_loopback(domain) || domain == host::HUB {
            return domain != host::HUB;
        }
        if self.trusted.lock().unwrap_or_else(PoisonError::into_inner).contains(domain) {
            return true;
        }
        if self.settings.insecure.iter().any(|entry| host::is_named_by(domain, entry)) {
            return true;
        }
        let listed = self.known_insecure.get_or_init(|| (self.insecure)()).await;
        listed.iter().any(|entry| host::is_named_by(domain, entry))
    }
}

impl Host {
    fn challenge(&self) -> Option<Challenge> {
        self.challenge.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn learn(&self, challenge: Challenge) {
        *self.challenge.lock().unwrap_or_else(PoisonError::into_inner) = Some(challenge);
    }

    fn token_slot(&self, scope: &str) -> Arc<tokio::sync::Mutex<Option<Token>>> {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(tokens.entry(scope.to_owned()).or_default())
    }

    fn remove_token(&self, scope: &str) {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).remove(scope);
    }
}

fn certificates_of(domain: &str) -> PathBuf {
    Path::new(CERTIFICATES).join(Path::new(domain).file_name().unwrap_or_default())
}
