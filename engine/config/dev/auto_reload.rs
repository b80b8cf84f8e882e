//! Triggers of another pass.

use serde::Serialize;

use crate::config::LocatedText;

/// `autoReload`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AutoReload {
    /// `paths`: globs, relative to the project directory.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<LocatedText>,
    /// `images`: names in `images`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// `deployments`: names in `deployments`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deployments: Vec<String>,
}
