//! The pod that builds an image.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Map, Value, json};

use super::KanikoBuild;
use super::arguments::arguments;
use super::error::KanikoError;
use super::name::labels;
use super::pod_secret::{DOCKER_CONFIG, PodSecret};
use crate::config::{MountConfig, MountKind};

/// Where the build context is, in both containers.
pub(super) const CONTEXT: &str = "/context";

/// Where kaniko looks for credentials.
const CREDENTIALS: &str = "/kaniko/.docker";

/// The container that receives the build context.
pub(super) const INIT_CONTAINER: &str = "context";

/// The first line for a container that receives the context: the archive after it is compressed.
pub(super) const COMPRESSED: &str = "gzip";

/// The first line for a container that receives the context: the archive after it is uncompressed.
pub(super) const PLAIN: &str = "plain";

/// The command that receives the context: a line with its form, then the archive. It fails unless the last file of
/// the archive is received.
fn receive() -> String {
    format!(
        "read -r form; case $form in {COMPRESSED}) tar -xzf - -C {CONTEXT} ;; *) tar -xf - -C {CONTEXT} ;; esac && rm \
         {CONTEXT}/{}",
        super::ending::NAME
    )
}

/// The container that builds.
pub(super) const CONTAINER: &str = "kaniko";

/// The pod `name` that builds `build` from the Dockerfile `dockerfile` in its context, with the credentials in the
/// secret `credentials`. Secret values go into its own `secret`.
///
/// # Errors
/// [`KanikoError::BadOption`] if a part of the configuration that is passed on unchanged is not valid in Kubernetes.
pub(super) fn pod(
    build: &KanikoBuild,
    name: &str,
    dockerfile: &str,
    credentials: Option<&str>,
    secret: &mut PodSecret<'_>,
) -> Result<Pod, KanikoError> {
    let KanikoBuild { request, config, settings, .. } = build;
    let context = json!({ "name": "context", "mountPath": CONTEXT });
    let (mut mounts, mut volumes) =
        (vec![context.clone()], vec![json!({ "name": "context", "emptyDir": {} })]);
    if let Some(secret) = credentials {
        let items = json!([{ "key": DOCKER_CONFIG, "path": "config.json" }]);
        mounts.push(json!({ "name": "credentials", "mountPath": CREDENTIALS, "readOnly": true }));
        volumes.push(json!({ "name": "credentials", "secret": { "secretName": secret, "items": items } }));
    }
    for (number, mount) in config.additional_mounts.iter().enumerate() {
        let name = format!("additional-volume-{number}");
        mounts.push(volume_mount(&name, mount));
        volumes.push(volume(&name, mount));
    }
    // Kubernetes would treat an empty map as a value too.
    let amounts = [("requests", &config.requests), ("limits", &config.limits)].into_iter();
    let amounts = amounts.filter(|(_, amounts)| !amounts.is_empty());
    let resources: Map<_, _> = amounts.map(|(key, amounts)| (key.to_owned(), json!(amounts))).collect();
    let args = arguments(request, dockerfile, config, secret);
    // The arguments name these.
    let mut env = secret.variables();
    env.extend(variables(&config.env, secret));
    env.extend(config.env_from.iter().map(|(k, source)| json!({ "name": k, "valueFrom": source })));
    let init_env = variables(&config.init_env, secret);

    // windlass finds the pod by its own labels, so the configuration must not override them.
    let mut all_labels: BTreeMap<_, _> = config.labels.clone().into_iter().collect();
    all_labels.extend(labels(name, request));
    let mut container = json!({
        "name": CONTAINER,
        "image": settings.image(config.image.as_deref()),
        "imagePullPolicy": "IfNotPresent",
        "args": args,
        "env": env,
        "volumeMounts": mounts,
        "resources": resources,
    });
    if !config.command.is_empty() {
        container["command"] = json!(config.command);
    }
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": name, "labels": all_labels, "annotations": config.annotations },
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": settings.limit.as_secs(),
            "terminationGracePeriodSeconds": 1,
            "serviceAccountName": config.service_account,
            "nodeSelector": config.node_selector,
            "tolerations": config.tolerations,
            "initContainers": [{
                "name": INIT_CONTAINER,
                "image": settings.init_image(config.init_image.as_deref()),
                "imagePullPolicy": "IfNotPresent",
                "command": ["sh", "-c", receive()],
                "stdin": true,
                "stdinOnce": true,
                "env": init_env,
                "volumeMounts": [context],
                "resources": resources,
            }],
            "containers": [container],
            "volumes": volumes,
        },
    });
    serde_json::from_value(pod)
        .map_err(|error| KanikoError::BadOption { image: request.image.clone(), reason: error.to_string() })
}

/// Variables with their values, or with references to the secret.
fn variables(variables: &IndexMap<String, String>, secret: &mut PodSecret<'_>) -> Vec<Value> {
    variables.iter().map(|(name, value)| secret.variable(name, value)).collect()
}

fn volume_mount(name: &str, mount: &MountConfig) -> Value {
    json!({
        "name": name, "mountPath": mount.mount_path, "subPath": mount.sub_path, "readOnly": mount.read_only,
    })
}

fn volume(name: &str, mount: &MountConfig) -> Value {
    let items = mount.items.iter();
    let items = items.map(|item| json!({ "key": item.key, "path": item.path, "mode": item.mode }));
    let items = (!mount.items.is_empty()).then(|| items.collect::<Vec<_>>());
    match mount.kind {
        MountKind::Secret => json!({
            "name": name,
            "secret": { "secretName": mount.name, "items": items, "defaultMode": mount.default_mode },
        }),
        MountKind::ConfigMap => json!({
            "name": name,
            "configMap": { "name": mount.name, "items": items, "defaultMode": mount.default_mode },
        }),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::builder::BuildRequest;
    use crate::builder::kaniko::PodSettings;
    use crate::config::{KanikoConfig, MountItem};

    pub fn request() -> BuildRequest {
        BuildRequest {
            references: ["acme/api:1", "acme/api:2"].map(|text| text.parse().expect("a reference")).into(),
            build_args: [("A", "1"), ("B", "2 3")].map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            ..BuildRequest::new(
                "api",
                crate::image::Dockerfile::parse("D", "FROM scratch\n").expect("a Dockerfile"),
                Default::default(),
                "/",
            )
        }
    }

    fn build(config: KanikoConfig) -> KanikoBuild {
        KanikoBuild {
            request: request(),
            config,
            settings: PodSettings::default(),
            gives_credentials: true,
            secret_texts: HashSet::new(),
            marks: "/none".into(),
        }
    }

    fn made(build: &KanikoBuild, credentials: Option<&str>) -> Result<Pod, KanikoError> {
        pod(build, "p", "D", credentials, &mut PodSecret::new("p", None, &build.secret_texts))
    }

    fn map(entries: &[(&str, &str)]) -> IndexMap<String, String> {
        entries.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn every_option_has_its_place() {
        let config = KanikoConfig {
            image: Some("r.io/kaniko:1".into()),
            init_image: Some("r.io/init:1".into()),
            command: vec!["/busybox/sh".into()],
            node_selector: map(&[("disk", "ssd")]),
            tolerations: vec![json!({ "key": "builds", "operator": "Exists" })],
            service_account: Some("builder".into()),
            annotations: map(&[("note", "x")]),
            labels: map(&[("team", "a"), ("windlass/build", "stolen")]),
            init_env: map(&[("TZ", "UTC")]),
            env: map(&[("GOOGLE", "x")]),
            env_from: [("KEY".to_owned(), json!({ "secretKeyRef": { "name": "s", "key": "k" } }))].into(),
            additional_mounts: vec![MountConfig {
                kind: MountKind::Secret,
                name: "aws".into(),
                items: vec![MountItem { key: "c".into(), path: "credentials".into(), mode: Some(0o400) }],
                default_mode: Some(0o644),
                mount_path: "/root/.aws".into(),
                sub_path: None,
                read_only: true,
            }],
            requests: map(&[("cpu", "1")]),
            limits: map(&[("memory", "4Gi")]),
            ..KanikoConfig::default()
        };
        let pod = made(&build(config), Some("p")).expect("a pod");
        let pod = serde_json::to_value(&pod).expect("JSON");
        let at = |pointer: &str| pod.pointer(pointer).cloned().unwrap_or(Value::Null);
        for (pointer, expected) in [
            ("/metadata/labels/team", json!("a")),
            ("/metadata/labels/windlass~1build", json!("p")),
            ("/metadata/annotations", json!({ "note": "x" })),
            ("/spec/restartPolicy", json!("Never")),
            ("/spec/nodeSelector", json!({ "disk": "ssd" })),
            ("/spec/tolerations/0/key", json!("builds")),
            ("/spec/serviceAccountName", json!("builder")),
            ("/spec/initContainers/0/image", json!("r.io/init:1")),
            ("/spec/initContainers/0/env", json!([{ "name": "TZ", "value": "UTC" }])),
            ("/spec/containers/0/image", json!("r.io/kaniko:1")),
            ("/spec/containers/0/command", json!(["/busybox/sh"])),
            ("/spec/containers/0/env/0/value", json!("x")),
            ("/spec/containers/0/env/1/valueFrom/secretKeyRef/key", json!("k")),
            (
                "/spec/containers/0/resources",
                json!({ "requests": { "cpu": "1" }, "limits": { "memory": "4Gi" } }),
            ),
            ("/spec/containers/0/volumeMounts/1/mountPath", json!("/kaniko/.docker")),
            ("/spec/containers/0/volumeMounts/2/readOnly", json!(true)),
            ("/spec/volumes/1/secret/items/0/path", json!("config.json")),
            ("/spec/volumes/2/secret/secretName", json!("aws")),
            ("/spec/volumes/2/secret/items/0/mode", json!(0o400)),
            ("/spec/volumes/2/secret/defaultMode", json!(0o644)),
        ] {
            assert_eq!(at(pointer), expected, "{pointer}");
        }
    }

    #[test]
    fn the_user_chooses_the_images_for_all_pods() {
        let settings = PodSettings { image: Some("mirror/kaniko".into()), ..PodSettings::default() };
        let config = KanikoConfig { image: Some("old/kaniko".into()), ..KanikoConfig::default() };
        let pod = made(&KanikoBuild { settings, ..build(config) }, None).expect("a pod");
        let spec = pod.spec.expect("a spec");
        assert_eq!(spec.containers[0].image.as_deref(), Some("mirror/kaniko"));
        assert_eq!(spec.init_containers.expect("one")[0].image.as_deref(), Some("alpine"));
        assert_eq!(spec.volumes.expect("volumes").len(), 1);
    }

    #[test]
    fn options_unknown_to_kubernetes_are_errors() {
        let tolerations = vec![json!({ "tolerationSeconds": "soon" })];
        let config = KanikoConfig { tolerations, ..KanikoConfig::default() };
        let error = made(&build(config), None).expect_err("no pod");
        assert!(error.to_string().starts_with("cannot create a build pod for `api`: "), "{error}");
    }

    #[test]
    fn specification_shows_no_secret() {
        let config = KanikoConfig {
            env: map(&[("TOKEN", "hunter2")]),
            init_env: map(&[("PROXY", "http://ann:hunter2@proxy")]),
            ..KanikoConfig::default()
        };
        let mut build = build(config);
        build.request.build_args = [("PASSWORD".to_owned(), "hunter2".to_owned())].into();
        build.secret_texts = ["hunter2", "http://ann:hunter2@proxy"].map(str::to_owned).into();
        let pod = made(&build, None).expect("a pod");
        let text = serde_json::to_string(&pod).expect("JSON");
        assert!(!text.contains("hunter2"), "{text}");
        let spec = pod.spec.expect("a spec");
        let names = |container: &k8s_openapi::api::core::v1::Container| {
            let variables = container.env.iter().flatten();
            variables
                .map(|variable| (variable.name.clone(), variable.value_from.is_some()))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            names(&spec.containers[0]),
            [("WINDLASS_SECRET_0".to_owned(), true), ("TOKEN".to_owned(), true)]
        );
        assert_eq!(names(&spec.init_containers.expect("one")[0]), [("PROXY".to_owned(), true)]);
    }
}
