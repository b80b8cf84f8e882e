//! The cluster of a project.

use crate::cluster::ClusterOptions;
use crate::config::Project;

/// The selection of the cluster of `project`; `environment` are variables of its `.env` file.
pub fn cluster_options(project: &Project, environment: &[(String, String)]) -> ClusterOptions {
    ClusterOptions {
        context: project.kube_context.clone(),
        namespace: project.namespace.clone(),
        environment: environment.to_vec(),
    }
}
