//! A deployment of a thousand objects.

use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;

use super::settings::number;
use crate::harness::{Cluster, Project};

#[test]
#[ignore = "long: tests/long/run"]
fn a_thousand_objects_are_deployed_kept_and_purged() {
    let Some(cluster) = Cluster::acquire() else { return };
    let count = number("WINDLASS_TEST_ROUNDS", 1000);
    let manifest = |number: u64| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: map-{number}}}\ndata: {{value: '{number}'}}\n---\n"
        )
    };
    let project = Project::new()
        .limit(Duration::from_secs(600))
        .file(
            "devspace.yaml",
            "version: v2beta1\nname: shop\ndeployments:\n  a: {kubectl: {manifests: [kube]}}\n",
        )
        .file("kubeconfig", cluster.kubeconfig("test"));
    let numbers: Vec<u64> = (0..count).collect();
    for (file, part) in numbers.chunks(50).enumerate() {
        project.write(format!("kube/{file}.yaml"), part.iter().copied().map(manifest).collect::<String>());
    }
    let path = project.path("kubeconfig");
    let project = project.env("KUBECONFIG", path);
    let maps = || {
        let maps = cluster.list::<ConfigMap>().into_iter().filter_map(|map| map.metadata.name);
        maps.filter(|name| name.starts_with("map-")).count()
    };
    project.run(["deploy"]).success().stderr_has(format!("deployed {count} objects"));
    assert_eq!(maps(), numbers.len());
    project.run(["deploy"]).success().stderr_has("kept: unchanged");
    project.run(["purge", "--yes"]).success().stderr_has(format!("{count} objects"));
    assert_eq!(maps(), 0);
}
