//! `build.kaniko` of an image.

use crate::config::node::{Mapping, YamlNode, field};
use crate::config::problem::Report;
use crate::config::reader::Reader;
use crate::config::{BuilderArgs, KanikoConfig, MountConfig, MountItem, MountKind};

/// Reads the block `kaniko` of `image`, which messages call `of`.
pub(super) fn kaniko(
    node: Option<&YamlNode>,
    image: &Mapping,
    of: &str,
    reader: &mut Reader<'_>,
) -> KanikoConfig {
    let what = format!("`kaniko` of {of}");
    let Some(mapping) = node.and_then(|node| reader.mapping(node, &what)) else {
        return KanikoConfig::default();
    };
    warn_of_options(mapping, image, &what, reader);
    let mut text = |key: &str| reader.text(mapping, key, &what).filter(|text| !text.is_empty());
    let config = KanikoConfig {
        snapshot_mode: text("snapshotMode"),
        image: text("image"),
        init_image: text("initImage"),
        namespace: text("namespace"),
        pull_secret: text("pullSecret"),
        service_account: text("serviceAccount"),
        generate_name: text("generateName"),
        ..KanikoConfig::default()
    };
    let resources = field(mapping, "resources").and_then(YamlNode::as_mapping);
    let mut quantities =
        |key: &str| resources.map(|resources| reader.text_map(resources, key, &what)).unwrap_or_default();
    let (requests, limits) = (quantities("requests"), quantities("limits"));
    let json = |key: &str| field(mapping, key).map(YamlNode::to_json);
    KanikoConfig {
        cache: reader.boolean(mapping, "cache", &what).unwrap_or(false),
        insecure: reader.boolean(mapping, "insecure", &what).unwrap_or(false),
        skip_pull_secret_mount: reader.boolean(mapping, "skipPullSecretMount", &what).unwrap_or(false),
        args: BuilderArgs::of_kaniko(reader.placed_texts(mapping, "args", &what)),
        command: reader.texts(mapping, "command", &what).unwrap_or_default(),
        node_selector: reader.text_map(mapping, "nodeSelector", &what),
        annotations: reader.text_map(mapping, "annotations", &what),
        labels: reader.text_map(mapping, "labels", &what),
        init_env: reader.text_map(mapping, "initEnv", &what),
        env: reader.text_map(mapping, "env", &what),
        tolerations: json("tolerations").and_then(|json| json.as_array().cloned()).unwrap_or_default(),
        env_from: json("envFrom")
            .and_then(|json| json.as_object().cloned())
            .map(|sources| sources.into_iter().collect())
            .unwrap_or_default(),
        additional_mounts: mounts(mapping, &what, reader),
        requests,
        limits,
        ..config
    }
}

/// Warns if the block has `options` that differ from those in use. They remain here only if another tool of the image
/// has options as well.
fn warn_of_options(mapping: &Mapping, image: &Mapping, what: &str, reader: &mut Reader<'_>) {
    let Some(entry) = mapping.get("options") else { return };
    let json = |mapping: &Mapping, key: &str| field(mapping, key).map(YamlNode::to_json);
    let options = entry.node.as_mapping();
    let differs = |key: &&str| {
        options.is_some_and(|own| json(own, key).is_some_and(|own| Some(own) != json(image, key)))
    };
    if let Some(key) = ["target", "network", "buildArgs"].into_iter().find(differs) {
        let message =
            format!("`{key}` in `options` of {what} is ignored: another tool of the image has options");
        let report = Report::new("config::ignored", message, "ignored")
            .help("write the options once: they apply to every tool");
        reader.problems.warn(entry.key, report);
    }
}

fn mounts(mapping: &Mapping, of: &str, reader: &mut Reader<'_>) -> Vec<MountConfig> {
    let mut mounts = Vec::new();
    let Some(node) = field(mapping, "additionalMounts") else { return mounts };
    let what = format!("a mount of {of}");
    for node in reader.sequence(node, &format!("`additionalMounts` of {of}")).unwrap_or_default() {
        let Some(mapping) = reader.mapping(node, &what) else { continue };
        let sources = [("secret", MountKind::Secret), ("configMap", MountKind::ConfigMap)];
        let source = sources.into_iter().find_map(|(key, kind)| Some((kind, field(mapping, key)?)));
        let Some((kind, source_node)) = source else {
            let message = format!("{what} is ignored: it has no `secret` and no `configMap`");
            let report =
                Report::new("config::ignored", message, "ignored").help("add one of them, or remove it");
            reader.problems.warn(node.span, report);
            continue;
        };
        let Some(source) = reader.mapping(source_node, &what) else { continue };
        let name = reader.text(source, "name", &what).filter(|name| !name.is_empty());
        let path = reader.text(mapping, "mountPath", &what).filter(|path| !path.is_empty());
        if name.is_none() {
            reader.missing(source_node, "name", &what);
        }
        if path.is_none() {
            reader.missing(node, "mountPath", &what);
        }
        let (Some(name), Some(mount_path)) = (name, path) else { continue };
        mounts.push(MountConfig {
            kind,
            name,
            items: items(source, &what, reader),
            default_mode: mode(source, "defaultMode"),
            mount_path,
            sub_path: reader.text(mapping, "subPath", &what).filter(|path| !path.is_empty()),
            read_only: reader.boolean(mapping, "readOnly", &what).unwrap_or(false),
        });
    }
    mounts
}

fn items(source: &Mapping, of: &str, reader: &mut Reader<'_>) -> Vec<MountItem> {
    let Some(node) = field(source, "items") else { return Vec::new() };
    let what = format!("an item of {of}");
    let nodes = reader.sequence(node, &format!("`items` of {of}")).unwrap_or_default();
    let mut item = |node: &YamlNode| {
        let mapping = reader.mapping(node, &what)?;
        let (key, path) = (reader.text(mapping, "key", &what), reader.text(mapping, "path", &what));
        for (name, value) in [("key", &key), ("path", &path)] {
            if value.is_none() {
                reader.missing(node, name, &what);
            }
        }
        Some(MountItem { key: key?, path: path?, mode: mode(mapping, "mode") })
    };
    nodes.iter().filter_map(&mut item).collect()
}

/// A file mode: octal with a leading zero, as in YAML 1.1.
fn mode(mapping: &Mapping, key: &str) -> Option<i32> {
    let text = &field(mapping, key)?.as_scalar()?.text;
    match text.strip_prefix("0o").or_else(|| text.strip_prefix('0')).filter(|digits| !digits.is_empty()) {
        Some(octal) => i32::from_str_radix(octal, 8).ok(),
        None => text.parse().ok(),
    }
}
