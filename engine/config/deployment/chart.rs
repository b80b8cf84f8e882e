//! `helm.chart`: the chart and the credentials for it.

use std::path::PathBuf;

use serde::{Serialize, Serializer};

use crate::config::Origin;
use crate::git::GitSource;
use crate::secret::Secret;

/// `helm.chart`, or the component chart.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChartConfig {
    /// The location of `chart`, or of `helm` for a component chart.
    #[serde(skip)]
    pub origin: Origin,
    /// The chart.
    pub source: ChartSource,
    /// `version`; `None` selects the newest one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `username` for the repository or registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// `password` for the repository or registry.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "masked")]
    pub password: Option<Secret>,
}

/// The source of a chart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ChartSource {
    /// A directory or an archive, relative to the project directory, or absolute, as written.
    Path(PathBuf),
    /// A chart of a chart repository.
    Repository {
        /// Its name in `repo`. Without `repo`, `REPO/NAME` with the name of a repository of the user's Helm; a
        /// directory of the project with this path has precedence.
        name: String,
        /// `repo`: the repository's URL.
        #[serde(skip_serializing_if = "Option::is_none")]
        repo: Option<String>,
    },
    /// A chart of a registry: `oci://...`.
    Oci(String),
    /// The URL of an archive.
    Url(String),
    /// A directory of a git repository.
    Git {
        /// The repository.
        #[serde(serialize_with = "as_text")]
        source: Box<GitSource>,
        /// The directory of the chart in it.
        #[serde(skip_serializing_if = "Option::is_none")]
        sub_path: Option<String>,
    },
    /// The [component chart](super::ComponentChart).
    Component,
}

fn masked<S: Serializer>(password: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    match password {
        Some(password) => serializer.collect_str(password),
        None => serializer.serialize_none(),
    }
}

/// Without the credentials of the URL.
fn as_text<S: Serializer>(source: &GitSource, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(source)
}
