//! `dev` up to v1beta11: one object.

use super::Shape::{Any, Boolean, Choice, Fields, List, Number, Text};
use super::build::RESOURCES;
use super::{Section, Shape, TEXT_MAP, TEXTS, key};
use crate::config::dev::{CompareBy, InitialSync};
use crate::config::version::Version::*;

/// `dev`.
pub(super) const DEV: &Section = &Section {
    noun: "dev",
    keys: &[
        key("ports", List(&Fields(PORTS)), "Forwarded ports."),
        key("open", List(&Fields(OPEN)), "Pages to open.").since(V1beta3),
        key("sync", List(&Fields(SYNC)), "Directories to sync with a container."),
        key("logs", Fields(LOGS), "The containers whose output is shown.").since(V1beta3),
        key("autoReload", Fields(AUTO_RELOAD), "Triggers of another build and deployment."),
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
        key("deprecatedInteractiveImages", List(&Fields(INTERACTIVE_IMAGE)), "Written by DevSpace.")
            .since(V1beta10),
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
        key("arch", ARCH, "The container's processor; without effect.").since(V1beta10),
    ],
};

/// Values of `arch`.
pub(crate) const ARCHITECTURES: [&str; 2] = ["amd64", "arm64"];

pub(super) const ARCH: Shape = Choice(&ARCHITECTURES);

const PORT: &Section = &Section {
    noun: "port",
    keys: &[
        key("port", Number, "The local port.").required().since(V1beta1),
        key("localPort", Number, "The local port.").required().until(V1alpha4, "write `port`"),
        key("remotePort", Number, "The port in the container; the same by default."),
        key("bindAddress", Text, "The address to listen on."),
    ],
};

/// One of `open`.
pub(super) const OPEN: &Section =
    &Section { noun: "page", keys: &[key("url", Text, "The page's URL.").required()] };

/// One of `dev.sync`.
pub(super) const SYNC: &Section = &Section {
    noun: "sync entry",
    keys: selecting![
        key("name", Text, "Its name.").since(V1beta10),
        key("localSubPath", Text, "The local directory; the project directory by default."),
        key("containerPath", Text, "The directory in the container; its working directory by default."),
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
        key("initialSync", INITIAL_SYNC, "Which side wins in the first sync; `mirrorLocal` by default.")
            .since(V1beta7),
        key("initialSyncCompareBy", COMPARE_BY, "How files are compared; `mtime` by default.")
            .since(V1beta10),
        key("disableDownload", Boolean, "Downloads nothing.").since(V1beta6),
        key("disableUpload", Boolean, "Uploads nothing.").since(V1beta6),
        key("polling", Boolean, "Polls for changes; without effect.").since(V1beta10),
        key("waitInitialSync", Boolean, "Waits for the first sync.").since(V1beta1),
        key("bandwidthLimits", Fields(BANDWIDTH_LIMITS), "Limits in KB/s."),
        key("arch", ARCH, "The container's processor; without effect.").since(V1beta10),
        key("throttleChangeDetection", Number, "Milliseconds to pause after 100 files; without effect.")
            .since(V1beta10),
        key("onUpload", Fields(ON_UPLOAD), "Commands to run after an upload.").since(V1beta6),
        key("onDownload", Fields(ON_DOWNLOAD), "Commands to run after a download.").since(V1beta6),
    ],
};

/// Values of `initialSync`.
pub(super) const INITIAL_SYNC: Shape = Choice(&InitialSync::NAMES);

/// Values of `initialSyncCompareBy`.
pub(super) const COMPARE_BY: Shape = Choice(&CompareBy::NAMES);

/// `bandwidthLimits`.
pub(super) const BANDWIDTH_LIMITS: &Section = &Section {
    noun: "bandwidthLimits",
    keys: &[
        key("upload", Number, "The limit of uploads in KB/s."),
        key("download", Number, "The limit of downloads in KB/s."),
    ],
};

/// `onUpload`.
pub(super) const ON_UPLOAD: &Section = &Section {
    noun: "onUpload",
    keys: &[
        key(
            "restartContainer",
            Boolean,
            "Restarts the container, which needs the restart helper; `false` by default.",
        ),
        key("exec", List(&Fields(SYNC_EXEC)), "Commands to run after a batch of files.").since(V1beta10),
        key("execRemote", Fields(SYNC_HOOKS), "Commands to run in the container."),
    ],
};

const ON_DOWNLOAD: &Section = &Section {
    noun: "onDownload",
    keys: &[key("execLocal", Fields(SYNC_HOOKS), "Commands to run on this machine.")],
};

const SYNC_EXEC: &Section = &Section {
    noun: "sync command",
    keys: &[
        key("name", Text, "Its name."),
        key("command", Text, "The command, or a shell command line if `args` is absent.").required(),
        key("args", TEXTS, "The command's arguments."),
        key("failOnError", Boolean, "Skips the commands after it if it fails; `false` by default."),
        key("local", Boolean, "Runs it on this machine; `false` by default."),
        key("onChange", TEXTS, "Patterns of paths; it runs only if one of them was synced."),
        key("once", Boolean, "Runs it only once in a container; `false` by default.").since(V2beta1),
    ],
};

const SYNC_HOOKS: &Section = &Section {
    noun: "sync hooks",
    keys: &[
        key("command", Text, "The command for each file and each new directory."),
        key("args", TEXTS, "Its arguments; `{}` is the path."),
        key("onFileChange", Fields(SYNC_COMMAND), "The command for each file."),
        key("onDirCreate", Fields(SYNC_COMMAND), "The command for each new directory."),
        key("onBatch", Fields(SYNC_COMMAND), "The command after a batch of files."),
    ],
};

const SYNC_COMMAND: &Section = &Section {
    noun: "sync command",
    keys: &[
        key("command", Text, "The command, or a shell command line if `args` is absent.").required(),
        key("args", TEXTS, "The command's arguments; `{}` is the path."),
    ],
};

const LOGS: &Section = &Section {
    noun: "logs",
    keys: &[
        key("disabled", Boolean, "Disables the logs."),
        key("showLast", Number, "How many of the last lines to show; 50 by default."),
        key("sync", Boolean, "Shows the output of the sync.").since(V1beta10),
        key("images", TEXTS, "Names in `images`.").until(V1beta10, "write `selectors`"),
        key("selectors", List(&Fields(LOG_SELECTOR)), "The containers to show.").since(V1beta11),
    ],
};

const LOG_SELECTOR: &Section = &Section { noun: "log selector", keys: selecting![] };

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
        key("persistPaths", List(&Fields(PERSIST_PATH)), "Paths to persist."),
        key("persistenceOptions", Fields(PERSISTENCE_OPTIONS), "How to persist them."),
        key("patches", List(&Fields(POD_PATCH)), "Patches of the pod."),
    ],
};

/// One of `persistPaths`.
pub(super) const PERSIST_PATH: &Section = &Section {
    noun: "persisted path",
    keys: &[
        key("path", Text, "The path in the container."),
        key("volumePath", Text, "The path in the volume."),
        key("readOnly", Boolean, "Mounts it read-only."),
        key("skipPopulate", Boolean, "Leaves it empty at first."),
        key("initContainer", Fields(INIT_CONTAINER), "The container that fills it."),
    ],
};

const INIT_CONTAINER: &Section = &Section {
    noun: "initContainer",
    keys: &[key("resources", Fields(RESOURCES), "The container's resources.")],
};

/// `persistenceOptions`.
pub(super) const PERSISTENCE_OPTIONS: &Section = &Section {
    noun: "persistenceOptions",
    keys: &[
        key("size", Text, "The size of the volume."),
        key("storageClassName", Text, "The storage class."),
        key("accessModes", TEXTS, "The access modes."),
        key("readOnly", Boolean, "Mounts it read-only."),
        key("name", Text, "The name of the volume claim."),
    ],
};

/// One of `patches`.
pub(super) const POD_PATCH: &Section = &Section {
    noun: "pod patch",
    keys: &[
        key("op", Text, "The operation."),
        key("path", Text, "The path in the pod."),
        key("from", Text, "The path to move or copy from."),
        key("value", Any, "The value to insert."),
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
