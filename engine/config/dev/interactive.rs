//! Interactive mode of DevSpace 4.

use std::ops::Not;

use serde::Serialize;

use crate::config::Origin;

/// `interactive`, earlier `overrideImages`: the changes for `-i` and `-t`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Interactive {
    /// `defaultEnabled`: also without a flag.
    #[serde(skip_serializing_if = "Not::not")]
    pub default_enabled: bool,
    /// `images`, in file order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<InteractiveImage>,
}

/// An image with another entrypoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InteractiveImage {
    /// The start of the entry.
    #[serde(skip)]
    pub origin: Origin,
    /// `name`: a name in `images`.
    pub name: String,
    /// `entrypoint`. Without it and `cmd`, the container sleeps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    /// `cmd`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cmd: Option<Vec<String>>,
}
