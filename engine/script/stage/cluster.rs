//! The Kubernetes cluster as scripts see it.

use std::sync::Arc;

use rhai::Map;
use rhai::plugin::*;

use super::current;
use super::option::Options;
use crate::cluster::{ClusterContext, PodLogs};
use crate::error::StageError;
use crate::run::Run;
use crate::script::RhaiResultOf;

/// The cluster of a run.
#[derive(Clone)]
pub struct ScriptCluster {
    run: Arc<Run>,
    context: ClusterContext,
}

/// Stages about the cluster.
#[export_module]
pub mod cluster {
    use rhai::{Array, Dynamic, Map};

    use super::super::{ScriptProject, current};
    use super::{ScriptCluster, logs};
    use crate::cluster::LocalCluster;
    use crate::error::StageError;
    use crate::hook;
    use crate::run::Image;
    use crate::script::RhaiResultOf;

    /// The selected cluster, found in the order of kubectl: the context of `--kube-context`, otherwise the current
    /// context of the kubeconfig, otherwise the cluster in which windlass runs; `()` without a cluster. Only
    /// `platforms` queries the cluster.
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
        let found = run.session.host.cluster.context()?;
        Ok(found.map_or(Dynamic::UNIT, |context| Dynamic::from(ScriptCluster { run, context })))
    }

    /// The name of its context in the kubeconfig.
    #[rhai_fn(get = "context", pure)]
    pub fn context_name(cluster: &mut ScriptCluster) -> String {
        cluster.context.name.clone()
    }

    /// The namespace: `--namespace`, otherwise that of the context, otherwise `default`.
    #[rhai_fn(get = "namespace", pure)]
    pub fn namespace(cluster: &mut ScriptCluster) -> String {
        cluster.context.namespace.clone()
    }

    /// Whether it is on this machine: minikube, kind, k3d, docker-desktop, orbstack, rancher-desktop, colima.
    #[rhai_fn(get = "is_local", pure)]
    pub fn is_local(cluster: &mut ScriptCluster) -> bool {
        LocalCluster::of(&cluster.context).is_some()
    }

    /// The platforms of its nodes, sorted and without duplicates: `["linux/amd64", "linux/arm64"]`. Queries the
    /// cluster.
    ///
    /// # Errors
    /// `cluster::unreachable`, `cluster::forbidden`.
    #[rhai_fn(get = "platforms", return_raw, pure)]
    pub fn platforms(cluster: &mut ScriptCluster) -> RhaiResultOf<Array> {
        let run = &cluster.run;
        let nodes = run.session.wait(run.session.host.cluster.nodes()).map_err(StageError::from)??;
        let platforms: std::collections::BTreeSet<_> = nodes.into_iter().map(|node| node.platform).collect();
        Ok(platforms.into_iter().map(Dynamic::from).collect())
    }

    /// Creates a pull secret for the registry of `image` from the Docker credentials: writes the secret
    /// `devspace-auth-REGISTRY` to the namespace and adds it to the service account `default`. Equals `kubectl create
    /// secret docker-registry` and `kubectl patch serviceaccount`. Runs once per run for each registry, and reports
    /// whose credentials it uses. Does nothing without a cluster, without credentials, or for a registry that is in
    /// `pullSecrets`. Before the first secret, it runs the hooks for `before:createPullSecrets`.
    ///
    /// # Errors
    /// `cluster::unreachable`, `cluster::forbidden` with the missing permission, `cluster::no_namespace`.
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

    /// Creates the pull secrets of the section `pullSecrets` in `devspace.yaml`, as `create_pull_secret` does. Call it
    /// after all images: it then runs the hooks for `after:createPullSecrets`, or for `error:createPullSecrets`.
    ///
    /// # Errors
    /// `cluster::...`, as for `create_pull_secret`.
    ///
    /// # Example
    /// ```rhai
    /// fn pull_secrets(project) { create_pull_secrets(project); }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn create_pull_secrets(project: ScriptProject) -> RhaiResultOf<()> {
        let run = &project.0.run;
        let created = match run.project.pull_secrets.is_empty() {
            true => Ok(()),
            false => hook::creating_pull_secrets(run, || run.create_configured_pull_secrets()),
        };
        let told = hook::created_pull_secrets(run);
        Ok(created.and(told)?)
    }

    /// Creates all pull secrets of the project in `namespace`: those of the section `pullSecrets`, and those of the images
    /// with `createPullSecret: true`. A deploy calls it for the namespace of each deployment.
    ///
    /// # Errors
    /// `cluster::...`, as for `create_pull_secret`.
    ///
    /// # Example
    /// ```rhai
    /// fn namespace_pull_secrets(project) { create_pull_secrets(project, "shop"); }
    /// ```
    #[rhai_fn(name = "create_pull_secrets", return_raw)]
    pub fn create_pull_secrets_in(project: ScriptProject, namespace: &str) -> RhaiResultOf<()> {
        let run = &project.0.run;
        if !run.needs_pull_secrets() {
            return Ok(());
        }
        let created = hook::creating_pull_secrets(run, || run.create_pull_secrets_in(namespace));
        // Otherwise, the build creates more of them.
        let told = if run.options.skip_build { hook::created_pull_secrets(run) } else { Ok(()) };
        Ok(created.and(told)?)
    }

    /// The last 100 lines that pods printed, as shown by `kubectl logs`. `pods` is the name of a pod or a label
    /// selector, such as `app=api`. The lines of several pods are grouped by pod name. `windlass plan` reads them as
    /// well.
    ///
    /// # Errors
    /// `cluster::not_found` if no pod matches, `cluster::none` without a cluster, `cluster::forbidden`.
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

    /// The last lines that pods printed, with options, a map of `container`, `lines` (default: 100) and `namespace`.
    ///
    /// # Errors
    /// Those of `pod_logs(pods)`; `script::unknown_option`, `script::wrong_type`.
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
    pub fn to_string(cluster: &mut ScriptCluster) -> String {
        format!("cluster {}", cluster.context.name)
    }
}

/// The default number of lines to read from a pod.
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
    Ok(run.session.wait(run.session.host.cluster.pod_logs(&logs)).map_err(StageError::from)??)
}
