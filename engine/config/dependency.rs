//! A loaded entry of `dependencies`.

use std::path::PathBuf;

use super::Origin;
use crate::git::GitSource;

/// A project that this project depends on.
#[derive(Debug, Clone)]
pub struct DependencyConfig {
    /// Its name; if the file has none, that of its directory or repository.
    pub name: String,
    /// The start of the entry.
    pub origin: Origin,
    /// The location of the project.
    pub source: DependencySource,
    /// `configName`: the name of its configuration file; `devspace.yaml` if absent.
    pub config_name: Option<String>,
    /// The profiles to apply, parents first; the profiles of this project are not passed on.
    pub profiles: Vec<String>,
    /// `disableProfileActivation`.
    pub disable_profile_activation: bool,
    /// `vars`: variables to pass to it.
    pub vars: Vec<(String, String)>,
    /// `overwriteVars`: pass the variables of this project as well.
    pub overwrite_vars: bool,
    /// `skipBuild`: do not build its images.
    pub skip_build: bool,
    /// `ignoreDependencies`: skip its dependencies.
    pub ignore_dependencies: bool,
    /// `namespace`.
    pub namespace: Option<String>,
}

/// Where a project is.
#[derive(Debug, Clone)]
pub enum DependencySource {
    /// A directory or a configuration file, relative to the project that declares it.
    Path(PathBuf),
    /// A directory of a repository.
    Git {
        /// The repository.
        source: Box<GitSource>,
        /// `subPath`.
        sub_path: Option<String>,
    },
}
