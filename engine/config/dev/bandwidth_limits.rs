//! Limits of the sync.

use serde::Serialize;

/// `bandwidthLimits`, in KB (1,024 bytes) per second; 0 means unlimited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BandwidthLimits {
    /// `upload`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload: Option<u64>,
    /// `download`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub download: Option<u64>,
}
