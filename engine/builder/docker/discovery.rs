//! Finding the daemon as the docker CLI does.

use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Endpoint, TlsFiles};
use crate::image::Digest;
use crate::suggestion::nearest;

/// Where the daemon listens by default.
const DEFAULT_HOST: &str =
    if cfg!(windows) { "npipe:////./pipe/docker_engine" } else { "unix:///var/run/docker.sock" };

/// The name of the context for the environment and the default socket.
const DEFAULT_CONTEXT: &str = "default";

/// The inputs of the search for a daemon: the variables, the home directory and the files of the Docker
/// configuration. They are parameters, so that the search is a pure function.
#[derive(Clone, Copy)]
pub struct DiscoveryInputs<'a> {
    /// The value of an environment variable.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// The content of a file.
    pub read: &'a dyn Fn(&Path) -> io::Result<String>,
    /// The paths in a directory; empty if it cannot be read.
    pub list: &'a dyn Fn(&Path) -> Vec<PathBuf>,
    /// The user's home directory.
    pub home: Option<&'a Path>,
}

/// An endpoint, and the setting that selected it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscoveredEndpoint {
    /// Where the daemon listens.
    pub endpoint: Endpoint,
    /// The setting, as a phrase: `DOCKER_HOST`, `the Docker context \`colima\``, `the default`.
    pub origin: String,
    /// The directory of the Docker configuration, if there is a home directory or `DOCKER_CONFIG`.
    pub config: Option<PathBuf>,
}

/// Why no endpoint could be found.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
pub enum DiscoveryError {
    /// The named context does not exist.
    #[error("unknown Docker context `{name}` (from {origin}): `{}` does not exist", path.display())]
    #[diagnostic(code(docker::unknown_context))]
    UnknownContext {
        /// The context.
        name: String,
        /// The setting that names it.
        origin: String,
        /// The file that does not exist.
        path: PathBuf,
        /// The hint.
        #[help]
        help: String,
    },

    /// A file of the Docker configuration cannot be read or parsed.
    #[error("cannot read `{}` to find the Docker daemon: {reason}", path.display())]
    #[diagnostic(code(docker::bad_config), help("repair the file, or set DOCKER_HOST"))]
    BadConfig {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },

    /// A host is not a valid address of a daemon.
    #[error("invalid address `{host}` of the Docker daemon (from {origin}): {reason}")]
    #[diagnostic(
        code(docker::bad_host),
        help("write `unix:///var/run/docker.sock`, `tcp://HOST:PORT` or `ssh://USER@HOST`")
    )]
    BadHost {
        /// The host as written.
        host: String,
        /// The setting it comes from.
        origin: String,
        /// The reason.
        reason: String,
    },
}

/// The part of `config.json` that is used here.
#[derive(Deserialize)]
struct Config {
    #[serde(default, rename = "currentContext")]
    current_context: String,
}

/// The part of a context's `meta.json` that is used here.
#[derive(Deserialize)]
struct Meta {
    #[serde(default, rename = "Name")]
    name: String,
    #[serde(default, rename = "Endpoints")]
    endpoints: MetaEndpoints,
}

#[derive(Deserialize, Default)]
struct MetaEndpoints {
    docker: Option<MetaEndpoint>,
}

#[derive(Deserialize)]
struct MetaEndpoint {
    #[serde(default, rename = "Host")]
    host: String,
    #[serde(default, rename = "SkipTLSVerify")]
    skip_tls_verify: bool,
}

/// Finds the daemon in this order: `DOCKER_HOST`, the context in `DOCKER_CONTEXT`, the `currentContext` of the Docker
/// configuration, the default socket. Opens no connection.
///
/// # Errors
/// [`DiscoveryError`] if the first of these that is set is invalid.
pub fn find(surroundings: DiscoveryInputs<'_>) -> Result<DiscoveredEndpoint, DiscoveryError> {
    let variable = |name: &str| (surroundings.variable)(name).filter(|value| !value.is_empty());
    let config = variable("DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(|| surroundings.home.map(|home| home.join(".docker")));
    let found = |endpoint, origin: String| DiscoveredEndpoint { endpoint, origin, config: config.clone() };

    if let Some(host) = variable("DOCKER_HOST") {
        let endpoint = parse_host(&host, || environment_tls(surroundings, config.as_deref()))
            .map_err(|reason| DiscoveryError::BadHost { host, origin: "DOCKER_HOST".into(), reason })?;
        return Ok(found(endpoint, "DOCKER_HOST".into()));
    }
    let (name, origin) = match (variable("DOCKER_CONTEXT"), &config) {
        (Some(name), _) => (name, "DOCKER_CONTEXT".to_owned()),
        (None, Some(folder)) => {
            let path = folder.join("config.json");
            let name = read_json::<Config>(surroundings, &path)?.map(|config| config.current_context);
            (name.unwrap_or_default(), format!("`{}`", path.display()))
        }
        (None, None) => (String::new(), String::new()),
    };
    if name.is_empty() || name == DEFAULT_CONTEXT {
        let endpoint = parse_host(DEFAULT_HOST, || None).map_err(|reason| DiscoveryError::BadHost {
            host: DEFAULT_HOST.into(),
            origin: "the default".into(),
            reason,
        })?;
        return Ok(found(endpoint, "the default".into()));
    }
    let endpoint = find_context(surroundings, &name, &origin, config.as_deref().unwrap_or(Path::new("")))?;
    Ok(found(endpoint, format!("the Docker context `{name}`")))
}

/// The endpoint of the context `name` in `folder`.
fn find_context(
    surroundings: DiscoveryInputs<'_>,
    name: &str,
    origin: &str,
    folder: &Path,
) -> Result<Endpoint, DiscoveryError> {
    let id = Digest::of(name).hex();
    let path = folder.join("contexts/meta").join(&id).join("meta.json");
    let meta = read_json::<Meta>(surroundings, &path)?.ok_or_else(|| DiscoveryError::UnknownContext {
        name: name.to_owned(),
        origin: origin.to_owned(),
        path: path.clone(),
        help: unknown_context_help(surroundings, name, folder),
    })?;
    let docker = meta.endpoints.docker.ok_or_else(|| DiscoveryError::BadConfig {
        path: path.clone(),
        reason: "it has no `docker` endpoint".into(),
    })?;
    let tls = || {
        let folder = folder.join("contexts/tls").join(&id).join("docker");
        let files = tls_files(surroundings, &folder, docker.skip_tls_verify);
        let is_tls = files.skip_verify || files.ca.is_some() || files.cert.is_some();
        is_tls.then_some(files)
    };
    let host = if docker.host.is_empty() { DEFAULT_HOST } else { &docker.host };
    parse_host(host, tls).map_err(|reason| DiscoveryError::BadHost {
        host: host.to_owned(),
        origin: format!("the Docker context `{name}`"),
        reason,
    })
}

/// The hint for an unknown context.
fn unknown_context_help(surroundings: DiscoveryInputs<'_>, name: &str, folder: &Path) -> String {
    let folders = (surroundings.list)(&folder.join("contexts/meta"));
    let read = |folder: &PathBuf| read_json::<Meta>(surroundings, &folder.join("meta.json")).ok()?;
    let known: Vec<String> = folders.iter().filter_map(read).map(|meta| meta.name).collect();
    match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`? `docker context ls` lists all contexts"),
        None => "select another with `docker context use`, or set DOCKER_HOST".to_owned(),
    }
}

/// The TLS files that the environment selects: `DOCKER_TLS_VERIFY` (verified) or `DOCKER_TLS` (any certificate), from
/// `DOCKER_CERT_PATH` or otherwise the configuration directory.
fn environment_tls(surroundings: DiscoveryInputs<'_>, config: Option<&Path>) -> Option<TlsFiles> {
    let variable = |name: &str| (surroundings.variable)(name).filter(|value| !value.is_empty());
    let verify = variable("DOCKER_TLS_VERIFY").is_some();
    if !verify && variable("DOCKER_TLS").is_none() {
        return None;
    }
    let folder = variable("DOCKER_CERT_PATH").map(PathBuf::from).or_else(|| config.map(Path::to_owned))?;
    Some(tls_files(surroundings, &folder, !verify))
}

/// The certificates that exist in `folder`.
fn tls_files(surroundings: DiscoveryInputs<'_>, folder: &Path, skip_verify: bool) -> TlsFiles {
    let file = |name: &str| Some(folder.join(name)).filter(|path| (surroundings.read)(path).is_ok());
    TlsFiles { ca: file("ca.pem"), cert: file("cert.pem"), key: file("key.pem"), skip_verify }
}

/// A JSON file; `None` if it does not exist.
fn read_json<T: serde::de::DeserializeOwned>(
    surroundings: DiscoveryInputs<'_>,
    path: &Path,
) -> Result<Option<T>, DiscoveryError> {
    let error = |reason: String| DiscoveryError::BadConfig { path: path.to_owned(), reason };
    match (surroundings.read)(path) {
        Ok(text) if text.trim().is_empty() => Ok(None),
        Ok(text) => serde_json::from_str(&text).map(Some).map_err(|source| error(source.to_string())),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(error(source.to_string())),
    }
}

/// Parses a host as written in `DOCKER_HOST` and contexts; `tls` is called for TCP only.
fn parse_host(host: &str, tls: impl FnOnce() -> Option<TlsFiles>) -> Result<Endpoint, String> {
    let (scheme, rest) = host.split_once("://").unwrap_or(("tcp", host));
    match scheme {
        "unix" if rest.is_empty() => Ok(Endpoint::Unix("/var/run/docker.sock".into())),
        "unix" => Ok(Endpoint::Unix(rest.into())),
        "npipe" => Ok(Endpoint::NamedPipe(rest.to_owned())),
        "ssh" if rest.is_empty() => Err("the host is missing".into()),
        "ssh" => Ok(Endpoint::Ssh { url: host.to_owned() }),
        "tcp" | "http" | "https" => {
            let tls = tls().or_else(|| (scheme == "https").then(TlsFiles::default));
            let (host, port) = split_address(rest, if tls.is_some() { 2376 } else { 2375 })?;
            Ok(match tls {
                Some(files) => Endpoint::Tls { host, port, files },
                None => Endpoint::Tcp { host, port },
            })
        }
        other => Err(format!("unknown scheme `{other}`")),
    }
}

/// Host and port of `HOST`, `HOST:PORT`, `[ADDRESS]:PORT`, with or without a `/` at the end.
fn split_address(address: &str, default_port: u16) -> Result<(String, u16), String> {
    let address = address.trim_end_matches('/');
    if address.contains('/') {
        return Err("paths are not supported".into());
    }
    // A colon inside brackets belongs to an IPv6 address.
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (address, None),
    };
    let port = match port {
        Some(port) => port.parse().map_err(|_| format!("invalid port `{port}`"))?,
        None => default_port,
    };
    Ok((if host.is_empty() { "127.0.0.1" } else { host }.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Files of a Docker configuration with the contexts `colima` (a socket), `far` (TLS) and `bad`.
    fn files() -> HashMap<PathBuf, String> {
        let meta =
            |name: &str| format!("/home/me/.docker/contexts/meta/{}/meta.json", Digest::of(name).hex());
        let tls =
            |name: &str| format!("/home/me/.docker/contexts/tls/{}/docker/ca.pem", Digest::of(name).hex());
        [
            ("/home/me/.docker/config.json".into(), r#"{"auths": {}, "currentContext": "colima"}"#),
            ("/default/config.json".into(), r#"{"currentContext": "default"}"#),
            ("/broken/config.json".into(), "{"),
            ("/gone/config.json".into(), r#"{"currentContext": "gone"}"#),
            ("/certs/ca.pem".into(), "ca"),
            ("/certs/key.pem".into(), "key"),
            (meta("colima"), r#"{"Name": "colima", "Endpoints": {"docker": {"Host": "unix:///c.sock"}}}"#),
            (meta("far"), r#"{"Endpoints": {"docker": {"Host": "tcp://far", "SkipTLSVerify": true}}}"#),
            (meta("bad"), r#"{"Endpoints": {"kubernetes": {}}}"#),
            (tls("far"), "ca"),
        ]
        .into_iter()
        .map(|(path, text)| (PathBuf::from(path), text.to_owned()))
        .collect()
    }

    fn find_with(variables: &[(&str, &str)]) -> Result<DiscoveredEndpoint, DiscoveryError> {
        let files = files();
        find(DiscoveryInputs {
            variable: &|name| {
                variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            },
            read: &|path| files.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into()),
            list: &|folder| {
                let folders = files.keys().filter_map(|path| path.parent());
                folders.filter(|path| path.parent() == Some(folder)).map(Path::to_owned).collect()
            },
            home: Some(Path::new("/home/me")),
        })
    }

    fn check(variables: &[(&str, &str)], endpoint: Endpoint, origin: &str) {
        let found = find_with(variables).unwrap();
        assert_eq!((found.endpoint, found.origin.as_str()), (endpoint, origin), "{variables:?}");
    }

    fn tcp(host: &str, port: u16) -> Endpoint {
        Endpoint::Tcp { host: host.into(), port }
    }

    #[test]
    fn the_first_setting_wins() {
        let socket = |path: &str| Endpoint::Unix(path.into());
        let context = "the Docker context `colima`";
        check(&[("DOCKER_HOST", "unix:///x"), ("DOCKER_CONTEXT", "far")], socket("/x"), "DOCKER_HOST");
        check(&[], socket("/c.sock"), context);
        check(&[("DOCKER_CONTEXT", "colima"), ("DOCKER_HOST", "")], socket("/c.sock"), context);
        #[cfg(unix)]
        {
            check(&[("DOCKER_CONFIG", "/default")], socket("/var/run/docker.sock"), "the default");
            check(&[("DOCKER_CONFIG", "/none")], socket("/var/run/docker.sock"), "the default");
            check(&[("DOCKER_CONTEXT", "default")], socket("/var/run/docker.sock"), "the default");
        }
    }

    #[test]
    fn contexts_bring_their_certificates() {
        let ca = format!("/home/me/.docker/contexts/tls/{}/docker/ca.pem", Digest::of("far").hex());
        let files = TlsFiles { ca: Some(ca.into()), skip_verify: true, ..TlsFiles::default() };
        let endpoint = Endpoint::Tls { host: "far".into(), port: 2376, files };
        check(&[("DOCKER_CONTEXT", "far")], endpoint, "the Docker context `far`");
    }

    #[test]
    fn the_environment_requests_tls() {
        let host = ("DOCKER_HOST", "tcp://h");
        let certs = ("DOCKER_CERT_PATH", "/certs");
        let files = |skip_verify| TlsFiles {
            ca: Some("/certs/ca.pem".into()),
            cert: None,
            key: Some("/certs/key.pem".into()),
            skip_verify,
        };
        let tls = |files| Endpoint::Tls { host: "h".into(), port: 2376, files };
        check(&[host, certs, ("DOCKER_TLS_VERIFY", "1")], tls(files(false)), "DOCKER_HOST");
        check(&[host, certs, ("DOCKER_TLS_VERIFY", "0")], tls(files(false)), "DOCKER_HOST");
        check(&[host, certs, ("DOCKER_TLS", "1")], tls(files(true)), "DOCKER_HOST");
        check(&[host, certs, ("DOCKER_TLS_VERIFY", "")], tcp("h", 2375), "DOCKER_HOST");
    }

    #[test]
    fn hosts_are_parsed() {
        let check = |host: &str, expected: Endpoint| {
            assert_eq!(parse_host(host, || None), Ok(expected), "{host}");
        };
        check("tcp://h:1", tcp("h", 1));
        check("h:1", tcp("h", 1));
        check("tcp://", tcp("127.0.0.1", 2375));
        check("tcp://:99", tcp("127.0.0.1", 99));
        check("tcp://h/", tcp("h", 2375));
        check("http://h", tcp("h", 2375));
        check("tcp://[::1]:5", tcp("[::1]", 5));
        check("tcp://[::1]", tcp("[::1]", 2375));
        check("unix://", Endpoint::Unix("/var/run/docker.sock".into()));
        check("npipe:////./pipe/d", Endpoint::NamedPipe("//./pipe/d".into()));
        check("ssh://me@h:22", Endpoint::Ssh { url: "ssh://me@h:22".into() });
    }

    #[test]
    fn the_nearest_context_is_suggested() {
        let check = |name: &str, expected: &str| {
            let error = find_with(&[("DOCKER_CONTEXT", name)]).unwrap_err();
            let help = miette::Diagnostic::help(&error).unwrap().to_string();
            assert!(help.starts_with(expected), "{help}");
        };
        check("colma", "did you mean `colima`?");
        check("production", "select another with `docker context use`");
    }

    #[test]
    fn settings_that_lead_nowhere_are_named() {
        let check = |variables: &[(&str, &str)], expected: &str| {
            let message = find_with(variables).unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
        };
        check(
            &[("DOCKER_CONTEXT", "gone")],
            "unknown Docker context `gone` (from DOCKER_CONTEXT): `/home/me/.docker/contexts/meta/",
        );
        check(
            &[("DOCKER_CONFIG", "/gone")],
            "unknown Docker context `gone` (from `/gone/config.json`): `/gone/contexts/meta/",
        );
        check(&[("DOCKER_CONTEXT", "bad")], "cannot read `/home/me/.docker/contexts/meta/");
        check(&[("DOCKER_CONFIG", "/broken")], "cannot read `/broken/config.json`");
        check(
            &[("DOCKER_HOST", "ftp://x")],
            "invalid address `ftp://x` of the Docker daemon (from DOCKER_HOST): unknown scheme `ftp`",
        );
        check(&[("DOCKER_HOST", "tcp://x:port")], "invalid address `tcp://x:port` of the Docker daemon");
    }
}
