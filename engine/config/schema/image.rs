//! `images`.

use super::Shape::{Boolean, Choice, Fields, Text};
use super::build::{BUILD, BUILD_KIT, CUSTOM, DOCKER, KANIKO};
use super::first::AUTO_RELOAD_SWITCH;
use super::{Section, TEXT_MAP, TEXTS, key};
use crate::config::version::Version::*;

/// The values of `rebuildStrategy`.
pub(crate) const REBUILD_STRATEGIES: [&str; 3] = ["default", "always", "ignoreContextChanges"];

/// One of `images`.
pub(super) const IMAGE: &Section = &Section {
    noun: "image",
    keys: &[
        key("image", Text, "Registry and repository, without a tag.").required().since(V1alpha2),
        key("name", Text, "The repository, without its registry.").until(V1alpha1, "write `image`"),
        key("name", Text, "Filled in by DevSpace.").since(V2beta1),
        key("registry", Text, "The registry to push to: a name in `registries`.")
            .until(V1alpha1, "write the registry into `image`"),
        key("tags", TEXTS, "Tags to build and push; `#` is a random letter. Default: one random tag.")
            .since(V1beta7),
        key("tag", Text, "The tag.").until(V1beta6, "write `tags: [...]`").alias(),
        key("tagsAppendRandom", Boolean, "Adds `-` and five random letters to every tag.")
            .since(V1beta9)
            .until(V1beta9, "add `-#####` to each of `tags`"),
        key("dockerfile", Text, "The Dockerfile, relative to this file; `./Dockerfile` by default.")
            .since(V1beta2),
        key("context", Text, "The directory of the build context, relative to this file; `./` by default.")
            .since(V1beta2),
        key("entrypoint", TEXTS, "Replaces the `ENTRYPOINT` of the Dockerfile; `[]` clears it.")
            .since(V1beta3),
        key("cmd", TEXTS, "Replaces the `CMD` of the Dockerfile; `[]` clears it.").since(V1beta3),
        key("appendDockerfileInstructions", TEXTS, "Instructions to append to the build target.")
            .since(V1beta10),
        key("target", Text, "The build target: a build stage of the Dockerfile.")
            .since_else(V2beta1, "write `build: {docker: {options: {target: ...}}}`"),
        key("network", Text, "The network mode of `RUN` instructions.")
            .since_else(V2beta1, "write `build: {docker: {options: {network: ...}}}`"),
        key("buildArgs", TEXT_MAP, "Build arguments; one without a value is read from the environment.")
            .since_else(V2beta1, "write `build: {docker: {options: {buildArgs: ...}}}`"),
        key("skipPush", Boolean, "Does not push the image; `false` by default.")
            .since_else(V2beta1, "write `build: {docker: {skipPush: ...}}`"),
        key("skipPush", Boolean, "Does not push the image; `false` by default.")
            .until(V1beta1, "write it below `build.docker`"),
        key("insecure", Boolean, "Pushes without TLS (kaniko).")
            .since(V1alpha2)
            .until(V1beta1, "write it below `build.kaniko`"),
        key("createPullSecret", Boolean, "Creates a pull secret for this image; `false` by default."),
        key("preferSyncOverRebuild", Boolean, "Lets `dev` skip an image whose changed files are synced.")
            .since(V1beta9)
            .until(V1beta9, "write `rebuildStrategy: ignoreContextChanges`"),
        key(
            "rebuildStrategy",
            Choice(&REBUILD_STRATEGIES),
            "When to rebuild: `default`, `always`, `ignoreContextChanges`.",
        )
        .since(V1beta10),
        key(
            "injectRestartHelper",
            Boolean,
            "Wraps the entrypoint so that the process can be restarted; `false` by default.",
        )
        .since(V1beta8),
        key(
            "injectLegacyRestartHelper",
            Boolean,
            "Like `injectRestartHelper`, with the helper of older versions.",
        )
        .since(V2beta1),
        key("restartHelperPath", Text, "A file or URL that replaces the built-in restart helper.")
            .since(V1beta10),
        key("autoReload", Fields(AUTO_RELOAD_SWITCH), "Whether `dev` rebuilds it.")
            .until(V1alpha1, "write `dev.autoReload.images`"),
        key("build", Fields(BUILD), "The build tool and its options.")
            .until(V1beta11, "write its keys, `skipPush` and the keys of `options` one level up"),
        key("docker", Fields(DOCKER), "Builds with a Docker daemon (the default).")
            .since_else(V2beta1, "write it below `build`"),
        key("buildKit", Fields(BUILD_KIT), "Builds with the BuildKit of the Docker daemon.")
            .since_else(V2beta1, "write it below `build`"),
        key("kaniko", Fields(KANIKO), "Builds in the cluster with kaniko.")
            .since_else(V2beta1, "write it below `build`"),
        key("custom", Fields(CUSTOM), "Builds with a custom command.")
            .since_else(V2beta1, "write it below `build`"),
    ],
};
