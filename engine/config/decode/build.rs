//! The build tools of an image and their options.

use indexmap::IndexMap;

use super::kaniko::kaniko;
use crate::config::node::{Mapping, YamlNode, field};
use crate::config::problem::Report;
use crate::config::reader::Reader;
use crate::config::{
    BuildOptions, BuilderArgs, BuildxConfig, CustomConfig, DOCKER_KEYS, DockerConfig, InClusterConfig,
    KanikoConfig, OsCommand,
};
use crate::secret::Secret;

/// The build tools of an image and their options.
pub(crate) struct Build {
    pub disabled: bool,
    pub docker: Option<DockerConfig>,
    pub kaniko: Option<KanikoConfig>,
    pub custom: Option<CustomConfig>,
    pub options: BuildOptions,
}

/// Reads the build tools of the image `mapping`.
pub(crate) fn build(mapping: &Mapping, of: &str, reader: &mut Reader<'_>) -> Build {
    let skip_push = reader.boolean(mapping, "skipPush", of).unwrap_or(false);
    let docker = tool(mapping, "docker", |node| docker(node, of, reader));
    let build_kit = tool(mapping, "buildKit", |node| build_kit(node, of, reader));
    let mut kaniko = tool(mapping, "kaniko", |node| kaniko(node, mapping, of, reader));
    // `buildKit` overrides `docker` if it requires buildx.
    let mut docker = match build_kit {
        Some(build_kit) if docker.is_none() || build_kit.buildx.is_some() => Some(build_kit),
        _ => docker,
    };
    docker = docker.or_else(|| (skip_push && kaniko.is_none()).then(Default::default));
    match (&mut docker, &mut kaniko) {
        (Some(docker), _) => docker.skip_push = skip_push,
        (None, Some(kaniko)) => kaniko.skip_push = skip_push,
        (None, None) => {}
    }
    Build {
        disabled: reader.boolean(mapping, "disabled", of).unwrap_or(false),
        docker,
        kaniko,
        custom: mapping.get("custom").and_then(|entry| custom(&entry.node, of, reader)),
        options: options(mapping, of, reader),
    }
}

/// Reads the tool `key` with `read`. A tool without a value is selected with its defaults.
fn tool<T>(mapping: &Mapping, key: &str, read: impl FnOnce(Option<&YamlNode>) -> T) -> Option<T> {
    mapping.get(key).map(|entry| read(Some(&entry.node).filter(|node| !node.is_null())))
}

fn docker(node: Option<&YamlNode>, of: &str, reader: &mut Reader<'_>) -> DockerConfig {
    let what = format!("`docker` of {of}");
    let Some(mapping) = node.and_then(|node| reader.mapping(node, &what)) else {
        return DockerConfig::default();
    };
    DockerConfig {
        prefer_minikube: reader.boolean(mapping, "preferMinikube", &what),
        disable_fallback: reader.boolean(mapping, "disableFallback", &what).unwrap_or(false),
        use_build_kit: reader.boolean(mapping, "useBuildKit", &what),
        use_cli: reader.boolean(mapping, "useCli", &what).unwrap_or(false),
        args: docker_args(mapping, &what, reader),
        ..DockerConfig::default()
    }
}

/// `buildKit` is the Docker builder with BuildKit: their common options are equivalent. Options that only buildx
/// supports use it.
fn build_kit(node: Option<&YamlNode>, of: &str, reader: &mut Reader<'_>) -> DockerConfig {
    let what = format!("`buildKit` of {of}");
    let with_build_kit = DockerConfig { use_build_kit: Some(true), ..DockerConfig::default() };
    let Some(mapping) = node.and_then(|node| reader.mapping(node, &what)) else {
        return with_build_kit;
    };
    let command = reader.texts(mapping, "command", &what).filter(|command| !command.is_empty());
    let in_cluster = tool(mapping, "inCluster", |node| in_cluster(node, &what, reader));
    let default = BuildxConfig::default();
    // The BuildKit of the daemon is equivalent to the default command.
    let command = command.unwrap_or_else(|| default.command.clone());
    let buildx = BuildxConfig { command, in_cluster };
    let buildx = (buildx != default).then_some(buildx);
    DockerConfig {
        prefer_minikube: reader.boolean(mapping, "preferMinikube", &what),
        args: docker_args(mapping, &what, reader),
        buildx,
        ..with_build_kit
    }
}

/// `args`, and the arguments that have keys.
fn docker_args(mapping: &Mapping, what: &str, reader: &mut Reader<'_>) -> BuilderArgs {
    let mut args = BuilderArgs::default();
    for key in &DOCKER_KEYS {
        args.set_key(key, reader.placed_texts(mapping, key.name, what));
    }
    args.set_words(reader.placed_texts(mapping, "args", what));
    args
}

fn in_cluster(node: Option<&YamlNode>, of: &str, reader: &mut Reader<'_>) -> InClusterConfig {
    let what = format!("`inCluster` of {of}");
    let Some(mapping) = node.and_then(|node| reader.mapping(node, &what)) else {
        return InClusterConfig::default();
    };
    let mut text = |key: &str| reader.text(mapping, key, &what).filter(|text| !text.is_empty());
    let config = InClusterConfig {
        name: text("name"),
        namespace: text("namespace"),
        image: text("image"),
        node_selector: text("nodeSelector"),
        ..InClusterConfig::default()
    };
    let mut is_set = |key: &str| reader.boolean(mapping, key, &what).unwrap_or(false);
    InClusterConfig {
        rootless: is_set("rootless"),
        no_create: is_set("noCreate"),
        no_recreate: is_set("noRecreate"),
        no_load: is_set("noLoad"),
        create_args: reader.texts(mapping, "createArgs", &what).unwrap_or_default(),
        ..config
    }
}

fn custom(node: &YamlNode, of: &str, reader: &mut Reader<'_>) -> Option<CustomConfig> {
    let what = format!("`custom` of {of}");
    let mapping = reader.mapping(node, &what)?;
    let args = reader.texts(mapping, "args", &what);
    let mut secrets = Vec::new();
    let command = reader.command(mapping, &what, args.is_none(), &mut secrets);
    let custom = CustomConfig {
        command: command.filter(|command| !command.trim().is_empty()),
        commands: commands(mapping, &what, args.is_none(), &mut secrets, reader),
        args,
        secrets,
        image_flag: reader.text(mapping, "imageFlag", &what).filter(|flag| !flag.is_empty()),
        append_args: reader.texts(mapping, "appendArgs", &what).unwrap_or_default(),
        on_change: reader.texts(mapping, "onChange", &what).unwrap_or_default(),
        image_tag_only: reader.boolean(mapping, "imageTagOnly", &what).unwrap_or(false),
        skip_image_arg: reader.boolean(mapping, "skipImageArg", &what).unwrap_or(true),
    };
    let written = |key: &str| {
        field(mapping, key)
            .is_some_and(|node| !node.as_scalar().is_some_and(|scalar| scalar.text.trim().is_empty()))
    };
    if !written("command") && !written("commands") {
        reader.missing(node, "command", &what);
    }
    Some(custom)
}

/// The `commands`: shell command lines if `are_lines`, otherwise executables. The passwords of command lines are added
/// to `environment`.
fn commands(
    mapping: &Mapping,
    what: &str,
    are_lines: bool,
    environment: &mut Vec<(String, Secret)>,
    reader: &mut Reader<'_>,
) -> Vec<OsCommand> {
    let mut commands = Vec::new();
    let Some(node) = field(mapping, "commands") else { return commands };
    let item = format!("a command of {what}");
    for node in reader.sequence(node, &format!("`commands` of {what}")).unwrap_or_default() {
        let Some(mapping) = reader.mapping(node, &item) else { continue };
        if field(mapping, "command").is_none() {
            reader.missing(node, "command", &item);
        }
        let os = reader.text(mapping, "os", &item).filter(|os| !os.is_empty());
        let command = reader.command(mapping, &item, are_lines, environment);
        commands.extend(command.map(|command| OsCommand { os, command }));
    }
    commands
}

fn options(mapping: &Mapping, of: &str, reader: &mut Reader<'_>) -> BuildOptions {
    let mut build_args = IndexMap::new();
    if let Some(node) = field(mapping, "buildArgs")
        && let Some(mapping) = reader.mapping(node, &format!("`buildArgs` of {of}"))
    {
        for (name, entry) in mapping {
            if name.is_empty() || name.contains('=') {
                let message = format!("invalid name `{name}` of a build argument");
                let report =
                    Report::new("config::image", message, "this name").help("use a name without `=`");
                reader.problems.add(entry.key, report);
            }
            let value = match entry.node.is_null() {
                true => None,
                false => reader.string(&entry.node, &format!("build argument `{name}` of {of}")),
            };
            build_args.insert(name.clone(), value);
        }
    }
    BuildOptions {
        target: reader.text(mapping, "target", of).filter(|target| !target.is_empty()),
        network: reader.text(mapping, "network", of).filter(|network| !network.is_empty()),
        build_args,
        ..BuildOptions::default()
    }
}
