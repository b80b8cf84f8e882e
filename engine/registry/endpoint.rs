//! The address of a registry and how to connect to it: scheme, certificates, timeouts.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use reqwest::{Certificate, Client, ClientBuilder, Identity, Request, Url};

use super::retry::Retry;
use super::transport::{Answer, exchange, once};
use super::{RegistryErrorKind, host};

/// Timeouts: for a connection, for a whole exchange.
pub(super) const CONNECT: Duration = Duration::from_secs(10);
const WHOLE: Duration = Duration::from_secs(120);

/// The registry of one domain.
#[derive(Clone)]
pub(super) struct Endpoint {
    /// `https://ghcr.io/v2/`.
    pub(super) base: Url,
    /// The client that trusts this registry.
    pub(super) http: Client,
}

impl Endpoint {
    /// The registry of `domain`, behind HTTPS.
    pub(super) fn secure(domain: &str, http: Client) -> Result<Self, RegistryErrorKind> {
        Ok(Self { base: base("https", domain)?, http })
    }

    /// A registry that may lack TLS: one on this machine, or one that the user configured as insecure. Detects the
    /// scheme and also returns the response to that request.
    ///
    /// Registries on this machine are queried over HTTP first because they rarely have TLS; others over HTTPS first, as
    /// in Docker.
    pub(super) async fn insecure(domain: &str, retry: &Retry) -> Result<(Self, Answer), RegistryErrorKind> {
        let loopback = host::is_loopback(domain);
        let http = if loopback { loopback_client()? } else { insecure_client()? };
        let (likely, other) = if loopback { ("http", "https") } else { ("https", "http") };
        let mut first = None;
        // The wrong scheme looks like a lost connection, so only the last attempt is retried.
        for (scheme, is_last) in [(likely, false), (other, false), (likely, true)] {
            let endpoint = Self { base: base(scheme, domain)?, http: http.clone() };
            let request = Request::new(reqwest::Method::GET, endpoint.base.clone());
            let answer = match is_last {
                false => once(&endpoint.http, request, 1 << 16, (retry, retry.silence)).await,
                true => exchange(&endpoint.http, request, 1 << 16, retry).await,
            };
            match answer {
                // A TLS server responds to plain HTTP with 400.
                Ok(answer) if answer.status != 400 => return Ok((endpoint, answer)),
                Ok(answer) => _ = first.get_or_insert(answer.problem(true)),
                Err(problem @ RegistryErrorKind::Timeout { .. }) => return Err(problem),
                Err(problem) => _ = first.get_or_insert(problem),
            }
        }
        Err(first.unwrap_or_else(|| RegistryErrorKind::Malformed { reason: "no response".to_owned() }))
    }
}

fn base(scheme: &str, domain: &str) -> Result<Url, RegistryErrorKind> {
    let text = format!("{scheme}://{}/v2/", host::api_host(domain));
    text.parse().map_err(|error| RegistryErrorKind::Malformed {
        reason: format!("`{domain}` is not a valid host: {error}"),
    })
}

/// The client for registries with trusted certificates.
pub(super) fn secure_client() -> Result<Client, RegistryErrorKind> {
    build(builder())
}

/// The client for a registry whose certificates are in the directory `folder`, in Docker's layout: `*.crt` are CA
/// certificates, `NAME.cert` with `NAME.key` is the client certificate. `None` without such files.
pub(super) fn client_with_certificates(folder: &Path) -> Result<Option<Client>, RegistryErrorKind> {
    let unreadable = |path: &Path, reason: &dyn std::fmt::Display| RegistryErrorKind::Tls {
        host: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        reason: format!("cannot read `{}`: {reason}", path.display()),
    };
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(None) };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort_unstable();
    let (mut authorities, mut identity) = (Vec::new(), None);
    for path in &paths {
        let read = |path: &Path| crate::input_file::read(path).map_err(|error| unreadable(path, &error));
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("crt") => {
                let bundle = Certificate::from_pem_bundle(&read(path)?);
                authorities.extend(bundle.map_err(|error| unreadable(path, &error))?);
            }
            Some("cert") => {
                let mut pem = read(&path.with_extension("key"))?;
                pem.push(b'\n');
                pem.extend(read(path)?);
                identity = Some(Identity::from_pem(&pem).map_err(|error| unreadable(path, &error))?);
            }
            _ => (),
        }
    }
    if authorities.is_empty() && identity.is_none() {
        return Ok(None);
    }
    let mut builder = builder().tls_certs_merge(authorities);
    if let Some(identity) = identity {
        builder = builder.identity(identity);
    }
    build(builder).map(Some)
}

/// The client for registries that the user trusts with any certificate.
fn insecure_client() -> Result<Client, RegistryErrorKind> {
    build(builder().tls_danger_accept_invalid_certs(true))
}

/// The client for this machine: any certificate, never a proxy.
pub(super) fn loopback_client() -> Result<Client, RegistryErrorKind> {
    build(builder().tls_danger_accept_invalid_certs(true).no_proxy())
}

fn builder() -> ClientBuilder {
    // Fails only if the process already has a provider, which is equivalent.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Digests cover unencoded content; without this header, servers may use any encoding (RFC 9110, section 12.5.3).
    let identity = (ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    Client::builder()
        .default_headers(HeaderMap::from_iter([identity]))
        .user_agent(concat!("windlass/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .timeout(WHOLE)
}

fn build(builder: ClientBuilder) -> Result<Client, RegistryErrorKind> {
    builder.build().map_err(|error| RegistryErrorKind::Tls {
        host: "any registry".to_owned(),
        reason: format!("cannot create the HTTP client: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_certificate_is_named() {
        let folder = tempfile::tempdir().expect("directory");
        assert!(matches!(client_with_certificates(folder.path()), Ok(None)));
        assert!(matches!(client_with_certificates(&folder.path().join("none")), Ok(None)));
        std::fs::write(folder.path().join("a.cert"), "no pem").expect("file");
        let problem = client_with_certificates(folder.path()).expect_err("no key");
        assert!(problem.to_string().contains("a.key"), "{problem}");
    }
}
