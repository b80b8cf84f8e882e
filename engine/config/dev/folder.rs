//! A folder that is kept equal with one in a container.

use std::ops::Not;
use std::path::PathBuf;

use serde::Serialize;

use super::{BandwidthLimits, CompareBy, ExcludeRules, InitialSync, OnDownload, OnUpload, Selection};
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
    pub selection: Selection,
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

/// The patterns of a folder, each list in file order.
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
