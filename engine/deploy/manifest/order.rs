//! The order in which objects are applied and deleted.

use serde_json::Value;

use super::ManifestDocument;
use crate::cluster::group_of;

/// The kinds that precede all others, by group.
///
/// After `pkg/ordering` of `kubernetes-sigs/cli-utils`, with three differences: a Secret and a ConfigMap, and the
/// limits of a namespace, precede everything that they affect; volumes precede their users; all webhooks come last,
/// because the workload that answers them must run first.
const FIRST: [(&str, &str); 28] = [
    ("", "Namespace"),
    ("", "ResourceQuota"),
    ("", "LimitRange"),
    ("storage.k8s.io", "StorageClass"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("scheduling.k8s.io", "PriorityClass"),
    ("node.k8s.io", "RuntimeClass"),
    ("networking.k8s.io", "IngressClass"),
    ("", "ServiceAccount"),
    ("policy", "PodSecurityPolicy"),
    ("rbac.authorization.k8s.io", "Role"),
    ("rbac.authorization.k8s.io", "ClusterRole"),
    ("rbac.authorization.k8s.io", "RoleBinding"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    ("", "Secret"),
    ("", "ConfigMap"),
    ("", "PersistentVolume"),
    ("", "PersistentVolumeClaim"),
    ("networking.k8s.io", "NetworkPolicy"),
    ("", "Service"),
    ("", "Pod"),
    ("", "ReplicationController"),
    ("apps", "ReplicaSet"),
    ("apps", "Deployment"),
    ("apps", "StatefulSet"),
    ("apps", "DaemonSet"),
    ("batch", "Job"),
    ("batch", "CronJob"),
];

/// The kinds that follow all others, by group.
const LAST: [(&str, &str); 7] = [
    ("networking.k8s.io", "Ingress"),
    ("apiregistration.k8s.io", "APIService"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
];

/// The rank of objects of `kind` in `group`: lower ranks are applied first. Kinds of other groups, such as custom
/// resources, follow the workloads.
fn apply_rank(group: &str, kind: &str) -> usize {
    // Until 1.16, workloads and Ingresses were in `extensions`.
    let is = |known: &(&str, &str)| known.1 == kind && (known.0 == group || group == "extensions");
    match (FIRST.iter().position(is), LAST.iter().position(is)) {
        (Some(first), _) => first,
        (None, Some(last)) => FIRST.len() + 1 + last,
        (None, None) => FIRST.len(),
    }
}

/// The rank of `object`.
pub fn object_rank(object: &Value) -> usize {
    let text = |key: &str| object[key].as_str().unwrap_or_default();
    apply_rank(group_of(text("apiVersion")), text("kind"))
}

/// Sorts `documents` into the order in which they are applied. Objects of one rank stay in file order.
pub fn sort_for_apply(documents: &mut [ManifestDocument]) {
    documents.sort_by_cached_key(|document| apply_rank(group_of(document.api_version()), document.kind()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn documents(objects: &[(&str, &str, &str)]) -> Vec<ManifestDocument> {
        let object = |(api_version, kind, name): &(&str, &str, &str)| {
            ManifestDocument::new(
                json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}}),
            )
        };
        objects.iter().map(object).collect()
    }

    fn names(documents: &[ManifestDocument]) -> Vec<String> {
        documents.iter().filter_map(|document| document.id().map(|id| id.name)).collect()
    }

    #[test]
    fn objects_come_after_their_requirements() {
        let mut documents = documents(&[
            ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "hook"),
            ("networking.k8s.io/v1", "Ingress", "ingress"),
            ("extensions/v1beta1", "Ingress", "old-ingress"),
            ("acme.io/v1", "Deployment", "resource"),
            ("apps/v1", "Deployment", "web"),
            ("extensions/v1beta1", "Deployment", "old"),
            ("apps/v1", "Deployment", "api"),
            ("v1", "Service", "service"),
            ("serving.knative.dev/v1", "Service", "knative"),
            ("v1", "ConfigMap", "config"),
            ("v1", "Secret", "secret"),
            ("rbac.authorization.k8s.io/v1", "Role", "role"),
            ("v1", "ServiceAccount", "account"),
            ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "definition"),
            ("v1", "Namespace", "namespace"),
        ]);
        sort_for_apply(&mut documents);
        let expected = [
            "namespace",
            "definition",
            "account",
            "role",
            "secret",
            "config",
            "service",
            "web",
            "old",
            "api",
            "resource",
            "knative",
            "ingress",
            "old-ingress",
            "hook",
        ];
        assert_eq!(names(&documents), expected);
        sort_for_apply(&mut documents);
        assert_eq!(names(&documents), expected);
    }

    #[test]
    fn incomplete_objects_are_sorted() {
        sort_for_apply(&mut [ManifestDocument::new(json!(null)), ManifestDocument::new(json!([]))]);
    }
}
