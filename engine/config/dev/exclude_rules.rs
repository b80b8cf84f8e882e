//! Patterns of paths that are not synced.

use serde::Serialize;

use crate::config::LocatedText;

/// `excludePaths` and `excludeFile`, or those for one direction. The last pattern that matches a path decides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExcludeRules {
    /// The patterns, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<LocatedText>,
    /// A file with patterns, one per line, which follow `paths`; relative to the directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<LocatedText>,
}
