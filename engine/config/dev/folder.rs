//! A directory that is kept equal with one in a container.

use std::ops::Not;
use std::path::PathBuf;

use serde::Serialize;

use super::{
    BandwidthLimits, CompareBy, ContainerSelection, ExcludeRules, InitialSync, OnDownload, OnUpload,
};
use crate::config::Origin;

/// One of `sync`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Folder {
    /// The start of the entry.
    #[serde(skip)]
    pub origin: Origin,
    /// `name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The container.
    pub selection: ContainerSelection,
    /// `localSubPath`, or the first part of `path`: relative to the project directory, or absolute, as written.
    pub local: PathBuf,
    /// `containerPath`, or the second part of `path`; `.` is the working directory of the container.
    pub container: String,
    /// `file`: `local` is a single file.
    #[serde(skip_serializing_if = "Not::not")]
    pub is_file: bool,
    /// The paths that are not synced.
    pub excludes: Excludes,
    /// `initialSync`.
    pub initial: InitialSync,
    /// `initialSyncCompareBy`.
    pub compare_by: CompareBy,
    /// `waitInitialSync`: the session continues only after the initial sync.
    pub wait_initial_sync: bool,
    /// `disableUpload`.
    #[serde(skip_serializing_if = "Not::not")]
    pub disable_upload: bool,
    /// `disableDownload`.
    #[serde(skip_serializing_if = "Not::not")]
    pub disable_download: bool,
    /// `noWatch`: only the initial sync.
    #[serde(skip_serializing_if = "Not::not")]
    pub no_watch: bool,
    /// `bandwidthLimits`.
    pub limits: BandwidthLimits,
    /// `onUpload`.
    pub on_upload: OnUpload,
    /// `onDownload`.
    pub on_download: OnDownload,
    /// `startContainer`: a container whose restart helper waits is started after the initial sync.
    #[serde(skip_serializing_if = "Not::not")]
    pub start_container: bool,
}

impl Folder {
    /// The direction as an arrow: `<->`, `->` (only uploads), `<-`, or `(disabled)`.
    pub fn arrow(&self) -> &'static str {
        match (self.disable_upload, self.disable_download) {
            (false, false) => "<->",
            (false, true) => "->",
            (true, false) => "<-",
            (true, true) => "(disabled)",
        }
    }
}

/// "app <-> /app of image `web`".
impl std::fmt::Display for Folder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let container = if self.container == "." { "the working directory" } else { &self.container };
        write!(formatter, "{} {} {container} of {}", self.local.display(), self.arrow(), self.selection)
    }
}

/// The patterns of a directory, each list in file order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Excludes {
    /// `excludePaths`: synced in neither direction.
    pub both: ExcludeRules,
    /// `uploadExcludePaths`: not uploaded.
    pub upload: ExcludeRules,
    /// `downloadExcludePaths`: not downloaded.
    pub download: ExcludeRules,
}
