//! Records of deployed charts, by cluster, namespace and release.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::folder::StateFolder;
use crate::image::Digest;

/// The records of the deployed charts of a project, in `.windlass/releases/`.
pub struct ReleaseStore {
    folder: StateFolder,
}

/// A release in a cluster.
#[derive(Debug, Clone, Copy)]
pub struct ReleasePlace<'a> {
    /// The address of the API server.
    pub server: &'a str,
    /// The namespace.
    pub namespace: &'a str,
    /// The name of the release.
    pub release: &'a str,
}

/// The last deployment of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRecord {
    /// The key of the deployment: equal keys deploy the same.
    pub key: String,
    /// The digest of the chart's identity.
    pub chart: String,
    /// The digest of the values.
    pub values: String,
    /// The revision.
    pub revision: u64,
    /// Whether its objects became ready; false also if no run waited.
    pub is_ready: bool,
}

impl ReleaseStore {
    /// The store of the project in `root`; if not `writes`, nothing is ever written to it.
    pub fn new(root: &Path, writes: bool) -> Self {
        Self { folder: StateFolder::new(root, writes) }
    }

    /// The record of a release; `None` if it is missing or damaged: then the release is deployed again.
    pub fn read(&self, place: ReleasePlace<'_>) -> Option<ReleaseRecord> {
        self.folder.read(&file_name(place))
    }

    /// Records a deployment.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, place: ReleasePlace<'_>, record: &ReleaseRecord) -> io::Result<()> {
        self.folder.write(&file_name(place), record)
    }

    /// Removes the record of a release.
    ///
    /// # Errors
    /// If the file cannot be removed.
    pub fn remove(&self, place: ReleasePlace<'_>) -> io::Result<()> {
        self.folder.remove(&file_name(place))
    }
}

fn file_name(ReleasePlace { server, namespace, release }: ReleasePlace<'_>) -> String {
    format!("releases/{}.json", Digest::of(format!("{server}\n{namespace}\n{release}")).hex())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_recorded_by_cluster_namespace_and_name() {
        let folder = tempfile::tempdir().expect("a directory");
        let store = ReleaseStore::new(folder.path(), true);
        let place = ReleasePlace { server: "https://a", namespace: "dev", release: "web" };
        assert_eq!(store.read(place), None);
        let record = ReleaseRecord {
            key: "k".to_owned(),
            chart: "c".to_owned(),
            values: "v".to_owned(),
            revision: 3,
            is_ready: true,
        };
        store.write(place, &record).expect("written");
        assert_eq!(store.read(place), Some(record));
        for other in [
            ReleasePlace { server: "https://b", ..place },
            ReleasePlace { namespace: "prod", ..place },
            ReleasePlace { release: "api", ..place },
        ] {
            assert_eq!(store.read(other), None, "{other:?}");
        }
        store.remove(place).expect("removed");
        assert_eq!(store.read(place), None);
    }
}
