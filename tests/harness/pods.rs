//! Pods with the base image, and projects that connect to them.

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::{Cluster, Daemon, Project, Relay};

/// A container called `name` that runs `script` in `sh`.
pub fn container(daemon: &Daemon, name: &str, script: &str) -> Value {
    json!({
        "name": name,
        "image": daemon.base(),
        "imagePullPolicy": "Never",
        "command": ["sh", "-c", script],
        "volumeMounts": [{ "name": "data", "mountPath": "/data" }],
    })
}

impl Cluster {
    /// Creates a pod with `containers` and the label `app`; `/data` outlives restarts of containers.
    #[track_caller]
    pub fn create_pod(&self, name: &str, app: &str, containers: &[Value]) {
        self.create::<Pod>(json!({
            "metadata": { "name": name, "labels": { "app": app } },
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "containers": containers,
                "volumes": [{ "name": "data", "emptyDir": {} }],
            },
        }));
    }

    /// A project without content for the cluster.
    pub fn project(&self) -> Project {
        Self::project_of(&self.kubeconfig("test"))
    }

    /// A project for the cluster behind `relay`.
    pub fn project_behind(&self, relay: &Relay) -> Project {
        let server = self.server();
        let address = server.trim_start_matches("https://");
        Self::project_of(&self.kubeconfig("test").replace(address, &format!("127.0.0.1:{}", relay.port())))
    }

    fn project_of(kubeconfig: &str) -> Project {
        let config = "version: v2beta1\nname: shop\n";
        let project = Project::new().file("devspace.yaml", config).file("kubeconfig", kubeconfig);
        let path = project.path("kubeconfig");
        project.env("KUBECONFIG", path)
    }
}
