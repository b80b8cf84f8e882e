//! `build.kaniko`: builds an image in a pod.

use std::ops::Not;

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value as Json;

use super::BuilderArgs;

/// `build.kaniko`. The serialized form contains `cache` and the values that differ from the defaults.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KanikoConfig {
    /// `args`: additional arguments of kaniko, after all others.
    #[serde(skip_serializing_if = "BuilderArgs::is_empty")]
    pub args: BuilderArgs,
    /// `cache`: caches layers in the image's repository.
    pub cache: bool,
    /// `insecure`: pushes without TLS or with an untrusted certificate.
    #[serde(skip_serializing_if = "Not::not")]
    pub insecure: bool,
    /// `snapshotMode`: how kaniko detects changes; `time` if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_mode: Option<String>,
    /// `image`: the image of kaniko.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// `initImage`: the image of the container that receives the build context; it must have `sh` and `tar`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init_image: Option<String>,
    /// `command`: replaces the command of the kaniko image.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// `namespace` of the pod; if absent, that of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// `pullSecret`: an existing pull secret, instead of the Docker credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_secret: Option<String>,
    /// `skipPullSecretMount`: mount no credentials.
    #[serde(skip_serializing_if = "Not::not")]
    pub skip_pull_secret_mount: bool,
    /// `nodeSelector`.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub node_selector: IndexMap<String, String>,
    /// `tolerations`, in the format of Kubernetes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Json>,
    /// `serviceAccount`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// `generateName`: the prefix of the pod's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generate_name: Option<String>,
    /// `annotations`.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub annotations: IndexMap<String, String>,
    /// `labels`.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub labels: IndexMap<String, String>,
    /// `initEnv`: environment variables of the container that receives the build context.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub init_env: IndexMap<String, String>,
    /// `env`: environment variables of kaniko.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub env: IndexMap<String, String>,
    /// `envFrom`: environment variables of kaniko, each with its source in the format of `valueFrom` in Kubernetes.
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
    /// `skipPush` of an image for which only kaniko is configured.
    #[serde(skip_serializing_if = "Not::not")]
    pub skip_push: bool,
}

/// One of `additionalMounts`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MountConfig {
    /// The kind of the mount source.
    pub kind: MountKind,
    /// The name of the mount source.
    pub name: String,
    /// `items`: the keys to mount and their files; all keys if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<MountItem>,
    /// `defaultMode`: the mode of its files.
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

/// The kind of the mount source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum MountKind {
    /// A secret.
    Secret,
    /// A config map.
    ConfigMap,
}

/// A key of the mount source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MountItem {
    /// The key.
    pub key: String,
    /// The file of the key.
    pub path: String,
    /// The file's mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<i32>,
}

impl KanikoConfig {
    /// The options that affect the image, in addition to its Dockerfile and build context. The location and the
    /// permissions of the build do not affect it.
    pub fn key_words(&self) -> Vec<String> {
        let mode = self.snapshot_mode.iter().filter(|mode| *mode != "time");
        let mode = mode.map(|mode| format!("--snapshotMode={mode}"));
        // `RUN` instructions can read the mounted files.
        let mounts = self.additional_mounts.iter().map(|mount| format!("{mount:?}"));
        mode.chain(self.command.iter().cloned()).chain(self.args.words()).chain(mounts).collect()
    }
}
