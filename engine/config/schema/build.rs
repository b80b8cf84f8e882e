//! The build tools of an image.

use super::Shape::{Any, Boolean, Fields, List, Map, Number, Text};
use super::{SchemaKey, Section, TEXT_MAP, TEXTS, key};
use crate::config::version::Version::*;

// Keys of `docker` and `buildKit`.
const PLATFORMS: SchemaKey =
    key("platforms", TEXTS, "Platforms to build for, such as `linux/arm64` (windlass only).");
const CACHE_FROM: SchemaKey =
    key("cacheFrom", TEXTS, "Where to import the layer cache from, as in `--cache-from` (windlass only).");
const CACHE_TO: SchemaKey =
    key("cacheTo", TEXTS, "Where to export the layer cache to, as in `--cache-to` (windlass only).");
const SECRETS: SchemaKey =
    key("secrets", TEXTS, "Secrets of `RUN --mount=type=secret`, as in `--secret` (windlass only).");
const SSH: SchemaKey =
    key("ssh", TEXTS, "SSH agents of `RUN --mount=type=ssh`, as in `--ssh` (windlass only).");

/// `build` of an image.
pub(super) const BUILD: &Section = &Section {
    noun: "build",
    keys: &[
        key("docker", Fields(DOCKER), "Builds with a Docker daemon (the default)."),
        key("kaniko", Fields(KANIKO), "Builds in the cluster with kaniko."),
        key("buildKit", Fields(BUILD_KIT), "Builds with the BuildKit of the Docker daemon.").since(V1beta10),
        key("custom", Fields(CUSTOM), "Builds with a custom command.").since(V1beta2),
        key("disabled", Boolean, "Never builds this image; `false` by default."),
        key("dockerfilePath", Text, "The Dockerfile.").until(V1alpha2, "write `dockerfile`"),
        key("contextPath", Text, "The directory of the build context.").until(V1alpha2, "write `context`"),
        key("dockerfile", Text, "The Dockerfile.").since(V1alpha3).until(V1beta1, "write it one level up"),
        key("context", Text, "The directory of the build context.")
            .since(V1alpha3)
            .until(V1beta1, "write it one level up"),
        key("options", Fields(OPTIONS), "Build options.")
            .until(V1beta1, "write them below `docker` or `kaniko`"),
    ],
};

/// `docker`.
pub(super) const DOCKER: &Section = &Section {
    noun: "docker",
    keys: &[
        key(
            "preferMinikube",
            Boolean,
            "Uses minikube's Docker daemon with the context `minikube`; `true` by default.",
        ),
        key("skipPush", Boolean, "Does not push the image; `false` by default.")
            .since(V1beta2)
            .until(V1beta11, "write it one level up"),
        key(
            "disableFallback",
            Boolean,
            "Fails instead of using kaniko if the Docker daemon is unreachable; `false` by default.",
        )
        .since(V1beta2),
        key("useBuildKit", Boolean, "Builds with BuildKit; chosen by windlass by default.").since(V1beta5),
        key(
            "useCli",
            Boolean,
            "Runs `docker build` instead of using the API of the daemon; `false` by default.",
        )
        .since(V1beta10),
        key(
            "args",
            TEXTS,
            "Additional arguments of `docker build`; options without an API equivalent run the Docker CLI.",
        )
        .since(V1beta8),
        PLATFORMS,
        CACHE_FROM,
        CACHE_TO,
        SECRETS,
        SSH,
        key("options", Fields(OPTIONS), "Build options.")
            .since(V1beta2)
            .until(V1beta11, "write its keys one level up"),
    ],
};

/// `buildKit`.
pub(super) const BUILD_KIT: &Section = &Section {
    noun: "buildKit",
    keys: &[
        key("skipPush", Boolean, "Does not push the image; `false` by default.")
            .until(V1beta11, "write it one level up"),
        key(
            "preferMinikube",
            Boolean,
            "Uses minikube's Docker daemon with the context `minikube`; `true` by default.",
        ),
        key("inCluster", Fields(IN_CLUSTER), "Builds in the cluster with `docker buildx`."),
        key("args", TEXTS, "Additional arguments of `docker buildx build`."),
        PLATFORMS,
        CACHE_FROM,
        CACHE_TO,
        SECRETS,
        SSH,
        key(
            "command",
            TEXTS,
            "The build command, such as `[docker, buildx]`; the API of the daemon by default.",
        ),
        key("options", Fields(OPTIONS), "Build options.").until(V1beta11, "write its keys one level up"),
    ],
};

/// `buildKit.inCluster`.
const IN_CLUSTER: &Section = &Section {
    noun: "inCluster",
    keys: &[
        key("name", Text, "The builder's name."),
        key("namespace", Text, "The namespace in which the builder runs."),
        key("rootless", Boolean, "Whether the builder runs without root."),
        key("image", Text, "The builder's image."),
        key("nodeSelector", Text, "The labels of the nodes it may run on."),
        key("noCreate", Boolean, "Does not create the builder; `false` by default."),
        key("noRecreate", Boolean, "Keeps an existing builder with a different configuration."),
        key("noLoad", Boolean, "Does not load the image into the Docker daemon."),
        key("createArgs", TEXTS, "Additional arguments of `docker buildx create`."),
    ],
};

/// `options` of a build tool.
pub(super) const OPTIONS: &Section = &Section {
    noun: "options",
    keys: &[
        key("target", Text, "The build target: a build stage of the Dockerfile."),
        key("network", Text, "The network mode of `RUN` instructions."),
        key("buildArgs", TEXT_MAP, "Build arguments; one without a value is read from the environment."),
    ],
};

/// `kaniko`.
pub(super) const KANIKO: &Section = &Section {
    noun: "kaniko",
    keys: &[
        key(
            "cache",
            Boolean,
            "Caches layers in the image's repository; `true` by default, `false` in v2beta1.",
        ),
        key("snapshotMode", Text, "How kaniko detects changes; `time` by default.").since(V1beta1),
        key("image", Text, "The image of kaniko.").since(V1beta9),
        key("initImage", Text, "The image of the container that receives the build context.").since(V1beta10),
        key("args", TEXTS, "Additional arguments of kaniko.").since(V1beta8),
        key("flags", TEXTS, "Additional arguments of kaniko.").since(V1beta1).until(V1beta7, "write `args`"),
        key("command", TEXTS, "Replaces the command of the kaniko image.").since(V1beta10),
        key("namespace", Text, "The namespace in which the build pod runs."),
        key("insecure", Boolean, "Pushes without TLS; `false` by default.").since(V1beta2),
        key("pullSecret", Text, "An existing pull secret."),
        key("skipPullSecretMount", Boolean, "Mounts no credentials; `false` by default.").since(V1beta10),
        key("nodeSelector", TEXT_MAP, "The labels of the nodes it may run on.").since(V1beta10),
        key("tolerations", List(&Any), "The pod's tolerations.").since(V1beta10),
        key("serviceAccount", Text, "The pod's service account.").since(V1beta10),
        key("generateName", Text, "The prefix of the pod's name.").since(V2beta1),
        key("annotations", TEXT_MAP, "The pod's annotations.").since(V1beta10),
        key("labels", TEXT_MAP, "The pod's labels.").since(V1beta10),
        key("initEnv", TEXT_MAP, "Environment variables of the container that receives the build context.")
            .since(V1beta10),
        key("env", TEXT_MAP, "Environment variables of kaniko.").since(V1beta10),
        key("envFrom", Map(&Any), "Environment variables of kaniko from config maps and secrets.")
            .since(V1beta10),
        key("additionalMounts", List(&Fields(MOUNT)), "Secrets and config maps mounted into the pod.")
            .since(V1beta9),
        key("resources", Fields(RESOURCES), "The pod's resources.").since(V1beta10),
        key("options", Fields(OPTIONS), "Build options.")
            .since(V1beta2)
            .until(V1beta11, "write its keys one level up"),
    ],
};

/// One of `additionalMounts`.
const MOUNT: &Section = &Section {
    noun: "mount",
    keys: &[
        key("secret", Fields(MOUNT_SOURCE), "The secret to mount."),
        key("configMap", Fields(MOUNT_SOURCE), "The config map to mount."),
        key("mountPath", Text, "The path at which it is mounted."),
        key("subPath", Text, "The path in it to mount."),
        key("readOnly", Boolean, "Mounts it read-only; `false` by default."),
    ],
};

const MOUNT_SOURCE: &Section = &Section {
    noun: "source",
    keys: &[
        key("name", Text, "Its name."),
        key("items", List(&Fields(MOUNT_ITEM)), "Its keys and their files."),
        key("defaultMode", Number, "The mode of its files."),
    ],
};

const MOUNT_ITEM: &Section = &Section {
    noun: "item",
    keys: &[
        key("key", Text, "The key."),
        key("path", Text, "The file of the key."),
        key("mode", Number, "The file's mode."),
    ],
};

/// `resources` of a pod.
pub(super) const RESOURCES: &Section = &Section {
    noun: "resources",
    keys: &[
        key("requests", TEXT_MAP, "The resource requests."),
        key("limits", TEXT_MAP, "The resource limits."),
    ],
};

/// `custom`.
pub(super) const CUSTOM: &Section = &Section {
    noun: "custom",
    keys: &[
        key("command", Text, "The command, or a shell command line if `args` is absent."),
        key(
            "commands",
            List(&Fields(OS_COMMAND)),
            "Commands for specific operating systems, tried before `command`.",
        )
        .since(V1beta10),
        key("args", TEXTS, "Arguments before the image reference.").since(V1beta6),
        key("flags", TEXTS, "Arguments before the image reference.").until(V1beta5, "write `args`"),
        key("imageFlag", Text, "A separate argument before each image reference."),
        key("appendArgs", TEXTS, "Arguments after the image reference.").since(V1beta7),
        key(
            "onChange",
            TEXTS,
            "Globs of the files whose changes trigger a build; if absent, every run builds.",
        ),
        key(
            "imageTagOnly",
            Boolean,
            "Passes only the tag instead of the full reference; `false` by default.",
        )
        .since(V1beta10),
        key(
            "skipImageArg",
            Boolean,
            "Does not pass the image reference; `false` by default, `true` in v2beta1.",
        )
        .since(V1beta10),
    ],
};

/// A command for one operating system.
const OS_COMMAND: &Section = &Section {
    noun: "command",
    keys: &[
        key("command", Text, "The command.").required(),
        key("os", Text, "`linux`, `darwin` or `windows`; separate several with commas."),
    ],
};
