//! How the nodes of the cluster get images: from a registry, or, on a local cluster, without one.

use super::Run;
use crate::cluster::{ClusterContext, ClusterNode, Loader, LocalCluster};
use crate::error::StageError;
use crate::event::Level;
use crate::host::Machine;

/// How the nodes of the cluster get images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// They pull from a registry: images must be pushed.
    Registry,
    /// They run containers in the build daemon, so they already have the images.
    SharedDaemon,
    /// Images are loaded into them.
    Load(Loader),
}

impl Run {
    /// How the nodes get images, detected once. Queries are sent only if the kubeconfig describes a local cluster. If
    /// the detection fails, images are pushed, which always works.
    pub fn delivery(&self) -> &Delivery {
        self.cluster.delivery.get_or_init(|| {
            let Some((context, cluster)) = self.local_cluster() else { return Delivery::Registry };
            let delivery = self.delivery_to(&cluster);
            let message = match &delivery {
                Delivery::SharedDaemon => {
                    format!("nothing is pushed: {cluster} runs in the build daemon (--skip-push-local-kube)")
                }
                Delivery::Load(_) => {
                    format!("loading images into {cluster} instead of pushing (--skip-push-local-kube)")
                }
                Delivery::Registry => format!(
                    "pushing images although {cluster} (context {}) is local: its nodes do not use the \
                     build daemon",
                    context.name
                ),
            };
            self.session.notice(Level::Info, message);
            delivery
        })
    }

    /// The cluster, if it is on this machine and pushing may be unnecessary.
    fn local_cluster(&self) -> Option<(ClusterContext, LocalCluster)> {
        if !self.options.skip_push_local_kube {
            return None;
        }
        match self.session.host.cluster.context() {
            Ok(context) => {
                let context = context?;
                let cluster = LocalCluster::of(&context)?;
                Some((context, cluster))
            }
            Err(error) => {
                self.session.notice(Level::Debug, format!("cannot detect a local cluster: {error}"));
                None
            }
        }
    }

    fn delivery_to(&self, cluster: &LocalCluster) -> Delivery {
        if cluster.may_share_daemon() {
            match self.session.wait(self.nodes_and_machine()) {
                Ok(Ok((nodes, machine))) if shares_daemon(&nodes, &machine) => return Delivery::SharedDaemon,
                Ok(Ok(_)) => {}
                Ok(Err(error)) => {
                    self.session
                        .notice(Level::Debug, format!("cannot compare {cluster} with the daemon: {error}"));
                }
                Err(_) => return Delivery::Registry,
            }
        }
        match cluster.loader() {
            Some(loader) if self.session.host.cluster.can_load(&loader) => Delivery::Load(loader),
            Some(loader) => {
                let program = loader.program();
                let message = format!("cannot load images into {cluster}: `{program}` is not installed");
                self.session.notice(Level::Info, message);
                Delivery::Registry
            }
            None => Delivery::Registry,
        }
    }

    async fn nodes_and_machine(&self) -> Result<(Vec<ClusterNode>, Machine), StageError> {
        Ok((self.session.host.cluster.nodes().await?, self.session.host.docker.machine().await?))
    }
}

/// Whether the only node of `nodes` runs its containers in the daemon on `machine`. With more nodes, the others would
/// not have the image.
fn shares_daemon(nodes: &[ClusterNode], machine: &Machine) -> bool {
    let [node] = nodes else { return false };
    node.runtime.starts_with("docker://")
        && (node.hostname == machine.name || node.name == machine.name)
        && node.kernel == machine.kernel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_is_shared_when_the_only_node_is_its_machine() {
        let machine = Machine { name: "minikube".into(), kernel: "6.1".into() };
        let node = |name: &str, runtime: &str, kernel: &str| ClusterNode {
            name: name.to_owned(),
            hostname: name.to_owned(),
            platform: "linux/amd64".to_owned(),
            runtime: runtime.to_owned(),
            kernel: kernel.to_owned(),
        };
        let check = |nodes: &[ClusterNode], expected: bool| {
            assert_eq!(shares_daemon(nodes, &machine), expected, "{nodes:?}");
        };
        let same = node("minikube", "docker://27.0", "6.1");
        check(std::slice::from_ref(&same), true);
        check(&[node("minikube", "containerd://1.7", "6.1")], false);
        check(&[node("minikube", "docker://27.0", "5.4")], false);
        check(&[node("other", "docker://27.0", "6.1")], false);
        check(&[same.clone(), node("minikube-m02", "docker://27.0", "6.1")], false);
        check(&[], false);
    }
}
