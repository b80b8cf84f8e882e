//! The build tools of an image (spec config §3.1-3.5 and §13.1).

use super::Shape::{Any, Boolean, Fields, List, Map, Number, Text};
use super::{Section, TEXT_MAP, TEXTS, key};
use crate::config::version::Version::*;

/// `build` of an image.
pub(super) const BUILD: &Section = &Section {
    noun: "build",
    keys: &[
        key("docker", Fields(DOCKER), "Builds with a Docker daemon: the default."),
        key("kaniko", Fields(KANIKO), "Builds inside the cluster."),
        key("buildKit", Fields(BUILD_KIT), "Builds with the daemon's BuildKit.").since(V1beta10),
        key("custom", Fields(CUSTOM), "Builds with a command of your own.").since(V1beta2),
        key("disabled", Boolean, "Never builds this image; `false` by default."),
        key("dockerfilePath", Text, "The Dockerfile.").until(V1alpha2, "write `dockerfile`"),
        key("contextPath", Text, "The folder of the build context.").until(V1alpha2, "write `context`"),
        key("dockerfile", Text, "The Dockerfile.").since(V1alpha3).until(V1beta1, "write it one level up"),
        key("context", Text, "The folder of the build context.")
            .since(V1alpha3)
            .until(V1beta1, "write it one level up"),
        key("options", Fields(OPTIONS), "Options of the build.")
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
            "Uses minikube's daemon with the context `minikube`; `true` by default.",
        ),
        key("skipPush", Boolean, "Pushes nothing; `false` by default.")
            .since(V1beta2)
            .until(V1beta11, "write it one level up"),
        key(
            "disableFallback",
            Boolean,
            "Fails where no daemon answers, in place of using kaniko; `false` by default.",
        )
        .since(V1beta2),
        key("useBuildKit", Boolean, "Builds with BuildKit; windlass chooses by default.").since(V1beta5),
        key(
            "useCli",
            Boolean,
            "Runs the `docker` program in place of asking the daemon; `false` by default.",
        )
        .since(V1beta10),
        key("args", TEXTS, "More arguments of `docker build`; what docker alone knows runs that program.")
            .since(V1beta8),
        key("options", Fields(OPTIONS), "Options of the build.")
            .since(V1beta2)
            .until(V1beta11, "write its keys one level up"),
    ],
};

/// `buildKit`.
pub(super) const BUILD_KIT: &Section = &Section {
    noun: "buildKit",
    keys: &[
        key("skipPush", Boolean, "Pushes nothing; `false` by default.")
            .until(V1beta11, "write it one level up"),
        key(
            "preferMinikube",
            Boolean,
            "Uses minikube's daemon with the context `minikube`; `true` by default.",
        ),
        key("inCluster", Fields(IN_CLUSTER), "Builds inside the cluster, through `docker buildx`."),
        key("args", TEXTS, "More arguments of `docker buildx build`."),
        key(
            "command",
            TEXTS,
            "The program that builds, `[docker, buildx]` for example; by default the daemon itself.",
        ),
        key("options", Fields(OPTIONS), "Options of the build.")
            .until(V1beta11, "write its keys one level up"),
    ],
};

/// `buildKit.inCluster`.
const IN_CLUSTER: &Section = &Section {
    noun: "inCluster",
    keys: &[
        key("name", Text, "The builder's name."),
        key("namespace", Text, "Where the builder runs."),
        key("rootless", Boolean, "Whether the builder runs without root."),
        key("image", Text, "The builder's image."),
        key("nodeSelector", Text, "The nodes it may run on."),
        key("noCreate", Boolean, "Uses the builder as it is; `false` by default."),
        key("noRecreate", Boolean, "Keeps a builder that is configured otherwise."),
        key("noLoad", Boolean, "Does not load the image into the daemon."),
        key("createArgs", TEXTS, "More arguments for making the builder."),
    ],
};

/// `options` of a build tool.
pub(super) const OPTIONS: &Section = &Section {
    noun: "options",
    keys: &[
        key("target", Text, "The build target: a stage of the Dockerfile."),
        key("network", Text, "The network mode of `RUN` steps."),
        key("buildArgs", TEXT_MAP, "Build arguments; one without a value takes it from the environment."),
    ],
};

/// `kaniko`.
pub(super) const KANIKO: &Section = &Section {
    noun: "kaniko",
    keys: &[
        key(
            "cache",
            Boolean,
            "Keeps layers in the image's repository; `true` by default, `false` in v2beta1.",
        ),
        key("snapshotMode", Text, "How kaniko finds changes; `time` by default.").since(V1beta1),
        key("image", Text, "Kaniko's own image.").since(V1beta9),
        key("initImage", Text, "The image of the container that takes the context.").since(V1beta10),
        key("args", TEXTS, "More arguments of kaniko.").since(V1beta8),
        key("flags", TEXTS, "More arguments of kaniko.").since(V1beta1).until(V1beta7, "write `args`"),
        key("command", TEXTS, "Takes the place of kaniko's own program.").since(V1beta10),
        key("namespace", Text, "Where the build pod runs."),
        key("insecure", Boolean, "Pushes without TLS; `false` by default.").since(V1beta2),
        key("pullSecret", Text, "An existing secret with credentials."),
        key("skipPullSecretMount", Boolean, "Mounts no credentials; `false` by default.").since(V1beta10),
        key("nodeSelector", TEXT_MAP, "The nodes it may run on.").since(V1beta10),
        key("tolerations", List(&Any), "The pod's tolerations.").since(V1beta10),
        key("serviceAccount", Text, "The pod's service account.").since(V1beta10),
        key("generateName", Text, "How the pod's name begins.").since(V2beta1),
        key("annotations", TEXT_MAP, "The pod's annotations.").since(V1beta10),
        key("labels", TEXT_MAP, "The pod's labels.").since(V1beta10),
        key("initEnv", TEXT_MAP, "Environment of the container that takes the context.").since(V1beta10),
        key("env", TEXT_MAP, "Environment of kaniko.").since(V1beta10),
        key("envFrom", Map(&Any), "Environment of kaniko from config maps and secrets.").since(V1beta10),
        key("additionalMounts", List(&Fields(MOUNT)), "Secrets and config maps mounted into the pod.")
            .since(V1beta9),
        key("resources", Fields(RESOURCES), "The pod's resources.").since(V1beta10),
        key("options", Fields(OPTIONS), "Options of the build.")
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
        key("mountPath", Text, "Where it is mounted."),
        key("subPath", Text, "Which part of it."),
        key("readOnly", Boolean, "Whether it may not be written; `false` by default."),
    ],
};

const MOUNT_SOURCE: &Section = &Section {
    noun: "source",
    keys: &[
        key("name", Text, "Its name."),
        key("items", List(&Fields(MOUNT_ITEM)), "Its keys and where they are put."),
        key("defaultMode", Number, "The mode of its files."),
    ],
};

const MOUNT_ITEM: &Section = &Section {
    noun: "item",
    keys: &[
        key("key", Text, "The key."),
        key("path", Text, "Its file."),
        key("mode", Number, "The file's mode."),
    ],
};

/// `resources` of a pod.
pub(super) const RESOURCES: &Section = &Section {
    noun: "resources",
    keys: &[key("requests", TEXT_MAP, "What it asks for."), key("limits", TEXT_MAP, "What it may use.")],
};

/// `custom`.
pub(super) const CUSTOM: &Section = &Section {
    noun: "custom",
    keys: &[
        key("command", Text, "The program, or a shell line where `args` is absent."),
        key("commands", List(&Fields(OS_COMMAND)), "Commands for some operating systems, before `command`.")
            .since(V1beta10),
        key("args", TEXTS, "Arguments before the image.").since(V1beta6),
        key("flags", TEXTS, "Arguments before the image.").until(V1beta5, "write `args`"),
        key("imageFlag", Text, "An argument of its own before each image."),
        key("appendArgs", TEXTS, "Arguments after the image.").since(V1beta7),
        key("onChange", TEXTS, "Globs of the files whose change runs it; without, it always runs."),
        key("imageTagOnly", Boolean, "Passes the tag in place of the whole reference; `false` by default.")
            .since(V1beta10),
        key("skipImageArg", Boolean, "Passes no image; `false` by default, `true` in v2beta1.")
            .since(V1beta10),
    ],
};

/// A command for one operating system.
const OS_COMMAND: &Section = &Section {
    noun: "command",
    keys: &[
        key("command", Text, "The command.").required(),
        key("os", Text, "`linux`, `darwin`, `windows`, or several with commas."),
    ],
};
