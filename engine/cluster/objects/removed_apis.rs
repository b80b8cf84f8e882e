//! APIs that Kubernetes no longer serves, and kinds under a wrong group.

/// The kinds of a removed API version; no kinds mean all of them. Then the successor, if there is one, and the version
/// of Kubernetes that removed it (Kubernetes documentation, Deprecated API Migration Guide).
type Removal = (&'static str, &'static [&'static str], Option<&'static str>, &'static str);

const REMOVALS: &[Removal] = &[
    ("admissionregistration.k8s.io/v1beta1", &[], Some("admissionregistration.k8s.io/v1"), "1.22"),
    ("apiextensions.k8s.io/v1beta1", &[], Some("apiextensions.k8s.io/v1"), "1.22"),
    ("apiregistration.k8s.io/v1beta1", &[], Some("apiregistration.k8s.io/v1"), "1.22"),
    ("apps/v1beta1", &[], Some("apps/v1"), "1.16"),
    ("apps/v1beta2", &[], Some("apps/v1"), "1.16"),
    ("autoscaling/v2beta1", &[], Some("autoscaling/v2"), "1.25"),
    ("autoscaling/v2beta2", &[], Some("autoscaling/v2"), "1.26"),
    ("batch/v1beta1", &["CronJob"], Some("batch/v1"), "1.25"),
    ("batch/v2alpha1", &["CronJob"], Some("batch/v1"), "1.21"),
    ("certificates.k8s.io/v1beta1", &[], Some("certificates.k8s.io/v1"), "1.22"),
    ("coordination.k8s.io/v1beta1", &["Lease"], Some("coordination.k8s.io/v1"), "1.22"),
    ("discovery.k8s.io/v1beta1", &["EndpointSlice"], Some("discovery.k8s.io/v1"), "1.25"),
    ("events.k8s.io/v1beta1", &["Event"], Some("events.k8s.io/v1"), "1.25"),
    ("extensions/v1beta1", &["DaemonSet", "Deployment", "ReplicaSet"], Some("apps/v1"), "1.16"),
    ("extensions/v1beta1", &["Ingress"], Some("networking.k8s.io/v1"), "1.22"),
    ("extensions/v1beta1", &["NetworkPolicy"], Some("networking.k8s.io/v1"), "1.16"),
    ("extensions/v1beta1", &["PodSecurityPolicy"], None, "1.16"),
    ("flowcontrol.apiserver.k8s.io/v1beta1", &[], Some("flowcontrol.apiserver.k8s.io/v1"), "1.26"),
    ("flowcontrol.apiserver.k8s.io/v1beta2", &[], Some("flowcontrol.apiserver.k8s.io/v1"), "1.29"),
    ("flowcontrol.apiserver.k8s.io/v1beta3", &[], Some("flowcontrol.apiserver.k8s.io/v1"), "1.32"),
    ("networking.k8s.io/v1beta1", &["Ingress", "IngressClass"], Some("networking.k8s.io/v1"), "1.22"),
    ("node.k8s.io/v1beta1", &["RuntimeClass"], Some("node.k8s.io/v1"), "1.25"),
    ("policy/v1beta1", &["PodDisruptionBudget"], Some("policy/v1"), "1.25"),
    ("policy/v1beta1", &["PodSecurityPolicy"], None, "1.25"),
    ("rbac.authorization.k8s.io/v1alpha1", &[], Some("rbac.authorization.k8s.io/v1"), "1.22"),
    ("rbac.authorization.k8s.io/v1beta1", &[], Some("rbac.authorization.k8s.io/v1"), "1.22"),
    ("scheduling.k8s.io/v1beta1", &["PriorityClass"], Some("scheduling.k8s.io/v1"), "1.22"),
    ("storage.k8s.io/v1beta1", &["CSIStorageCapacity"], Some("storage.k8s.io/v1"), "1.27"),
    (
        "storage.k8s.io/v1beta1",
        &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"],
        Some("storage.k8s.io/v1"),
        "1.22",
    ),
];

/// Kinds that manifests often have under a wrong API version, and the correct one.
const HOMES: &[(&str, &[&str])] = &[
    ("apps/v1", &["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"]),
    ("autoscaling/v2", &["HorizontalPodAutoscaler"]),
    ("batch/v1", &["CronJob", "Job"]),
    ("networking.k8s.io/v1", &["Ingress", "IngressClass", "NetworkPolicy"]),
    ("policy/v1", &["PodDisruptionBudget"]),
    ("rbac.authorization.k8s.io/v1", &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"]),
    ("storage.k8s.io/v1", &["StorageClass"]),
    (
        "v1",
        &["ConfigMap", "Namespace", "PersistentVolumeClaim", "Pod", "Secret", "Service", "ServiceAccount"],
    ),
];

/// The hint for `kind` in `api_version`, which Kubernetes removed.
pub(super) fn successor(api_version: &str, kind: &str) -> Option<String> {
    let is_match = |(version, kinds, ..): &&Removal| {
        *version == api_version && (kinds.is_empty() || kinds.contains(&kind))
    };
    let (.., successor, release) = REMOVALS.iter().find(is_match)?;
    Some(match successor {
        Some(successor) => {
            format!("use `apiVersion: {successor}`: Kubernetes {release} removed `{api_version}`")
        }
        None => {
            format!("remove it: Kubernetes {release} removed `{kind}` without a successor in `{api_version}`")
        }
    })
}

/// The usual API version of `kind`.
pub(super) fn usual_version(kind: &str) -> Option<&'static str> {
    HOMES.iter().find(|(_, kinds)| kinds.contains(&kind)).map(|(version, _)| *version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removed_apis_have_successors() {
        let check = |api_version: &str, kind: &str, expected: Option<&str>| {
            assert_eq!(successor(api_version, kind).as_deref(), expected);
        };
        check(
            "extensions/v1beta1",
            "Deployment",
            Some("use `apiVersion: apps/v1`: Kubernetes 1.16 removed `extensions/v1beta1`"),
        );
        check(
            "rbac.authorization.k8s.io/v1beta1",
            "Role",
            Some(
                "use `apiVersion: rbac.authorization.k8s.io/v1`: Kubernetes 1.22 removed `rbac.authorization.k8s.io/v1beta1`",
            ),
        );
        check(
            "policy/v1beta1",
            "PodSecurityPolicy",
            Some(
                "remove it: Kubernetes 1.25 removed `PodSecurityPolicy` without a successor in `policy/v1beta1`",
            ),
        );
        check("apps/v1", "Deployment", None);
        assert_eq!(usual_version("Deployment"), Some("apps/v1"));
    }
}
