//! Manifests and indexes as JSON (OCI image spec, "manifest" and "image index").

use std::fmt;

use serde::Deserialize;

/// A manifest or an index.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ManifestOrIndex {
    pub(super) media_type: Option<String>,
    pub(super) config: Option<Descriptor>,
    #[serde(default)]
    pub(super) layers: Vec<Descriptor>,
    pub(super) manifests: Option<Vec<Descriptor>>,
}

/// A descriptor of content.
#[derive(Deserialize)]
pub(super) struct Descriptor {
    pub(super) digest: String,
    #[serde(default)]
    pub(super) size: u64,
    /// Other locations of the content; with such locations, registries need not have it.
    #[serde(default)]
    pub(super) urls: Vec<String>,
    pub(super) platform: Option<Platform>,
}

/// The platform of a manifest in an index. Displays as `linux/arm/v7`.
#[derive(Deserialize)]
pub(super) struct Platform {
    #[serde(default)]
    pub(super) os: String,
    #[serde(default)]
    pub(super) architecture: String,
    pub(super) variant: Option<String>,
}

impl Platform {
    /// Whether it is a real platform: attestations are listed with the platform `unknown`.
    pub(super) fn is_known(&self) -> bool {
        self.os != "unknown"
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.os, self.architecture)?;
        self.variant.iter().try_for_each(|variant| write!(formatter, "/{variant}"))
    }
}
