//! Sections that only the first versions have.

use super::Shape::{Boolean, Fields, List, Text};
use super::deployment::DEPLOYMENT;
use super::dev::{AUTO_RELOAD, PORTS, SYNC, TERMINAL};
use super::{Section, TEXT_MAP, key};

/// `devSpace` of v1alpha1.
pub(super) const DEV_SPACE: &Section = &Section {
    noun: "devSpace",
    keys: &[
        key("terminal", Fields(TERMINAL), "The terminal to open.").of_dev(),
        key("autoReload", Fields(AUTO_RELOAD), "Triggers of another build and deployment.").of_dev(),
        key("services", List(&Fields(SERVICE)), "Selectors by name.").of_dev(),
        key("deployments", List(&Fields(DEPLOYMENT)), "The deployments, in this order."),
        key("ports", List(&Fields(PORTS)), "Forwarded ports.").of_dev(),
        key("sync", List(&Fields(SYNC)), "Directories to sync with a container.").of_dev(),
    ],
};

const SERVICE: &Section = &Section {
    noun: "service",
    keys: &[
        key("name", Text, "Its name."),
        key("namespace", Text, "The pod's namespace."),
        key("resourceType", Text, "The kind of resource to select."),
        key("labelSelector", TEXT_MAP, "The labels of the pod."),
        key("containerName", Text, "The container's name."),
    ],
};

/// `autoReload` of an image or a deployment.
pub(super) const AUTO_RELOAD_SWITCH: &Section =
    &Section { noun: "autoReload", keys: &[key("disabled", Boolean, "Disables it.")] };

/// One of `registries` of v1alpha1.
pub(super) const REGISTRY: &Section = &Section {
    noun: "registry",
    keys: &[
        key("url", Text, "The registry's host."),
        key("auth", Fields(AUTH), "Credentials."),
        key("insecure", Boolean, "Disables TLS."),
    ],
};

const AUTH: &Section = &Section {
    noun: "auth",
    keys: &[key("username", Text, "The user."), key("password", Text, "The password.")],
};

/// `tiller` of v1alpha1.
pub(super) const TILLER: &Section =
    &Section { noun: "tiller", keys: &[key("namespace", Text, "The namespace in which Tiller runs.")] };

/// `internalRegistry` of v1alpha1.
pub(super) const INTERNAL_REGISTRY: &Section = &Section {
    noun: "internalRegistry",
    keys: &[
        key("deploy", Boolean, "Whether to deploy it."),
        key("namespace", Text, "The namespace in which it runs."),
    ],
};

/// `cluster` up to v1beta2.
pub(super) const CLUSTER: &Section = &Section {
    noun: "cluster",
    keys: &[
        key("cloudProvider", Text, "The cloud provider."),
        key("kubeContext", Text, "The kubeconfig context."),
        key("namespace", Text, "The namespace."),
        key("apiServer", Text, "The API server."),
        key("caCert", Text, "The server's certificate."),
        key("user", Fields(USER), "Credentials."),
    ],
};

const USER: &Section = &Section {
    noun: "user",
    keys: &[
        key("clientCert", Text, "A client certificate."),
        key("clientKey", Text, "The key of the certificate."),
        key("token", Text, "A token."),
    ],
};
