//! `kubectl`: a deployment with manifests.

use std::ops::Not;

use serde::Serialize;
use serde_json::Value as Json;

use super::LocatedText;
use crate::config::Origin;

/// `kubectl` of a deployment.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KubectlConfig {
    /// `manifests`: files, directories, globs and URLs, as written; with `kustomize`, directories of kustomizations.
    /// Empty if `inline_manifest` is set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub manifests: Vec<LocatedText>,
    /// `inlineManifest`: YAML documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inline_manifest: Option<LocatedText>,
    /// `kustomize`: renders `manifests` with kustomize.
    #[serde(skip_serializing_if = "Not::not")]
    pub kustomize: bool,
    /// `kustomizeArgs`: additional arguments of `kustomize build`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kustomize_args: Vec<String>,
    /// `createArgs`: additional arguments of `kubectl create`, which renders the manifests.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub create_args: Vec<String>,
    /// `applyArgs`, earlier `flags`: additional arguments of `kubectl apply`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub apply_args: Vec<String>,
    /// `deleteArgs`: additional arguments of `kubectl delete`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub delete_args: Vec<String>,
    /// `kubectlBinaryPath`, earlier `cmdPath`: the executable; if absent, windlass applies the manifests itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// `kustomizeBinaryPath`: the executable of kustomize.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kustomize_path: Option<String>,
    /// `patches`, in the order of their application.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<ManifestPatch>,
}

/// One of `patches`: a change of the manifests that match its target.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ManifestPatch {
    /// The start of the entry.
    #[serde(skip)]
    pub origin: Origin,
    /// `target`: the manifests to change.
    pub target: PatchTarget,
    /// `op` and its `value`.
    pub operation: PatchOperation,
    /// `path`, in either notation of patches: `spec.replicas` or `/spec/replicas`.
    pub path: String,
}

/// `target` of a patch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PatchTarget {
    /// `name` in the manifest's metadata.
    pub name: String,
    /// `kind`; `None` matches every kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// `apiVersion`; `None` matches every version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
}

/// `op` of a patch, with its `value`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum PatchOperation {
    /// Inserts the value.
    Add(Json),
    /// Removes the value at the path.
    Remove,
    /// Replaces the value at the path.
    Replace(Json),
}
