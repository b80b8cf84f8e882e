//! `deployments`.

use super::Shape::{Any, Boolean, Choice, Fields, List, Map, Text};
use super::first::AUTO_RELOAD_SWITCH;
use super::{Section, TEXTS, key};
use crate::config::version::Version::*;

/// The values of `driver`, as Helm has them.
pub(crate) const HELM_DRIVERS: &[&str] = &["secret", "secrets", "configmap", "configmaps", "memory"];

/// The values of `op` of a patch.
pub(crate) const PATCH_OPERATIONS: &[&str] = &["add", "remove", "replace"];

/// The hint for the unknown key `name` in a deployment, if other tools have the key.
pub(super) fn instead_of(name: &str) -> Option<&'static str> {
    (name == "tanka").then_some(
        "no release of DevSpace deploys with Tanka: export the manifests with `tk export`, and write `kubectl` with `manifests`",
    )
}

/// One of `deployments`.
pub(super) const DEPLOYMENT: &Section = &Section {
    noun: "deployment",
    keys: &[
        key("name", Text, "Its name.").required().changed_after(V1beta11),
        key("name", Text, "Filled in by DevSpace.").since(V2beta1),
        key("namespace", Text, "The namespace it is deployed to."),
        key("autoReload", Fields(AUTO_RELOAD_SWITCH), "Whether `dev` redeploys it.")
            .until(V1alpha1, "write `dev.autoReload.deployments`"),
        key("disabled", Boolean, "Skips it; `false` by default.")
            .since(V1beta10)
            .until(V1beta11, "omit it from `create_deployments`"),
        key("concurrent", Boolean, "Deploys it in parallel with others; `false` by default.")
            .since(V1beta10)
            .until(V1beta11, "omit it: v2beta1 deploys all in parallel"),
        key("updateImageTags", Boolean, "Inserts the tags of the built images; `true` by default.")
            .since(V2beta1),
        key("component", Map(&Any), "Deploys a component.")
            .since(V1alpha4)
            .until(V1beta3, "write `helm.componentChart`"),
        key("helm", Fields(HELM), "Deploys a Helm chart."),
        key("kubectl", Fields(KUBECTL), "Deploys manifests."),
    ],
};

const HELM: &Section = &Section {
    noun: "helm",
    keys: &[
        key("releaseName", Text, "The release's name.").since(V2beta1),
        key("chart", Fields(CHART), "The chart.").since(V1alpha4),
        key("chartPath", Text, "The chart's directory.").until(V1alpha3, "write `chart.name`"),
        key("componentChart", Boolean, "Uses the component chart; `false` by default.")
            .since(V1beta4)
            .until(V1beta11, "omit `chart`"),
        key("values", Map(&Any), "Helm values.").since(V1alpha4),
        key("overrideValues", Map(&Any), "Helm values.").until(V1alpha3, "write `values`"),
        key("valuesFiles", TEXTS, "Files with Helm values.").since(V1alpha4),
        key("overrides", TEXTS, "Files with Helm values.")
            .since(V1alpha2)
            .until(V1alpha3, "write `valuesFiles`"),
        key("override", Text, "A file with Helm values.").until(V1alpha1, "write `valuesFiles`"),
        key("devOverwrite", Text, "A file with Helm values for `dev`.")
            .until(V1alpha1, "write `valuesFiles`"),
        key("replaceImageTags", Boolean, "Inserts the tags of the built images; `true` by default.")
            .since(V1beta3)
            .until(V1beta11, "write `updateImageTags` one level up"),
        key("devSpaceValues", Boolean, "Inserts the tags of the built images.")
            .since(V1alpha4)
            .until(V1beta2, "write `replaceImageTags`"),
        key("wait", Boolean, "Waits until it is ready.").until(V1beta11, "write `upgradeArgs: [--wait]`"),
        key("displayOutput", Boolean, "Shows the output of Helm.").since(V1beta10),
        key("timeout", Text, "The timeout of Helm: seconds, or a duration such as `5m`.")
            .until(V1beta11, "write `upgradeArgs: [--timeout, ...]`"),
        key("force", Boolean, "Passes `--force`.")
            .since(V1alpha3)
            .until(V1beta11, "write `upgradeArgs: [--force]`"),
        key("rollback", Boolean, "Rolls back a failed deployment.")
            .since(V1alpha4)
            .until(V1beta4, "write `atomic`"),
        key("atomic", Boolean, "Rolls back a failed deployment.")
            .since(V1beta5)
            .until(V1beta11, "write `upgradeArgs: [--atomic]`"),
        key("cleanupOnFail", Boolean, "Passes `--cleanup-on-fail`.")
            .since(V1beta5)
            .until(V1beta11, "write `upgradeArgs: [--cleanup-on-fail]`"),
        key("recreate", Boolean, "Passes `--recreate-pods`.")
            .since(V1beta5)
            .until(V1beta11, "remove it, and restart pods with `kubectl rollout restart`"),
        key("disableHooks", Boolean, "Passes `--no-hooks`.")
            .since(V1beta5)
            .until(V1beta11, "write `upgradeArgs: [--no-hooks]`"),
        key("driver", Choice(HELM_DRIVERS), "The storage of Helm releases.")
            .since(V1beta5)
            .until(V1beta11, "set `HELM_DRIVER`"),
        key("path", Text, "The path of `helm`.").since(V1beta6).until(V1beta11, "add it to `PATH`"),
        key("v2", Boolean, "Uses Helm 2.").since(V1beta5).until(V1beta11, "use Helm 3"),
        key("tillerNamespace", Text, "The namespace in which Tiller runs.").until(V1beta11, "use Helm 3"),
        key("deleteArgs", TEXTS, "Additional arguments of `helm delete`.")
            .since(V1beta10)
            .until(V1beta11, "use the pipeline `purge`"),
        key("templateArgs", TEXTS, "Additional arguments of `helm template`.").since(V1beta10),
        key("upgradeArgs", TEXTS, "Additional arguments of `helm upgrade`.").since(V1beta10),
        key("fetchArgs", TEXTS, "Additional arguments of `helm fetch`.")
            .since(V1beta10)
            .until(V1beta11, "fetch the chart in a hook"),
        key("disableDependencyUpdate", Boolean, "Does not update the chart's dependencies.").since(V2beta1),
    ],
};

const CHART: &Section = &Section {
    noun: "chart",
    keys: &[
        key("name", Text, "The chart's directory, or its name in a repository."),
        key("version", Text, "Its version."),
        key("repo", Text, "The repository's URL."),
        key("username", Text, "The repository's user."),
        key("password", Text, "The repository's password."),
        key("git", Fields(CHART_GIT), "The git repository it is in.").since(V1beta10).changed_after(V1beta11),
        key("git", Text, "The git repository it is in.").since(V2beta1),
        key("path", Text, "The chart's directory.").since(V2beta1),
        key("branch", Text, "The branch to use.").since(V2beta1),
        key("tag", Text, "The git tag to use.").since(V2beta1),
        key("revision", Text, "The commit to use.").since(V2beta1),
        key("subPath", Text, "The chart's directory in the repository.").since(V2beta1),
        key("cloneArgs", TEXTS, "Additional arguments of `git clone`.").since(V2beta1),
        key("disableShallow", Boolean, "Fetches the full history.").since(V2beta1),
        key("disablePull", Boolean, "Does not update an existing checkout.").since(V2beta1),
    ],
};

/// `git` of a chart before v2beta1, which has the keys one level up.
const CHART_GIT: &Section = &Section {
    noun: "git",
    keys: &[
        key("url", Text, "The repository's URL."),
        key("git", Text, "The repository's URL."),
        key("branch", Text, "The branch to use."),
        key("tag", Text, "The git tag to use."),
        key("revision", Text, "The commit to use."),
        key("subPath", Text, "The chart's directory in the repository."),
        key("cloneArgs", TEXTS, "Additional arguments of `git clone`."),
        key("disableShallow", Boolean, "Fetches the full history."),
        key("disablePull", Boolean, "Does not update an existing checkout."),
    ],
};

const KUBECTL: &Section = &Section {
    noun: "kubectl",
    keys: &[
        key("manifests", TEXTS, "Files, directories and URLs of manifests."),
        key("inlineManifest", Text, "An inline manifest.").since(V2beta1),
        key("kustomize", Boolean, "Renders them with kustomize; `false` by default.").since(V1beta1),
        key("kustomizeArgs", TEXTS, "Additional arguments of kustomize.").since(V1beta8),
        key("kustomizeBinaryPath", Text, "The path of `kustomize`.").since(V2beta1),
        key("replaceImageTags", Boolean, "Inserts the tags of the built images; `true` by default.")
            .since(V1beta3)
            .until(V1beta11, "write `updateImageTags` one level up"),
        key("flags", TEXTS, "Additional arguments of `kubectl apply`.")
            .since(V1beta1)
            .until(V1beta7, "write `applyArgs`"),
        key("createArgs", TEXTS, "Additional arguments of `kubectl create`.").since(V1beta7),
        key("applyArgs", TEXTS, "Additional arguments of `kubectl apply`.").since(V1beta8),
        key("deleteArgs", TEXTS, "Additional arguments of `kubectl delete`.")
            .since(V1beta7)
            .until(V1beta11, "use the pipeline `purge`"),
        key("cmdPath", Text, "The path of `kubectl`.").until(V1beta11, "write `kubectlBinaryPath`"),
        key("kubectlBinaryPath", Text, "The path of `kubectl`.").since(V2beta1),
        key("patches", List(&Fields(MANIFEST_PATCH)), "Patches of the manifests.").since(V2beta1),
    ],
};

const MANIFEST_PATCH: &Section = &Section {
    noun: "patch",
    keys: &[
        key("target", Fields(PATCH_TARGET), "The manifests to change.").required(),
        key("op", Choice(PATCH_OPERATIONS), "The operation.").required(),
        key("path", Text, "The path: `spec.replicas` or `/spec/replicas`.").required(),
        key("value", Any, "The new value."),
    ],
};

const PATCH_TARGET: &Section = &Section {
    noun: "target",
    keys: &[
        key("name", Text, "The name of the object.").required(),
        key("kind", Text, "Its kind; any by default."),
        key("apiVersion", Text, "Its API version; any by default."),
    ],
};
