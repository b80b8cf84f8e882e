//! Every field of `images` does something to the plan, or to nothing of it on purpose (spec config §3 and §13.1).

use serde_json::{Value, json};

use crate::harness::Project;

/// What a field does.
enum Effect {
    /// Another cache key.
    Key,
    /// Nothing to the build.
    Nothing,
    /// This value at a JSON pointer of the image.
    At(&'static str, Value),
}
use Effect::{At, Key, Nothing};

const DOCKERFILE: &str =
    "FROM scratch AS dev\nARG A\nCOPY a /\nFROM scratch\nCOPY a /\nENTRYPOINT [\"/a\"]\n";

/// The plan of the one image of a file.
fn plan(file: &str) -> Value {
    let project = Project::new()
        .file("devspace.yaml", file)
        .file("Dockerfile", DOCKERFILE)
        .file("other/Dockerfile", format!("{DOCKERFILE}LABEL other=1\n"))
        .file("other/a", "another content")
        .file("helper.sh", "#!/bin/sh\nexec \"$@\"\n")
        .file("a", "content");
    let plan: Value = serde_json::from_str(&project.run(["plan", "--json"]).success().stdout).expect("JSON");
    plan["images"][0].clone()
}

/// An image of `version` with `fields`.
fn file(version: &str, fields: &str) -> String {
    let tags = match version {
        _ if fields.starts_with("tag") => "",
        "v1beta5" => ", tag: t",
        _ => ", tags: [t]",
    };
    let image = if fields.starts_with("image:") { "" } else { "image: acme/api, " };
    format!("version: {version}\nimages:\n  api: {{{image}{fields}{tags}}}\n")
}

#[track_caller]
fn check(version: &str, table: &[(&str, Effect)]) {
    let base = plan(&file(version, "createPullSecret: true"));
    assert_eq!(base["builder"], "docker");
    for (fields, effect) in table {
        let planned = plan(&file(version, fields));
        match effect {
            Key => assert_ne!(planned["key"], base["key"], "{fields}"),
            Nothing => assert_eq!(planned, base, "{fields}"),
            At(pointer, value) => assert_eq!(planned.pointer(pointer), Some(value), "{fields}: {planned:#}"),
        }
    }
}

#[test]
fn fields_of_an_image_have_their_effect() {
    check(
        "v1beta9",
        &[
            ("image: ghcr.io/acme/web", At("/tags", json!(["ghcr.io/acme/web:t"]))),
            ("tags: [v1, v2]", At("/push", json!(["acme/api:v1", "acme/api:v2"]))),
            ("tag: 1.10", At("/tags", json!(["acme/api:1.10"]))),
            ("tags: [v], tagsAppendRandom: true", At("/tags", json!(["acme/api:v-#####"]))),
            ("dockerfile: other/Dockerfile", Key),
            ("context: other", Key),
            ("entrypoint: [/b]", Key),
            ("entrypoint: []", Key),
            ("cmd: [x]", Key),
            ("appendDockerfileInstructions: ['LABEL x=1']", Key),
            ("injectRestartHelper: true", Key),
            ("restartHelperPath: helper.sh", Nothing),
            ("createPullSecret: false", Nothing),
            ("preferSyncOverRebuild: true", Nothing),
            ("rebuildStrategy: default", Nothing),
            ("rebuildStrategy: always", At("/reason", json!("`rebuildStrategy` is `always`"))),
        ],
    );
}

#[test]
fn fields_of_build_have_their_effect() {
    check(
        "v1beta9",
        &[
            ("build: {disabled: true}", At("/reason", json!("disabled"))),
            ("build: {docker: {}}", Nothing),
            ("build: {docker: {preferMinikube: false}}", Nothing),
            ("build: {docker: {skipPush: true}}", At("/push", json!([]))),
            ("build: {docker: {disableFallback: true}}", Nothing),
            ("build: {docker: {args: [--pull]}}", Key),
            ("build: {docker: {options: {target: dev}}}", Key),
            ("build: {docker: {options: {network: host}}}", Key),
            ("build: {docker: {options: {target: dev, buildArgs: {A: 1}}}}", Key),
            ("build: {buildKit: {skipPush: true}}", At("/push", json!([]))),
            ("build: {buildKit: {options: {target: dev}}}", Key),
            ("build: {custom: {command: make}}", At("/builder", json!("custom"))),
        ],
    );
}

#[test]
fn fields_of_a_custom_builder_have_their_effect() {
    let runs = |words: &str| At("/effects/0/what", json!(words));
    check(
        "v1beta9",
        &[
            ("build: {custom: {command: ./b}}", runs("exec ./b acme/api:t")),
            ("build: {custom: {command: './b x | y'}}", runs("sh ./b x | y")),
            ("build: {custom: {command: ./b, args: [x]}}", runs("exec ./b x acme/api:t")),
            ("build: {custom: {command: ./b, imageFlag: --tag}}", runs("exec ./b --tag acme/api:t")),
            ("build: {custom: {command: ./b, appendArgs: [z]}}", runs("exec ./b acme/api:t z")),
            ("build: {custom: {command: ./b, imageTagOnly: true}}", runs("exec ./b t")),
            ("build: {custom: {command: ./b, skipImageArg: true}}", runs("exec ./b")),
            (
                "build: {custom: {command: ./b, commands: [{command: ./l, os: 'linux,darwin'}]}}",
                runs("exec ./l acme/api:t"),
            ),
            ("build: {custom: {command: ./b, onChange: [a]}}", At("/reason", json!("never built here"))),
        ],
    );
    check("v1beta5", &[("build: {custom: {command: ./b, flags: [x]}}", runs("exec ./b x acme/api:t"))]);
}

#[test]
fn fields_of_the_newest_version_have_their_effect() {
    check(
        "v2beta1",
        &[
            ("skipPush: true", At("/push", json!([]))),
            ("target: dev", Key),
            ("network: host", Key),
            ("target: dev, buildArgs: {A: 1}", Key),
            ("docker: {args: [--pull]}", Key),
            ("buildKit: {preferMinikube: false}", At("/builder", json!("docker"))),
            ("custom: {command: ./b}", At("/effects/0/what", json!("exec ./b"))),
            (
                "custom: {command: ./b, skipImageArg: false}",
                At("/effects/0/what", json!("exec ./b acme/api:t")),
            ),
            (
                "custom: {command: './b ${runtime.images.api.image} ${runtime.images.api.tag}'}",
                At("/effects/0/what", json!("sh ./b acme/api t")),
            ),
        ],
    );
}

#[test]
fn interactive_images_of_dev_change_no_build() {
    let plain = file("v1beta9", "createPullSecret: true");
    let interactive = format!(
        "{plain}dev:\n  interactive:\n    defaultEnabled: true\n    images: [{{name: api, entrypoint: [sleep], cmd: ['9']}}]\n"
    );
    assert_eq!(plan(&interactive), plan(&plain));
}
