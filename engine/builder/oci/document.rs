//! The configuration of an image, with the extensions of Docker to the OCI image spec.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::image::Digest;
use crate::image::dockerfile::Healthcheck;

/// The default `PATH` of an image that does not set it.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The configuration of an image (OCI image spec, "Image Configuration"; Docker image spec v1.2).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct ImageDocument {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) created: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) author: String,
    pub(super) architecture: String,
    pub(super) os: String,
    #[serde(rename = "os.version", default, skip_serializing_if = "Option::is_none")]
    pub(super) os_version: Option<String>,
    #[serde(rename = "os.features", default, skip_serializing_if = "Option::is_none")]
    pub(super) os_features: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) variant: Option<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) config: RunConfig,
    pub(super) rootfs: Layers,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) history: Vec<History>,
}

/// The configuration for containers of an image.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct RunConfig {
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "null_is_empty")]
    pub(super) user: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "null_is_empty")]
    pub(super) exposed_ports: BTreeMap<String, Empty>,
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_empty")]
    pub(super) env: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_empty")]
    pub(super) entrypoint: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_empty")]
    pub(super) cmd: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "null_is_empty")]
    pub(super) volumes: BTreeMap<String, Empty>,
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "null_is_empty")]
    pub(super) working_dir: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "null_is_empty")]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "null_is_empty")]
    pub(super) stop_signal: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_timeout: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) healthcheck: Option<HealthDocument>,
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_empty")]
    pub(super) on_build: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_empty")]
    pub(super) shell: Vec<String>,
}

/// The value type of a set that is written as a map.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Empty {}

/// The health check of a container.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct HealthDocument {
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_empty")]
    test: Vec<String>,
    #[serde(skip_serializing_if = "is_zero")]
    interval: i64,
    #[serde(skip_serializing_if = "is_zero")]
    timeout: i64,
    #[serde(skip_serializing_if = "is_zero")]
    start_period: i64,
    #[serde(skip_serializing_if = "is_zero")]
    start_interval: i64,
    #[serde(skip_serializing_if = "is_zero")]
    retries: i64,
}

/// The layers, uncompressed, lowest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Layers {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) diff_ids: Vec<Digest>,
}

/// The instruction that created a layer, or changed the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct History {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) created: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) created_by: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    author: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) comment: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) empty_layer: bool,
}

impl ImageDocument {
    /// The configuration of `FROM scratch`.
    pub(super) fn scratch(os: &str, architecture: &str, variant: Option<&str>) -> Self {
        let config = RunConfig { working_dir: "/".to_owned(), ..RunConfig::default() };
        Self {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
            variant: variant.map(str::to_owned),
            config,
            ..Self::default()
        }
    }

    /// Records an instruction in the history; `layer` is the layer that it created.
    pub(super) fn note(&mut self, created: &str, created_by: String, layer: Option<Digest>) {
        self.rootfs.diff_ids.extend(layer);
        self.history.push(History {
            created: Some(created.to_owned()),
            created_by,
            comment: "windlass".to_owned(),
            empty_layer: layer.is_none(),
            ..History::default()
        });
    }
}

impl RunConfig {
    /// Sets a variable of the environment.
    pub(super) fn set_env(&mut self, name: &str, value: &str) {
        let pair = format!("{name}={value}");
        let is_same =
            |known: &&mut String| known.split_once('=').map_or(known.as_str(), |(name, _)| name) == name;
        match self.env.iter_mut().find(is_same) {
            Some(known) => *known = pair,
            None => self.env.push(pair),
        }
    }

    /// Sets `PATH` if it is not set, as Docker does for every image that it builds.
    pub(super) fn need_path(&mut self) {
        if !self.env.iter().any(|pair| pair.starts_with("PATH=")) {
            self.env.push(format!("PATH={PATH}"));
        }
    }
}

impl From<&Healthcheck> for HealthDocument {
    fn from(healthcheck: &Healthcheck) -> Self {
        Self {
            test: healthcheck.test.clone(),
            interval: healthcheck.interval,
            timeout: healthcheck.timeout,
            start_period: healthcheck.start_period,
            start_interval: healthcheck.start_interval,
            retries: healthcheck.retries.into(),
        }
    }
}

impl Default for Layers {
    fn default() -> Self {
        Self { kind: "layers".to_owned(), diff_ids: Vec::new() }
    }
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// Docker writes `null` for empty values.
fn null_is_empty<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
