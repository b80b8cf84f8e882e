use std::path::Path;

use serde_json::json;

use super::Fixture;
use crate::config::{ImageConfig, InClusterConfig, RebuildStrategy};

fn image(text: &str) -> ImageConfig {
    let loaded = Fixture::new(&format!("images:\n  a: {text}\n")).var("X=x").loaded();
    loaded.project.images["a"].clone()
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    assert_eq!(Fixture::new(&format!("images:\n  a: {text}\n")).problems(), expected, "{text}");
}

#[test]
fn every_field_is_read() {
    let image = image(
        "
    image: ghcr.io/acme/a
    tags: [1.10, 'x-${X}', v-####]
    dockerfile: docker/Dockerfile
    context: .
    entrypoint: [sleep, 10]
    cmd: []
    appendDockerfileInstructions: [USER root]
    injectRestartHelper: true
    restartHelperPath: ./helper
    createPullSecret: no
    preferSyncOverRebuild: true
    rebuildStrategy: ignoreContextChanges
    build:
      disabled: false
      docker:
        preferMinikube: false
        skipPush: true
        disableFallback: true
        useBuildKit: true
        useCli: true
        args: [--pull]
        options: {target: dev, network: host, buildArgs: {A: 007, B: , C: yes, D: 1.0}}
",
    );
    assert_eq!((image.repository.domain(), image.repository.path()), ("ghcr.io", "acme/a"));
    assert_eq!(image.tags.iter().map(|tag| tag.text.as_str()).collect::<Vec<_>>(), ["1.10", "x-x", "v-####"]);
    assert_eq!(image.tags[1].origin.to_string(), "devspace.yaml:5:18");
    assert_eq!(
        (image.dockerfile.as_path(), image.context.as_path()),
        (Path::new("docker/Dockerfile"), Path::new("."))
    );
    assert_eq!(image.entrypoint, Some(vec!["sleep".to_owned(), "10".to_owned()]));
    assert_eq!(image.cmd, Some(Vec::new()));
    assert_eq!(image.append_dockerfile_instructions, ["USER root"]);
    assert!(image.inject_restart_helper);
    assert_eq!(image.restart_helper_path.as_deref(), Some("./helper"));
    assert_eq!(image.create_pull_secret, Some(false));
    assert_eq!(image.rebuild_strategy, RebuildStrategy::IgnoreContextChanges);
    let docker = image.docker.expect("docker");
    assert_eq!((docker.prefer_minikube, docker.use_build_kit), (Some(false), Some(true)));
    assert!(docker.skip_push && docker.disable_fallback && docker.use_cli);
    assert!(docker.args.words().eq(["--pull"]));
    assert_eq!(
        (image.options.target.as_deref(), image.options.network.as_deref()),
        (Some("dev"), Some("host"))
    );
    let arguments: Vec<_> =
        image.options.build_args.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
    assert_eq!(arguments, [("A", Some("007")), ("B", None), ("C", Some("yes")), ("D", Some("1.0"))]);
}

#[test]
fn defaults_are_those_of_the_reference() {
    let image = image("{image: acme/a, entrypoint: }");
    assert_eq!(
        (image.dockerfile.as_path(), image.context.as_path()),
        (Path::new("./Dockerfile"), Path::new("./"))
    );
    assert!(image.tags.is_empty() && image.entrypoint.is_none() && image.create_pull_secret.is_none());
    assert!(!image.disabled && image.docker.is_none() && image.kaniko.is_none() && image.custom.is_none());
}

#[test]
fn tool_without_a_value_is_chosen() {
    let json = |image: ImageConfig| serde_json::to_value(image.kaniko).expect("JSON");
    assert_eq!(json(image("{image: acme/a, build: {kaniko: }}")), json!({"cache": true}));
    assert!(image("{image: acme/a, build: {docker: }}").docker.is_some());
    let kaniko = image("{image: acme/a, build: {kaniko: {cache: false, args: [--x], options: {target: t}}}}");
    assert_eq!(kaniko.options.target.as_deref(), Some("t"));
    assert_eq!(json(kaniko), json!({"cache": false, "args": ["--x"]}));
    let both =
        image("{image: acme/a, build: {kaniko: {options: {target: k}}, docker: {options: {target: d}}}}");
    assert_eq!(both.options.target.as_deref(), Some("d"));
    assert!(image("{image: acme/a, build: {disabled: true}}").disabled);
}

#[test]
fn build_kit_is_docker_with_build_kit() {
    let image = image(
        "{image: acme/a, build: {buildKit: {skipPush: true, preferMinikube: false, args: [--pull], \
         options: {target: t, network: host, buildArgs: {A: 007}}}}}",
    );
    assert_eq!(image.options.target.as_deref(), Some("t"));
    assert_eq!(image.options.build_args["A"].as_deref(), Some("007"));
    let docker = image.docker.expect("docker");
    assert_eq!((docker.use_build_kit, docker.prefer_minikube), (Some(true), Some(false)));
    assert!(docker.skip_push && !docker.use_cli);
    assert!(docker.args.words().eq(["--pull"]));
}

#[test]
fn options_of_buildx_alone_use_it() {
    let buildx = |build: &str| {
        image(&format!("{{image: acme/a, build: {build}}}")).docker.and_then(|docker| docker.buildx)
    };
    assert_eq!(buildx("{buildKit: }"), None);
    assert_eq!(buildx("{buildKit: {command: [docker, buildx]}}"), None);
    let podman = buildx("{buildKit: {command: [podman, buildx]}}").expect("buildx");
    assert_eq!((podman.command.join(" ").as_str(), podman.in_cluster), ("podman buildx", None));
    let plain = buildx("{buildKit: {inCluster: }, docker: {}}").expect("buildx");
    assert_eq!(plain.in_cluster, Some(InClusterConfig::default()));
    let all = "{buildKit: {inCluster: {name: b, namespace: n, rootless: true, image: i, nodeSelector: 'a=b', noCreate: true, \
               noRecreate: true, noLoad: true, createArgs: [--bootstrap]}}}";
    let expected = InClusterConfig {
        name: Some("b".into()),
        namespace: Some("n".into()),
        rootless: true,
        image: Some("i".into()),
        node_selector: Some("a=b".into()),
        no_create: true,
        no_recreate: true,
        no_load: true,
        create_args: vec!["--bootstrap".into()],
    };
    assert_eq!(buildx(all).expect("buildx").in_cluster, Some(expected));
}

#[test]
fn custom_builder_is_read() {
    let custom = image(
        "{image: acme/a, build: {custom: {command: ./b.sh, args: [], imageFlag: --tag, appendArgs: [z], onChange: ['src/**'], \
         imageTagOnly: true, skipImageArg: true, commands: [{os: 'linux,darwin', command: x}]}}}",
    )
    .custom
    .expect("custom");
    assert_eq!((custom.command.as_deref(), custom.args), (Some("./b.sh"), Some(Vec::new())));
    assert_eq!((custom.image_flag.as_deref(), custom.append_args), (Some("--tag"), vec!["z".to_owned()]));
    assert_eq!(custom.on_change, ["src/**"]);
    assert!(custom.image_tag_only && custom.skip_image_arg);
    assert_eq!(
        (custom.commands[0].os.as_deref(), custom.commands[0].command.as_str()),
        (Some("linux,darwin"), "x")
    );
}

#[test]
fn tag_is_an_alias_with_a_warning() {
    let loaded = Fixture::new("images: {a: {image: acme/a, tag: 1.10}}").loaded();
    assert_eq!(loaded.project.images["a"].tags[0].text, "1.10");
    assert_eq!(loaded.warnings[0].to_string(), "devspace.yaml:2:29: `tag` in image `a` is deprecated");
}

#[test]
fn tags_append_random_adds_random_letters() {
    assert_eq!(image("{image: acme/a, tags: [v1], tagsAppendRandom: true}").tags[0].text, "v1-#####");
}

#[test]
fn image_without_a_value_is_omitted() {
    assert!(Fixture::new("images: {a: , b: {image: acme/b}}").loaded().project.images.keys().eq(["b"]));
}

#[test]
fn wrong_images_are_reported() {
    check("{}", &["3:6: image `a` has no `image`"]);
    check("x", &["3:6: image `a` must be a map, found `x`"]);
    check("{image: acme/a, dockefile: x}", &["3:22: unknown key `dockefile` in image `a`"]);
    check("{image: acme/a, tags: latest}", &["3:28: `tags` of image `a` must be a list, found `latest`"]);
    check(
        "{image: acme/a, tags: [a b, -x]}",
        &[
            "3:29: invalid tag `a b` of image `a`: it contains ` `",
            "3:34: invalid tag `-x` of image `a`: it starts with `-`",
        ],
    );
    check("{image: acme/a, rebuildStrategy: allways}", &["3:39: unknown `rebuildStrategy` `allways`"]);
    check(
        "{image: acme/a, createPullSecret: 'true'}",
        &["3:40: `createPullSecret` of image `a` must be `true` or `false`, found `true`"],
    );
    check("{image: acme/a, build: {custom: {args: []}}}", &["3:38: `custom` of image `a` has no `command`"]);
    check(
        "{image: acme/a, build: {custom: }}",
        &["3:36: `custom` of image `a` must be a map, found nothing"],
    );
    check("{image: acme/a, build: {dokcer: {}}}", &["3:30: unknown key `dokcer` in `build` of image `a`"]);
    check(
        "{image: acme/a, build: {kaniko: {flags: []}}}",
        &["3:39: `flags` in `kaniko` of image `a` was removed in v1beta8"],
    );
    check(
        "{image: acme/a, build: {kaniko: {additionalMounts: [{secrt: {}}]}}}",
        &["3:59: unknown key `secrt` in a mount of image `a`"],
    );
    check(
        "{image: acme/a, build: {buildKit: {inCluster: {nme: x}}}}",
        &["3:53: unknown key `nme` in `inCluster` of image `a`"],
    );
    check(
        "{image: acme/a, build: {docker: {options: {buildArgs: {A: [1]}}}}}",
        &["3:64: `A` in `buildArgs` of image `a` must be a string, found a list"],
    );
    check(
        "{image: acme/a, entrypoint: [[x], null]}",
        &[
            "3:35: an item of `entrypoint` of image `a` must be a string, found a list",
            "3:40: an item of `entrypoint` of image `a` must be a string, found nothing",
        ],
    );
}

#[test]
fn tag_or_digest_in_image_is_refused() {
    for text in
        ["acme/a:1.0", "acme/a@sha256:0000000000000000000000000000000000000000000000000000000000000000"]
    {
        let problems = Fixture::new(&format!("images:\n  a: {{image: '{text}'}}\n")).problems();
        assert!(problems[0].starts_with("3:14: `image` of image `a` is not a repository: "), "{problems:?}");
    }
}

#[test]
fn two_images_may_not_claim_one_reference() {
    let images = |one: &str, two: &str| {
        Fixture::new(&format!("images:\n  a: {{image: acme/x, {one}}}\n  b: {{image: acme/x, {two}}}\n"))
    };
    let problems = images("tags: [v1, v2]", "tags: [v3, v2]").problems();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].starts_with("4:33: images `a` and `b` have the same reference"), "{problems:?}");
    images("tags: [v1]", "tags: [v2]").loaded();
    images("tags: [v1-##]", "tags: [v1-##]").loaded();
    images("cmd: []", "cmd: []").loaded();
    images("tags: [v1]", "tags: [v1], build: {disabled: true}").loaded();
}
