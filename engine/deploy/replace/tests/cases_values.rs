//! The cases of Helm values.

use serde_json::json;

use super::case::values;
use super::{DIGEST, OTHER_DIGEST, no_tags};

#[test]
fn case_20_image_key() {
    values("20", json!({ "image": "ghcr.io/shop/web" })).becomes(json!({ "image": "ghcr.io/shop/web:N1" }));
    values("20 word", json!({ "image": "app" })).becomes(json!({ "image": "app:N3" }));
    values("20 suffix", json!({ "jobImage": "app", "job_image": "acme/api:1" }))
        .becomes(json!({ "jobImage": "app:N3", "job_image": "acme/api:N2" }));
}

#[test]
fn case_21_repository_and_tag() {
    values("21", json!({ "image": { "repository": "ghcr.io/shop/web", "tag": "latest" } }))
        .becomes(json!({ "image": { "repository": "ghcr.io/shop/web", "tag": "N1" } }));
    values("21 tag in the repository", json!({ "repository": "ghcr.io/shop/web:1", "tag": null, "x": 1 }))
        .becomes(json!({ "repository": "ghcr.io/shop/web", "tag": "N1", "x": 1 }));
    values("21 image", json!({ "image": "app", "tag": 1.5 })).becomes(json!({ "image": "app", "tag": "N3" }));
    values("21 name", json!({ "name": "acme/api", "imageTag": "" }))
        .becomes(json!({ "name": "acme/api", "imageTag": "N2" }));
}

#[test]
fn case_22_repository_without_tag() {
    values("22", json!({ "repository": "ghcr.io/shop/web" }))
        .becomes(json!({ "repository": "ghcr.io/shop/web", "tag": "N1" }));
    values("22 repo", json!({ "repo": "app" })).becomes(json!({ "repo": "app", "tag": "N3" }));
}

#[test]
fn case_23_registry_repository_and_tag() {
    values("23", json!({ "registry": "ghcr.io", "repository": "shop/web", "tag": "" }))
        .becomes(json!({ "registry": "ghcr.io", "repository": "shop/web", "tag": "N1" }));
}

#[test]
fn case_24_repository_tag_and_digest() {
    values("24", json!({ "repository": "ghcr.io/shop/web", "tag": "1", "digest": OTHER_DIGEST }))
        .becomes(json!({ "repository": "ghcr.io/shop/web", "tag": "N1", "digest": "" }));
    values("24 set", json!({ "repository": "ghcr.io/shop/fix", "tag": "1", "digest": "" }))
        .becomes(json!({ "repository": "ghcr.io/shop/fix", "tag": "stable", "digest": DIGEST }));
}

#[test]
fn case_25_placeholder_as_tag() {
    for repository in ["ghcr.io/shop/web", "image(web)", "${runtime.images.web.image}"] {
        values("25", json!({ "repository": repository, "tag": "tag(web)" }))
            .becomes(json!({ "repository": "ghcr.io/shop/web", "tag": "N1" }));
    }
}

#[test]
fn case_26_same_tag_with_new_content() {
    values("26", json!({ "image": { "repository": "ghcr.io/shop/fix", "tag": "stable" } }))
        .hints("pods might not restart: `values.image.tag` is still `stable`")
        .stays();
}

#[test]
fn case_27_words_are_not_images() {
    values(
        "27",
        json!({ "env": [{ "name": "APP", "value": "app" }], "name": "app", "labels": { "app": "app" } }),
    )
    .stays();
}

#[test]
fn case_28_path_of_another_kind() {
    values("28", json!({ "githubRepo": "acme/api" }))
        .kept("`acme/api` in `values.githubRepo` is unchanged: it is not in an image field")
        .stays();
}

#[test]
fn case_29_any_key() {
    values("29", json!({ "frontend": "ghcr.io/shop/web" }))
        .becomes(json!({ "frontend": "ghcr.io/shop/web:N1" }));
    values("29 label", json!({ "podLabels": { "image": "ghcr.io/shop/web" } })).kept("labels").stays();
}

#[test]
fn case_30_images() {
    values("30", json!({ "images": ["ghcr.io/shop/web", "redis:7"] }))
        .becomes(json!({ "images": ["ghcr.io/shop/web:N1", "redis:7"] }));
    values("30 map", json!({ "images": { "main": "app", "other": ["app"] } }))
        .becomes(json!({ "images": { "main": "app:N3", "other": ["app"] } }));
}

#[test]
fn case_31_url() {
    values("31", json!({ "url": "jdbc:mariadb://db:3306/app" })).stays();
}

#[test]
fn case_32_part_of_a_word() {
    values("32", json!({ "note": "multitag(web)" })).stays();
    values("32 words", json!({ "note": "v-tag(web) --image=image(web)" }))
        .becomes(json!({ "note": "v-N1 --image=ghcr.io/shop/web" }));
}

#[test]
fn case_33_runtime_variables() {
    let dependency = "${runtime.dependencies.auth.images.srv}";
    values("33", json!({ "a": "${runtime.images.web.tag}", "b": "${runtime.images.fix}", "c": dependency })).becomes(
        json!({ "a": "N1", "b": format!("ghcr.io/shop/fix:stable@{DIGEST}"), "c": "ghcr.io/auth/srv:N5" }),
    );
    values("33 never built", json!({ "a": "${runtime.images.new}" })).fails(
        "deploy::never_built",
        "cannot replace the tag in `values.a`: the image `new` was never built",
        "build it first: `windlass build new`",
    );
    values("33 unknown", json!({ "a": "${runtime.images.wbe.tag}" })).fails(
        "deploy::unknown_image",
        "unknown image `wbe` in `values.a`",
        "did you mean `web`?",
    );
    values("33 not an image", json!({ "a": "${runtime.name}" })).fails(
        "deploy::runtime_variable",
        "unknown variable `${runtime.name}` in `values.a`",
        "write `${runtime.images.NAME}` or `${runtime.dependencies.DEPENDENCY.images.NAME}`, with `.image` or `.tag` \
         at its end for a part",
    );
    values("33 no tag", json!({ "a": "tag(off)" })).fails(
        "deploy::no_tag",
        "cannot resolve `tag(off)` in `values.a`: the image `off` has no tag because it is disabled",
        "add a tag without `#` to the `tags` of `off`",
    );
}

#[test]
fn case_34_image_of_a_dependency() {
    values("34", json!({ "any": "image(auth.srv):tag(auth.srv)" }))
        .becomes(json!({ "any": "ghcr.io/auth/srv:N5" }));
}

#[test]
fn case_35_switched_off() {
    values("35", json!({ "image": "ghcr.io/shop/web" }))
        .with(no_tags())
        .kept("tag replacement is off for this deployment")
        .stays();
    values("35 placeholder", json!({ "image": "tag(web)" }))
        .with(no_tags())
        .becomes(json!({ "image": "N1" }));
}
