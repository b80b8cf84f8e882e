//! `build.kaniko`: how a pod builds an image.

use std::ops::Not;

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value as Json;

use super::BuilderArgs;

/// `build.kaniko` (spec config §3.3 and §13.1). Serialised, it has what differs from the defaults, and `cache`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KanikoConfig {
    /// `args`: more arguments of kaniko, after all others.
    #[serde(skip_serializing_if = "BuilderArgs::is_empty")]
    pub args: BuilderArgs,
    /// `cache`: keeps layers in the image's repository.
    pub cache: bool,
    /// `insecure`: pushes without TLS, or with a certificate nobody knows.
    #[serde(skip_serializing_if = "Not::not")]
    pub insecure: bool,
    /// `snapshotMode`: how kaniko finds changes; `time` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_mode: Option<String>,
    /// `image`: kaniko's own image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// `initImage`: the image of the container that takes the context; it has to have `sh` and `tar`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init_image: Option<String>,
    /// `command`: takes the place of kaniko's own program.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// `namespace`: where the pod runs; the run's namespace when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// `pullSecret`: a secret with credentials, in place of docker's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_secret: Option<String>,
    /// `skipPullSecretMount`: no credentials at all.
    #[serde(skip_serializing_if = "Not::not")]
    pub skip_pull_secret_mount: bool,
    /// `nodeSelector`.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub node_selector: IndexMap<String, String>,
    /// `tolerations`, as Kubernetes has them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Json>,
    /// `serviceAccount`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// `generateName`: how the pod's name begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generate_name: Option<String>,
    /// `annotations`.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub annotations: IndexMap<String, String>,
    /// `labels`.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub labels: IndexMap<String, String>,
    /// `initEnv`: variables of the container that takes the context.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub init_env: IndexMap<String, String>,
    /// `env`: variables of kaniko.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub env: IndexMap<String, String>,
    /// `envFrom`: variables of kaniko, each with where its value comes from, as Kubernetes has it in `valueFrom`.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub env_from: IndexMap<String, Json>,
    /// `additionalMounts`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub additional_mounts: Vec<MountConfig>,
    /// `resources.requests`.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub requests: IndexMap<String, String>,
    /// `resources.limits`.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub limits: IndexMap<String, String>,
    /// `skipPush` of an image that only kaniko builds.
    #[serde(skip_serializing_if = "Not::not")]
    pub skip_push: bool,
}

/// One of `additionalMounts`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MountConfig {
    /// What is mounted.
    pub kind: MountKind,
    /// Its name.
    pub name: String,
    /// `items`: which of its keys, and where they are put; all when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<MountItem>,
    /// `defaultMode` of its files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_mode: Option<i32>,
    /// `mountPath`.
    pub mount_path: String,
    /// `subPath`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_path: Option<String>,
    /// `readOnly`.
    #[serde(skip_serializing_if = "Not::not")]
    pub read_only: bool,
}

/// What is mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum MountKind {
    /// A secret.
    Secret,
    /// A config map.
    ConfigMap,
}

/// One of the keys of what is mounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MountItem {
    /// The key.
    pub key: String,
    /// Its file.
    pub path: String,
    /// The file's mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<i32>,
}

impl KanikoConfig {
    /// The words that decide what an image will be, beside its Dockerfile and what goes into it. Where and with what
    /// rights it is built changes nothing in it.
    pub fn key_words(&self) -> Vec<String> {
        let mode = self.snapshot_mode.iter().filter(|mode| *mode != "time");
        let mode = mode.map(|mode| format!("--snapshotMode={mode}"));
        // RUN steps see the files that are mounted.
        let mounts = self.additional_mounts.iter().map(|mount| format!("{mount:?}"));
        mode.chain(self.command.iter().cloned()).chain(self.args.words()).chain(mounts).collect()
    }
}
