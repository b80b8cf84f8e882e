//! Says where a run deploys.

use std::sync::Arc;

use super::{Deployment, chart, selected};
use crate::cluster::ClusterContext;
use crate::config::DeploymentKind;
use crate::error::StageError;
use crate::event::Level;
use crate::run::Run;
use crate::state::{ClusterTarget, ReleasePlace};

/// Reports the cluster and namespace that `run` deploys to, warns if the last deploy had others, and records them.
///
/// # Errors
/// `cluster::none` without a cluster, unless it is a plan; `cluster::...` if the kubeconfig is invalid.
pub fn announce(run: &Arc<Run>) -> Result<(), StageError> {
    // A plan reports that it has no cluster.
    let Some(context) = run.session.cluster()? else { return Ok(()) };
    expect_helm(run)?;
    let ClusterContext { name, namespace, server, .. } = context;
    let target =
        ClusterTarget { context: name, namespace: run.project.namespace.clone().unwrap_or(namespace) };
    let last = run.memory.target.read().filter(|last| *last != target);
    let place = format!("namespace {} of {} ({server})", target.namespace, target.context);
    match last {
        Some(last) => {
            let before = format!("namespace {} of {}", last.namespace, last.context);
            run.session
                .notice(Level::Warning, format!("deploying to {place}; the last deploy went to {before}"));
        }
        None => run.session.notice(Level::Info, format!("deploying to {place}")),
    }
    if let Err(error) = run.memory.target.write(&target) {
        run.session.notice(Level::Warning, format!("cannot record where the project is deployed: {error}"));
    }
    Ok(())
}

/// Looks for helm while the run does something else, if a chart was never deployed from here: then it must be deployed.
fn expect_helm(run: &Arc<Run>) -> Result<(), StageError> {
    let server = run.session.host.cluster.needed_context()?.server;
    for config in selected(&run.project, &run.options.deployments)? {
        let DeploymentKind::Helm(helm) = &config.kind else { continue };
        let deployment = Deployment::new(run, config);
        let namespace = deployment.namespace()?;
        let place = ReleasePlace { server: &server, namespace: &namespace, release: &helm.release_name };
        if run.memory.releases.read(place).is_none() {
            chart::expect_helm(&deployment, helm)?;
        }
    }
    Ok(())
}
