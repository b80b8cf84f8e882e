//! `kubectl` of a deployment.

use super::{all_located, has_reported, located, warn_ignored};
use crate::config::node::{Mapping, YamlNode, field};
use crate::config::problem::Report;
use crate::config::profile::Path;
use crate::config::reader::Reader;
use crate::config::schema::PATCH_OPERATIONS;
use crate::config::{KubectlConfig, ManifestPatch, PatchOperation, PatchTarget};

/// Reads `kubectl` of the deployment that messages call `of`.
pub(super) fn kubectl(node: &YamlNode, of: &str, reader: &mut Reader<'_>) -> Option<KubectlConfig> {
    let what = format!("`kubectl` of {of}");
    let mapping = reader.mapping(node, &what)?;
    check_manifests(node, mapping, of, reader);
    let kustomize = reader.boolean(mapping, "kustomize", of).unwrap_or(false);
    for key in ["kustomizeArgs", "kustomizeBinaryPath"].into_iter().filter(|_| !kustomize) {
        let help = "add `kustomize: true`, or remove it";
        warn_ignored(mapping, key, of, "`kustomize` is not `true`", help, reader);
    }
    if kustomize && field(mapping, "manifests").is_none() {
        let reason = "`inlineManifest` is not a directory";
        warn_ignored(mapping, "kustomize", of, reason, "remove it, or write `manifests`", reader);
    }
    for (key, reason) in [
        ("createArgs", "windlass reads manifests itself, without `kubectl create`"),
        ("deleteArgs", "windlass deletes objects itself, without `kubectl delete`"),
    ] {
        warn_ignored(mapping, key, of, reason, "remove it", reader);
    }
    let mut args = |key: &str| reader.texts(mapping, key, of).unwrap_or_default();
    let (kustomize_args, create_args) = (args("kustomizeArgs"), args("createArgs"));
    let (apply_args, delete_args) = (args("applyArgs"), args("deleteArgs"));
    let mut path = |key: &str| reader.text(mapping, key, of).filter(|path| !path.is_empty());
    let (path, kustomize_path) = (path("kubectlBinaryPath"), path("kustomizeBinaryPath"));
    Some(KubectlConfig {
        manifests: all_located(mapping, "manifests", of, reader),
        inline_manifest: located(mapping, "inlineManifest", of, reader),
        kustomize,
        kustomize_args,
        create_args,
        apply_args,
        delete_args,
        path,
        kustomize_path,
        patches: patches(mapping, of, reader),
    })
}

/// Reports both `manifests` and `inlineManifest`, or neither.
fn check_manifests(node: &YamlNode, mapping: &Mapping, of: &str, reader: &mut Reader<'_>) {
    let key = |key: &str| mapping.get(key).filter(|entry| !entry.node.is_null()).map(|entry| entry.key);
    match (key("manifests"), key("inlineManifest")) {
        (Some(files), Some(inline)) => {
            let message = format!("{of} has both `manifests` and `inlineManifest`");
            let report = Report::new("config::deployment", message, "and an inline manifest")
                .also(files, "manifests")
                .help("move one of them to another deployment");
            reader.problems.add(inline, report);
        }
        (None, None) if !has_reported(mapping) => {
            reader.missing(node, "manifests", &format!("`kubectl` of {of}"));
        }
        _ => {}
    }
}

fn patches(mapping: &Mapping, of: &str, reader: &mut Reader<'_>) -> Vec<ManifestPatch> {
    let Some(node) = field(mapping, "patches") else { return Vec::new() };
    let item = format!("a patch of {of}");
    let nodes = reader.sequence(node, &format!("`patches` of {of}")).unwrap_or_default();
    nodes.iter().filter_map(|node| patch(node, &item, reader)).collect()
}

fn patch(node: &YamlNode, what: &str, reader: &mut Reader<'_>) -> Option<ManifestPatch> {
    let mapping = reader.mapping(node, what)?;
    let target = target(node, mapping, what, reader);
    let path = path(node, mapping, what, reader);
    let operation = operation(node, mapping, what, reader);
    Some(ManifestPatch {
        origin: reader.problems.origin(node.span),
        target: target?,
        operation: operation?,
        path: path?,
    })
}

fn target(node: &YamlNode, patch: &Mapping, what: &str, reader: &mut Reader<'_>) -> Option<PatchTarget> {
    let target = required(node, patch, "target", what, reader)?;
    let what = format!("`target` of {what}");
    let mapping = reader.mapping(target, &what)?;
    required(target, mapping, "name", &what, reader)?;
    let mut text = |key: &str| reader.text(mapping, key, &what).filter(|text| !text.is_empty());
    let (name, kind, api_version) = (text("name"), text("kind"), text("apiVersion"));
    Some(PatchTarget { name: name?, kind, api_version })
}

fn path(node: &YamlNode, patch: &Mapping, what: &str, reader: &mut Reader<'_>) -> Option<String> {
    let path_node = required(node, patch, "path", what, reader)?;
    let path = reader.text(patch, "path", what)?;
    if let Err(reason) = Path::parse(&path) {
        let message = format!("`path` of {what} is not a path: {reason}");
        let report = Report::new("config::deployment", message, "this path");
        let help = "write `spec.replicas`, or `/spec/replicas`";
        reader.problems.add(path_node.span, report.help(help));
        return None;
    }
    Some(path)
}

fn operation(
    node: &YamlNode,
    patch: &Mapping,
    what: &str,
    reader: &mut Reader<'_>,
) -> Option<PatchOperation> {
    let op_node = required(node, patch, "op", what, reader)?;
    let op = reader.text(patch, "op", what)?;
    if ["add", "replace"].contains(&op.as_str()) && !patch.contains_key("value") {
        let message = format!("{what} has no `value`: it inserts null");
        let report = Report::new("config::deployment", message, "no value");
        reader.problems.warn(op_node.span, report.help("add `value`, or write `op: remove`"));
    }
    let value = || patch.get("value").map(|entry| entry.node.to_json()).unwrap_or_default();
    match op.as_str() {
        "add" => Some(PatchOperation::Add(value())),
        "remove" => Some(PatchOperation::Remove),
        "replace" => Some(PatchOperation::Replace(value())),
        other => {
            let shown = op_node.as_scalar().map_or(other, |scalar| scalar.shown());
            let message = format!("unknown operation `{shown}` of {what}");
            let report = Report::new("config::deployment", message, "unknown operation");
            reader.problems.add(op_node.span, report.suggest(other, PATCH_OPERATIONS.iter().copied()));
            None
        }
    }
}

/// The value at `key`, which `mapping` must have.
fn required<'n>(
    node: &YamlNode,
    mapping: &'n Mapping,
    key: &str,
    what: &str,
    reader: &mut Reader<'_>,
) -> Option<&'n YamlNode> {
    let found = field(mapping, key);
    if found.is_none() && !has_reported(mapping) {
        reader.missing(node, key, what);
    }
    found
}
