//! Rollouts as scripts see them: the objects of a deployment that a cluster gets, and the result of the deploy.

use rhai::plugin::*;

/// The properties of rollouts and of deployments that were deployed, and the stages that deploy them.
#[export_module]
pub mod rollout {
    use rhai::{Array, Dynamic};

    use super::super::current;
    use super::super::data::from_json_value;
    use crate::rollout::{Deployed, Deployment, Rollout};
    use crate::script::RhaiResultOf;

    /// The deployment that was planned.
    #[rhai_fn(get = "deployment", pure)]
    pub fn deployment_of(rollout: &mut Rollout) -> Deployment {
        rollout.deployment().clone()
    }

    /// The objects for the cluster, a list of maps. A chart is rendered for that, without its hooks. Equals `helm
    /// template`.
    ///
    /// # Errors
    /// `deploy::...` if helm is missing or fails.
    ///
    /// # Example
    /// ```rhai
    /// fn render(project) {
    ///     for deployment in project.deployments {
    ///         for object in plan_deployment(deployment).objects { print(object.kind); }
    ///     }
    /// }
    /// ```
    #[rhai_fn(get = "objects", pure, return_raw)]
    pub fn objects(rollout: &mut Rollout) -> RhaiResultOf<Array> {
        Ok(rollout.objects()?.into_iter().map(from_json_value).collect())
    }

    /// Whether the cluster differs from it: manifests are compared object by object, and a chart by its content, its
    /// values and its release. `--force-deploy` makes it true.
    ///
    /// # Errors
    /// `deploy::...` if the cluster does not accept it, `cluster::...`.
    ///
    /// # Example
    /// ```rhai
    /// fn needs_deploy(deployment, rollout) { rollout.needs_deploy || deployment.name == "jobs" }
    /// ```
    #[rhai_fn(get = "needs_deploy", pure, return_raw)]
    pub fn needs_deploy(rollout: &mut Rollout) -> RhaiResultOf<bool> {
        Ok(rollout.verdict()?.needs_deploy)
    }

    /// Why it must be deployed, or need not be, as a phrase: `2 objects changed`.
    ///
    /// # Errors
    /// As for `needs_deploy`.
    #[rhai_fn(get = "reason", pure, return_raw)]
    pub fn reason(rollout: &mut Rollout) -> RhaiResultOf<String> {
        Ok(rollout.verdict()?.reason.clone())
    }

    /// Reports the decision to deploy or to keep, with the reason, and returns it.
    ///
    /// # Errors
    /// As for `needs_deploy`.
    ///
    /// # Example
    /// ```rhai
    /// fn deploy_or_keep(deployment) {
    ///     let rollout = plan_deployment(deployment);
    ///     if rollout.decide(rollout.needs_deploy) { rollout.apply() } else { rollout.keep() }
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn decide(context: NativeCallContext, rollout: Rollout, deploys: bool) -> RhaiResultOf<bool> {
        let decided = rollout.decide(deploys)?;
        current::execution(&context)?.add_rollout(rollout);
        Ok(decided)
    }

    /// Keeps the deployment in the cluster as it is.
    ///
    /// # Errors
    /// As for `needs_deploy`.
    ///
    /// # Example
    /// ```rhai
    /// fn apply(deployment, rollout) { if deployment.name == "legacy" { rollout.keep() } else { rollout.apply() } }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn keep(rollout: Rollout) -> RhaiResultOf<Deployed> {
        Ok(rollout.keep()?)
    }

    /// Deploys it to the cluster: applies the objects that differ, in their order, and deletes those that were removed
    /// from the manifests; or upgrades the release of a chart. Equals `kubectl apply --server-side --prune`, or
    /// `helm upgrade --install`.
    ///
    /// Nothing is changed if the cluster does not accept one of the objects. Volume claims, namespaces and custom
    /// resource definitions are never deleted.
    ///
    /// # Errors
    /// `deploy::...` with the place in the manifest, `cluster::...`.
    ///
    /// # Example
    /// ```rhai
    /// fn apply(deployment, rollout) { timeout(300, || rollout.apply()) }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn apply(rollout: Rollout) -> RhaiResultOf<Deployed> {
        Ok(rollout.apply()?)
    }

    /// The deployment.
    #[rhai_fn(get = "deployment", pure)]
    pub fn deployment_of_result(result: &mut Deployed) -> Deployment {
        result.deployment().clone()
    }

    /// The objects of the deployment as the cluster returned them after the deploy, a list of maps. The objects of a
    /// chart are read from its release.
    ///
    /// # Errors
    /// `cluster::...`.
    #[rhai_fn(get = "objects", pure, return_raw)]
    pub fn objects_of_result(result: &mut Deployed) -> RhaiResultOf<Array> {
        Ok(result.objects()?.into_iter().map(from_json_value).collect())
    }

    /// The revision of the release of a chart, or `()`.
    #[rhai_fn(get = "revision", pure)]
    pub fn revision(result: &mut Deployed) -> Dynamic {
        result
            .revision()
            .and_then(|revision| i64::try_from(revision).ok())
            .map_or(Dynamic::UNIT, Dynamic::from_int)
    }

    /// Whether something was changed in the cluster.
    ///
    /// # Example
    /// ```rhai
    /// fn after_deployment(deployment, result) {
    ///     if result.is_changed { print(`${deployment.name} was deployed`); }
    /// }
    /// ```
    #[rhai_fn(get = "is_changed", pure)]
    pub fn is_changed(result: &mut Deployed) -> bool {
        result.is_changed()
    }

    /// Restarts the pods of all Deployments, StatefulSets and DaemonSets of the deployment, and returns `result`.
    /// Equals `kubectl rollout restart`. `wait_until_ready` waits for the new pods.
    ///
    /// # Errors
    /// `cluster::...`.
    ///
    /// # Example
    /// ```rhai
    /// fn apply(deployment, rollout) { rollout.apply().restart() }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn restart(result: Deployed) -> RhaiResultOf<Deployed> {
        result.restart()?;
        Ok(result)
    }

    /// Returns the release of a chart to the revision before this deploy, and returns the revision that this creates.
    /// `()` if the deploy changed nothing, or was the first. Equals `helm rollback`. The next run deploys again.
    ///
    /// # Errors
    /// `deploy::no_revisions` for manifests; `deploy::...` if helm fails.
    ///
    /// # Example
    /// ```rhai
    /// import "scripts/deploy" as base;
    ///
    /// fn wait(project, results) {
    ///     try { base::wait(project, results); } catch (error) {
    ///         for result in results.filter(|result| result.deployment.is_helm) { result.rollback(); }
    ///         throw error;
    ///     }
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn rollback(result: Deployed) -> RhaiResultOf<Dynamic> {
        let revision = result.roll_back()?.and_then(|revision| i64::try_from(revision).ok());
        Ok(revision.map_or(Dynamic::UNIT, Dynamic::from_int))
    }

    /// Adds the objects to the output of `windlass render`.
    ///
    /// # Errors
    /// `deploy::...` if a chart cannot be rendered.
    ///
    /// # Example
    /// ```rhai
    /// fn render(project) {
    ///     for deployment in project.deployments { print_objects(plan_deployment(deployment)); }
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn print_objects(context: NativeCallContext, rollout: Rollout) -> RhaiResultOf<()> {
        rollout.objects()?;
        current::execution(&context)?.add_rollout(rollout);
        Ok(())
    }
}
