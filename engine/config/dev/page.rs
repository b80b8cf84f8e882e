//! A page to open.

use serde::Serialize;

use crate::config::Origin;

/// One of `open`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    /// The location of the URL.
    #[serde(skip)]
    pub origin: Origin,
    /// `url`.
    pub url: String,
}
