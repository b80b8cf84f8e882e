//! `helm`: a deployment with a chart.

use std::ops::Not;
use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value as Json};

use super::{ChartConfig, LocatedText};

/// `helm` of a deployment. Options that have a field are not in `upgrade_args`, in whichever way the file sets them.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HelmConfig {
    /// `releaseName`; by default the name of the deployment.
    pub release_name: String,
    /// `chart`.
    pub chart: ChartConfig,
    /// `values`, in file order. They override `values_files`: maps are merged, lists and scalars replaced.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub values: Map<String, Json>,
    /// `valuesFiles`, relative to the project directory, in the order of their application.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values_files: Vec<LocatedText>,
    /// `wait`, or `--wait` of `upgradeArgs`.
    #[serde(skip_serializing_if = "Not::not")]
    pub wait: bool,
    /// `timeout`, or `--timeout` of `upgradeArgs`. A number without a unit is in seconds.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "in_seconds")]
    pub timeout: Option<Duration>,
    /// `atomic`, or `--atomic` or `--rollback-on-failure` of `upgradeArgs`: rolls back a failed upgrade. Implies
    /// `wait`.
    #[serde(skip_serializing_if = "Not::not")]
    pub atomic: bool,
    /// `force`, or `--force` or `--force-replace` of `upgradeArgs`.
    #[serde(skip_serializing_if = "Not::not")]
    pub force: bool,
    /// `cleanupOnFail`, or `--cleanup-on-fail` of `upgradeArgs`.
    #[serde(skip_serializing_if = "Not::not")]
    pub cleanup_on_fail: bool,
    /// `disableHooks`, or `--no-hooks` of `upgradeArgs`.
    #[serde(skip_serializing_if = "Not::not")]
    pub disable_hooks: bool,
    /// `driver`: where Helm stores its releases; if absent, Helm chooses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<HelmDriver>,
    /// `path`: the executable; if absent, windlass searches it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// `upgradeArgs`: additional arguments of `helm upgrade`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub upgrade_args: Vec<String>,
    /// `templateArgs`: additional arguments of `helm template`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub template_args: Vec<String>,
    /// `fetchArgs`: additional arguments of `helm pull`, earlier `helm fetch`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fetch_args: Vec<String>,
    /// `deleteArgs`: additional arguments of `helm uninstall`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub delete_args: Vec<String>,
    /// `displayOutput`: shows the output of Helm.
    #[serde(skip_serializing_if = "Not::not")]
    pub display_output: bool,
    /// `disableDependencyUpdate`: uses the dependencies in the directory of the chart as they are.
    #[serde(skip_serializing_if = "Not::not")]
    pub disable_dependency_update: bool,
    /// Set if DevSpace deployed it with Helm 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tiller: Option<TillerConfig>,
}

/// `driver`: the storage of Helm's releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HelmDriver {
    /// Secrets, Helm's default.
    Secret,
    /// ConfigMaps.
    ConfigMap,
    /// Nowhere: every release is the first one.
    Memory,
}

impl HelmDriver {
    /// The value of `HELM_DRIVER`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::ConfigMap => "configmap",
            Self::Memory => "memory",
        }
    }
}

/// Helm 2: windlass uses only Helm 3 and 4, which cannot read the releases of Tiller. If one of this deployment
/// exists, it must be migrated before windlass can deploy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TillerConfig {
    /// `tillerNamespace`; if absent, the namespace of the deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

fn in_seconds<S: Serializer>(timeout: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match timeout {
        Some(timeout) => serializer.collect_str(&format_args!("{}s", timeout.as_secs_f64())),
        None => serializer.serialize_none(),
    }
}
