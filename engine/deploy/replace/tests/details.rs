//! Details that the cases do not cover.

use miette::Diagnostic as _;
use serde_json::{Value, json};

use super::super::*;
use super::case::{container, manifest, values, workload};
use super::{DIGEST, OTHER_DIGEST, disabled, image, images, known, tagged};

/// Two images in one repository.
fn shared_repository() -> Vec<KnownImage> {
    vec![
        image("api", "acme/mono", &["api-#####"], tagged("api-aaaaa")),
        image("worker", "acme/mono", &["worker-#####"], tagged("worker-bbbbb")),
        image("old", "acme/mono", &["old-#####"], disabled()),
    ]
}

#[test]
fn tag_decides_between_images_with_the_same_repository() {
    let check = |old: &str, new: &str| {
        manifest("shared", container(old)).knowing(shared_repository()).becomes(container(new));
    };
    check("acme/mono:worker-12345", "acme/mono:worker-bbbbb");
    check("acme/mono:api-12345", "acme/mono:api-aaaaa");
    check("image(worker):tag(worker)", "acme/mono:worker-bbbbb");
    manifest("shared", container("acme/mono:old-12345"))
        .knowing(shared_repository())
        .kept("disabled")
        .stays();
    values("shared", json!({ "repository": "acme/mono", "tag": "tag(worker)" }))
        .knowing(shared_repository())
        .becomes(json!({ "repository": "acme/mono", "tag": "worker-bbbbb" }));
    manifest("shared", container("acme/mono:1")).knowing(shared_repository()).fails(
        "deploy::ambiguous_image",
        "ambiguous image `acme/mono:1` in `Deployment/web spec.template.spec.containers[0].image`: `api` and \
         `worker` have this repository",
        "name the image in the tag: `tag(api)`",
    );
}

#[test]
fn other_image_with_the_same_repository_is_ignored_if_it_cannot_be_meant() {
    let dependency = image("auth.web", "ghcr.io/shop/web", &[], tagged("N9"));
    let other = image("off", "ghcr.io/shop/web", &[], disabled());
    manifest("own", container("ghcr.io/shop/web:1"))
        .knowing(images().into_iter().chain([dependency, other]))
        .becomes(container("ghcr.io/shop/web:N1"));
}

#[test]
fn image_that_nodes_cannot_pull_is_not_pulled() {
    let local = |tag: &str| KnownImage { is_local_only: true, ..image("api", "acme/api", &[], tagged(tag)) };
    let pod = |image: &str, policy: Option<&str>| {
        let mut container = json!({ "name": "main", "image": image });
        if let Some(policy) = policy {
            container["imagePullPolicy"] = policy.into();
        }
        workload("Deployment", json!({ "containers": [container] }))
    };
    manifest("always", pod("acme/api", Some("Always")))
        .knowing([local("N2")])
        .hints("`IfNotPresent`: the image `api` is only in the local cluster")
        .becomes(pod("acme/api:N2", Some("IfNotPresent")));
    manifest("latest", pod("acme/api", None))
        .knowing([local("latest")])
        .hints("`IfNotPresent`")
        .becomes(pod("acme/api:latest", Some("IfNotPresent")));
    manifest("default", pod("acme/api", None)).knowing([local("N2")]).becomes(pod("acme/api:N2", None));
    manifest("never", pod("acme/api", Some("Never")))
        .knowing([local("N2")])
        .becomes(pod("acme/api:N2", Some("Never")));
    let chart =
        |tag: &str| json!({ "image": { "repository": "acme/api", "tag": tag, "pullPolicy": "Always" } });
    values("chart", chart("1"))
        .knowing([local("N2")])
        .hints("`values.image.pullPolicy` is `Always`")
        .becomes(chart("N2"));
}

#[test]
fn changes_hold_nothing_but_changes() {
    let chart = json!({
        "image": { "repository": "ghcr.io/shop/web", "tag": "", "digest": OTHER_DIGEST, "pullPolicy": "Always" },
        "sidecar": { "image": "acme/api:1", "name": "app" },
        "replicas": 1,
    });
    let values = json!({
        "replicas": 2,
        "image": { "digest": null },
        "containers": [{ "name": "a", "image": "app" }, { "name": "b", "image": "redis" }],
    });
    let replaced = replace_in_values(&values, Some(&chart), &known(), &ReplaceOptions::default()).unwrap();
    let changes = json!({
        "image": { "tag": "N1" },
        "sidecar": { "image": "acme/api:N2" },
        "containers": [{ "name": "a", "image": "app:N3" }, { "name": "b", "image": "redis" }],
    });
    assert_eq!(Value::Object(replaced.changes), changes);
    assert_eq!(replaced.merged["image"]["digest"], Value::Null, "it stays deleted");
    let change = |place: &str, old: &str, new: &str| crate::deploy::replace::report::ReplacedValue {
        place: place.to_owned(),
        old: Some(old.to_owned()),
        new: new.to_owned(),
    };
    assert_eq!(
        replaced.report.changes,
        [
            change("values.image.tag", "", "N1"),
            change("values.sidecar.image", "acme/api:1", "acme/api:N2"),
            change("values.containers[0].image", "app", "app:N3"),
        ]
    );
}

#[test]
fn tag_is_never_deployed_twice() {
    let check = |old: Value, new: Value| {
        values("pair", old).becomes(new);
    };
    check(
        json!({ "frontendImage": "ghcr.io/shop/web", "frontendTag": "1" }),
        json!({ "frontendImage": "ghcr.io/shop/web", "frontendTag": "N1" }),
    );
    check(
        json!({ "imageRepository": "ghcr.io/shop/web:1", "imageTag": null }),
        json!({ "imageRepository": "ghcr.io/shop/web", "imageTag": "N1" }),
    );
    check(
        json!({ "image": "image(web)", "version": "tag(web)" }),
        json!({ "image": "ghcr.io/shop/web", "version": "N1" }),
    );
    check(
        json!({ "image": "ghcr.io/shop/web", "version": "1.0" }),
        json!({ "image": "ghcr.io/shop/web:N1", "version": "1.0" }),
    );
    check(
        json!({ "repository": "ghcr.io/shop", "image": "web", "tag": "1" }),
        json!({ "repository": "ghcr.io/shop", "image": "web", "tag": "N1" }),
    );
    check(
        json!({ "repo": "https://charts.acme.io", "image": "acme/api", "tag": "1" }),
        json!({ "repo": "https://charts.acme.io", "image": "acme/api", "tag": "N2" }),
    );
    check(
        json!({ "name": "app", "image": "redis", "tag": "7" }),
        json!({ "name": "app", "image": "redis", "tag": "7" }),
    );
    check(
        json!({ "team": "app", "teamTag": "x", "frontend": "ghcr.io/shop/web", "frontendTag": "1" }),
        json!({ "team": "app", "teamTag": "x", "frontend": "ghcr.io/shop/web", "frontendTag": "N1" }),
    );
}

#[test]
fn git_repositories_have_tags_too() {
    values("git", json!({ "githubRepo": "acme/api", "githubTag": "v1" })).kept("values.githubRepo").stays();
}

#[test]
fn repository_alone_is_joined_with_a_tag_elsewhere() {
    let values = json!({ "names": { "web": "image(web)" }, "tags": { "web": "tag(web)" } });
    let replaced = replace_in_values(&values, None, &known(), &ReplaceOptions::default()).unwrap();
    let expected = json!({ "names": { "web": "ghcr.io/shop/web" }, "tags": { "web": "N1" } });
    assert_eq!(replaced.merged, expected);
}

#[test]
fn registry_next_to_a_whole_reference_is_reported() {
    values("registry", json!({ "registry": "eu.gcr.io", "repository": "ghcr.io/shop/web", "tag": "1" }))
        .kept("other keys of the map make it another reference")
        .stays();
}

#[test]
fn digest_in_a_tag_is_a_pin() {
    values("tag", json!({ "repository": "ghcr.io/shop/web", "tag": format!("1@{OTHER_DIGEST}") }))
        .kept("pinned by its digest")
        .hints("not deploying the image `web`")
        .stays();
    values("own", json!({ "image": format!("ghcr.io/shop/fix:stable@{DIGEST}") })).stays();
}

#[test]
fn unknown_placeholder_in_text_is_a_hint() {
    values("hint", json!({ "css": "url(image(wbe))", "code": "image(a + b)" }))
        .hints("`image(wbe)` in `values.css` is unchanged: unknown image (did you mean `web`?)")
        .stays();
}

#[test]
fn unused_images_have_near_misses() {
    let objects = [container("ghcr.io/shop/wep:1"), container("redis:7"), container("ghcr.io/auth/srv")];
    let used = replace_in_objects(&mut objects.clone(), &known(), &ReplaceOptions::default()).unwrap();
    let chart =
        replace_in_values(&json!({ "x": "acme/api" }), None, &known(), &ReplaceOptions::default()).unwrap();
    let unused = unused_images(&known(), ["web", "api", "auth.srv"], &[&used, &chart.report]);
    let unused: Vec<_> = unused.iter().map(ToString::to_string).collect();
    assert_eq!(
        unused,
        [
            "no deployment uses the image `web` (`ghcr.io/shop/web`); similar: `ghcr.io/shop/wep:1` in \
             `Deployment/web spec.template.spec.containers[0].image`",
            "no deployment uses the image `api` (`acme/api`); similar: `acme/api` in `values.x`",
        ]
    );
}

#[test]
fn runtime_variables_of_inline_manifests() {
    let text = "image: ${runtime.images.web} # $NAME ${runtime. ${runtime.images.app.tag}";
    let (filled, report) = fill_runtime_variables(text, "kubectl.inlineManifest", &known()).unwrap();
    assert_eq!(filled, "image: ghcr.io/shop/web:N1 # $NAME ${runtime. N3");
    assert_eq!(report.used.into_iter().collect::<Vec<_>>(), ["app", "web"]);
    let error =
        fill_runtime_variables("${runtime.images.x}", "kubectl.inlineManifest", &known()).unwrap_err();
    assert_eq!(error.to_string(), "unknown image `x` in `kubectl.inlineManifest`");
}

#[test]
fn nesting_has_a_limit() {
    let mut deep = json!("ghcr.io/shop/web");
    for _ in 0..500 {
        deep = Value::Object([("a".to_owned(), Value::Array(vec![deep]))].into_iter().collect());
    }
    let options = ReplaceOptions::default();
    let mut object = json!({ "kind": "Thing", "metadata": { "name": "t" } });
    object["spec"] = deep.clone();
    let error = replace_in_objects(&mut [object], &known(), &options).unwrap_err();
    assert_eq!(error.to_string(), "cannot replace tags in `Thing/t`: nested more than 200 levels deep");
    assert_eq!(error.code().unwrap().to_string(), "deploy::nesting");
    assert!(replace_in_values(&deep, None, &known(), &options).is_err());
    assert!(replace_in_values(&json!({}), Some(&deep), &known(), &options).is_err());
}

#[test]
fn places_are_readable() {
    let item = json!({ "spec": { "a.b/c": { "image": "app" } } });
    let thing = json!({ "apiVersion": "v1", "kind": "ThingList", "items": [item] });
    let report = replace_in_objects(&mut [thing], &known(), &ReplaceOptions::default()).unwrap();
    assert_eq!(report.changes[0].place, "Thing (object 1, item 1) spec[\"a.b/c\"].image");
}

#[test]
fn image_paths_are_checked() {
    for path in ["Thing.acme.io:spec.list.image", "Thing:metadata.annotations.acme\\.io/image"] {
        assert_eq!(path.parse::<ImagePath>().unwrap().to_string(), path);
    }
    let lists = "Thing:spec.list[*].image".parse::<ImagePath>().unwrap();
    assert_eq!(lists.to_string(), "Thing:spec.list.image");
    for path in ["", "Thing", ":spec", "Thing:", "Thing:spec..image", "Thing.:spec"] {
        assert!(path.parse::<ImagePath>().is_err(), "{path}");
    }
}
