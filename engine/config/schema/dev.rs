//! `dev` up to v1beta11: one object (spec config §5 and §13.7).

use super::Shape::{Any, Boolean, Fields, List, Map, Number, Text};
use super::{Section, TEXT_MAP, TEXTS, key};
use crate::config::version::Version::*;

/// `dev`.
pub(super) const DEV: &Section = &Section {
    noun: "dev",
    keys: &[
        key("ports", List(&Fields(PORTS)), "Ports that are forwarded."),
        key("open", List(&Fields(OPEN)), "Pages that are opened.").since(V1beta3),
        key("sync", List(&Fields(SYNC)), "Folders that are kept equal with a container."),
        key("logs", Fields(LOGS), "Whose output is shown.").since(V1beta3),
        key("autoReload", Fields(AUTO_RELOAD), "What starts the build and deployment again."),
        key("interactive", Fields(INTERACTIVE), "Interactive mode.")
            .since(V1beta3)
            .until(V1beta9, "write `terminal`"),
        key("terminal", Fields(TERMINAL), "The terminal that is opened.").changed_after(V1beta2),
        key("terminal", Fields(TERMINAL), "The terminal that is opened.").since(V1beta10),
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
            key("imageName", Text, "The one of `images` that the pod runs.").since(V1beta3).until(V1beta10, "write `imageSelector`"),
            key("imageSelector", Text, "The image that the pod runs.").since(V1beta11),
            key("labelSelector", TEXT_MAP, "The labels of the pod."),
            key("selector", Text, "One of `selectors`.").until(V1beta2, "write `labelSelector`"),
            key("service", Text, "One of `services`.").until(V1alpha1, "write `labelSelector`"),
            key("resourceType", Text, "What is selected.").until(V1alpha1, "leave it out"),
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
        key("forward", List(&Fields(PORT)), "The ports.").since(V1beta1),
        key("portMappings", List(&Fields(PORT)), "The ports.").until(V1alpha4, "write `forward`"),
        key("reverseForward", List(&Fields(PORT)), "Ports forwarded into the container.").since(V1beta10),
        key("arch", Text, "The container's processor.").since(V1beta10),
    ],
};

const PORT: &Section = &Section {
    noun: "port",
    keys: &[
        key("port", Number, "The port here.").since(V1beta1),
        key("localPort", Number, "The port here.").until(V1alpha4, "write `port`"),
        key("remotePort", Number, "The port in the container; the same by default."),
        key("bindAddress", Text, "The address to listen on."),
    ],
};

const OPEN: &Section = &Section { noun: "page", keys: &[key("url", Text, "The page.")] };

/// One of `dev.sync`.
pub(super) const SYNC: &Section = &Section {
    noun: "sync entry",
    keys: selecting![
        key("name", Text, "Its name.").since(V1beta10),
        key("localSubPath", Text, "The folder here."),
        key("containerPath", Text, "The folder in the container."),
        key("excludePaths", TEXTS, "What is left out."),
        key("excludeFile", Text, "A file with what is left out.").since(V1beta10),
        key("downloadExcludePaths", TEXTS, "What is not downloaded."),
        key("downloadExcludeFile", Text, "A file with what is not downloaded.").since(V1beta10),
        key("uploadExcludePaths", TEXTS, "What is not uploaded."),
        key("uploadExcludeFile", Text, "A file with what is not uploaded.").since(V1beta10),
        key("downloadOnInitialSync", Boolean, "Downloads first.")
            .since(V1beta3)
            .until(V1beta6, "write `initialSync: preferLocal`"),
        key("initialSync", Text, "Who wins at the start; `mirrorLocal` by default.").since(V1beta7),
        key("initialSyncCompareBy", Text, "How files are compared: `mtime` or `size`.").since(V1beta10),
        key("disableDownload", Boolean, "Downloads nothing.").since(V1beta9),
        key("disableUpload", Boolean, "Uploads nothing.").since(V1beta9),
        key("polling", Boolean, "Looks for changes again and again.").since(V1beta10),
        key("waitInitialSync", Boolean, "Waits for the first sync.").since(V1beta1),
        key("bandwidthLimits", Map(&Number), "Limits in KB/s."),
        key("arch", Text, "The container's processor.").since(V1beta10),
        key("throttleChangeDetection", Number, "Milliseconds of rest after 100 files.").since(V1beta10),
        key("onUpload", Any, "What runs after an upload.").since(V1beta9),
        key("onDownload", Any, "What runs after a download.").since(V1beta9),
    ],
};

const LOGS: &Section = &Section {
    noun: "logs",
    keys: &[
        key("disabled", Boolean, "Shows none."),
        key("showLast", Number, "How many of the last lines; 50 by default."),
        key("sync", Boolean, "Shows what sync does.").since(V1beta10),
        key("images", TEXTS, "Which of `images`.").until(V1beta10, "write `selectors`"),
        key("selectors", List(&Any), "Which containers.").since(V1beta11),
    ],
};

/// `dev.autoReload`.
pub(super) const AUTO_RELOAD: &Section = &Section {
    noun: "autoReload",
    keys: &[
        key("paths", TEXTS, "Globs of files."),
        key("deployments", TEXTS, "Names of deployments."),
        key("images", TEXTS, "Names of images."),
    ],
};

const INTERACTIVE: &Section = &Section {
    noun: "interactive",
    keys: &[
        key("defaultEnabled", Boolean, "Whether `dev` is interactive without being asked."),
        key("images", List(&Fields(INTERACTIVE_IMAGE)), "Images with another entrypoint."),
        key("terminal", Fields(TERMINAL), "The terminal that is opened."),
    ],
};

const INTERACTIVE_IMAGE: &Section = &Section {
    noun: "interactive image",
    keys: &[
        key("name", Text, "Which of `images`."),
        key("entrypoint", TEXTS, "Its entrypoint."),
        key("cmd", TEXTS, "Its command."),
    ],
};

/// `terminal`.
pub(super) const TERMINAL: &Section = &Section {
    noun: "terminal",
    keys: selecting![
        key("command", TEXTS, "What runs in it."),
        key("workDir", Text, "Where it starts.").since(V1beta10),
        key("disabled", Boolean, "Opens none."),
    ],
};

const REPLACE_POD: &Section = &Section {
    noun: "replaced pod",
    keys: selecting![
        key("name", Text, "Its name."),
        key("replaceImage", Text, "The image to run."),
        key("persistPaths", List(&Any), "Paths that are kept."),
        key("persistenceOptions", Any, "How they are kept."),
        key("patches", List(&Any), "Changes to the pod."),
    ],
};

const OVERRIDE_IMAGE: &Section = &Section {
    noun: "overridden image",
    keys: &[
        key("name", Text, "Which of `images`."),
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
        key("resourceType", Text, "What is selected."),
    ],
};
