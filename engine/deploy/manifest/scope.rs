//! Whether objects belong to a namespace or to the cluster.

use serde_json::Value as Json;

use super::ManifestDocument;
use crate::cluster::group_of;

/// Whether objects of a group and kind belong to a namespace, from the cluster's API; `None` if unknown.
pub type IsNamespaced<'a> = &'a (dyn Fn(&str, &str) -> Option<bool> + Sync);

/// The kinds of Kubernetes that belong to the cluster, by group. Up to 1.34, with those that were removed since 1.16.
const CLUSTER_KINDS: [(&str, &[&str]); 18] = [
    ("", &["ComponentStatus", "Namespace", "Node", "PersistentVolume"]),
    (
        "admissionregistration.k8s.io",
        &[
            "MutatingAdmissionPolicy",
            "MutatingAdmissionPolicyBinding",
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "ValidatingWebhookConfiguration",
        ],
    ),
    ("apiextensions.k8s.io", &["CustomResourceDefinition"]),
    ("apiregistration.k8s.io", &["APIService"]),
    ("authentication.k8s.io", &["SelfSubjectReview", "TokenReview"]),
    ("authorization.k8s.io", &["SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview"]),
    ("certificates.k8s.io", &["CertificateSigningRequest", "ClusterTrustBundle"]),
    ("extensions", &["PodSecurityPolicy"]),
    ("flowcontrol.apiserver.k8s.io", &["FlowSchema", "PriorityLevelConfiguration"]),
    ("internal.apiserver.k8s.io", &["StorageVersion"]),
    ("networking.k8s.io", &["IPAddress", "IngressClass", "ServiceCIDR"]),
    ("node.k8s.io", &["RuntimeClass"]),
    ("policy", &["PodSecurityPolicy"]),
    ("rbac.authorization.k8s.io", &["ClusterRole", "ClusterRoleBinding"]),
    ("resource.k8s.io", &["DeviceClass", "DeviceTaintRule", "ResourceSlice"]),
    ("scheduling.k8s.io", &["PriorityClass"]),
    (
        "storage.k8s.io",
        &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment", "VolumeAttributesClass"],
    ),
    ("storagemigration.k8s.io", &["StorageVersionMigration"]),
];

/// The groups of Kubernetes itself that have only kinds of a namespace.
const NAMESPACED_GROUPS: [&str; 6] =
    ["apps", "autoscaling", "batch", "coordination.k8s.io", "discovery.k8s.io", "events.k8s.io"];

/// Whether objects of `kind` in `group` belong to a namespace; `None` if Kubernetes itself has no such group.
pub fn is_namespaced(group: &str, kind: &str) -> Option<bool> {
    match CLUSTER_KINDS.iter().find(|(known, _)| *known == group) {
        Some((_, kinds)) => Some(!kinds.contains(&kind)),
        None => NAMESPACED_GROUPS.contains(&group).then_some(true),
    }
}

/// The scopes of the kinds that CustomResourceDefinitions of `documents` define: group, kind, whether they belong to a
/// namespace.
pub(super) fn defined_scopes(documents: &[ManifestDocument]) -> Vec<(String, String, bool)> {
    let definitions = documents.iter().filter(|document| {
        document.kind() == "CustomResourceDefinition"
            && group_of(document.api_version()) == "apiextensions.k8s.io"
    });
    let scope = |document: &ManifestDocument| {
        let text = |pointer| document.value.pointer(pointer).and_then(Json::as_str);
        let is_namespaced = text("/spec/scope")? == "Namespaced";
        Some((text("/spec/group")?.to_owned(), text("/spec/names/kind")?.to_owned(), is_namespaced))
    };
    definitions.filter_map(scope).collect()
}
