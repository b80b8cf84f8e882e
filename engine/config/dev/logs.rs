//! The containers whose output is shown.

use std::ops::Not;

use serde::Serialize;

use super::ContainerSelection;

/// `logs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Logs {
    /// `disabled`.
    #[serde(skip_serializing_if = "Not::not")]
    pub is_disabled: bool,
    /// The containers; if empty, those of all images and of all other entries of `dev`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub selections: Vec<ContainerSelection>,
    /// `showLast`, in v2beta1 `lastLines`: the number of lines before the start that are shown; 50 by default.
    pub show_last: u64,
}

impl Logs {
    /// The default of [`Self::show_last`].
    pub const SHOW_LAST: u64 = 50;
}

impl Default for Logs {
    fn default() -> Self {
        Self { is_disabled: false, selections: Vec::new(), show_last: Self::SHOW_LAST }
    }
}
