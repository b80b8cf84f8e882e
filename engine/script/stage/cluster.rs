//! The Kubernetes cluster as scripts see it.

use std::sync::Arc;

use rhai::Map;
use rhai::plugin::*;

use super::current;
use super::option::Options;
use crate::cluster::{ClusterContext, PodLogs};
use crate::run::Run;
use crate::script::{RhaiResultOf, StageError};

/// The cluster of a run.
#[derive(Clone)]
pub struct Cluster {
    run: Arc<Run>,
    context: ClusterContext,
}

/// Stages about the cluster.
#[export_module]
pub mod cluster {
    use rhai::{Array, Dynamic, Map};

    use super::super::{Project, current};
    use super::{Cluster, logs};
    use crate::cluster::LocalCluster;
    use crate::hook;
    use crate::run::Image;
    use crate::script::{RhaiResultOf, StageError};

    /// The cluster the user means, found as kubectl finds it: the context of `--kube-context`, else the current one
    /// of the kubeconfig, else the cluster windlass runs in; `()` where there is none. Only `platforms` asks the
    /// cluster itself.
    ///
    /// # Errors
    /// `cluster::bad_kubeconfig`, `cluster::unknown_context`.
    ///
    /// # Example
    /// ```rhai
    /// fn publish(image, built) {
    ///     let cluster = cluster();
    ///     if cluster != () && cluster.is_local { built.load() } else { built.push() }
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn cluster(context: NativeCallContext) -> RhaiResultOf<Dynamic> {
        let run = current::run(&context)?;
        let found = run.host.cluster.context()?;
        Ok(found.map_or(Dynamic::UNIT, |context| Dynamic::from(Cluster { run, context })))
    }

    /// The name of its context in the kubeconfig.
    #[rhai_fn(get = "context", pure)]
    pub fn context_name(cluster: &mut Cluster) -> String {
        cluster.context.name.clone()
    }

    /// The namespace: `--namespace`, else the context's, else `default`.
    #[rhai_fn(get = "namespace", pure)]
    pub fn namespace(cluster: &mut Cluster) -> String {
        cluster.context.namespace.clone()
    }

    /// Whether it is on this machine: minikube, kind, k3d, docker-desktop, orbstack, rancher-desktop, colima.
    #[rhai_fn(get = "is_local", pure)]
    pub fn is_local(cluster: &mut Cluster) -> bool {
        LocalCluster::of(&cluster.context).is_some()
    }

    /// The platforms of its nodes, each once, sorted: `["linux/amd64", "linux/arm64"]`. Asks the cluster.
    ///
    /// # Errors
    /// `cluster::unreachable`, `cluster::forbidden`.
    #[rhai_fn(get = "platforms", return_raw, pure)]
    pub fn platforms(cluster: &mut Cluster) -> RhaiResultOf<Array> {
        let run = &cluster.run;
        let nodes = run.wait(run.host.cluster.nodes()).map_err(StageError::from)??;
        let platforms: std::collections::BTreeSet<_> = nodes.into_iter().map(|node| node.platform).collect();
        Ok(platforms.into_iter().map(Dynamic::from).collect())
    }

    /// Lets the cluster pull from the registry of `image` with docker's credentials: writes the pull secret
    /// `devspace-auth-REGISTRY` into the namespace and adds it to the service account `default`, as `kubectl create
    /// secret docker-registry` and `kubectl patch serviceaccount` would. Once a run for each registry, and saying
    /// whose credentials they are. Nothing is written without a cluster, without credentials, and for a registry
    /// that `pullSecrets` has. Before the first one come the hooks for `before:createPullSecrets`.
    ///
    /// # Errors
    /// `cluster::unreachable`, `cluster::forbidden` with the missing right, `cluster::no_namespace`.
    ///
    /// # Example
    /// ```rhai
    /// fn pull_secret(image) { if image.name == "api" { create_pull_secret(image); } }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn create_pull_secret(image: Image) -> RhaiResultOf<()> {
        let run = image.run();
        let create = || run.create_pull_secret_for(image.config().repository.domain());
        Ok(hook::creating_pull_secrets(run, create)?)
    }

    /// Creates the secrets of the section `pullSecrets` of `devspace.yaml`, as `create_pull_secret` does. Comes after
    /// all images: then the hooks for `after:createPullSecrets` run, or for `error:createPullSecrets`.
    ///
    /// # Errors
    /// `cluster::...`, as for `create_pull_secret`.
    ///
    /// # Example
    /// ```rhai
    /// fn pull_secrets(project) { create_pull_secrets(project); }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn create_pull_secrets(project: Project) -> RhaiResultOf<()> {
        let run = &project.0;
        let created = match run.project.pull_secrets.is_empty() {
            true => Ok(()),
            false => hook::creating_pull_secrets(run, || run.create_configured_pull_secrets()),
        };
        let told = hook::created_pull_secrets(run);
        Ok(created.and(told)?)
    }

    /// The last 100 lines of what pods printed, as `kubectl logs` shows them. `pods` is the name of a pod or a label
    /// selector, `app=api`; of several pods, each comes under its name. In a plan, they are read as well.
    ///
    /// # Errors
    /// `cluster::not_found` when there is no such pod, `cluster::none` without a cluster, `cluster::forbidden`.
    ///
    /// # Example
    /// ```rhai
    /// fn after_build(project, results) {
    ///     if cluster() != () { print(pod_logs("app=migrations")); }
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn pod_logs(context: NativeCallContext, pods: &str) -> RhaiResultOf<String> {
        logs(&context, pods, Map::new())
    }

    /// The last lines of what pods printed, with a map of `container`, `lines` (100 by default), `namespace`.
    ///
    /// # Errors
    /// As `pod_logs(pods)`; `script::unknown_option`, `script::wrong_type`.
    ///
    /// # Example
    /// ```rhai
    /// fn after_build(project, results) {
    ///     if cluster() != () { print(pod_logs("app=api", #{ container: "web", lines: 20 })); }
    /// }
    /// ```
    #[rhai_fn(name = "pod_logs", return_raw)]
    pub fn pod_logs_with(context: NativeCallContext, pods: &str, options: Map) -> RhaiResultOf<String> {
        logs(&context, pods, options)
    }

    /// `cluster kind-dev`, for string interpolation and `print`.
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn to_string(cluster: &mut Cluster) -> String {
        format!("cluster {}", cluster.context.name)
    }
}

/// How many lines of a pod are read where nobody says.
const LINES: u32 = 100;

fn logs(context: &NativeCallContext<'_>, pods: &str, options: Map) -> RhaiResultOf<String> {
    let options = Options::new("pod_logs", options, &["container", "lines", "namespace"])?;
    let lines = match options.get("lines") {
        Some(value) => {
            let lines = value.as_int().ok().and_then(|lines| lines.try_into().ok());
            lines.ok_or_else(|| options.wrong("lines", "a number of lines", value))?
        }
        None => LINES,
    };
    let logs = PodLogs {
        pods: pods.to_owned(),
        container: options.text("container")?,
        namespace: options.text("namespace")?,
        lines,
    };
    let run = current::run(context)?;
    Ok(run.wait(run.host.cluster.pod_logs(&logs)).map_err(StageError::from)??)
}
