//! `dev` of v2beta1: a map of pods (spec config §13.7).

use super::Shape::{Any, Boolean, Fields, List, Map, Text};
use super::build::RESOURCES;
use super::{Section, TEXT_MAP, TEXTS, key};

/// One of `dev`.
pub(super) const DEV_POD: &Section = &Section {
    noun: "dev pod",
    keys: &[
        key("name", Text, "Filled in by DevSpace."),
        key("imageSelector", Text, "The image that the pod runs."),
        key("labelSelector", TEXT_MAP, "The labels of the pod."),
        key("namespace", Text, "The pod's namespace."),
        key("containers", Map(&Any), "Settings for containers of the pod."),
        key("container", Text, "The container's name."),
        key("arch", Text, "The container's processor."),
        key("devImage", Text, "The image to run in its place."),
        key("command", TEXTS, "The container's command."),
        key("args", TEXTS, "The command's arguments."),
        key("workingDir", Text, "Where the command starts."),
        key("env", List(&Any), "Environment of the container."),
        key("resources", Fields(RESOURCES), "The container's resources."),
        key("ports", List(&Any), "Ports that are forwarded."),
        key("reversePorts", List(&Any), "Ports forwarded into the container."),
        key("open", List(&Any), "Pages that are opened."),
        key("sync", List(&Any), "Folders that are kept equal with the container."),
        key("persistPaths", List(&Any), "Paths that are kept."),
        key("persistenceOptions", Any, "How they are kept."),
        key("patches", List(&Any), "Changes to the pod."),
        key("terminal", Any, "The terminal that is opened."),
        key("logs", Any, "Whether its output is shown."),
        key("attach", Any, "Whether to attach to it."),
        key("ssh", Any, "An SSH server in the container."),
        key("proxyCommands", List(&Any), "Commands of this machine for the container."),
        key("restartHelper", Any, "The restart helper."),
        key("disableRestartHelper", Boolean, "Does without the restart helper."),
    ],
};
