//! Sections that only the first versions have (spec config §1.1).

use super::Shape::{Boolean, Fields, List, Text};
use super::deployment::DEPLOYMENT;
use super::dev::{AUTO_RELOAD, PORTS, SYNC, TERMINAL};
use super::{Section, TEXT_MAP, key};

/// `devSpace` of v1alpha1.
pub(super) const DEV_SPACE: &Section = &Section {
    noun: "devSpace",
    keys: &[
        key("terminal", Fields(TERMINAL), "The terminal that is opened."),
        key("autoReload", Fields(AUTO_RELOAD), "What starts the build and deployment again."),
        key("services", List(&Fields(SERVICE)), "Selectors by name."),
        key("deployments", List(&Fields(DEPLOYMENT)), "What to deploy, in this order."),
        key("ports", List(&Fields(PORTS)), "Ports that are forwarded."),
        key("sync", List(&Fields(SYNC)), "Folders that are kept equal with a container."),
    ],
};

const SERVICE: &Section = &Section {
    noun: "service",
    keys: &[
        key("name", Text, "Its name."),
        key("namespace", Text, "The pod's namespace."),
        key("resourceType", Text, "What is selected."),
        key("labelSelector", TEXT_MAP, "The labels of the pod."),
        key("containerName", Text, "The container's name."),
    ],
};

/// `autoReload` of an image or a deployment.
pub(super) const AUTO_RELOAD_SWITCH: &Section =
    &Section { noun: "autoReload", keys: &[key("disabled", Boolean, "Does not do it.")] };

/// One of `registries` of v1alpha1.
pub(super) const REGISTRY: &Section = &Section {
    noun: "registry",
    keys: &[
        key("url", Text, "Its host."),
        key("auth", Fields(AUTH), "Credentials."),
        key("insecure", Boolean, "Does without TLS."),
    ],
};

const AUTH: &Section = &Section {
    noun: "auth",
    keys: &[key("username", Text, "The user."), key("password", Text, "The password.")],
};

/// `tiller` of v1alpha1.
pub(super) const TILLER: &Section =
    &Section { noun: "tiller", keys: &[key("namespace", Text, "Where Tiller runs.")] };

/// `internalRegistry` of v1alpha1.
pub(super) const INTERNAL_REGISTRY: &Section = &Section {
    noun: "internalRegistry",
    keys: &[key("deploy", Boolean, "Whether to deploy it."), key("namespace", Text, "Where it runs.")],
};

/// `cluster` up to v1beta2.
pub(super) const CLUSTER: &Section = &Section {
    noun: "cluster",
    keys: &[
        key("cloudProvider", Text, "The provider."),
        key("kubeContext", Text, "The context."),
        key("namespace", Text, "The namespace."),
        key("apiServer", Text, "The server."),
        key("caCert", Text, "The server's certificate."),
        key("user", Fields(USER), "Credentials."),
    ],
};

const USER: &Section = &Section {
    noun: "user",
    keys: &[
        key("clientCert", Text, "A certificate."),
        key("clientKey", Text, "Its key."),
        key("token", Text, "A token."),
    ],
};
