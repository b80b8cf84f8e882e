//! The section `deployments`, in one meaning for all versions.

mod chart;
mod component;
mod helm;
mod kubectl;

use std::ops::Not;

use serde::Serialize;
use serde_json::Value as Json;

pub use chart::{ChartConfig, ChartSource};
pub use component::ComponentChart;
pub use helm::{HelmConfig, HelmDriver, TillerConfig};
pub use kubectl::{KubectlConfig, ManifestPatch, PatchOperation, PatchTarget};

use super::Origin;
use crate::secret::Secret;

/// One entry of `deployments`. The serialized form contains the values that differ from the defaults, without
/// locations and with `***` instead of the password of the chart. Passwords that come from variables remain in `values`
/// and arguments: mask them with [`Project::all_passwords`](crate::config::Project::all_passwords).
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentConfig {
    /// Its name: a name that Helm accepts for a release.
    pub name: String,
    /// The start of the entry.
    #[serde(skip)]
    pub origin: Origin,
    /// `namespace`; if absent, that of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// `disabled`.
    #[serde(skip_serializing_if = "Not::not")]
    pub is_disabled: bool,
    /// `concurrent`: deployed in parallel with others, before those that are not.
    #[serde(skip_serializing_if = "Not::not")]
    pub is_concurrent: bool,
    /// `updateImageTags`, earlier `replaceImageTags`: inserts the tags of the built images.
    pub update_image_tags: bool,
    /// The chart or the manifests.
    #[serde(flatten)]
    pub kind: DeploymentKind,
    /// The entry as JSON in the form of the newest version, with passwords as `***`, for hooks; `None` without hooks.
    #[serde(skip)]
    pub json: Option<Json>,
}

impl DeploymentConfig {
    /// The password of its chart, if it has one.
    pub fn password(&self) -> Option<&Secret> {
        match &self.kind {
            DeploymentKind::Helm(helm) => helm.chart.password.as_ref(),
            DeploymentKind::Kubectl(_) => None,
        }
    }
}

/// The content of a deployment.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum DeploymentKind {
    /// `helm`: a chart.
    Helm(Box<HelmConfig>),
    /// `kubectl`: manifests.
    Kubectl(Box<KubectlConfig>),
}

/// A string and its location, for later errors about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct LocatedText {
    /// The string, after variable substitution.
    pub text: String,
    /// Its location.
    #[serde(skip)]
    pub origin: Origin,
}

impl AsRef<str> for LocatedText {
    fn as_ref(&self) -> &str {
        &self.text
    }
}
