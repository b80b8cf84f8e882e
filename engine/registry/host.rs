//! Registry names: in references, in Docker's credential store, and as API hosts.

use std::net::IpAddr;

/// The domain of Docker Hub in references.
pub(super) const HUB: &str = "docker.io";

/// All host names of Docker Hub.
const HUB_HOSTS: [&str; 3] = ["index.docker.io", HUB, "registry-1.docker.io"];

/// The key of Docker Hub in the credential store.
const HUB_KEY: &str = "https://index.docker.io/v1/";

/// The names under which a daemon or BuildKit requests the credentials of Docker Hub.
const HUB_SPELLINGS: [&str; 4] = [HUB_KEY, "index.docker.io", HUB, "registry-1.docker.io"];

/// The domain of the registry in `text`, as in [`crate::image::Repository::domain`]: scheme and path are removed, and
/// every name of Docker Hub becomes `docker.io`.
///
/// ```
/// use windlass::registry::domain_of;
/// assert_eq!(domain_of("https://index.docker.io/v1/"), "docker.io");
/// assert_eq!(domain_of("https://ghcr.io/v2/"), "ghcr.io");
/// ```
pub fn domain_of(text: &str) -> &str {
    let text = text.trim();
    let text = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text);
    let host = text.split_once('/').map_or(text, |(host, _)| host);
    if HUB_HOSTS.contains(&host) { HUB } else { host }
}

/// The key under which the credentials for `domain` are stored and requested.
pub(super) fn store_key(domain: &str) -> &str {
    if domain == HUB { HUB_KEY } else { domain }
}

/// Every key under which a daemon may look up the credentials for `domain`.
pub(super) fn spellings<'a>(domain: &'a str) -> impl Iterator<Item = &'a str> {
    let hub: &'a [&'a str] = if domain == HUB { &HUB_SPELLINGS } else { &[] };
    hub.iter().copied().chain((domain != HUB).then_some(domain))
}

/// The host that serves the registry API of `domain`.
pub(super) fn api_host(domain: &str) -> &str {
    if domain == HUB { "registry-1.docker.io" } else { domain }
}

/// Whether `domain` is this machine, where Docker allows plain HTTP.
pub(super) fn is_loopback(domain: &str) -> bool {
    let host = without_port(domain);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether `domain` matches an entry of a daemon's `insecure-registries`: a host, or a network that contains its
/// address. Host names are not resolved.
pub(super) fn is_named_by(domain: &str, entry: &str) -> bool {
    let network = || entry.parse::<ipnet::IpNet>().ok();
    let address = || without_port(domain).parse::<IpAddr>().ok();
    domain == entry || network().zip(address()).is_some_and(|(network, address)| network.contains(&address))
}

fn without_port(domain: &str) -> &str {
    match domain.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(host, _)| host),
        None => domain.split_once(':').map_or(domain, |(host, _)| host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_path_and_hub_spellings_are_dropped() {
        let check = |text, expected| assert_eq!(domain_of(text), expected, "{text}");
        check("https://index.docker.io/v1/", "docker.io");
        check("https://index.docker.io/v1/access-token", "docker.io");
        check("index.docker.io", "docker.io");
        check("registry-1.docker.io", "docker.io");
        check("docker.io", "docker.io");
        check("http://localhost:5000", "localhost:5000");
        check("r.io/ns", "r.io");
        check("[::1]:5000", "[::1]:5000");
        check("", "");
    }

    #[test]
    fn only_this_machine_is_loopback() {
        let check = |domain, expected| assert_eq!(is_loopback(domain), expected, "{domain}");
        check("localhost", true);
        check("localhost:5000", true);
        check("127.0.0.1:5000", true);
        check("127.8.9.1", true);
        check("[::1]:5000", true);
        check("[::1", true);
        check("localhost.example.com", false);
        check("10.0.0.1:5000", false);
        check("docker.io", false);
    }

    #[test]
    fn insecure_registries_are_hosts_and_networks() {
        let check =
            |domain, entry, expected| assert_eq!(is_named_by(domain, entry), expected, "{domain} {entry}");
        check("r.io:5000", "r.io:5000", true);
        check("r.io:5000", "r.io", false);
        check("10.1.2.3:5000", "10.0.0.0/8", true);
        check("10.1.2.3", "10.0.0.0/8", true);
        check("11.1.2.3:5000", "10.0.0.0/8", false);
        check("[fd00::1]:5000", "fd00::/8", true);
        check("r.io", "10.0.0.0/8", false);
        check("10.1.2.3", "10.0.0.0/99", false);
    }

    #[test]
    fn hub_has_every_spelling_and_others_one() {
        assert_eq!(spellings("ghcr.io").collect::<Vec<_>>(), ["ghcr.io"]);
        assert!(spellings(HUB).any(|key| key == store_key(HUB)));
        assert!(spellings(HUB).any(|key| key == api_host(HUB)));
    }
}
