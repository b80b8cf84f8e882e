//! `dev` of v2beta1: a map of pods.

use super::Shape::{Any, Boolean, Fields, List, Map, Text};
use super::build::RESOURCES;
use super::{Section, TEXT_MAP, TEXTS, key};

/// One of `dev`.
pub(super) const DEV_POD: &Section = &Section {
    noun: "dev pod",
    keys: &[
        key("name", Text, "Filled in by DevSpace."),
        key("imageSelector", Text, "The image of the pod."),
        key("labelSelector", TEXT_MAP, "The labels of the pod."),
        key("namespace", Text, "The pod's namespace."),
        key("containers", Map(&Any), "Settings of the pod's containers, by name."),
        key("container", Text, "The container's name."),
        key("arch", Text, "The container's processor."),
        key("devImage", Text, "The image to run instead."),
        key("command", TEXTS, "The container's command."),
        key("args", TEXTS, "The command's arguments."),
        key("workingDir", Text, "The working directory of the command."),
        key("env", List(&Any), "Environment variables of the container."),
        key("resources", Fields(RESOURCES), "The container's resources."),
        key("ports", List(&Any), "Forwarded ports."),
        key("reversePorts", List(&Any), "Ports to forward into the container."),
        key("open", List(&Any), "Pages to open."),
        key("sync", List(&Any), "Directories to sync with the container."),
        key("persistPaths", List(&Any), "Paths to persist."),
        key("persistenceOptions", Any, "How to persist them."),
        key("patches", List(&Any), "Patches of the pod."),
        key("terminal", Any, "The terminal to open."),
        key("logs", Any, "Whether its output is shown."),
        key("attach", Any, "Whether to attach to it."),
        key("ssh", Any, "An SSH server in the container."),
        key("proxyCommands", List(&Any), "Local commands that the container can call."),
        key("restartHelper", Any, "The restart helper."),
        key("disableRestartHelper", Boolean, "Disables the restart helper."),
    ],
};
