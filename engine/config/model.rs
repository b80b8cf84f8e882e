//! The typed model of a loaded `devspace.yaml` for the pipeline, after variables and profiles.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use indexmap::{IndexMap, IndexSet};

use super::{
    BuilderArgs, BuildxConfig, CommandConfig, ContainerSelection, DependencyConfig, DeploymentConfig, Dev,
    KanikoConfig,
};
use crate::image::Repository;
use crate::secret::Secret;

/// A project: the directory of a `devspace.yaml` and its configuration.
#[derive(Debug, Clone, Default)]
pub struct Project {
    /// The directory of the configuration file, the base of all relative paths. Absolute.
    pub root: PathBuf,
    /// The configuration file. Absolute.
    pub file: PathBuf,
    /// The values of the password variables that were used, to mask them in all output.
    pub passwords: Vec<Secret>,
    /// The active profiles, in the order of their application.
    pub profiles: Vec<String>,
    /// The images in file order, by their key in `images`.
    pub images: IndexMap<String, ImageConfig>,
    /// The deployments in file order, by name, with disabled ones.
    pub deployments: IndexMap<String, DeploymentConfig>,
    /// The hooks in file order.
    pub hooks: Vec<Hook>,
    /// The commands in file order, by name.
    pub commands: IndexMap<String, CommandConfig>,
    /// The projects this one depends on, in file order, by name.
    pub dependencies: IndexMap<String, DependencyConfig>,
    /// `pullSecrets` in file order, without disabled ones.
    pub pull_secrets: Vec<PullSecretConfig>,
    /// `dev`.
    pub dev: Dev,
    /// `--namespace`, if given.
    pub namespace: Option<String>,
    /// `--kube-context`, if given.
    pub kube_context: Option<String>,
    /// The sections without a field (`require`, ...) and `dev` in the form of the newest version, as JSON.
    pub other: serde_json::Map<String, serde_json::Value>,
}

impl Project {
    /// A project without content.
    pub fn empty(root: &std::path::Path) -> Self {
        Self { root: root.to_owned(), file: root.join("devspace.yaml"), ..Self::default() }
    }

    /// Its `name`, which the newest version of the format has.
    pub fn name(&self) -> Option<&str> {
        self.other.get("name").and_then(serde_json::Value::as_str).filter(|name| !name.is_empty())
    }

    /// All its passwords, to mask them in all output: those of variables, pull secrets and chart repositories.
    pub fn all_passwords(&self) -> impl Iterator<Item = &Secret> {
        let of_registries = self.pull_secrets.iter().filter_map(|secret| secret.password.as_ref());
        let of_charts = self.deployments.values().filter_map(DeploymentConfig::password);
        self.passwords.iter().chain(of_registries).chain(of_charts)
    }
}

/// One entry of `pullSecrets`.
#[derive(Debug, Clone)]
pub struct PullSecretConfig {
    /// `registry`: its domain, `docker.io` for Docker Hub.
    pub registry: String,
    /// `username`; if absent, the Docker credentials.
    pub username: Option<String>,
    /// `password`; if absent, the Docker credentials.
    pub password: Option<Secret>,
    /// `email`.
    pub email: Option<String>,
    /// `secret`: its name; by default one secret for all registries, before v2beta1 one per registry.
    pub secret: String,
    /// `serviceAccounts`; by default only `default`.
    pub service_accounts: Vec<String>,
}

/// A location in a configuration file, for messages.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Origin {
    /// The file as displayed: relative to the working directory if it is nearby.
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

/// One entry of `images`.
#[derive(Debug, Clone)]
pub struct ImageConfig {
    /// The key in `images`.
    pub name: String,
    /// The start of the entry.
    pub origin: Origin,
    /// `image`: registry and repository, without tag.
    pub repository: Repository,
    /// `tags`, after variable substitution; each `#` is one random letter. If empty, the default applies.
    pub tags: Vec<TagConfig>,
    /// `dockerfile`, by default `./Dockerfile`; relative to the project directory, or absolute, as written.
    pub dockerfile: PathBuf,
    /// `context`, by default `./`; relative to the project directory, or absolute, as written.
    pub context: PathBuf,
    /// `entrypoint`: `None` keeps the Dockerfile's, an empty list clears it.
    pub entrypoint: Option<Vec<String>>,
    /// `cmd`: `None` keeps the Dockerfile's, an empty list clears it.
    pub cmd: Option<Vec<String>>,
    /// `appendDockerfileInstructions`: instructions appended to the build target.
    pub append_dockerfile_instructions: Vec<String>,
    /// `injectRestartHelper`.
    pub inject_restart_helper: bool,
    /// `restartHelperPath`: a file or URL that replaces the built-in helper.
    pub restart_helper_path: Option<String>,
    /// `createPullSecret`, if set.
    pub create_pull_secret: Option<bool>,
    /// `rebuildStrategy`.
    pub rebuild_strategy: RebuildStrategy,
    /// `build.disabled`.
    pub disabled: bool,
    /// `build.docker`, otherwise `build.buildKit` as Docker with BuildKit, if either is given.
    pub docker: Option<DockerConfig>,
    /// `build.kaniko`, if given. `kaniko:` without a value selects kaniko with its defaults.
    pub kaniko: Option<KanikoConfig>,
    /// `build.custom`, if given.
    pub custom: Option<CustomConfig>,
    /// The options of the build tool: of the first of `docker`, `buildKit` and `kaniko` that is given.
    pub options: BuildOptions,
    /// The entry as JSON in the form of the newest version, with passwords as `***`, for hooks; `None` without hooks.
    pub json: Option<serde_json::Value>,
}

impl ImageConfig {
    /// The options of its builders that affect the image, as arguments.
    pub fn builder_arguments(&self) -> Vec<String> {
        let labels = self.options.labels.iter().map(|(name, value)| format!("--label={name}={value}"));
        let docker = self.docker.iter().flat_map(|docker| docker.args.key_words());
        let kaniko = self.kaniko.as_ref().map(KanikoConfig::key_words).unwrap_or_default();
        labels.chain(docker).chain(kaniko).collect()
    }

    /// Whether it is built by BuildKit in the cluster.
    pub fn is_build_kit_in_cluster(&self) -> bool {
        let buildx = self.docker.as_ref().and_then(|docker| docker.buildx.as_ref());
        buildx.is_some_and(|buildx| buildx.in_cluster.is_some())
    }

    /// Whether it is built by kaniko and not by Docker.
    pub fn is_kaniko(&self) -> bool {
        self.kaniko.is_some() && self.docker.is_none()
    }
}

/// One entry of `tags`.
#[derive(Debug, Clone)]
pub struct TagConfig {
    /// The text after variable substitution, with every `#`. Its form was checked by
    /// [`TagTemplate`](crate::image::TagTemplate).
    pub text: String,
    /// Its location.
    pub origin: Origin,
}

/// `rebuildStrategy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RebuildStrategy {
    /// Rebuild if an input changed.
    #[default]
    Default,
    /// Rebuild every time.
    Always,
    /// Rebuild if an input other than the build context changed.
    IgnoreContextChanges,
}

/// `build.docker`.
#[derive(Debug, Clone, Default)]
pub struct DockerConfig {
    /// `preferMinikube`, if set.
    pub prefer_minikube: Option<bool>,
    /// `skipPush`.
    pub skip_push: bool,
    /// `disableFallback`.
    pub disable_fallback: bool,
    /// `useBuildKit`; if `None`, windlass chooses.
    pub use_build_kit: Option<bool>,
    /// `useCli`.
    pub use_cli: bool,
    /// `args`: additional arguments of `docker build`, without the [inputs](BuildOptions) of every builder, and those that
    /// have [keys](super::DOCKER_KEYS). All but some layer caches require the CLI.
    pub args: BuilderArgs,
    /// `buildKit.command` and `buildKit.inCluster`, if either is given.
    pub buildx: Option<BuildxConfig>,
}

/// `build.*.options`, overridden by the same options in `args`.
#[derive(Debug, Clone, Default)]
pub struct BuildOptions {
    /// `target`: name or number of the build target.
    pub target: Option<String>,
    /// `network`: network mode of `RUN` instructions.
    pub network: Option<String>,
    /// `buildArgs`; if `None`, the value comes from the environment of windlass.
    pub build_args: IndexMap<String, Option<String>>,
    /// `--build-arg NAME` of `args`: build arguments that are passed if the environment has them.
    pub inherited_args: IndexSet<String>,
    /// `--label` of `args`: labels in addition to those of the Dockerfile.
    pub labels: IndexMap<String, String>,
    /// `platforms`, and `--platform` of `args`, several separated by commas.
    pub platform: Option<String>,
}

/// `build.custom`.
#[derive(Debug, Clone, Default)]
pub struct CustomConfig {
    /// `command`: an executable, or a shell command line if it has spaces or shell characters and `args` is absent.
    pub command: Option<String>,
    /// `commands`: the first one whose `os` matches or is absent overrides `command`.
    pub commands: Vec<OsCommand>,
    /// `args`: arguments before the image reference; `None` if absent.
    pub args: Option<Vec<String>>,
    /// The passwords in shell command lines: environment variables of the shell, so that no process list shows them.
    pub secrets: Vec<(String, Secret)>,
    /// `imageFlag`: a separate argument before each image reference.
    pub image_flag: Option<String>,
    /// `appendArgs`: arguments after the image reference.
    pub append_args: Vec<String>,
    /// `onChange`: globs of files whose changes trigger a rebuild; if empty, always rebuild.
    pub on_change: Vec<String>,
    /// `imageTagOnly`: pass only the tag instead of the full reference.
    pub image_tag_only: bool,
    /// `skipImageArg`: do not pass the image reference.
    pub skip_image_arg: bool,
}

/// A command for one operating system.
#[derive(Debug, Clone)]
pub struct OsCommand {
    /// `linux`, `darwin` or `windows`, several separated by commas; `None` matches every system.
    pub os: Option<String>,
    /// The command.
    pub command: String,
}

/// One entry of `hooks`, in any of its forms since DevSpace 4.11.
#[derive(Debug, Clone)]
pub struct Hook {
    /// The start of the entry.
    pub origin: Origin,
    /// `name`.
    pub name: Option<String>,
    /// The executable, or the shell command line if `args` is absent and it has spaces or shell characters.
    pub command: String,
    /// `args`; `None` if absent.
    pub args: Option<Vec<String>>,
    /// The passwords in the command line: environment variables of the shell, so that no process list shows them.
    pub secrets: Vec<(String, Secret)>,
    /// The events that trigger it, such as `before:build` and `after:build:api`.
    pub events: Vec<String>,
    /// `os`, as in [`OsCommand::os`].
    pub os: Option<String>,
    /// `background`.
    pub background: bool,
    /// `silent`.
    pub silent: bool,
    /// The container on which it acts; `None` for a command on this machine.
    pub container: Option<HookContainer>,
}

/// The container on which a hook acts: `container`, earlier `where.container`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookContainer {
    /// The keys that select it.
    pub selection: ContainerSelection,
    /// `pod`.
    pub pod: Option<String>,
    /// `wait`: whether to wait for it.
    pub waits: bool,
    /// `timeout` of `container` or of `wait`.
    pub timeout: Duration,
    /// `once`: whether the command runs only once in a container.
    pub once: bool,
    /// Its action in the container.
    pub action: HookAction,
}

/// The action of a hook in a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookAction {
    /// Runs the command in it.
    Command,
    /// `logs`: shows its output until it ends.
    Logs {
        /// `tailLines`: how many of the last lines to show first.
        lines: Option<u32>,
    },
    /// `wait.running`.
    WaitRunning,
    /// `wait.terminatedWithCode`.
    WaitExit {
        /// The code.
        code: i32,
    },
    /// `upload` or `download`, which windlass does not support.
    Copy(&'static str),
}

impl Hook {
    /// Its name in messages: `name`, or its command.
    pub fn shown(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.command)
    }
}
