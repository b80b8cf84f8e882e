use proptest::prelude::*;
use serde_json::Value;

use super::fixture::at;
use crate::deploy::ready::{ClusterView, RolloutError, SeenProblems, Summary, diagnose};

/// Keys of objects.
const KEYS: &str = "
    apiVersion kind metadata name namespace uid generation observedGeneration labels annotations
    ownerReferences deletionTimestamp creationTimestamp spec status replicas readyReplicas
    updatedReplicas availableReplicas conditions type reason message phase containerStatuses
    initContainerStatuses state lastState waiting terminated running exitCode restartCount ready
    containers image volumes secret readinessProbe httpGet port involvedObject fieldPath updateStrategy
    rollingUpdate partition currentRevision updateRevision desiredNumberScheduled storageClassName
    persistentVolumeClaim claimName data deployment.kubernetes.io/revision helm.sh/hook lastTimestamp
    nominatedNodeName completions parallelism progressDeadlineSeconds count
";

/// Values of fields.
const WORDS: &str = "
    v1 apps/v1 batch/v1 apiextensions.k8s.io/v1 Deployment ReplicaSet StatefulSet DaemonSet Job Pod
    PersistentVolumeClaim Service CustomResourceDefinition Thing x True False Ready Progressing
    PodScheduled Unschedulable Failed Pending Running CrashLoopBackOff ErrImagePull ImagePullBackOff
    InvalidImageName CreateContainerConfigError RunContainerError OOMKilled StartError FailedMount
    FailedCreate Unhealthy Killing ReplicaFailure ProgressDeadlineExceeded Stalled spec.containers{
    spec.containers{é} 2026-11-02T12:00:00Z 1 é
";

/// Messages.
const MESSAGES: &str = r#"
secret "
secret "x" not found
couldn't find key k in Secret
couldn't find key k in Secret dev/x
MountVolume.SetUp failed for volume "x" : references non-existent secret key: é
Readiness probe failed: é
failed to resolve reference "
"#;

fn any_value() -> impl Strategy<Value = Value> {
    let keys: Vec<_> = KEYS.split_whitespace().collect();
    let texts: Vec<_> = WORDS.split_whitespace().chain(MESSAGES.lines()).chain(["a desc = "]).collect();
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1_i64..4).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        proptest::sample::select(texts).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((proptest::sample::select(keys.clone()), inner), 0..8)
                .prop_map(|fields| fields.into_iter().map(|(key, value)| (key.to_owned(), value)))
                .prop_map(|fields| Value::Object(fields.collect())),
        ]
    })
}

/// `object` with another value for one of its fields.
fn damaged(object: &Value, pointer: usize, value: Value) -> Value {
    fn pointers(value: &Value, path: &str, found: &mut Vec<String>) {
        found.push(path.to_owned());
        match value {
            Value::Object(map) => map.iter().for_each(|(key, value)| {
                pointers(value, &format!("{path}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }),
            Value::Array(list) => {
                list.iter()
                    .enumerate()
                    .for_each(|(index, value)| pointers(value, &format!("{path}/{index}"), found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    pointers(object, "", &mut found);
    let mut object = object.clone();
    if let Some(place) = object.pointer_mut(&found[pointer % found.len()]) {
        *place = value;
    }
    object
}

/// Calls everything.
fn exercise(objects: &[Value], events: &[Value]) {
    let view = ClusterView::new(at(0), objects, events).with_unpushed(["x"]);
    let mut seen = SeenProblems::default();
    for object in objects {
        let summary = Summary::new(object, &view);
        let _ = (summary.to_string(), summary.plain());
        let problems = diagnose(object, &view);
        seen.observe(&problems, at(0));
        let _ = seen.next_deadline();
        for problem in problems {
            let error = RolloutError::new("x", problem).with_log(&["exec format error"]);
            let mut rendered = String::new();
            let _ = miette::NarratableReportHandler::new().render_report(&mut rendered, &error);
            assert!(!rendered.is_empty());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_values_are_assessed(
        objects in proptest::collection::vec(any_value(), 0..5),
        events in proptest::collection::vec(any_value(), 0..3),
    ) {
        exercise(&objects, &events);
    }

    #[test]
    fn damaged_objects_are_assessed(
        which in 0_usize..5,
        pointers in proptest::collection::vec((any::<usize>(), any_value()), 1..4),
    ) {
        use super::fixture::*;
        use serde_json::json;

        let pod = match which {
            0 => web_pod("Running", &crash_loop(&json!({ "exitCode": 1, "reason": "OOMKilled" }))),
            1 => web_pod("Pending", &waiting("ImagePullBackOff", "")),
            2 => web_pod("Pending", &waiting("CreateContainerConfigError", "couldn't find key k in Secret dev/x")),
            3 => web_pod("Running", &json!({ "state": { "running": {} } })),
            _ => web_pod("Pending", &waiting("ContainerCreating", "")),
        };
        let events = [
            container_event(&pod, "Unhealthy", "Readiness probe failed: x"),
            event(&pod, "FailedMount", "MountVolume.SetUp failed for volume \"x\" : references non-existent secret key: k"),
        ];
        let mut objects = vec![deployment(&json!({})), replica_set("web-7d9", "2", &json!({})), pod];
        let mut events = events.to_vec();
        for (pointer, value) in pointers {
            let all = objects.len() + events.len();
            let index = pointer % all;
            let place = if index < objects.len() { &mut objects[index] } else { &mut events[index - 3] };
            *place = damaged(place, pointer / all, value);
        }
        exercise(&objects, &events);
    }
}
