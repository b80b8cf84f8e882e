use super::*;
use serde_json::json;

fn filled(objects: Vec<Json>) -> Vec<Json> {
    let mut documents: Vec<_> = objects.into_iter().map(ManifestDocument::new).collect();
    let known = |group: &str, kind: &str| (group == "known.io").then_some(kind != "Wide");
    fill_in(&mut documents, "dev", &known);
    documents.into_iter().map(|document| document.value).collect()
}

#[test]
fn namespaced_objects_get_the_namespace() {
    let crd = |scope: &str, kind: &str| {
        json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "x"},
            "spec": {"scope": scope, "group": "acme.io", "names": {"kind": kind}}})
    };
    for (api_version, kind, expected) in [
        ("v1", "ConfigMap", true),
        ("v1", "Namespace", false),
        ("v1", "PersistentVolume", false),
        ("apps/v1", "Deployment", true),
        ("networking.k8s.io/v1", "Ingress", true),
        ("networking.k8s.io/v1", "IngressClass", false),
        ("rbac.authorization.k8s.io/v1", "Role", true),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", false),
        ("policy/v1", "PodDisruptionBudget", true),
        ("acme.io/v1", "Widget", true),
        ("acme.io/v1", "Fleet", false),
        ("acme.io/v1", "Other", false),
        ("known.io/v1", "Thing", true),
        ("known.io/v1", "Wide", false),
        ("unknown.io/v1", "Thing", false),
    ] {
        let object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}});
        let objects = filled(vec![object, crd("Namespaced", "Widget"), crd("Cluster", "Fleet")]);
        let namespace = objects[0]["metadata"].get("namespace");
        assert_eq!(namespace, expected.then_some(&json!("dev")), "{api_version} {kind}");
    }
}

#[test]
fn own_namespace_stays() {
    let object = |namespace: Json| json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": namespace}});
    let objects = filled(vec![object(json!("own")), object(json!("")), object(json!(null))]);
    assert_eq!(objects, [object(json!("own")), object(json!("dev")), object(json!("dev"))]);
    // Incomplete objects do not panic.
    assert_eq!(filled(vec![json!(1), json!({"apiVersion": "v1", "kind": "Pod"})]).len(), 2);
}

#[test]
fn service_ports_get_a_protocol() {
    let service = |ports: Json| json!({"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "a"}, "spec": {"ports": ports}});
    let ports = json!([{"port": 80}, {"port": 53, "protocol": "UDP"}, {"port": 1, "protocol": null}, 7]);
    let expected = json!([{"port": 80, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}, {"port": 1, "protocol": "TCP"}, 7]);
    assert_eq!(filled(vec![service(ports.clone())]), [service(expected)]);
    let knative =
        json!({"apiVersion": "serving.knative.dev/v1", "kind": "Service", "spec": {"ports": ports}});
    assert_eq!(filled(vec![knative.clone()]), [knative]);
}
