//! Where a chart comes from.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::config::ComponentChart;
use crate::secret::Secret;

/// The source of a chart. Displays as the user wrote it, without credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChartLocation {
    /// A directory or an archive, relative to the project directory.
    Path(PathBuf),
    /// A directory in the checkout of a git repository.
    Git(PathBuf),
    /// A chart of a repository.
    Repository {
        /// The chart's name; `REPOSITORY/NAME` or a URL if `repository` is absent.
        name: String,
        /// The repository's URL; the repositories that the user added to helm if absent.
        repository: Option<String>,
        /// The version or a range; the newest if absent.
        version: Option<String>,
        /// The credentials for the repository.
        credentials: Option<Credentials>,
    },
    /// A chart of an OCI registry.
    Oci {
        /// The reference: `oci://ghcr.io/acme/charts/web`.
        reference: String,
        /// The version or a range; the newest if absent.
        version: Option<String>,
        /// The credentials for the registry.
        credentials: Option<Credentials>,
    },
}

/// A user name and a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user name.
    pub username: String,
    /// The password or token.
    pub password: Secret,
}

impl ChartLocation {
    /// The source that a chart's `name` in `devspace.yaml` denotes: a chart in `repository` if that is given, an OCI
    /// reference, an existing path in `directory`, or a chart of a repository that the user added to helm.
    pub fn named(
        name: &str,
        repository: Option<&str>,
        version: Option<&str>,
        credentials: Option<Credentials>,
        directory: &Path,
    ) -> Self {
        let version = version.map(str::to_owned);
        // An OCI "repository" is the parent of the chart's reference.
        let registry = repository.filter(|repository| repository.starts_with("oci://"));
        if let Some(registry) = registry {
            let reference = format!("{}/{name}", registry.trim_end_matches('/'));
            return Self::Oci { reference, version, credentials };
        }
        if name.starts_with("oci://") {
            return Self::Oci { reference: name.to_owned(), version, credentials };
        }
        let is_path =
            name.starts_with(['.', '/']) || Path::new(name).is_absolute() || directory.join(name).exists();
        if repository.is_none() && is_path {
            return Self::Path(name.into());
        }
        Self::Repository {
            name: name.to_owned(),
            repository: repository.map(str::to_owned),
            version,
            credentials,
        }
    }

    /// The component chart. `configured` is a version or a path; version 0.9.1 by default.
    pub fn component(configured: Option<&str>) -> Self {
        let configured = configured.map(str::trim).filter(|configured| !configured.is_empty());
        match configured {
            Some(path) if path.contains(['/', '\\']) || path.ends_with(".tgz") => Self::Path(path.into()),
            version => Self::Repository {
                name: ComponentChart::NAME.to_owned(),
                repository: Some(ComponentChart::REPO.to_owned()),
                version: Some(version.unwrap_or(ComponentChart::VERSION).to_owned()),
                credentials: None,
            },
        }
    }

    /// The requested version, if the source has one.
    pub fn version(&self) -> Option<&str> {
        match self {
            Self::Path(_) | Self::Git(_) => None,
            Self::Repository { version, .. } | Self::Oci { version, .. } => version.as_deref(),
        }
    }
}

impl fmt::Display for ChartLocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) | Self::Git(path) => path.display().fmt(formatter),
            Self::Repository { name, .. } => formatter.write_str(name),
            Self::Oci { reference, .. } => formatter.write_str(reference),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_select_the_source() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("chart")).unwrap();
        let named =
            |name, repository| ChartLocation::named(name, repository, Some("1.0.0"), None, directory.path());
        let repository = |name: &str, repository: Option<&str>| ChartLocation::Repository {
            name: name.into(),
            repository: repository.map(Into::into),
            version: Some("1.0.0".into()),
            credentials: None,
        };
        let oci = |reference: &str| ChartLocation::Oci {
            reference: reference.into(),
            version: Some("1.0.0".into()),
            credentials: None,
        };
        assert_eq!(named("chart", None), ChartLocation::Path("chart".into()));
        assert_eq!(named("./missing", None), ChartLocation::Path("./missing".into()));
        assert_eq!(named("bitnami/redis", None), repository("bitnami/redis", None));
        // A directory of the same name does not replace a chart of a repository.
        assert_eq!(named("chart", Some("https://c.io")), repository("chart", Some("https://c.io")));
        assert_eq!(named("oci://r.io/chart", None), oci("oci://r.io/chart"));
        assert_eq!(named("chart", Some("oci://r.io/charts/")), oci("oci://r.io/charts/chart"));
    }

    #[test]
    fn component_chart_is_a_version_or_a_path() {
        assert_eq!(ChartLocation::component(None).version(), Some("0.9.1"));
        assert_eq!(ChartLocation::component(Some("0.8.4")).version(), Some("0.8.4"));
        assert_eq!(ChartLocation::component(Some("../chart")), ChartLocation::Path("../chart".into()));
    }
}
