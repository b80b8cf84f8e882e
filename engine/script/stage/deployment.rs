//! Deployments as scripts see them.

use rhai::plugin::*;

/// The properties of deployments, and the stages that plan them.
#[export_module]
pub mod deployment {
    use rhai::{Array, Dynamic, Map};

    use super::super::ScriptProject;
    use super::super::data::{from_json_value, to_json_value};
    use super::super::deploy::deployments_of;
    use super::{objects_of, options_of, values_of};
    use crate::deploy::replace::ReplaceOptions;
    use crate::rollout::{self, Deployment, Rollout};
    use crate::script::RhaiResultOf;

    /// The selected deployments, in the order of `devspace.yaml`.
    ///
    /// # Example
    /// ```rhai
    /// fn render(project) {
    ///     for deployment in project.deployments { print(deployment.name); }
    /// }
    /// ```
    #[rhai_fn(get = "deployments", pure, return_raw)]
    pub fn deployments(project: &mut ScriptProject) -> RhaiResultOf<Array> {
        Ok(deployments_of(&project.0)?.into_iter().map(Dynamic::from).collect())
    }

    /// The deployment `name` of `devspace.yaml`, selected or not.
    ///
    /// # Errors
    /// `deploy::unknown`, with the most similar name.
    ///
    /// # Example
    /// ```rhai
    /// fn render(project) { print_objects(plan_deployment(project.deployment("api"))); }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn deployment(project: &mut ScriptProject, name: &str) -> RhaiResultOf<Deployment> {
        Ok(super::deployment_of(&project.0.run, name)?)
    }

    /// Whether a deployment builds images first: not with `--skip-build`.
    ///
    /// # Example
    /// ```rhai
    /// fn render(project) { if project.builds { build(project); } }
    /// ```
    #[rhai_fn(get = "builds", pure)]
    pub fn builds(project: &mut ScriptProject) -> bool {
        !project.0.run.options.skip_build
    }

    /// The name of the deployment.
    #[rhai_fn(get = "name", pure)]
    pub fn name(deployment: &mut Deployment) -> String {
        deployment.name().to_owned()
    }

    /// Its namespace: the configured one, otherwise that of `--namespace`, otherwise that of the Kubernetes context.
    ///
    /// # Errors
    /// `cluster::...` if the kubeconfig is invalid.
    #[rhai_fn(get = "namespace", pure, return_raw)]
    pub fn namespace(deployment: &mut Deployment) -> RhaiResultOf<String> {
        Ok(deployment.namespace()?)
    }

    /// Whether it is a chart; otherwise it has manifests.
    #[rhai_fn(get = "is_helm", pure)]
    pub fn is_helm(deployment: &mut Deployment) -> bool {
        deployment.is_helm()
    }

    /// Reads the values of a chart: those of `valuesFiles` in order, then `values`. Maps merge; lists and scalars
    /// replace.
    ///
    /// # Errors
    /// `deploy::...` if a file is missing or invalid; `deploy::no_chart` for manifests.
    ///
    /// # Example
    /// ```rhai
    /// fn chart_values(deployment) { load_values(deployment) + #{ replicas: 1 } }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn load_values(deployment: Deployment) -> RhaiResultOf<Dynamic> {
        Ok(from_json_value(rollout::load_values(&deployment)?.into()))
    }

    /// Reads the objects of manifests: of files, directories, patterns, URLs, kustomizations or the inline manifest, with
    /// `patches` and namespaces.
    ///
    /// # Errors
    /// `deploy::...` if a manifest is missing or invalid; `deploy::no_manifests` for charts.
    ///
    /// # Example
    /// ```rhai
    /// fn manifests(deployment) { load_manifests(deployment).filter(|object| object.kind != "Ingress") }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn load_manifests(deployment: Deployment) -> RhaiResultOf<Array> {
        Ok(rollout::load_manifests(&deployment)?.into_iter().map(from_json_value).collect())
    }

    /// Inserts the references of the last builds into the values of a chart, or into objects.
    ///
    /// Changed are image fields of objects, and in values: maps with a repository and a tag, strings under keys such as
    /// `image`, and strings that name the registry of an image. `image(NAME)`, `tag(NAME)` and
    /// `${runtime.images.NAME}` are replaced everywhere.
    ///
    /// # Errors
    /// `deploy::never_built` if an image has no build; `deploy::unknown_image` for a placeholder without an image.
    ///
    /// # Example
    /// ```rhai
    /// fn replace_tags(deployment, content) { replace_images(deployment, content) }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn replace_images(deployment: Deployment, content: Dynamic) -> RhaiResultOf<Dynamic> {
        let content = to_json_value(&content)?;
        Ok(from_json_value(rollout::replace_images(&deployment, content, &ReplaceOptions::default())?))
    }

    /// Inserts the references of the last builds, with options: `paths`, more image fields of custom resources, each
    /// `KIND.GROUP:PATH`; `env: true`, to replace in environment variables too; `update_tags: false`, to replace only
    /// placeholders.
    ///
    /// # Errors
    /// Those of `replace_images(deployment, content)`; `deploy::image_path` for an invalid path.
    ///
    /// # Example
    /// ```rhai
    /// fn replace_tags(deployment, content) {
    ///     replace_images(deployment, content, #{ paths: ["Thing.acme.io:spec.containerImage"] })
    /// }
    /// ```
    #[rhai_fn(name = "replace_images", return_raw)]
    pub fn replace_images_with(
        deployment: Deployment,
        content: Dynamic,
        options: Map,
    ) -> RhaiResultOf<Dynamic> {
        let options = options_of(options)?;
        let content = to_json_value(&content)?;
        Ok(from_json_value(rollout::replace_images(&deployment, content, &options)?))
    }

    /// Renders the chart of a deployment with `values`. Equals `helm template`; helm gets the user's values as written,
    /// and a last file with the differences.
    ///
    /// # Errors
    /// `deploy::...` if helm is missing or fails.
    ///
    /// # Example
    /// ```rhai
    /// fn plan_deployment(deployment) {
    ///     if deployment.is_helm { return plan_chart(deployment, chart_values(deployment)); }
    ///     plan_manifests(deployment, manifests(deployment))
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn plan_chart(deployment: Deployment, values: Map) -> RhaiResultOf<Rollout> {
        Ok(rollout::plan_chart(&deployment, &values_of(values)?)?)
    }

    /// Completes `objects`, a list of maps, and sorts them in the order in which they are applied.
    ///
    /// # Errors
    /// `deploy::...` if an object is incomplete or occurs twice.
    ///
    /// # Example
    /// ```rhai
    /// fn plan_deployment(deployment) {
    ///     if deployment.is_helm { return plan_chart(deployment, chart_values(deployment)); }
    ///     plan_manifests(deployment, manifests(deployment))
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn plan_manifests(deployment: Deployment, objects: Array) -> RhaiResultOf<Rollout> {
        Ok(rollout::plan_manifests(&deployment, objects_of(objects)?)?)
    }
}

use std::sync::Arc;

use rhai::{Array, Map};
use serde_json::Value;

use super::argument::texts;
use super::data::to_json_value;
use super::option::Options;
use crate::deploy::replace::{ImagePath, ReplaceOptions};
use crate::error::StageError;
use crate::rollout::{self, Deployment};
use crate::run::Run;

fn deployment_of(run: &Arc<Run>, name: &str) -> Result<Deployment, StageError> {
    let found = rollout::selected(&run.project, &[name.to_owned()])?;
    Ok(Deployment::new(run, found[0]))
}

fn values_of(values: Map) -> Result<serde_json::Map<String, Value>, StageError> {
    match to_json_value(&values.into())? {
        Value::Object(values) => Ok(values),
        _ => Ok(serde_json::Map::new()),
    }
}

fn objects_of(objects: Array) -> Result<Vec<Value>, StageError> {
    objects.iter().map(to_json_value).collect()
}

fn options_of(options: Map) -> Result<ReplaceOptions, StageError> {
    let options = Options::new("replace_images", options, &["env", "paths", "update_tags"])?;
    let paths = options.get("paths").map(|paths| texts(paths, "paths")).transpose()?.unwrap_or_default();
    Ok(ReplaceOptions {
        update_tags: options.truth("update_tags", true)?,
        env: options.truth("env", false)?,
        paths: paths.iter().map(|path| path.parse()).collect::<Result<Vec<ImagePath>, _>>()?,
    })
}
