//! What is recorded of deployed charts, by cluster, namespace and release.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::images::{decode, prepare_folder, write_atomically};
use crate::image::Digest;

/// The version of the files; another one is not used.
const VERSION: u32 = 1;

/// The records of the deployed charts of a project, in `.windlass/releases/`.
pub struct ReleaseStore {
    folder: PathBuf,
    writes: bool,
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

/// What was deployed last.
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
    /// Whether its objects became ready; false also if nobody waited.
    pub is_ready: bool,
}

#[derive(Serialize, Deserialize)]
struct ReleaseFile {
    version: u32,
    #[serde(flatten)]
    record: ReleaseRecord,
}

impl ReleaseStore {
    /// The store of the project in `root`; if not `writes`, nothing is ever written to it.
    pub fn new(root: &Path, writes: bool) -> Self {
        Self { folder: root.join(".windlass"), writes }
    }

    /// The record of a release; `None` if there is none, or it is damaged: then the release is deployed again.
    pub fn read(&self, place: ReleasePlace<'_>) -> Option<ReleaseRecord> {
        let path = self.path(place);
        let bytes = crate::input_file::read_up_to(&path, crate::input_file::KEPT).ok()?;
        decode::<ReleaseFile>(&bytes, VERSION).ok().map(|file| file.record)
    }

    /// Records what was deployed.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, place: ReleasePlace<'_>, record: ReleaseRecord) -> io::Result<()> {
        if !self.writes {
            return Ok(());
        }
        let file = serde_json::to_vec_pretty(&ReleaseFile { version: VERSION, record })?;
        prepare_folder(&self.folder)?;
        write_atomically(&self.path(place), &file)
    }

    /// Removes the record of a release.
    ///
    /// # Errors
    /// If the file cannot be removed.
    pub fn remove(&self, place: ReleasePlace<'_>) -> io::Result<()> {
        match std::fs::remove_file(self.path(place)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn path(&self, ReleasePlace { server, namespace, release }: ReleasePlace<'_>) -> PathBuf {
        let digest = Digest::of(format!("{server}\n{namespace}\n{release}"));
        self.folder.join("releases").join(format!("{}.json", digest.hex()))
    }
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
        store.write(place, record.clone()).expect("written");
        assert_eq!(store.read(place), Some(record.clone()));
        for other in [
            ReleasePlace { server: "https://b", ..place },
            ReleasePlace { namespace: "prod", ..place },
            ReleasePlace { release: "api", ..place },
        ] {
            assert_eq!(store.read(other), None, "{other:?}");
        }
        std::fs::write(store.path(place), "{").expect("written");
        assert_eq!(store.read(place), None);
        ReleaseStore::new(folder.path(), false).write(place, record).expect("nothing");
        assert_eq!(store.read(place), None);
        store.remove(place).expect("removed");
        store.remove(place).expect("it is gone already");
    }
}
