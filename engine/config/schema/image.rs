//! `images` (spec config §3 and §13.1).

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
        key("registry", Text, "Which of `registries` it is pushed to.")
            .until(V1alpha1, "write the registry into `image`"),
        key(
            "tags",
            TEXTS,
            "All of them are built and pushed; `#` is a random letter. Without: one random tag.",
        )
        .since(V1beta7),
        key("tag", Text, "The one tag.").until(V1beta6, "write `tags: [...]`").alias(),
        key("tagsAppendRandom", Boolean, "Adds `-` and five random letters to every tag.")
            .since(V1beta9)
            .until(V1beta9, "add `-#####` to each of `tags`"),
        key("dockerfile", Text, "The Dockerfile, relative to this file; `./Dockerfile` by default.")
            .since(V1beta2),
        key("context", Text, "The folder of the build context, relative to this file; `./` by default.")
            .since(V1beta2),
        key("entrypoint", TEXTS, "Takes the place of the Dockerfile's `ENTRYPOINT`; `[]` clears it.")
            .since(V1beta3),
        key("cmd", TEXTS, "Takes the place of the Dockerfile's `CMD`; `[]` clears it.").since(V1beta3),
        key("appendDockerfileInstructions", TEXTS, "Lines put at the end of the build target.")
            .since(V1beta10),
        key("target", Text, "The build target: a stage of the Dockerfile.")
            .since_else(V2beta1, "write `build: {docker: {options: {target: ...}}}`"),
        key("network", Text, "The network mode of `RUN` steps.")
            .since_else(V2beta1, "write `build: {docker: {options: {network: ...}}}`"),
        key("buildArgs", TEXT_MAP, "Build arguments; one without a value takes it from the environment.")
            .since_else(V2beta1, "write `build: {docker: {options: {buildArgs: ...}}}`"),
        key("skipPush", Boolean, "Pushes nothing; `false` by default.")
            .since_else(V2beta1, "write `build: {docker: {skipPush: ...}}`"),
        key("skipPush", Boolean, "Pushes nothing; `false` by default.")
            .until(V1beta1, "write it below `build.docker`"),
        key("insecure", Boolean, "Lets kaniko push without TLS.")
            .since(V1alpha2)
            .until(V1beta1, "write it below `build.kaniko`"),
        key("createPullSecret", Boolean, "Lets the cluster pull this image; `false` by default."),
        key("preferSyncOverRebuild", Boolean, "Lets `dev` keep an image whose changed files it syncs.")
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
            "Wraps the entrypoint so that the program can be restarted; `false` by default.",
        )
        .since(V1beta8),
        key(
            "injectLegacyRestartHelper",
            Boolean,
            "As `injectRestartHelper`, with the helper of older versions.",
        )
        .since(V2beta1),
        key("restartHelperPath", Text, "A file or URL that takes the place of the built-in restart helper.")
            .since(V1beta10),
        key("autoReload", Fields(AUTO_RELOAD_SWITCH), "Whether `dev` rebuilds it.")
            .until(V1alpha1, "write `dev.autoReload.images`"),
        key("build", Fields(BUILD), "The build tool and its options.")
            .until(V1beta11, "write its keys one level up, and so `skipPush` and those of `options`"),
        key("docker", Fields(DOCKER), "Builds with a Docker daemon: the default.")
            .since_else(V2beta1, "write it below `build`"),
        key("buildKit", Fields(BUILD_KIT), "Builds with the daemon's BuildKit.")
            .since_else(V2beta1, "write it below `build`"),
        key("kaniko", Fields(KANIKO), "Builds inside the cluster.")
            .since_else(V2beta1, "write it below `build`"),
        key("custom", Fields(CUSTOM), "Builds with a command of your own.")
            .since_else(V2beta1, "write it below `build`"),
    ],
};
