//! Real helm.

use std::future::Future;
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use crate::deploy::chart::{ChartLocation, ChartRequest, Helm, HelmExec, HelmRun};

/// Runs `test` with each real helm; the variables `WINDLASS_TEST_HELM3` and `WINDLASS_TEST_HELM4` are their paths.
pub(super) async fn with_helms<T: Future<Output = ()>>(name: &str, test: impl Fn(Helm) -> T) {
    for variable in ["WINDLASS_TEST_HELM3", "WINDLASS_TEST_HELM4"] {
        let Ok(path) = std::env::var(variable) else {
            eprintln!("left out: {name} with real helm, because `{variable}` is not set");
            continue;
        };
        let directory = std::env::temp_dir();
        let helm =
            Helm::find(Some(&path), None, &directory, &HelmExec, None, &CancellationToken::new()).await;
        test(helm.unwrap_or_else(|error| panic!("{variable}: {error}"))).await;
    }
}

/// Calls `act` with a runner of `helm`.
pub(super) fn run<'a>(helm: &'a Helm, cancel: &'a CancellationToken) -> HelmRun<'a> {
    HelmRun { helm, exec: &HelmExec, cancel }
}

/// A project with files.
pub(super) struct Project(tempfile::TempDir);

impl Project {
    /// A project with a chart `web` in the directory `chart`.
    pub(super) fn new(files: &[(&str, &str)]) -> Self {
        let project = Self(tempfile::tempdir().expect("a directory"));
        project.write("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0\n");
        for (name, content) in files {
            project.write(name, content);
        }
        project
    }

    pub(super) fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("created");
        std::fs::write(path, content).expect("written");
    }

    pub(super) fn root(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub(super) fn request(&self) -> ChartRequest {
        ChartRequest::new("web", "dev", self.root(), ChartLocation::Path("chart".into()))
    }
}
