//! Single objects in the cluster, for hooks.

use rhai::plugin::*;
use serde_json::json;

use super::current;
use super::data::from_json_value;
use crate::cluster::ObjectKey;
use crate::error::StageError;
use crate::run::{RunError, Session};
use crate::script::RhaiResultOf;

/// Stages that read, change and delete single objects.
#[export_module]
pub mod object {
    use rhai::{Dynamic, Map};

    use super::super::data::{from_json_value, to_json_value};
    use super::key;
    use crate::script::RhaiResultOf;

    /// Reads an object of the cluster, in the namespace of the Kubernetes context or of `--namespace`: a map, or `()` if
    /// it does not exist. Equals `kubectl get KIND NAME --output json`.
    ///
    /// # Errors
    /// `cluster::...`.
    ///
    /// # Example
    /// ```rhai
    /// fn before_deploy(project) {
    ///     if get_object("v1", "Secret", "database") == () { warn("the Secret `database` is missing"); }
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn get_object(
        context: NativeCallContext,
        api_version: &str,
        kind: &str,
        name: &str,
    ) -> RhaiResultOf<Dynamic> {
        super::get(&context, &key(api_version, kind, name, None)?)
    }

    /// Reads an object of the cluster in `namespace`.
    ///
    /// # Errors
    /// As for `get_object(api_version, kind, name)`.
    ///
    /// # Example
    /// ```rhai
    /// fn needs_deploy(deployment, rollout) {
    ///     rollout.needs_deploy || get_object("v1", "ConfigMap", "web", deployment.namespace) == ()
    /// }
    /// ```
    #[rhai_fn(name = "get_object", return_raw)]
    pub fn get_object_in(
        context: NativeCallContext,
        api_version: &str,
        kind: &str,
        name: &str,
        namespace: &str,
    ) -> RhaiResultOf<Dynamic> {
        super::get(&context, &key(api_version, kind, name, Some(namespace))?)
    }

    /// Creates or changes an object of the cluster, and returns it. Without `metadata.namespace`, it is in the namespace of
    /// the Kubernetes context or of `--namespace`. Equals `kubectl apply --server-side`.
    ///
    /// Such an object belongs to no deployment: `windlass purge` does not delete it. It must not be in manifests, because
    /// fields of them that are missing in it are removed.
    ///
    /// # Errors
    /// `deploy::...` if the cluster does not accept it, `cluster::...`.
    ///
    /// # Example
    /// ```rhai
    /// fn before_deploy(project) {
    ///     let commit = #{ commit: git.commit };
    ///     apply_object(#{ apiVersion: "v1", kind: "ConfigMap", metadata: #{ name: "deployed" }, data: commit });
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn apply_object(context: NativeCallContext, object: Map) -> RhaiResultOf<Dynamic> {
        let session = super::session(&context)?;
        let object = to_json_value(&object.into())?;
        Ok(from_json_value(super::ended(session.wait(session.host.deployer.apply_object(&object)))?))
    }

    /// Deletes an object of the cluster, in the namespace of the Kubernetes context or of `--namespace`, and returns
    /// whether it existed. Equals `kubectl delete KIND NAME --wait=false`.
    ///
    /// # Errors
    /// `cluster::...`.
    ///
    /// # Example
    /// ```rhai
    /// fn before_deploy(project) { delete_object("batch/v1", "Job", "migrate"); }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn delete_object(
        context: NativeCallContext,
        api_version: &str,
        kind: &str,
        name: &str,
    ) -> RhaiResultOf<bool> {
        super::delete(&context, &key(api_version, kind, name, None)?)
    }

    /// Deletes an object of the cluster in `namespace`.
    ///
    /// # Errors
    /// As for `delete_object(api_version, kind, name)`.
    ///
    /// # Example
    /// ```rhai
    /// fn before_deployment(deployment) { delete_object("batch/v1", "Job", "migrate", deployment.namespace); }
    /// ```
    #[rhai_fn(name = "delete_object", return_raw)]
    pub fn delete_object_in(
        context: NativeCallContext,
        api_version: &str,
        kind: &str,
        name: &str,
        namespace: &str,
    ) -> RhaiResultOf<bool> {
        super::delete(&context, &key(api_version, kind, name, Some(namespace))?)
    }
}

/// The session of the run, if there is a cluster.
fn session(context: &NativeCallContext<'_>) -> RhaiResultOf<Session> {
    let session = current::run(context)?.session.clone();
    session.host.cluster.needed_context()?;
    Ok(session)
}

/// The result of a wait.
fn ended<T>(result: Result<Result<T, StageError>, RunError>) -> Result<T, StageError> {
    result?
}

fn key(api_version: &str, kind: &str, name: &str, namespace: Option<&str>) -> Result<ObjectKey, StageError> {
    let metadata = json!({ "name": name, "namespace": namespace });
    Ok(ObjectKey::new(&json!({ "apiVersion": api_version, "kind": kind, "metadata": metadata }))?)
}

fn get(context: &NativeCallContext<'_>, key: &ObjectKey) -> RhaiResultOf<Dynamic> {
    let session = session(context)?;
    let found = ended(session.wait(session.host.deployer.object(key)))?;
    Ok(found.map_or(Dynamic::UNIT, from_json_value))
}

fn delete(context: &NativeCallContext<'_>, key: &ObjectKey) -> RhaiResultOf<bool> {
    let session = session(context)?;
    Ok(ended(session.wait(session.host.deployer.delete_object(key)))?)
}
