//! One entry of `dependencies`, as loaded.

use std::path::PathBuf;

use super::Origin;
use crate::git::GitSource;

/// Another project that this one depends on (spec config §9 and §13.7).
#[derive(Debug, Clone)]
pub struct DependencyConfig {
    /// Its name; where the file gives none, that of its folder or repository.
    pub name: String,
    /// Where the entry starts.
    pub origin: Origin,
    /// Where the project is.
    pub source: DependencySource,
    /// `configName`: the name of its file, `devspace.yaml` when absent.
    pub config_name: Option<String>,
    /// The profiles it is loaded with, parents first; those of this project are never passed on.
    pub profiles: Vec<String>,
    /// `disableProfileActivation`.
    pub disable_profile_activation: bool,
    /// `vars`: variables it gets.
    pub vars: Vec<(String, String)>,
    /// `overwriteVars`: it gets the variables of this project too.
    pub overwrite_vars: bool,
    /// `skipBuild`: none of its images is built.
    pub skip_build: bool,
    /// `ignoreDependencies`: its own dependencies are left out.
    pub ignore_dependencies: bool,
    /// `namespace`.
    pub namespace: Option<String>,
}

/// Where a project is.
#[derive(Debug, Clone)]
pub enum DependencySource {
    /// A folder, or a configuration file, relative to the declaring project.
    Path(PathBuf),
    /// A folder of a repository.
    Git {
        /// The repository.
        source: Box<GitSource>,
        /// `subPath`.
        sub_path: Option<String>,
    },
}
