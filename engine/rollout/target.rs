//! Says where a run deploys.

use crate::cluster::ClusterContext;
use crate::error::StageError;
use crate::event::Level;
use crate::run::Run;
use crate::state::Target;

/// Says which cluster and namespace `run` deploys to, warns if the last deploy went elsewhere, and records it.
///
/// # Errors
/// `cluster::none` without a cluster, `cluster::...` if the kubeconfig is invalid.
pub fn announce(run: &Run) -> Result<(), StageError> {
    let ClusterContext { name, namespace, server, .. } = run.session.host.cluster.needed_context()?;
    let target = Target { context: name, namespace: run.project.namespace.clone().unwrap_or(namespace) };
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
