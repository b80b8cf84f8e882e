//! `pullSecrets`, `localRegistry` and `require` (spec config §13.1, §13.4, §13.7).

use super::Shape::{Boolean, Fields, List, Number, Text};
use super::{Section, TEXTS, key};
use crate::config::version::Version::*;

/// One of `pullSecrets`.
pub(super) const PULL_SECRET: &Section = &Section {
    noun: "pull secret",
    keys: &[
        key("name", Text, "Filled in by DevSpace.").since(V2beta1),
        key("registry", Text, "The registry it is for.").required(),
        key("disabled", Boolean, "Leaves it out; `false` by default.")
            .until(V1beta11, "leave it out of `ensure_pull_secrets`"),
        key("username", Text, "The user; docker's credentials by default."),
        key("password", Text, "The password or token; docker's credentials by default."),
        key("email", Text, "An address that some registries want."),
        key("secret", Text, "The name of the secret."),
        key("serviceAccounts", TEXTS, "The service accounts that get it; `[default]` by default."),
    ],
};

/// `localRegistry`.
pub(super) const LOCAL_REGISTRY: &Section = &Section {
    noun: "localRegistry",
    keys: &[
        key("enabled", Boolean, "Always or never; without, where pushing is forbidden."),
        key("localbuild", Boolean, "Builds with the local daemon; `false` by default."),
        key("namespace", Text, "Where it runs."),
        key("name", Text, "Its name; `registry` by default."),
        key("image", Text, "Its image; `registry:2.8.1` by default."),
        key("buildKitImage", Text, "The image of its builder."),
        key("port", Number, "The port it listens on; 5000 by default."),
        key("persistence", Fields(PERSISTENCE), "Whether it keeps images."),
    ],
};

const PERSISTENCE: &Section = &Section {
    noun: "persistence",
    keys: &[
        key("enabled", Boolean, "Keeps images; `false` by default."),
        key("size", Text, "Its size; `5Gi` by default."),
        key("storageClassName", Text, "The class of its storage."),
    ],
};

/// `require`.
pub(super) const REQUIRE: &Section = &Section {
    noun: "require",
    keys: &[
        key("devspace", Text, "The versions of DevSpace that fit; windlass does not check it."),
        key("commands", List(&Fields(COMMAND)), "Programs that have to be there."),
        key("plugins", List(&Fields(PLUGIN)), "Plugins of DevSpace; windlass has none."),
    ],
};

const COMMAND: &Section = &Section {
    noun: "required command",
    keys: &[
        key("name", Text, "The program.").required(),
        key("versionArgs", TEXTS, "The arguments that make it print its version."),
        key("versionRegEx", Text, "Where the version stands in that output."),
        key("version", Text, "The versions that fit."),
    ],
};

const PLUGIN: &Section = &Section {
    noun: "plugin",
    keys: &[key("name", Text, "The plugin.").required(), key("version", Text, "The versions that fit.")],
};
