//! What a loaded `devspace.yaml` says, after variables and profiles: the typed model the pipeline works on.

use std::path::PathBuf;
use std::sync::Arc;

use indexmap::{IndexMap, IndexSet};

use super::{BuilderArgs, BuildxConfig, CommandConfig, DependencyConfig, KanikoConfig};
use crate::image::Repository;
use crate::secret::Secret;

/// A project: the folder of a `devspace.yaml` and what it configures.
#[derive(Debug, Clone, Default)]
pub struct Project {
    /// The folder of the configuration file; every relative path starts here. Absolute.
    pub root: PathBuf,
    /// The configuration file. Absolute.
    pub file: PathBuf,
    /// The values of the password variables that were used: nothing that a run tells shows them.
    pub passwords: Vec<Secret>,
    /// The active profiles, in the order in which they were applied.
    pub profiles: Vec<String>,
    /// The images in file order, by their key in `images`.
    pub images: IndexMap<String, ImageConfig>,
    /// The hooks in file order.
    pub hooks: Vec<Hook>,
    /// The commands in file order, by name.
    pub commands: IndexMap<String, CommandConfig>,
    /// The projects this one depends on, in file order, by name.
    pub dependencies: IndexMap<String, DependencyConfig>,
    /// `pullSecrets` in file order, without those that are switched off.
    pub pull_secrets: Vec<PullSecretConfig>,
    /// `--namespace`, when given.
    pub namespace: Option<String>,
    /// `--kube-context`, when given.
    pub kube_context: Option<String>,
    /// The sections windlass keeps but does not use yet (`deployments`, `dev`, ...), as JSON.
    pub other: serde_json::Map<String, serde_json::Value>,
}

impl Project {
    /// A project that has nothing in it.
    pub fn empty(root: &std::path::Path) -> Self {
        Self { root: root.to_owned(), file: root.join("devspace.yaml"), ..Self::default() }
    }
}

/// One of `pullSecrets` (spec config §13.4).
#[derive(Debug, Clone)]
pub struct PullSecretConfig {
    /// `registry`: its domain, `docker.io` for Docker Hub.
    pub registry: String,
    /// `username`; docker's credentials when absent.
    pub username: Option<String>,
    /// `password`; docker's credentials when absent.
    pub password: Option<Secret>,
    /// `email`.
    pub email: Option<String>,
    /// `secret`: its name, by default one for all registries, before v2beta1 one for each.
    pub secret: String,
    /// `serviceAccounts`, by default `default` alone.
    pub service_accounts: Vec<String>,
}

/// A place in a configuration file, for messages.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Origin {
    /// The file as it is shown to the user (relative to the working directory where that is shorter).
    #[serde(serialize_with = "as_text")]
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

fn as_text<S: serde::Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

impl std::fmt::Display for Origin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One entry of `images` (spec config §3 and §13.1).
#[derive(Debug, Clone)]
pub struct ImageConfig {
    /// The key in `images`.
    pub name: String,
    /// Where the entry starts.
    pub origin: Origin,
    /// `image`: registry and repository, without tag.
    pub repository: Repository,
    /// `tags`, as written after variable substitution; a `#` stands for one random letter. Empty: use the default.
    pub tags: Vec<TagConfig>,
    /// `dockerfile`, default `./Dockerfile`, relative to the project's root (or absolute), as written.
    pub dockerfile: PathBuf,
    /// `context`, default `./`, relative to the project's root (or absolute), as written.
    pub context: PathBuf,
    /// `entrypoint`: `None` keeps the Dockerfile's, an empty list clears it.
    pub entrypoint: Option<Vec<String>>,
    /// `cmd`: `None` keeps the Dockerfile's, an empty list clears it.
    pub cmd: Option<Vec<String>>,
    /// `appendDockerfileInstructions`: lines put at the end of the build target.
    pub append_dockerfile_instructions: Vec<String>,
    /// `injectRestartHelper`.
    pub inject_restart_helper: bool,
    /// `restartHelperPath`: a file or URL to use in place of the built-in helper.
    pub restart_helper_path: Option<String>,
    /// `createPullSecret`, unset when the file does not say.
    pub create_pull_secret: Option<bool>,
    /// `rebuildStrategy`.
    pub rebuild_strategy: RebuildStrategy,
    /// `build.disabled`.
    pub disabled: bool,
    /// `build.docker`, else `build.buildKit` as docker with BuildKit, when either is given.
    pub docker: Option<DockerConfig>,
    /// `build.kaniko`, when given. `kaniko:` with nothing after it selects kaniko with its defaults.
    pub kaniko: Option<KanikoConfig>,
    /// `build.custom`, when given.
    pub custom: Option<CustomConfig>,
    /// The options of the tool that builds this image: of `docker`, else `buildKit`, else `kaniko`.
    pub options: BuildOptions,
    /// The entry as JSON in the form of the newest version, passwords as `***`: for hooks, and `None` where there are
    /// none.
    pub json: Option<serde_json::Value>,
}

impl ImageConfig {
    /// The options of its builders that decide what it will be, as words.
    pub fn builder_arguments(&self) -> Vec<String> {
        let labels = self.options.labels.iter().map(|(name, value)| format!("--label={name}={value}"));
        let docker = self.docker.iter().flat_map(|docker| docker.args.key_words());
        let kaniko = self.kaniko.as_ref().map(KanikoConfig::key_words).unwrap_or_default();
        labels.chain(docker).chain(kaniko).collect()
    }

    /// Whether BuildKit in the cluster builds it.
    pub fn is_build_kit_in_cluster(&self) -> bool {
        let buildx = self.docker.as_ref().and_then(|docker| docker.buildx.as_ref());
        buildx.is_some_and(|buildx| buildx.in_cluster.is_some())
    }

    /// Whether a pod builds it, rather than docker.
    pub fn is_kaniko(&self) -> bool {
        self.kaniko.is_some() && self.docker.is_none()
    }
}

/// One entry of `tags`.
#[derive(Debug, Clone)]
pub struct TagConfig {
    /// The text after variable substitution; `#` not yet replaced. Its form was checked by
    /// [`TagTemplate`](crate::image::TagTemplate).
    pub text: String,
    /// Where it stands.
    pub origin: Origin,
}

/// `rebuildStrategy` (spec config §13.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RebuildStrategy {
    /// Rebuild when an input changed.
    #[default]
    Default,
    /// Rebuild every time.
    Always,
    /// Changes in the build context alone do not rebuild.
    IgnoreContextChanges,
}

/// `build.docker` (spec config §3.2).
#[derive(Debug, Clone, Default)]
pub struct DockerConfig {
    /// `preferMinikube`, unset when the file does not say.
    pub prefer_minikube: Option<bool>,
    /// `skipPush`.
    pub skip_push: bool,
    /// `disableFallback`.
    pub disable_fallback: bool,
    /// `useBuildKit`: `None` lets windlass choose.
    pub use_build_kit: Option<bool>,
    /// `useCli`.
    pub use_cli: bool,
    /// `args`: more arguments of `docker build`, without those that are [inputs](BuildOptions) of every builder; using
    /// any implies the CLI.
    pub args: BuilderArgs,
    /// `buildKit.command` and `buildKit.inCluster`, when either is given.
    pub buildx: Option<BuildxConfig>,
}

/// `build.*.options` (spec config §3.5), with what `args` says of the same matters.
#[derive(Debug, Clone, Default)]
pub struct BuildOptions {
    /// `target`: name or number of the build target.
    pub target: Option<String>,
    /// `network`: network mode of RUN steps.
    pub network: Option<String>,
    /// `buildArgs`: `None` takes the value from windlass's own environment.
    pub build_args: IndexMap<String, Option<String>>,
    /// `--build-arg NAME` of `args`: build arguments that are given where the environment has them.
    pub inherited_args: IndexSet<String>,
    /// `--label` of `args`: labels beside those of the Dockerfile.
    pub labels: IndexMap<String, String>,
    /// `--platform` of `args`, several separated by commas.
    pub platform: Option<String>,
}

/// `build.custom` (spec config §3.4 and §13.1).
#[derive(Debug, Clone, Default)]
pub struct CustomConfig {
    /// `command`: a program, or a shell line when it has spaces or shell characters and `args` is absent.
    pub command: Option<String>,
    /// `commands`: the first whose `os` fits (or is absent) wins over `command`.
    pub commands: Vec<OsCommand>,
    /// `args`: before the image; `None` when absent.
    pub args: Option<Vec<String>>,
    /// The passwords in shell lines: variables that their shell gets, so that no process list shows them.
    pub secrets: Vec<(String, Secret)>,
    /// `imageFlag`: an argument of its own before each image reference.
    pub image_flag: Option<String>,
    /// `appendArgs`: after the image.
    pub append_args: Vec<String>,
    /// `onChange`: globs whose content decides about a rebuild; empty: always rebuild.
    pub on_change: Vec<String>,
    /// `imageTagOnly`: pass the tag in place of the whole reference.
    pub image_tag_only: bool,
    /// `skipImageArg`: pass no image at all.
    pub skip_image_arg: bool,
}

/// A command for one operating system.
#[derive(Debug, Clone)]
pub struct OsCommand {
    /// `linux`, `darwin`, `windows`; several separated by commas; `None` fits every system.
    pub os: Option<String>,
    /// The command.
    pub command: String,
}

/// One entry of `hooks`, of the forms of 4.11 and late v1beta9 (spec config §8, §13.5).
#[derive(Debug, Clone)]
pub struct Hook {
    /// Where the entry starts.
    pub origin: Origin,
    /// `name`.
    pub name: Option<String>,
    /// The program or, when `args` is absent and it has spaces or shell characters, the shell line.
    pub command: String,
    /// `args`; `None` when absent.
    pub args: Option<Vec<String>>,
    /// The passwords in the shell line: variables that their shell gets, so that no process list shows them.
    pub secrets: Vec<(String, Secret)>,
    /// The event names it listens to, in the string form of §13.5 (`before:build`, `after:build:api`, ...).
    pub events: Vec<String>,
    /// `os`, as in [`OsCommand::os`].
    pub os: Option<String>,
    /// `background`.
    pub background: bool,
    /// `silent`.
    pub silent: bool,
    /// Whether it runs in a container (`where.container`, `upload`, ...): such hooks belong to `deploy`.
    pub in_container: bool,
}

impl Hook {
    /// What it is called in messages: its name, else its command.
    pub fn shown(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.command)
    }
}
