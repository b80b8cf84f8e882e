//! The cases of manifests.

use serde_json::json;

use super::super::*;
use super::case::{container, manifest, workload};
use super::{DIGEST, OTHER_DIGEST, image, tagged};

#[test]
fn case_01_container_without_tag() {
    manifest("1", container("ghcr.io/shop/web")).becomes(container("ghcr.io/shop/web:N1"));
}

#[test]
fn case_02_init_and_ephemeral_containers_and_cron_jobs() {
    let containers = |image: &str| {
        json!({
            "initContainers": [{ "name": "init", "image": image }],
            "containers": [{ "name": "main", "image": "redis:7" }],
            "ephemeralContainers": [{ "name": "debug", "image": image }],
        })
    };
    let (old, new) = ("ghcr.io/shop/web:1.0", "ghcr.io/shop/web:N1");
    for kind in ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"] {
        manifest("2", workload(kind, containers(old))).becomes(workload(kind, containers(new)));
    }
    let cron_job = |image: &str| {
        let template = json!({ "spec": { "template": { "spec": containers(image) } } });
        json!({ "apiVersion": "batch/v1", "kind": "CronJob", "spec": { "jobTemplate": template } })
    };
    manifest("2 CronJob", cron_job(old)).becomes(cron_job(new));
    let job = |image: &str| {
        let template = json!({ "spec": containers(image) });
        json!({ "apiVersion": "batch/v1", "kind": "Job", "spec": { "template": template } })
    };
    manifest("2 Job", job(old)).becomes(job(new));
    let pod = |image: &str| json!({ "apiVersion": "v1", "kind": "Pod", "spec": containers(image) });
    manifest("2 Pod", pod(old)).becomes(pod(new));
    let template = |image: &str| {
        let template = json!({ "spec": containers(image) });
        json!({ "apiVersion": "v1", "kind": "PodTemplate", "template": template })
    };
    manifest("2 PodTemplate", template(old)).becomes(template(new));
    let list = |image: &str| json!({ "apiVersion": "v1", "kind": "List", "items": [pod(image), job(image)] });
    manifest("2 List", list(old)).becomes(list(new));
}

#[test]
fn case_03_spelling_of_the_registry_is_kept() {
    manifest("3", container("docker.io/acme/api:old")).becomes(container("docker.io/acme/api:N2"));
}

#[test]
fn case_04_configured_with_docker_io() {
    manifest("4", container("acme/api"))
        .knowing([image("api", "docker.io/acme/api", &[], tagged("N2"))])
        .becomes(container("acme/api:N2"));
}

#[test]
fn case_05_official_images() {
    manifest("5", container("app")).becomes(container("app:N3"));
    manifest("5 library", container("docker.io/library/app")).becomes(container("docker.io/library/app:N3"));
}

#[test]
fn case_06_ports_belong_to_the_registry() {
    manifest("6", container("localhost:5000/job")).becomes(container("localhost:5000/job:N4"));
    manifest("6 without port", container("localhost/job")).stays();
}

#[test]
fn case_07_same_prefix_is_another_image() {
    manifest("7", container("ghcr.io/shop/web-admin:1")).stays();
}

#[test]
fn case_08_pinned_by_digest() {
    manifest("8", container(&format!("ghcr.io/shop/web@{OTHER_DIGEST}")))
        .kept("pinned by its digest")
        .hints("not deploying the image `web` of this run in `Deployment/web spec.template.spec.containers[0].image`")
        .stays();
}

#[test]
fn case_09_tag_with_new_content_gets_its_digest() {
    manifest("9", container("ghcr.io/shop/fix"))
        .becomes(container(&format!("ghcr.io/shop/fix:stable@{DIGEST}")));
}

#[test]
fn case_10_disabled_image() {
    manifest("10", container("ghcr.io/shop/off")).kept("it is disabled").stays();
}

#[test]
fn case_11_never_built() {
    manifest("11", container("ghcr.io/shop/new")).fails(
        "deploy::never_built",
        "cannot replace the tag in `Deployment/web spec.template.spec.containers[0].image`: the image `new` was \
         never built",
        "build it first: `windlass build new`",
    );
}

#[test]
fn case_12_image_of_a_dependency() {
    manifest("12", container("ghcr.io/auth/srv")).becomes(container("ghcr.io/auth/srv:N5"));
}

#[test]
fn case_13_image_volume() {
    let volume = |image: &str| {
        let volumes = json!([{ "name": "files", "image": { "reference": image } }]);
        workload("Deployment", json!({ "containers": [], "volumes": volumes }))
    };
    manifest("13", volume("ghcr.io/shop/web")).becomes(volume("ghcr.io/shop/web:N1"));
}

#[test]
fn case_14_environment_variable() {
    let variable = |value: &str| {
        let env = json!([{ "name": "IMAGE", "value": value }]);
        workload("Deployment", json!({ "containers": [{ "name": "main", "image": "redis:7", "env": env }] }))
    };
    let env = || ReplaceOptions { env: true, ..ReplaceOptions::default() };
    manifest("14", variable("ghcr.io/shop/web")).kept("only with `env: true`").stays();
    manifest("14 env", variable("ghcr.io/shop/web")).with(env()).becomes(variable("ghcr.io/shop/web:N1"));
    for other in ["app", "app:8080", "http://app/api"] {
        manifest("14 not an image", variable(other)).with(env()).stays();
    }
}

#[test]
fn case_15_data_and_annotations() {
    let config_map = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": "settings", "annotations": { "image": "ghcr.io/shop/web" } },
        "data": { "image": "ghcr.io/shop/web" },
    });
    manifest("15", config_map)
        .kept("`ConfigMap/settings metadata.annotations.image` is unchanged: it is not in an image field")
        .kept("`ConfigMap/settings data.image` is unchanged")
        .stays();
    let mut deployment = container("redis:7");
    deployment["spec"]["template"]["metadata"] = json!({ "annotations": { "image": "ghcr.io/shop/web" } });
    manifest("15 pod template", deployment).kept("metadata.annotations.image").stays();
}

#[test]
fn case_16_image_of_a_custom_resource() {
    let thing =
        |image: &str| json!({ "apiVersion": "acme.io/v1", "kind": "Thing", "spec": { "image": image } });
    manifest("16", thing("ghcr.io/shop/web:x")).becomes(thing("ghcr.io/shop/web:N1"));
}

#[test]
fn case_17_other_field_of_a_custom_resource() {
    let thing = |image: &str| {
        json!({
            "apiVersion": "acme.io/v1",
            "kind": "Thing",
            "metadata": { "name": "t" },
            "spec": { "containerImage": image },
        })
    };
    manifest("17", thing("ghcr.io/shop/web")).kept("`Thing/t spec.containerImage`").stays();
    for path in ["Thing.acme.io:spec.containerImage", "Thing:spec.containerImage"] {
        let options = ReplaceOptions { paths: vec![path.parse().unwrap()], ..ReplaceOptions::default() };
        manifest("17 paths", thing("ghcr.io/shop/web")).with(options).becomes(thing("ghcr.io/shop/web:N1"));
    }
    let options = ReplaceOptions {
        paths: vec!["Thing.other.io:spec.containerImage".parse().unwrap()],
        ..ReplaceOptions::default()
    };
    manifest("17 other group", thing("ghcr.io/shop/web")).with(options).kept("spec.containerImage").stays();
}

#[test]
fn case_18_argument() {
    let container = json!({ "name": "main", "image": "redis:7", "args": ["--image=$(IMAGE)"] });
    manifest("18", workload("Deployment", json!({ "containers": [container] }))).stays();
}

#[test]
fn case_19_placeholders() {
    manifest("19", container("image(web):tag(web)")).becomes(container("ghcr.io/shop/web:N1"));
    manifest("19 quoted", container("image(\"web\"):tag('web')")).becomes(container("ghcr.io/shop/web:N1"));
    manifest("19 repository only", container("image(web)")).becomes(container("ghcr.io/shop/web:N1"));
    manifest("19 variable", container("${runtime.images.web}")).becomes(container("ghcr.io/shop/web:N1"));
    manifest("19 unknown", container("image(wbe)")).fails(
        "deploy::unknown_image",
        "unknown image `wbe` in `Deployment/web spec.template.spec.containers[0].image`",
        "did you mean `web`?",
    );
}
