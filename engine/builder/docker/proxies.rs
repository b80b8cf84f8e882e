//! The proxies of the Docker configuration, as build arguments.

use indexmap::IndexMap;
use serde_json::Value;

use super::Daemon;

/// The variables that a proxy setting sets (Docker docs, "Use a proxy server with the Docker CLI"). Both spellings
/// are predefined build arguments, so Dockerfiles need not declare them, and they do not appear in the image.
const NAMES: [(&str, &str, &str); 5] = [
    ("httpProxy", "HTTP_PROXY", "http_proxy"),
    ("httpsProxy", "HTTPS_PROXY", "https_proxy"),
    ("noProxy", "NO_PROXY", "no_proxy"),
    ("ftpProxy", "FTP_PROXY", "ftp_proxy"),
    ("allProxy", "ALL_PROXY", "all_proxy"),
];

/// The proxies that the Docker configuration sets for `daemon`, otherwise for all daemons. An unreadable file sets
/// none.
pub fn proxies(daemon: &Daemon) -> IndexMap<String, String> {
    let Some((folder, found)) = daemon.found().ok().and_then(|found| Some((found.config.as_ref()?, found)))
    else {
        return IndexMap::new();
    };
    let text = crate::input_file::read(&folder.join("config.json")).unwrap_or_default();
    let config: Value = serde_json::from_slice(&text).unwrap_or_default();
    select(&config, &found.endpoint.to_string())
}

fn select(config: &Value, host: &str) -> IndexMap<String, String> {
    let proxies = config.get("proxies");
    let proxies = proxies.and_then(|proxies| proxies.get(host).or_else(|| proxies.get("default")));
    let value =
        |key| proxies.and_then(|proxies| proxies.get(key)?.as_str()).filter(|value| !value.is_empty());
    NAMES
        .iter()
        .filter_map(|(key, upper, lower)| value(key).map(|value| [(upper, value), (lower, value)]))
        .flatten()
        .map(|(name, value)| ((*name).to_owned(), value.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_own_proxies_win() {
        let config = serde_json::json!({"proxies": {
            "default": {"httpProxy": "http://p", "noProxy": ""},
            "tcp://far:1": {"httpsProxy": "http://q"},
        }});
        let check = |host, expected: &[(&str, &str)]| {
            let proxies = select(&config, host);
            let proxies: Vec<_> =
                proxies.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            assert_eq!(proxies, expected);
        };
        check("unix:///x", &[("HTTP_PROXY", "http://p"), ("http_proxy", "http://p")]);
        check("tcp://far:1", &[("HTTPS_PROXY", "http://q"), ("https_proxy", "http://q")]);
        assert!(select(&Value::Null, "x").is_empty());
    }
}
