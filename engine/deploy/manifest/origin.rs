//! Where a manifest comes from.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where a manifest comes from. Displays as in messages: paths relative to the project directory, URLs without
/// credentials.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ManifestOrigin {
    /// A file, relative to the project directory if it is below it.
    File(PathBuf),
    /// The value of `inlineManifest`.
    Inline,
    /// The output of kustomize for this directory or URL.
    Kustomization(String),
    /// A script.
    Script,
    /// A URL.
    Url(String),
}

impl ManifestOrigin {
    /// The file at `path`; `directory` is the project directory.
    pub fn file(path: &Path, directory: &Path) -> Self {
        Self::File(path.strip_prefix(directory).unwrap_or(path).to_owned())
    }
}

impl fmt::Display for ManifestOrigin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "{}", path.display()),
            Self::Inline => formatter.write_str("inlineManifest"),
            Self::Kustomization(directory) => {
                write!(formatter, "kustomize build {}", without_credentials(directory))
            }
            Self::Script => formatter.write_str("script"),
            Self::Url(url) => formatter.write_str(&without_credentials(url)),
        }
    }
}

/// `url` without user name, password and query: signed URLs have tokens there.
pub(super) fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (host, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_display_without_credentials() {
        let check =
            |origin: ManifestOrigin, expected: &str| assert_eq!(origin.to_string(), expected, "{origin:?}");
        check(ManifestOrigin::file(Path::new("/p/kube/a.yaml"), Path::new("/p")), "kube/a.yaml");
        check(ManifestOrigin::file(Path::new("/q/a.yaml"), Path::new("/p")), "/q/a.yaml");
        check(
            ManifestOrigin::Url("https://me:pw@h.example/a@b.yaml?sig=x".into()),
            "https://h.example/a@b.yaml",
        );
        check(ManifestOrigin::Url("https://h.example".into()), "https://h.example");
        check(ManifestOrigin::Inline, "inlineManifest");
        check(ManifestOrigin::Kustomization("kube/dev".into()), "kustomize build kube/dev");
    }
}
