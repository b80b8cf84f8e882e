//! The builders, and their names in scripts and on the command line.

use std::fmt;
use std::str::FromStr;

use super::ImageConfig;
use crate::suggestion::nearest;

/// The builder of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BuilderKind {
    /// None: the image is disabled.
    Disabled,
    /// The custom command of the image.
    Custom,
    /// BuildKit in the cluster, through `docker buildx`.
    BuildKit,
    /// A Docker daemon.
    Docker,
    /// A pod in the cluster.
    Kaniko,
    /// Windlass itself.
    Oci,
}

/// The builder is unknown.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("unknown builder `{name}`")]
#[diagnostic(code(builder::unknown))]
pub struct UnknownBuilder {
    /// The name.
    pub name: String,
    /// The nearest name, or all names.
    #[help]
    pub help: String,
}

impl BuilderKind {
    /// All builders.
    pub const ALL: [Self; 6] =
        [Self::Docker, Self::Oci, Self::Kaniko, Self::BuildKit, Self::Custom, Self::Disabled];

    /// The builders that build an image from its Dockerfile, sorted by name.
    pub const OF_DOCKERFILES: [Self; 4] = [Self::BuildKit, Self::Docker, Self::Kaniko, Self::Oci];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Custom => "custom",
            Self::BuildKit => "buildkit",
            Self::Docker => "docker",
            Self::Kaniko => "kaniko",
            Self::Oci => "oci",
        }
    }

    /// Whether it builds and pushes in a pod.
    pub fn is_in_cluster(self) -> bool {
        matches!(self, Self::BuildKit | Self::Kaniko)
    }
}

impl fmt::Display for BuilderKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for BuilderKind {
    type Err = UnknownBuilder;

    fn from_str(name: &str) -> Result<Self, UnknownBuilder> {
        let known = Self::ALL.into_iter().find(|kind| kind.as_str() == name);
        known.ok_or_else(|| {
            let building = Self::ALL.iter().filter(|kind| **kind != Self::Disabled).map(|kind| kind.as_str());
            let help = match nearest(name, building.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("choose one of `{}`", building.collect::<Vec<_>>().join("`, `")),
            };
            UnknownBuilder { name: name.to_owned(), help }
        })
    }
}

impl ImageConfig {
    /// The builder that is tried first.
    pub fn builder(&self) -> BuilderKind {
        if self.disabled {
            BuilderKind::Disabled
        } else if self.custom.is_some() {
            BuilderKind::Custom
        } else if self.is_build_kit_in_cluster() {
            BuilderKind::BuildKit
        } else if self.is_kaniko() {
            BuilderKind::Kaniko
        } else {
            BuilderKind::Docker
        }
    }
}
