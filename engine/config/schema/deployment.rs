//! `deployments` (spec config §4 and §13.7).

use super::Shape::{Any, Boolean, Fields, List, Map, Text};
use super::first::AUTO_RELOAD_SWITCH;
use super::{Section, TEXTS, key};
use crate::config::version::Version::*;

/// One of `deployments`.
pub(super) const DEPLOYMENT: &Section = &Section {
    noun: "deployment",
    keys: &[
        key("name", Text, "Its name.").required().changed_after(V1beta11),
        key("name", Text, "Filled in by DevSpace.").since(V2beta1),
        key("namespace", Text, "The namespace it is deployed to."),
        key("autoReload", Fields(AUTO_RELOAD_SWITCH), "Whether `dev` deploys it again.")
            .until(V1alpha1, "write `dev.autoReload.deployments`"),
        key("disabled", Boolean, "Leaves it out; `false` by default.")
            .since(V1beta10)
            .until(V1beta11, "leave it out of `create_deployments`"),
        key("concurrent", Boolean, "Deploys it beside others; `false` by default.")
            .since(V1beta10)
            .until(V1beta11, "v2beta1 deploys all at once"),
        key("updateImageTags", Boolean, "Puts the tags that were built into it; `true` by default.")
            .since(V2beta1),
        key("component", Map(&Any), "Deploys a component.")
            .since(V1beta1)
            .until(V1beta3, "write `helm.componentChart`"),
        key("helm", Fields(HELM), "Deploys a chart."),
        key("kubectl", Fields(KUBECTL), "Deploys manifests."),
        key("tanka", Any, "Deploys with Tanka.").since(V2beta1),
    ],
};

const HELM: &Section = &Section {
    noun: "helm",
    keys: &[
        key("releaseName", Text, "The release's name.").since(V2beta1),
        key("chart", Fields(CHART), "The chart.").since(V1alpha4),
        key("chartPath", Text, "The chart's folder.").until(V1alpha3, "write `chart.name`"),
        key("componentChart", Boolean, "Uses the component chart; `false` by default.")
            .since(V1beta4)
            .until(V1beta11, "leave out `chart`"),
        key("values", Map(&Any), "Values.").since(V1alpha4),
        key("overrideValues", Map(&Any), "Values.").until(V1alpha3, "write `values`"),
        key("valuesFiles", TEXTS, "Files with values.").since(V1alpha4),
        key("overrides", TEXTS, "Files with values.").since(V1alpha2).until(V1alpha3, "write `valuesFiles`"),
        key("override", Text, "A file with values.").until(V1alpha1, "write `valuesFiles`"),
        key("devOverwrite", Text, "A file with values for `dev`.").until(V1alpha1, "write `valuesFiles`"),
        key("replaceImageTags", Boolean, "Puts the tags that were built into it; `true` by default.")
            .since(V1beta3)
            .until(V1beta11, "write `updateImageTags` one level up"),
        key("devSpaceValues", Boolean, "Puts the tags that were built into it.")
            .since(V1alpha4)
            .until(V1beta2, "write `replaceImageTags`"),
        key("wait", Boolean, "Waits until it runs.").until(V1beta11, "write `upgradeArgs: [--wait]`"),
        key("displayOutput", Boolean, "Shows what helm prints.").since(V1beta10),
        key("timeout", Text, "How long helm may take: seconds, or `5m`.")
            .until(V1beta11, "write `upgradeArgs: [--timeout, ...]`"),
        key("force", Boolean, "`--force`.").since(V1alpha4).until(V1beta11, "write `upgradeArgs: [--force]`"),
        key("rollback", Boolean, "Takes it back when it fails.")
            .since(V1alpha4)
            .until(V1beta4, "write `atomic`"),
        key("atomic", Boolean, "Takes it back when it fails.")
            .since(V1beta5)
            .until(V1beta11, "write `upgradeArgs: [--atomic]`"),
        key("cleanupOnFail", Boolean, "`--cleanup-on-fail`.")
            .since(V1beta5)
            .until(V1beta11, "write `upgradeArgs: [--cleanup-on-fail]`"),
        key("recreate", Boolean, "`--recreate-pods`.").since(V1beta5).until(V1beta11, "write `upgradeArgs`"),
        key("disableHooks", Boolean, "`--no-hooks`.")
            .since(V1beta5)
            .until(V1beta11, "write `upgradeArgs: [--no-hooks]`"),
        key("driver", Text, "Where Helm keeps releases.").since(V1beta5).until(V1beta11, "set `HELM_DRIVER`"),
        key("path", Text, "The helm program.").since(V1beta8).until(V1beta11, "put it into `PATH`"),
        key("v2", Boolean, "Uses Helm 2.").since(V1beta5).until(V1beta11, "use Helm 3"),
        key("tillerNamespace", Text, "Where Tiller runs.").until(V1beta11, "use Helm 3"),
        key("deleteArgs", TEXTS, "More arguments of `helm delete`.")
            .since(V1beta10)
            .until(V1beta11, "purge in a pipeline"),
        key("templateArgs", TEXTS, "More arguments of `helm template`.").since(V1beta10),
        key("upgradeArgs", TEXTS, "More arguments of `helm upgrade`.").since(V1beta10),
        key("fetchArgs", TEXTS, "More arguments of `helm fetch`.")
            .since(V1beta10)
            .until(V1beta11, "fetch it in a hook"),
        key("disableDependencyUpdate", Boolean, "Does not update the chart's dependencies.").since(V2beta1),
    ],
};

const CHART: &Section = &Section {
    noun: "chart",
    keys: &[
        key("name", Text, "Its folder, or its name in a repository."),
        key("version", Text, "Its version."),
        key("repo", Text, "The repository's URL."),
        key("username", Text, "The repository's user."),
        key("password", Text, "The repository's password."),
        key("git", Any, "The git repository it is in.").since(V1beta10),
        key("path", Text, "Its folder.").since(V2beta1),
        key("branch", Text, "The branch to use.").since(V2beta1),
        key("tag", Text, "The git tag to use.").since(V2beta1),
        key("revision", Text, "The commit to use.").since(V2beta1),
        key("subPath", Text, "Its folder inside the repository.").since(V2beta1),
        key("cloneArgs", TEXTS, "More arguments of `git clone`.").since(V2beta1),
        key("disableShallow", Boolean, "Fetches the whole history.").since(V2beta1),
        key("disablePull", Boolean, "Keeps a checkout as it is.").since(V2beta1),
    ],
};

const KUBECTL: &Section = &Section {
    noun: "kubectl",
    keys: &[
        key("manifests", TEXTS, "Files, folders and URLs."),
        key("inlineManifest", Text, "A manifest written here.").since(V2beta1),
        key("kustomize", Boolean, "Renders them with kustomize; `false` by default.").since(V1beta1),
        key("kustomizeArgs", TEXTS, "More arguments of kustomize.").since(V1beta8),
        key("kustomizeBinaryPath", Text, "The kustomize program.").since(V2beta1),
        key("replaceImageTags", Boolean, "Puts the tags that were built into them; `true` by default.")
            .since(V1beta3)
            .until(V1beta11, "write `updateImageTags` one level up"),
        key("flags", TEXTS, "More arguments of `kubectl apply`.")
            .since(V1beta1)
            .until(V1beta7, "write `applyArgs`"),
        key("createArgs", TEXTS, "More arguments of `kubectl create`.").since(V1beta8),
        key("applyArgs", TEXTS, "More arguments of `kubectl apply`.").since(V1beta8),
        key("deleteArgs", TEXTS, "More arguments of `kubectl delete`.")
            .since(V1beta8)
            .until(V1beta11, "purge in a pipeline"),
        key("cmdPath", Text, "The kubectl program.").until(V1beta11, "write `kubectlBinaryPath`"),
        key("kubectlBinaryPath", Text, "The kubectl program.").since(V2beta1),
        key("patches", List(&Any), "Changes to the manifests.").since(V2beta1),
    ],
};
