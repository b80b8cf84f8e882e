//! The top level of the file.

use super::Shape::{Any, Boolean, Fields, List, Map, Text, TextOr};
use super::command::COMMAND;
use super::dependency::{DEPENDENCY, IMPORT};
use super::deployment::DEPLOYMENT;
use super::dev::DEV;
use super::dev_pod::DEV_POD;
use super::first::{CLUSTER, DEV_SPACE, INTERNAL_REGISTRY, REGISTRY, TILLER};
use super::hook::HOOK;
use super::image::IMAGE;
use super::profile::PROFILE;
use super::pull_secret::{LOCAL_REGISTRY, PULL_SECRET, REQUIRE};
use super::variable::VARIABLE;
use super::{Section, key};
use crate::config::version::Version::*;

/// The keys of the file itself.
pub const FILE: &Section = &Section {
    noun: "file",
    keys: &[
        key("version", Text, "The version of the format.").required(),
        key("name", Text, "The project's name.").since(V1beta10),
        key("imports", List(&Fields(IMPORT)), "Files whose sections are merged into this one.")
            .since(V2beta1),
        key("functions", Map(&Text), "Shell functions for `pipelines`; windlass ignores them.")
            .since(V2beta1),
        key(
            "pipelines",
            Map(&TextOr(PIPELINE)),
            "Pipelines in DevSpace's shell dialect; windlass ignores them and runs its own pipeline.",
        )
        .since(V2beta1),
        key("vars", List(&Fields(VARIABLE)), "Variables, used as `${NAME}` in other sections.")
            .since(V1beta3)
            .changed_after(V1beta11),
        key("vars", Map(&TextOr(VARIABLE)), "Variables by name, used as `${NAME}` in other sections.")
            .since(V2beta1),
        key("images", Map(&Fields(IMAGE)), "The images to build, by name."),
        key("deployments", List(&Fields(DEPLOYMENT)), "The deployments, in this order.")
            .since(V1alpha2)
            .changed_after(V1beta11),
        key("deployments", Map(&Fields(DEPLOYMENT)), "The deployments, by name.").since(V2beta1),
        key("dev", Fields(DEV), "Settings of `dev`: ports, sync, terminal, logs.")
            .since(V1alpha2)
            .changed_after(V1beta11)
            .of_dev(),
        key("dev", Map(&Fields(DEV_POD)), "Settings of `dev`, by pod.").since(V2beta1).of_dev(),
        key("dependencies", List(&Fields(DEPENDENCY)), "Projects to build first.")
            .since(V1beta2)
            .changed_after(V1beta11),
        key("dependencies", Map(&Fields(DEPENDENCY)), "Projects to build first, by name.").since(V2beta1),
        key("commands", List(&Fields(COMMAND)), "Commands for `windlass run NAME`.")
            .since(V1beta3)
            .changed_after(V1beta11),
        key("commands", Map(&TextOr(COMMAND)), "Commands for `windlass run NAME`, by name.").since(V2beta1),
        key("pullSecrets", List(&Fields(PULL_SECRET)), "Credentials with which the cluster pulls images.")
            .since(V1beta10)
            .changed_after(V1beta11),
        key(
            "pullSecrets",
            Map(&Fields(PULL_SECRET)),
            "Credentials with which the cluster pulls images, by name.",
        )
        .since(V2beta1),
        key("require", Fields(REQUIRE), "Commands that must be installed, with their versions.")
            .since(V1beta10),
        key("profiles", List(&Fields(PROFILE)), "Named changes of this file, selected with `--profile`.")
            .since(V1beta3),
        key("hooks", List(&Fields(HOOK)), "Commands that events trigger, in this order.").since(V1beta2),
        key(
            "localRegistry",
            Fields(LOCAL_REGISTRY),
            "A registry in the cluster, for images that cannot be pushed elsewhere.",
        )
        .since(V2beta1),
        key("cluster", Fields(CLUSTER), "The cluster to use.")
            .until(V1beta2, "pass `--kube-context` and `--namespace`"),
        key("devSpace", Fields(DEV_SPACE), "Deployments and dev mode.")
            .until(V1alpha1, "write `deployments` and `dev`"),
        key("registries", Map(&Fields(REGISTRY)), "Registries, by the name that images use.")
            .until(V1alpha1, "write the registry into `image`"),
        key("tiller", Fields(TILLER), "The Tiller that Helm 2 uses.")
            .until(V1alpha1, "write `tillerNamespace` in `helm`"),
        key("internalRegistry", Fields(INTERNAL_REGISTRY), "A registry in the cluster.")
            .until(V1alpha1, "push to your own registry"),
    ],
};

/// One of `pipelines`.
const PIPELINE: &Section = &Section {
    noun: "pipeline",
    keys: &[
        key("name", Text, "Filled in by DevSpace."),
        key("run", Text, "The script, in DevSpace's shell dialect."),
        key("flags", Any, "Command-line flags of this pipeline."),
        key("continueOnError", Boolean, "Continues after a failed step; `false` by default."),
    ],
};
