//! `dev` up to v1beta11: one object.

use super::Shape::{Any, Boolean, Fields, List, Map, Number, Text};
use super::{Section, TEXT_MAP, TEXTS, key};
use crate::config::version::Version::*;

/// `dev`.
pub(super) const DEV: &Section = &Section {
    noun: "dev",
    keys: &[
        key("ports", List(&Fields(PORTS)), "Forwarded ports."),
        key("open", List(&Fields(OPEN)), "Pages to open.").since(V1beta3),
        key("sync", List(&Fields(SYNC)), "Directories to sync with a container."),
        key("logs", Fields(LOGS), "The containers whose output is shown.").since(V1beta3),
        key("autoReload", Fields(AUTO_RELOAD), "What triggers another build and deployment."),
        key("interactive", Fields(INTERACTIVE), "Interactive mode.")
            .since(V1beta3)
            .until(V1beta9, "write `terminal`"),
        key("terminal", Fields(TERMINAL), "The terminal to open.").changed_after(V1beta2),
        key("terminal", Fields(TERMINAL), "The terminal to open.").since(V1beta10),
        key("replacePods", List(&Fields(REPLACE_POD)), "Pods whose image is replaced.").since(V1beta10),
        key("overrideImages", List(&Fields(OVERRIDE_IMAGE)), "Images with another entrypoint.")
            .until(V1beta2, "write `interactive.images`"),
        key("selectors", List(&Fields(SELECTOR)), "Selectors by name.")
            .until(V1beta2, "write `labelSelector` where it is used"),
        key("deprecatedInteractiveEnabled", Boolean, "Written by DevSpace.").since(V1beta10),
        key("deprecatedInteractiveImages", List(&Any), "Written by DevSpace.").since(V1beta10),
    ],
};

/// The keys that select a container.
macro_rules! selecting {
    ($($more:expr),* $(,)?) => {
        &[
            key("imageName", Text, "The image: a name in `images`.").since(V1beta3).until(V1beta10, "write `imageSelector`"),
            key("imageSelector", Text, "The image of the pod.").since(V1beta11),
            key("labelSelector", TEXT_MAP, "The labels of the pod."),
            key("selector", Text, "A name in `selectors`.").until(V1beta2, "write `labelSelector`"),
            key("service", Text, "A name in `services`.").until(V1alpha1, "write `labelSelector`"),
            key("resourceType", Text, "The kind of resource to select.").until(V1alpha1, "omit it"),
            key("containerName", Text, "The container's name."),
            key("namespace", Text, "The pod's namespace."),
            $($more),*
        ]
    };
}

/// One of `dev.ports`.
pub(super) const PORTS: &Section = &Section {
    noun: "port forwarding",
    keys: selecting![
        key("name", Text, "Its name.").since(V1beta10),
        key("forward", List(&Fields(PORT)), "The ports to forward.").since(V1beta1),
        key("portMappings", List(&Fields(PORT)), "The ports to forward.").until(V1alpha4, "write `forward`"),
        key("reverseForward", List(&Fields(PORT)), "Ports to forward into the container.").since(V1beta10),
        key("arch", Text, "The container's processor.").since(V1beta10),
    ],
};

const PORT: &Section = &Section {
    noun: "port",
    keys: &[
        key("port", Number, "The local port.").since(V1beta1),
        key("localPort", Number, "The local port.").until(V1alpha4, "write `port`"),
        key("remotePort", Number, "The port in the container; the same by default."),
        key("bindAddress", Text, "The address to listen on."),
    ],
};

const OPEN: &Section = &Section { noun: "page", keys: &[key("url", Text, "The page's URL.")] };

/// One of `dev.sync`.
pub(super) const SYNC: &Section = &Section {
    noun: "sync entry",
    keys: selecting![
        key("name", Text, "Its name.").since(V1beta10),
        key("localSubPath", Text, "The local directory."),
        key("containerPath", Text, "The directory in the container."),
        key("excludePaths", TEXTS, "Patterns of paths that are not synced."),
        key("excludeFile", Text, "A file with patterns of paths that are not synced.").since(V1beta10),
        key("downloadExcludePaths", TEXTS, "Patterns of paths that are not downloaded."),
        key("downloadExcludeFile", Text, "A file with patterns of paths that are not downloaded.")
            .since(V1beta10),
        key("uploadExcludePaths", TEXTS, "Patterns of paths that are not uploaded."),
        key("uploadExcludeFile", Text, "A file with patterns of paths that are not uploaded.")
            .since(V1beta10),
        key("downloadOnInitialSync", Boolean, "Downloads first.")
            .since(V1beta3)
            .until(V1beta6, "write `initialSync: preferLocal`"),
        key("initialSync", Text, "Which side wins in the first sync; `mirrorLocal` by default.")
            .since(V1beta7),
        key("initialSyncCompareBy", Text, "How files are compared: `mtime` or `size`.").since(V1beta10),
        key("disableDownload", Boolean, "Downloads nothing.").since(V1beta9),
        key("disableUpload", Boolean, "Uploads nothing.").since(V1beta9),
        key("polling", Boolean, "Polls for changes.").since(V1beta10),
        key("waitInitialSync", Boolean, "Waits for the first sync.").since(V1beta1),
        key("bandwidthLimits", Map(&Number), "Limits in KB/s."),
        key("arch", Text, "The container's processor.").since(V1beta10),
        key("throttleChangeDetection", Number, "Milliseconds to pause after 100 files.").since(V1beta10),
        key("onUpload", Any, "Commands to run after an upload.").since(V1beta9),
        key("onDownload", Any, "Commands to run after a download.").since(V1beta9),
    ],
};

const LOGS: &Section = &Section {
    noun: "logs",
    keys: &[
        key("disabled", Boolean, "Disables the logs."),
        key("showLast", Number, "How many of the last lines to show; 50 by default."),
        key("sync", Boolean, "Shows the output of the sync.").since(V1beta10),
        key("images", TEXTS, "Names in `images`.").until(V1beta10, "write `selectors`"),
        key("selectors", List(&Any), "The containers to show.").since(V1beta11),
    ],
};

/// `dev.autoReload`.
pub(super) const AUTO_RELOAD: &Section = &Section {
    noun: "autoReload",
    keys: &[
        key("paths", TEXTS, "Globs of the files to watch."),
        key("deployments", TEXTS, "Names of deployments."),
        key("images", TEXTS, "Names of images."),
    ],
};

const INTERACTIVE: &Section = &Section {
    noun: "interactive",
    keys: &[
        key("defaultEnabled", Boolean, "Whether `dev` is interactive by default."),
        key("images", List(&Fields(INTERACTIVE_IMAGE)), "Images with another entrypoint."),
        key("terminal", Fields(TERMINAL), "The terminal to open."),
    ],
};

const INTERACTIVE_IMAGE: &Section = &Section {
    noun: "interactive image",
    keys: &[
        key("name", Text, "A name in `images`."),
        key("entrypoint", TEXTS, "Its entrypoint."),
        key("cmd", TEXTS, "Its command."),
    ],
};

/// `terminal`.
pub(super) const TERMINAL: &Section = &Section {
    noun: "terminal",
    keys: selecting![
        key("command", TEXTS, "The command to run in it."),
        key("workDir", Text, "Its working directory.").since(V1beta10),
        key("disabled", Boolean, "Disables the terminal."),
    ],
};

const REPLACE_POD: &Section = &Section {
    noun: "replaced pod",
    keys: selecting![
        key("name", Text, "Its name."),
        key("replaceImage", Text, "The image to run."),
        key("persistPaths", List(&Any), "Paths to persist."),
        key("persistenceOptions", Any, "How to persist them."),
        key("patches", List(&Any), "Patches of the pod."),
    ],
};

const OVERRIDE_IMAGE: &Section = &Section {
    noun: "overridden image",
    keys: &[
        key("name", Text, "A name in `images`."),
        key("entrypoint", TEXTS, "Its entrypoint."),
        key("dockerfile", Text, "Its Dockerfile."),
        key("context", Text, "Its build context."),
    ],
};

const SELECTOR: &Section = &Section {
    noun: "selector",
    keys: &[
        key("name", Text, "Its name."),
        key("namespace", Text, "The pod's namespace."),
        key("labelSelector", TEXT_MAP, "The labels of the pod."),
        key("containerName", Text, "The container's name."),
        key("resourceType", Text, "The kind of resource to select."),
    ],
};
