//! Features of images built without a daemon: annotations, attached documents, files, several platforms.

use std::fs;

use crate::harness::{Daemon, Project, Registry, busybox};

const DOCKERFILE: &str = "FROM scratch\nCOPY busybox /bin/busybox\nCOPY conf /etc/\nENTRYPOINT [\"/bin/busybox\", \"echo\", \"ran\"]\n";

/// A project whose image `app` is built by the builder `oci` and pushed to `registry`; `script` contains its overrides.
fn project(registry: &Registry, script: &str, docker: &str) -> Project {
    let repository = format!("{}/acme/app", registry.address());
    let config = format!(
        "version: v2beta1\nname: app\nimages:\n  app:\n    image: {repository}\n    tags: [\"1\"]\n{docker}"
    );
    Project::new()
        .file("devspace.yaml", config)
        .file("Dockerfile", DOCKERFILE)
        .file("busybox", "no program")
        .file("conf/app.conf", "x=1")
        .file("windlass.rhai", format!("fn builder(image) {{ \"oci\" }}\n{script}"))
}

/// A blob of the registry, as JSON.
#[track_caller]
fn document(registry: &Registry, digest: &str) -> serde_json::Value {
    serde_json::from_slice(&registry.blob(digest).expect("the registry has it")).expect("JSON")
}

#[track_caller]
fn text(value: &serde_json::Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a string: {value}"))
}

#[test]
fn annotations_are_in_the_manifest_and_nothing_is_pushed_twice() {
    let Some(registry) = Registry::start() else { return };
    let script = "fn publish(image, built) { built.annotate(#{ \"org.opencontainers.image.title\": image.name }).push() }\n";
    let project = project(&registry, script, "");
    project.run(["build"]).success().stderr_has("built and pushed");
    let digest = registry.digest_at("acme/app", "1").expect("pushed");
    let manifest = document(&registry, &digest);
    assert_eq!(manifest["annotations"]["org.opencontainers.image.title"], "app");
    project.run(["build"]).success().stderr_has("skipped: unchanged");
    assert_eq!(registry.digest_at("acme/app", "1"), Some(digest.clone()));

    // A changed annotation does not rebuild the image, and is published.
    let other = "fn builder(image) { \"oci\" }\n\
        fn publish(image, built) { built.annotate(#{ \"org.opencontainers.image.title\": \"other\" }).push() }\n";
    project.write("windlass.rhai", other);
    project.run(["build"]).success().stderr_has("skipped: unchanged");
    let changed = registry.digest_at("acme/app", "1").expect("pushed");
    assert_eq!(document(&registry, &changed)["annotations"]["org.opencontainers.image.title"], "other");
    fs::remove_dir_all(project.path("../home/.cache")).expect("the store");
    project.run(["build"]).success().stderr_has("skipped: unchanged");
    assert_eq!(registry.digest_at("acme/app", "1"), Some(changed));
}

/// Everyone who can pull an image can read its history.
#[test]
fn secret_build_arguments_are_not_in_the_history() {
    let Some(registry) = Registry::start() else { return };
    let args = "    buildArgs: {TOKEN: '${TOKEN}', OUTSIDE: , PLAIN: plain}\nvars:\n  TOKEN: {password: true, source: env}\n";
    let dockerfile =
        "FROM scratch\nARG TOKEN\nARG OUTSIDE\nARG PLAIN\nCOPY conf /$PLAIN/$TOKEN/\nLABEL plain=$PLAIN\n";
    let project = project(&registry, "", args)
        .file("Dockerfile", dockerfile)
        .env("TOKEN", "hunter2-secret")
        .env("OUTSIDE", "from-outside");
    project.run(["build"]).success().lacks("hunter2-secret");
    let manifest = document(&registry, &registry.digest_at("acme/app", "1").expect("pushed"));
    let config = document(&registry, text(&manifest["config"]["digest"]));
    let history: Vec<_> = config["history"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| text(&entry["created_by"]))
        .collect();
    assert_eq!(history[..3], ["ARG TOKEN=***", "ARG OUTSIDE=***", "ARG PLAIN=plain"], "{history:?}");
    assert!(
        !config.to_string().contains("hunter2-secret") && !config.to_string().contains("from-outside"),
        "{config}"
    );
}

#[test]
fn sbom_and_provenance_are_attached() {
    let Some(registry) = Registry::start() else { return };
    let script = "fn publish(image, built) {\n\
        built.attach_sbom().attach_provenance(#{ address: \"https://git.example/app\", commit: \"c0ffee\" }).push()\n}\n";
    let secret = "    buildArgs: {TOKEN: verysecret}\n";
    let project = project(&registry, script, secret);
    project.run(["build"]).success();
    let image = registry.digest_at("acme/app", "1").expect("pushed");
    let list = registry.digest_at("acme/app", &image.replace(':', "-")).expect("a list of attachments");
    let list = document(&registry, &list);
    let attached = |kind: &str| {
        let entries = list["manifests"].as_array().expect("a list");
        let entry = entries.iter().find(|entry| entry["artifactType"] == kind).expect("it is attached");
        let manifest = document(&registry, text(&entry["digest"]));
        assert_eq!(manifest["subject"]["digest"], image.as_str());
        document(&registry, text(&manifest["layers"][0]["digest"]))
    };
    let bill = attached("application/vnd.cyclonedx+json");
    let files: Vec<_> =
        bill["components"].as_array().expect("components").iter().map(|file| text(&file["name"])).collect();
    assert_eq!(files, ["/bin/busybox", "/etc/app.conf"]);
    assert!(text(&bill["components"][1]["properties"][0]["value"]).starts_with("COPY conf"), "{bill}");

    let statement = attached("application/vnd.in-toto+json");
    assert_eq!(format!("sha256:{}", text(&statement["subject"][0]["digest"]["sha256"])), image);
    let build = &statement["predicate"]["buildDefinition"];
    assert_eq!(build["resolvedDependencies"][0]["digest"]["gitCommit"], "c0ffee");
    let scripts = build["internalParameters"]["scripts"].as_array().expect("scripts");
    let names: Vec<_> = scripts.iter().map(|script| text(&script["name"])).collect();
    assert_eq!(names, ["scripts/build.rhai", "windlass.rhai"]);
    assert!(!statement.to_string().contains("verysecret"), "{statement}");
}

#[test]
fn an_image_for_several_platforms_is_an_index() {
    let Some(registry) = Registry::start() else { return };
    let docker = "    docker:\n      args: [--platform, \"linux/amd64,linux/arm64\"]\n";
    let project = project(&registry, "", docker);
    project.run(["build"]).success();
    let index = document(&registry, &registry.digest_at("acme/app", "1").expect("pushed"));
    let platforms: Vec<_> = index["manifests"]
        .as_array()
        .expect("images")
        .iter()
        .map(|image| {
            let manifest = document(&registry, text(&image["digest"]));
            let config = document(&registry, text(&manifest["config"]["digest"]));
            assert_eq!(config["architecture"], image["platform"]["architecture"]);
            text(&config["architecture"]).to_owned()
        })
        .collect();
    assert_eq!(platforms, ["amd64", "arm64"]);
    project.run(["build"]).success().stderr_has("skipped: unchanged");
}

#[test]
fn layers_are_compressed_by_zstd_on_request() {
    let Some(registry) = Registry::start() else { return };
    let docker = "    docker:\n      args: [\"--output=type=registry,compression=zstd\"]\n";
    project(&registry, "", docker).run(["build"]).success();
    let manifest = document(&registry, &registry.digest_at("acme/app", "1").expect("pushed"));
    for layer in manifest["layers"].as_array().expect("layers") {
        assert_eq!(layer["mediaType"], "application/vnd.oci.image.layer.v1.tar+zstd");
        let blob = registry.blob(text(&layer["digest"])).expect("the registry has it");
        assert_eq!(blob[..4], [0x28, 0xb5, 0x2f, 0xfd]);
    }
}

#[test]
fn an_image_is_saved_by_a_script_and_by_a_command_and_runs() {
    let Some(daemon) = Daemon::acquire() else { return };
    let Some(busybox) = busybox() else { return };
    let repository = daemon.repository("acme.example", "saved");
    let project = Project::new()
        .file(
            "devspace.yaml",
            format!("version: v1beta9\nimages:\n  app:\n    image: {repository}\n    tags: [\"1\"]\n"),
        )
        .file("Dockerfile", DOCKERFILE)
        .file("busybox", busybox)
        .file("conf/app.conf", "x=1")
        .file(
            "windlass.rhai",
            "fn builder(image) { \"oci\" }\n\
            fn publish(image, built) { built.save(`dist/${image.name}.tar`).save(\"dist/layout/\") }\n",
        );
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(project.path("busybox"), mode).expect("a program");
    project.run(["plan"]).success().stdout_has("write dist/app.tar");
    project.run(["build"]).success();
    project.run(["save", "app", "by-hand.tar"]).success();
    let archive = |path: &str| fs::read(project.path(path)).expect("an archive");
    assert!(archive("dist/app.tar") == archive("by-hand.tar"), "the stage and the command write the same");
    assert!(project.path("dist/layout/index.json").is_file());
    daemon.docker(["load", "--quiet", "--input", &project.path("by-hand.tar").to_string_lossy()]);
    assert_eq!(daemon.run(&format!("{repository}:1"), &[]).trim(), "ran");
}

#[test]
fn images_that_a_daemon_built_are_not_in_the_store() {
    let project = Project::new()
        .file("devspace.yaml", "version: v1beta9\nimages:\n  app:\n    image: acme/app\n    build: {custom: {command: \"true\"}}\n")
        .file("Dockerfile", "FROM scratch\n")
        .file("windlass.rhai", "fn publish(image, built) { built.attach_sbom() }\n");
    project
        .run(["build"])
        .exits(1)
        .stderr_has("cannot attach something to `app`: it is not in the image store")
        .stderr_has("--builder oci");
}

#[test]
fn an_image_on_a_registry_base_is_saved_completely() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let Some(busybox) = busybox() else { return };
    let base = project(&registry, "", "");
    base.write("busybox", busybox);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(base.path("busybox"), mode).expect("a program");
    base.run(["build"]).success();

    // Another machine, which never had the base image.
    let repository = daemon.repository("acme.example", "on-base");
    let dockerfile = format!("FROM {}/acme/app:1\nCOPY notes /notes\n", registry.address());
    let project = Project::new()
        .file(
            "devspace.yaml",
            format!(
                "version: v2beta1\nname: x\nimages:\n  app:\n    image: {repository}\n    tags: [\"1\"]\n"
            ),
        )
        .file("Dockerfile", dockerfile)
        .file("notes", "mine");
    project.run(["build", "--builder", "oci", "--skip-push"]).success();
    project.run(["build", "--builder", "oci", "--skip-push"]).success().stderr_has("skipped: unchanged");
    project.run(["save", "app", "app.tar"]).success();
    daemon.docker(["load", "--quiet", "--input", &project.path("app.tar").to_string_lossy()]);
    assert_eq!(daemon.run(&format!("{repository}:1"), &[]).trim(), "ran");
    assert_eq!(daemon.file(&format!("{repository}:1"), "/notes"), "mine");
}
