//! The registry settings in a Docker daemon's configuration file, which apply even if no daemon runs.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Deserialize;

/// The registry settings of `daemon.json`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct DaemonSettings {
    /// Registries to query before Docker Hub, in order.
    pub(super) mirrors: Vec<String>,
    /// Registries that may lack TLS: hosts, and networks like `10.0.0.0/8`.
    pub(super) insecure: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct File {
    #[serde(default)]
    registry_mirrors: Vec<String>,
    #[serde(default)]
    insecure_registries: Vec<String>,
}

impl DaemonSettings {
    /// The files of the system's daemon and of the user's daemon.
    pub(super) fn usual_files() -> Vec<PathBuf> {
        let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let config = config.or_else(|| Some(std::env::home_dir()?.join(".config")));
        let own = config.map(|config| config.join("docker/daemon.json"));
        std::iter::once(PathBuf::from("/etc/docker/daemon.json")).chain(own).collect()
    }

    /// The merged settings of `files`. Unreadable files are ignored: the daemon reports them.
    pub(super) fn read(files: &[PathBuf]) -> Self {
        let mut settings = Self::default();
        for file in files {
            let Ok(content) = crate::input_file::read(file) else { continue };
            let Ok(file) = serde_json::from_slice::<File>(&content) else { continue };
            settings.insecure.extend(file.insecure_registries);
            for mirror in file.registry_mirrors {
                let (is_plain, host) = match mirror.split_once("://") {
                    Some((scheme, host)) => (scheme == "http", host),
                    None => (false, mirror.as_str()),
                };
                let host = host.trim_end_matches('/').to_owned();
                // A mirror with a path is ignored (Docker rejects it).
                if host.is_empty() || host.contains('/') || settings.mirrors.contains(&host) {
                    continue;
                }
                if is_plain {
                    settings.insecure.insert(host.clone());
                }
                settings.mirrors.push(host);
            }
        }
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_are_hosts() {
        let folder = tempfile::tempdir().expect("directory");
        let file = |name: &str, content: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).expect("written");
            path
        };
        let files = [
            file(
                "one",
                r#"{"registry-mirrors": ["https://mirror.io/", "http://10.0.0.1:5000", "https://x/y"]}"#,
            ),
            folder.path().join("none"),
            file("broken", "{"),
            file(
                "two",
                r#"{"registry-mirrors": ["mirror.io"], "insecure-registries": ["r.io:5000"], "debug": true}"#,
            ),
        ];
        let expected = DaemonSettings {
            mirrors: vec!["mirror.io".to_owned(), "10.0.0.1:5000".to_owned()],
            insecure: BTreeSet::from(["10.0.0.1:5000".to_owned(), "r.io:5000".to_owned()]),
        };
        assert_eq!(DaemonSettings::read(&files), expected);
    }
}
