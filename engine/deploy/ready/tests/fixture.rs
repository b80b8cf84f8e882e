//! Objects as real clusters return them.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::deploy::ready::{ClusterView, Permanence, Problem, diagnose};

/// 12:00:`seconds` on the day of the tests.
pub fn at(seconds: i64) -> Timestamp {
    let noon: Timestamp = "2026-11-02T12:00:00Z".parse().expect("a time");
    Timestamp::from_second(noon.as_second() + seconds).expect("a time")
}

/// `value` with the fields of `changes`, recursively.
pub fn merged(mut value: Value, changes: &Value) -> Value {
    fn merge(value: &mut Value, changes: &Value) {
        match (value, changes) {
            (Value::Object(value), Value::Object(changes)) => {
                for (key, change) in changes {
                    merge(value.entry(key.clone()).or_insert(Value::Null), change);
                }
            }
            (value, change) => *value = change.clone(),
        }
    }
    merge(&mut value, changes);
    value
}

pub fn object(api_version: &str, kind: &str, name: &str, rest: &Value) -> Value {
    let base = json!({
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": name, "namespace": "dev", "uid": format!("{kind}-{name}"),
            "creationTimestamp": "2026-11-02T11:59:30Z",
        },
    });
    merged(base, rest)
}

/// The Deployment `web` of 3 pods, of which none is ready, at its second revision.
pub fn deployment(status: &Value) -> Value {
    let base = json!({
        "metadata": { "generation": 2, "annotations": { "deployment.kubernetes.io/revision": "2" } },
        "spec": { "replicas": 3, "progressDeadlineSeconds": 600 },
        "status": {
            "observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "unavailableReplicas": 3,
            "conditions": [
                { "type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable",
                  "message": "Deployment does not have minimum availability." },
                { "type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated",
                  "message": "ReplicaSet \"web-7d9\" is progressing." },
            ],
        },
    });
    merged(object("apps/v1", "Deployment", "web", &base), &json!({ "status": status }))
}

/// The ReplicaSet of the Deployment `web` at `revision`.
pub fn replica_set(name: &str, revision: &str, status: &Value) -> Value {
    let owner =
        json!([{ "apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "Deployment-web" }]);
    let rest = json!({
        "metadata": {
            "annotations": { "deployment.kubernetes.io/revision": revision },
            "ownerReferences": owner, "generation": 1,
        },
        "spec": { "replicas": 3 },
        "status": merged(json!({ "observedGeneration": 1, "replicas": 3, "fullyLabeledReplicas": 3 }), status),
    });
    object("apps/v1", "ReplicaSet", name, &rest)
}

/// A pod with one container `web`, in `phase`.
pub fn pod(name: &str, owner: &str, phase: &str, container: &Value) -> Value {
    let status = json!({
        "name": "web", "image": "ghcr.io/shop/web:1.4", "imageID": "", "ready": false, "restartCount": 0,
        "started": false, "lastState": {},
    });
    let rest = json!({
        "metadata": { "ownerReferences": [{ "kind": "ReplicaSet", "uid": owner, "controller": true }] },
        "spec": {
            "restartPolicy": "Always", "nodeName": "n1",
            "containers": [{
                "name": "web", "image": "ghcr.io/shop/web:1.4",
                "resources": { "limits": { "memory": "128Mi" } },
                "readinessProbe": { "httpGet": { "path": "/healthz", "port": 8080, "scheme": "HTTP" } },
            }],
        },
        "status": {
            "phase": phase,
            "conditions": [
                { "type": "PodScheduled", "status": "True" },
                { "type": "Ready", "status": "False", "reason": "ContainersNotReady",
                  "message": "containers with unready status: [web]" },
            ],
            "containerStatuses": [merged(status, container)],
        },
    });
    object("v1", "Pod", name, &rest)
}

/// A pod of the current ReplicaSet, whose container has `container` as status.
pub fn web_pod(phase: &str, container: &Value) -> Value {
    pod("web-7d9-x2k", "ReplicaSet-web-7d9", phase, container)
}

/// A container that waits.
pub fn waiting(reason: &str, message: &str) -> Value {
    json!({ "state": { "waiting": { "reason": reason, "message": message } } })
}

/// A container in a crash loop that ended as `last` and was restarted twice.
pub fn crash_loop(last: &Value) -> Value {
    let message = "back-off 20s restarting failed container=web pod=web-7d9-x2k_dev(Pod-web-7d9-x2k)";
    merged(
        waiting("CrashLoopBackOff", message),
        &json!({ "restartCount": 2, "lastState": { "terminated": last } }),
    )
}

pub fn event(about: &Value, reason: &str, message: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": reason, "message": message, "count": 3,
        "involvedObject": {
            "kind": about["kind"], "namespace": about["metadata"]["namespace"],
            "name": about["metadata"]["name"], "uid": about["metadata"]["uid"],
        },
        "lastTimestamp": "2026-11-02T11:59:50Z",
    })
}

/// An event of the container `web` of `pod`.
pub fn container_event(pod: &Value, reason: &str, message: &str) -> Value {
    let path = json!({ "involvedObject": { "fieldPath": "spec.containers{web}" } });
    merged(event(pod, reason, message), &path)
}

/// A cluster in which the first object was deployed.
#[derive(Debug, Default)]
pub struct Cluster {
    pub objects: Vec<Value>,
    pub events: Vec<Value>,
    pub unpushed: Vec<&'static str>,
}

impl Cluster {
    pub fn new(objects: impl IntoIterator<Item = Value>) -> Self {
        Self { objects: objects.into_iter().collect(), ..Self::default() }
    }

    /// The Deployment `web` with one pod.
    pub fn of_web(pod: Value) -> Self {
        Self::new([deployment(&json!({})), replica_set("web-7d9", "2", &json!({})), pod])
    }

    pub fn with_event(mut self, event: Value) -> Self {
        self.events.push(event);
        self
    }

    pub fn with_name(mut self, kind: &'static str, name: &'static str) -> Self {
        let (api_version, namespace) = match kind {
            "StorageClass" => ("storage.k8s.io/v1", None),
            _ => ("v1", Some("dev")),
        };
        let metadata = json!({ "name": name, "namespace": namespace });
        self.objects.push(json!({ "apiVersion": api_version, "kind": kind, "metadata": metadata }));
        self
    }

    pub fn view(&self) -> ClusterView<'_> {
        let view = ClusterView::new(at(0), &self.objects, &self.events);
        view.with_unpushed(self.unpushed.iter().copied())
    }

    pub fn problems(&self) -> Vec<Problem> {
        diagnose(&self.objects[0], &self.view())
    }

    /// The code, permanence, message, log and help of the most important problem.
    #[track_caller]
    pub fn has(
        &self,
        code: &str,
        permanence: Permanence,
        message: &str,
        log: Option<&str>,
        help: &str,
    ) -> Problem {
        let problems = self.problems();
        let Some(problem) = problems.first() else { panic!("no problem instead of {code}") };
        let shown = problem.log.as_ref().map(|log| {
            let previous = if log.previous { " --previous" } else { "" };
            format!("-n {} {} -c {}{previous}", log.namespace, log.pod, log.container)
        });
        assert_eq!(
            (problem.code(), problem.permanence, problem.message().as_str(), shown.as_deref()),
            (code, permanence, message, log),
        );
        assert_eq!(problem.help(), help);
        problem.clone()
    }
}
