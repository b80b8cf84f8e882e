//! `pullSecrets`, `localRegistry` and `require`.

use super::Shape::{Boolean, Fields, List, Number, Text};
use super::{Section, TEXTS, key};
use crate::config::version::Version::*;

/// One of `pullSecrets`.
pub(super) const PULL_SECRET: &Section = &Section {
    noun: "pull secret",
    keys: &[
        key("name", Text, "Filled in by DevSpace.").since(V2beta1),
        key("registry", Text, "The registry of the credentials.").required(),
        key("disabled", Boolean, "Skips it; `false` by default.")
            .until(V1beta11, "omit it from `ensure_pull_secrets`"),
        key("username", Text, "The user name; the Docker credentials by default."),
        key("password", Text, "The password or token; the Docker credentials by default."),
        key("email", Text, "The email address of the account."),
        key("secret", Text, "The name of the Kubernetes secret."),
        key("serviceAccounts", TEXTS, "The service accounts to add it to; `[default]` by default."),
    ],
};

/// `localRegistry`.
pub(super) const LOCAL_REGISTRY: &Section = &Section {
    noun: "localRegistry",
    keys: &[
        key(
            "enabled",
            Boolean,
            "Whether to use it; by default, only if the registry of an image rejects pushes.",
        ),
        key("localbuild", Boolean, "Builds with the local Docker daemon; `false` by default."),
        key("namespace", Text, "The namespace in which it runs."),
        key("name", Text, "Its name; `registry` by default."),
        key("image", Text, "Its image; `registry:2.8.1` by default."),
        key("buildKitImage", Text, "The image of its BuildKit."),
        key("port", Number, "The port it listens on; 5000 by default."),
        key("persistence", Fields(PERSISTENCE), "The persistent storage of its images."),
    ],
};

const PERSISTENCE: &Section = &Section {
    noun: "persistence",
    keys: &[
        key("enabled", Boolean, "Persists images; `false` by default."),
        key("size", Text, "The size of the storage; `5Gi` by default."),
        key("storageClassName", Text, "The storage class."),
    ],
};

/// `require`.
pub(super) const REQUIRE: &Section = &Section {
    noun: "require",
    keys: &[
        key("devspace", Text, "The required DevSpace version; windlass does not check it."),
        key("commands", List(&Fields(COMMAND)), "Commands that must be installed."),
        key(
            "plugins",
            List(&Fields(PLUGIN)),
            "Required DevSpace plugins; windlass does not support plugins.",
        ),
    ],
};

const COMMAND: &Section = &Section {
    noun: "required command",
    keys: &[
        key("name", Text, "The command.").required(),
        key("versionArgs", TEXTS, "The arguments that print its version."),
        key("versionRegEx", Text, "A regular expression that extracts the version from the output."),
        key("version", Text, "The required version."),
    ],
};

const PLUGIN: &Section = &Section {
    noun: "plugin",
    keys: &[key("name", Text, "The plugin.").required(), key("version", Text, "The required version.")],
};
