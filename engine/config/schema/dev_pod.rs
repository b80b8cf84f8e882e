//! `dev` of v2beta1: a map of pods.

use super::Shape::{Boolean, Fields, List, Map, Number, Text};
use super::build::RESOURCES;
use super::dev::{
    ARCH, BANDWIDTH_LIMITS, COMPARE_BY, INITIAL_SYNC, ON_UPLOAD, OPEN, PERSIST_PATH, PERSISTENCE_OPTIONS,
    POD_PATCH,
};
use super::{Section, TEXT_MAP, TEXTS, key};

/// The keys of a container, which a pod with one container has as well.
macro_rules! of_container {
    ($($more:expr),* $(,)?) => {
        &[
            $($more,)*
            key("container", Text, "The container's name."),
            key("arch", ARCH, "The container's processor; without effect."),
            key("devImage", Text, "The image to run instead."),
            key("command", TEXTS, "The container's command."),
            key("args", TEXTS, "The command's arguments."),
            key("workingDir", Text, "The working directory of the command."),
            key("env", List(&Fields(ENV)), "Environment variables of the container."),
            key("resources", Fields(RESOURCES), "The container's resources."),
            key("reversePorts", List(&Fields(PORT)), "Ports to forward into the container."),
            key("sync", List(&Fields(SYNC)), "Directories to sync with the container."),
            key("persistPaths", List(&Fields(PERSIST_PATH)), "Paths to persist."),
            key("terminal", Fields(TERMINAL), "The terminal to open."),
            key("logs", Fields(LOGS), "Whether its output is shown."),
            key("attach", Fields(ATTACH), "Whether to attach to it."),
            key("ssh", Fields(SSH), "An SSH server in the container."),
            key("proxyCommands", List(&Fields(PROXY_COMMAND)), "Local commands that the container can call."),
            key("restartHelper", Fields(RESTART_HELPER), "The restart helper."),
            key("disableRestartHelper", Boolean, "Disables the restart helper."),
        ]
    };
}

/// One of `dev`.
pub(super) const DEV_POD: &Section = &Section {
    noun: "dev pod",
    keys: of_container![
        key("name", Text, "Filled in by DevSpace."),
        key("imageSelector", Text, "The image of the pod."),
        key("labelSelector", TEXT_MAP, "The labels of the pod."),
        key("namespace", Text, "The pod's namespace."),
        key("containers", Map(&Fields(DEV_CONTAINER)), "Settings of the pod's containers, by name."),
        key("ports", List(&Fields(PORT)), "Forwarded ports."),
        key("open", List(&Fields(OPEN)), "Pages to open."),
        key("persistenceOptions", Fields(PERSISTENCE_OPTIONS), "How to persist `persistPaths`."),
        key("patches", List(&Fields(POD_PATCH)), "Patches of the pod."),
    ],
};

const DEV_CONTAINER: &Section = &Section { noun: "dev container", keys: of_container![] };

const PORT: &Section = &Section {
    noun: "port",
    keys: &[
        key("port", Text, "`LOCAL:REMOTE`, or one port for both.").required(),
        key("bindAddress", Text, "The address to listen on."),
    ],
};

const SYNC: &Section = &Section {
    noun: "sync entry",
    keys: &[
        key("path", Text, "`LOCAL:REMOTE`, or one path for both; `.:.` by default."),
        key("excludePaths", TEXTS, "Patterns of paths that are not synced."),
        key("excludeFile", Text, "A file with patterns of paths that are not synced."),
        key("downloadExcludePaths", TEXTS, "Patterns of paths that are not downloaded."),
        key("downloadExcludeFile", Text, "A file with patterns of paths that are not downloaded."),
        key("uploadExcludePaths", TEXTS, "Patterns of paths that are not uploaded."),
        key("uploadExcludeFile", Text, "A file with patterns of paths that are not uploaded."),
        key("startContainer", Boolean, "Starts the container after the first sync; `false` by default."),
        key("onUpload", Fields(ON_UPLOAD), "Commands to run after an upload."),
        key("initialSync", INITIAL_SYNC, "Which side wins in the first sync; `mirrorLocal` by default."),
        key("waitInitialSync", Boolean, "Waits for the first sync; `true` by default."),
        key("initialSyncCompareBy", COMPARE_BY, "How files are compared; `mtime` by default."),
        key("disableDownload", Boolean, "Downloads nothing."),
        key("disableUpload", Boolean, "Uploads nothing."),
        key("bandwidthLimits", Fields(BANDWIDTH_LIMITS), "Limits in KB/s."),
        key("polling", Boolean, "Polls for changes; without effect."),
        key("noWatch", Boolean, "Ends after the first sync; `false` by default."),
        key("file", Boolean, "`path` is a single file; `false` by default."),
        key("printLogs", Boolean, "Shows the output of the sync; without effect."),
    ],
};

const TERMINAL: &Section = &Section {
    noun: "terminal",
    keys: &[
        key("command", Text, "The shell command line to run in it; a shell by default."),
        key("workDir", Text, "Its working directory."),
        key("enabled", Boolean, "Whether it is opened; `true` by default."),
        key("disableReplace", Boolean, "Does not replace the pod; without effect."),
        key("disableScreen", Boolean, "Does not use `screen`; without effect."),
        key("disableTTY", Boolean, "Uses pipes instead of a terminal; `false` by default."),
    ],
};

const LOGS: &Section = &Section {
    noun: "logs",
    keys: &[
        key("enabled", Boolean, "Whether they are shown; `true` by default."),
        key("lastLines", Number, "How many of the last lines to show; 50 by default."),
    ],
};

const ATTACH: &Section = &Section {
    noun: "attach",
    keys: &[
        key("enabled", Boolean, "Whether to attach; `true` by default."),
        key("disableReplace", Boolean, "Does not replace the pod; without effect."),
        key("disableTTY", Boolean, "Uses pipes instead of a terminal; `false` by default."),
    ],
};

const SSH: &Section = &Section {
    noun: "ssh",
    keys: &[
        key("enabled", Boolean, "Whether to start it; `false` by default."),
        key("localHostname", Text, "Its name in the SSH configuration."),
        key("localPort", Number, "The local port."),
        key("remoteAddress", Text, "The address to listen on in the container."),
        key("useInclude", Boolean, "Writes a separate SSH configuration file."),
    ],
};

const PROXY_COMMAND: &Section = &Section {
    noun: "proxy command",
    keys: &[
        key("gitCredentials", Boolean, "Passes on the credentials of git."),
        key("command", Text, "The command in the container."),
        key("localCommand", Text, "The local command."),
        key("skipContainerEnv", Boolean, "Does not pass on the environment of the container."),
        key("env", TEXT_MAP, "Environment variables of the command."),
    ],
};

const RESTART_HELPER: &Section = &Section {
    noun: "restartHelper",
    keys: &[
        key("path", Text, "A file or URL that replaces the built-in helper."),
        key("inject", Boolean, "Whether to inject it."),
    ],
};

const ENV: &Section =
    &Section { noun: "variable", keys: &[key("name", Text, "Its name."), key("value", Text, "Its value.")] };
