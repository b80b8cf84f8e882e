//! The files of the project that deployments are made from.

use std::path::{Path, PathBuf};

use crate::config::{ChartSource, DeploymentConfig, DeploymentKind};

/// The characters that begin a pattern in a path.
const WILDCARDS: [char; 4] = ['*', '?', '[', '{'];

/// The files and directories, absolute, that `deployment` of the project in `root` is made from: a local chart, values
/// files, manifests, kustomizations. A directory counts with everything in it; of a pattern, the directory before its first
/// wildcard.
pub fn deployment_inputs(root: &Path, deployment: &DeploymentConfig) -> Vec<PathBuf> {
    let paths: Vec<PathBuf> = match &deployment.kind {
        DeploymentKind::Helm(helm) => {
            let chart = match &helm.chart.source {
                ChartSource::Path(path) => Some(PathBuf::from(path)),
                _ => None,
            };
            chart.into_iter().chain(helm.values_files.iter().map(|file| file.text.clone().into())).collect()
        }
        DeploymentKind::Kubectl(kubectl) => {
            let local = kubectl.manifests.iter().filter(|manifest| !manifest.text.contains("://"));
            local.map(|manifest| before_wildcard(&manifest.text)).collect()
        }
    };
    paths.into_iter().map(|path| root.join(path)).collect()
}

fn before_wildcard(path: &str) -> PathBuf {
    Path::new(path)
        .components()
        .take_while(|part| !part.as_os_str().to_string_lossy().contains(WILDCARDS))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_watched_from_its_directory_on() {
        let check =
            |path: &str, expected: &str| assert_eq!(before_wildcard(path), Path::new(expected), "{path}");
        check("kube", "kube");
        check("kube/*.yaml", "kube");
        check("kube/a.yaml", "kube/a.yaml");
        check("k*/a.yaml", "");
    }
}
