//! `hooks` (spec config §8 and §13.5).

use super::Shape::{Any, Boolean, Fields, Number, Text};
use super::{Section, TEXT_MAP, TEXTS, key};
use crate::config::version::Version::*;

/// One of `hooks`.
pub(super) const HOOK: &Section = &Section {
    noun: "hook",
    keys: &[
        key("name", Text, "Its name in messages.").since(V1beta10),
        key("disabled", Boolean, "Never runs it; `false` by default.").since(V1beta10),
        key("events", TEXTS, "When it runs: `before:build`, `after:build:NAME`, ...").since(V1beta11),
        key("when", Fields(WHEN), "When it runs.").until(V1beta10, "write `events: [...]`").alias(),
        key("command", Text, "The program, or a shell line where `args` is absent."),
        key("args", TEXTS, "The program's arguments."),
        key("os", Text, "Only on these systems: `linux`, `darwin`, `windows`.").since(V1beta10),
        key("background", Boolean, "Does not wait for it; `false` by default.").since(V1beta10),
        key("silent", Boolean, "Shows its output only when it fails; `false` by default.").since(V1beta10),
        key("upload", Fields(SYNC), "Copies files into a container.").since(V1beta10),
        key("download", Fields(SYNC), "Copies files out of a container.").since(V1beta10),
        key("logs", Fields(LOGS), "Shows a container's output.").since(V1beta10),
        key("wait", Fields(WAIT), "Waits for a container.").since(V1beta10),
        key("where", Fields(WHERE), "Where it runs.")
            .since(V1beta10)
            .until(V1beta10, "write `container`")
            .alias(),
        key("container", Fields(CONTAINER), "The container it runs in.").since(V1beta11),
    ],
};

const WHEN: &Section = &Section {
    noun: "when",
    keys: &[
        key("before", Fields(MOMENT), "Before these things."),
        key("after", Fields(MOMENT), "After these things."),
        key("onError", Fields(MOMENT), "When these things fail.").since(V1beta10),
    ],
};

const MOMENT: &Section = &Section {
    noun: "moment",
    keys: &[
        key("images", Text, "`all`, or names of images with commas."),
        key("deployments", Text, "`all`, or names of deployments with commas."),
        key("purgeDeployments", Text, "`all`, or names of deployments with commas.").since(V1beta10),
        key("dependencies", Text, "`all`.").since(V1beta10),
        key("pullSecrets", Text, "`all`.").since(V1beta10),
        key("initialSync", Text, "`all`, or names of sync entries.").since(V1beta10),
    ],
};

const SYNC: &Section = &Section {
    noun: "copy",
    keys: &[
        key("localPath", Text, "The file or folder here."),
        key("containerPath", Text, "The file or folder in the container."),
    ],
};

const LOGS: &Section =
    &Section { noun: "logs", keys: &[key("tailLines", Number, "How many of the last lines.")] };

const WAIT: &Section = &Section {
    noun: "wait",
    keys: &[
        key("running", Boolean, "Until it runs."),
        key("terminatedWithCode", Number, "Until it ended with this code."),
        key("timeout", Number, "Seconds to wait; 150 by default."),
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
        key("imageName", Text, "Which of `images` it runs.").until(V1beta10, "write `imageSelector`"),
        key("imageSelector", Text, "The image it runs.").since(V1beta10),
        key("containerName", Text, "Its name in the pod."),
        key("wait", Boolean, "Waits for it; `true` by default."),
        key("timeout", Number, "Seconds to wait; 150 by default."),
        key("once", Boolean, "Runs once in each container; `false` by default."),
        key("arch", Any, "The container's processor."),
    ],
};
