//! `hooks`.

use super::Shape::{Any, Boolean, Fields, Number, Text};
use super::{Section, TEXT_MAP, TEXTS, key};
use crate::config::version::Version::*;

/// One of `hooks`.
pub(super) const HOOK: &Section = &Section {
    noun: "hook",
    keys: &[
        key("name", Text, "Its name in messages.").since(V1beta10),
        key("disabled", Boolean, "Disables the hook; `false` by default.").since(V1beta10),
        key("events", TEXTS, "The events that trigger it: `before:build`, `after:build:NAME`, ...")
            .since(V1beta11),
        key("when", Fields(WHEN), "The events that trigger it.")
            .until(V1beta10, "write `events: [...]`")
            .alias(),
        key("command", Text, "The command, or a shell command line if `args` is absent."),
        key("args", TEXTS, "The command's arguments."),
        key("os", Text, "Runs only on these operating systems: `linux`, `darwin`, `windows`.")
            .since(V1beta10),
        key("background", Boolean, "Runs it in the background; `false` by default.").since(V1beta10),
        key("silent", Boolean, "Shows its output only if it fails; `false` by default.").since(V1beta10),
        key("upload", Fields(SYNC), "Copies files into a container.").since(V1beta10),
        key("download", Fields(SYNC), "Copies files out of a container.").since(V1beta10),
        key("logs", Fields(LOGS), "Shows a container's output.").since(V1beta10),
        key("wait", Fields(WAIT), "Waits for a container.").since(V1beta10),
        key("where", Fields(WHERE), "The container it runs in.")
            .since(V1beta10)
            .until(V1beta10, "write `container`")
            .alias(),
        key("container", Fields(CONTAINER), "The container it runs in.").since(V1beta11),
    ],
};

const WHEN: &Section = &Section {
    noun: "when",
    keys: &[
        key("before", Fields(MOMENT), "Runs before these steps."),
        key("after", Fields(MOMENT), "Runs after these steps."),
        key("onError", Fields(MOMENT), "Runs if these steps fail.").since(V1beta10),
    ],
};

const MOMENT: &Section = &Section {
    noun: "moment",
    keys: &[
        key("images", Text, "`all`, or names of images, separated by commas."),
        key("deployments", Text, "`all`, or names of deployments, separated by commas."),
        key("purgeDeployments", Text, "`all`, or names of deployments, separated by commas.").since(V1beta10),
        key("dependencies", Text, "`all`.").since(V1beta10),
        key("pullSecrets", Text, "`all`.").since(V1beta10),
        key("initialSync", Text, "`all`, or names of sync entries.").since(V1beta10),
    ],
};

const SYNC: &Section = &Section {
    noun: "copy",
    keys: &[
        key("localPath", Text, "The local file or directory."),
        key("containerPath", Text, "The file or directory in the container."),
    ],
};

const LOGS: &Section =
    &Section { noun: "logs", keys: &[key("tailLines", Number, "How many of the last lines to show.")] };

const WAIT: &Section = &Section {
    noun: "wait",
    keys: &[
        key("running", Boolean, "Waits until the container runs."),
        key("terminatedWithCode", Number, "Waits until the container exits with this code."),
        key("timeout", Number, "The timeout in seconds; 150 by default."),
    ],
};

const WHERE: &Section =
    &Section { noun: "where", keys: &[key("container", Fields(CONTAINER), "The container it runs in.")] };

const CONTAINER: &Section = &Section {
    noun: "container",
    keys: &[
        key("labelSelector", TEXT_MAP, "The labels of its pod."),
        key("pod", Text, "Its pod's name."),
        key("namespace", Text, "Its namespace."),
        key("imageName", Text, "The image it runs: a name in `images`.")
            .until(V1beta10, "write `imageSelector`"),
        key("imageSelector", Text, "The image it runs.").since(V1beta10),
        key("containerName", Text, "Its name in the pod."),
        key("wait", Boolean, "Waits for the container; `true` by default."),
        key("timeout", Number, "The timeout in seconds; 150 by default."),
        key("once", Boolean, "Runs only once per container; `false` by default."),
        key("arch", Any, "The container's processor."),
    ],
};
