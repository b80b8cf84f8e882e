//! Reads `devspace.yaml` into a [`Project`].

mod answers;
mod builder;
mod builder_args;
mod buildx;
mod command;
mod decode;
mod dependency;
mod deployment;
mod dev;
mod env_file;
mod environment;
mod error;
mod explain;
mod import;
mod kaniko;
mod load;
mod locate;
mod model;
pub(crate) mod node;
mod outline;
mod parse;
mod problem;
pub(crate) mod profile;
mod reader;
mod rewrite;
pub mod schema;
mod shorthand;
mod upgrade;
mod variable;
mod version;

#[cfg(test)]
mod tests;

pub use answers::{AnswerError, record, remove};
pub use builder::{BuilderKind, UnknownBuilder};
pub use builder_args::{BuilderArg, BuilderArgs, DOCKER_KEYS, DockerKey, Flag, Role};
pub use buildx::{BuildxConfig, InClusterConfig};
pub use command::CommandConfig;
pub use dependency::{DependencyConfig, DependencySource};
pub use deployment::{
    ChartConfig, ChartSource, ComponentChart, DeploymentConfig, DeploymentKind, HelmConfig, HelmDriver,
    KubectlConfig, LocatedText, ManifestPatch, PatchOperation, PatchTarget, TillerConfig,
};
pub use dev::{
    AutoReload, BandwidthLimits, CompareBy, ContainerSelection, Dev, ExcludeRules, Excludes, Folder,
    Foreground, Forward, InitialSync, Interactive, InteractiveImage, Logs, OnDownload, OnUpload, Page,
    SyncCommand, SyncExec, SyncHooks, Terminal,
};
pub use error::ConfigError;
pub use explain::{Explain, Explanation, LeafOrigin, ProfileStatus, Reason, UsedVariable, VariableStatus};
pub use kaniko::{KanikoConfig, MountConfig, MountItem, MountKind};
pub use load::{LoadOptions, Loaded, load};
pub use model::*;
pub use outline::Outline;
pub use problem::ConfigDiagnostic;
pub(crate) use problem::shown as shown_path;
pub use upgrade::{UpgradeBlocker, UpgradedFile, upgrade_file};
pub use variable::Provenance;
pub use variable::ask::{Ask, AskError, Question};
pub use variable::terminal::TerminalAsk;
pub use version::Version;
