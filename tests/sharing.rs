//! Builds that machines share through the registry: one request decides, the first build stays, and dependent images follow.

use serde_json::Value;

use crate::harness::{Daemon, Project};
use crate::sharing_world::{Clones, READ, WRITE, decisions, planned};

#[test]
fn fresh_machine_skips_what_another_one_built() {
    let Some(clones) = Clones::start() else { return };
    let (one, other) = (clones.machine(), clones.machine());
    assert_eq!(
        decisions(&one, WRITE),
        ["app build: never built", "base build: never built", "side build: never built"]
    );
    let digests = clones.digests(&["base", "app", "side"], "v1");
    // Nothing depends on the path, the user, or the times of files.
    let other = other.env("USER", "another");
    clones.touch(&other);
    let before = clones.asked();
    let found = "unchanged, found in the registry";
    let expected = ["app", "base", "side"].map(|image| format!("{image} skip: {found}"));
    assert_eq!(planned(&other, &["--share", "read"]), expected);
    assert_eq!(decisions(&other, READ), expected);
    // The plan and the build each ask for the build of each image, and for the tag that it should have.
    assert_eq!(clones.asked() - before, 2 * (3 + 3));
    assert_eq!(clones.digests(&["base", "app", "side"], "v1"), digests);
    assert_eq!(clones.written(&other, READ), 0);

    // A second run knows.
    let before = clones.requests();
    let unchanged = ["app", "base", "side"].map(|image| format!("{image} skip: unchanged"));
    assert_eq!(decisions(&other, READ), unchanged);
    assert_eq!(clones.requests(), before);
}

#[test]
fn only_what_changed_and_what_is_built_on_it_is_built() {
    let Some(clones) = Clones::start() else { return };
    let (one, other) = (clones.machine(), clones.machine());
    one.run(WRITE).success();
    other.write("README.md", "not read by any image\n");
    other.write("base.txt", "changed\n");
    assert_eq!(
        decisions(&other, READ),
        ["app build: never built", "base build: never built", "side skip: unchanged, found in the registry"]
    );
}

#[test]
fn mode_comes_from_the_command_line_then_the_environment_then_the_script() {
    let Some(clones) = Clones::start() else { return };
    let writes = "fn sharing(image) { \"write\" }\n";
    let build = ["build", "--builder", "oci"];
    // Off, which is the default: not one request for a shared build.
    clones.machine().run(build).success();
    let off = clones.machine().file("windlass.rhai", writes).env("WINDLASS_SHARE", "off");
    off.run(build).success();
    let reads = clones.machine().file("windlass.rhai", writes).env("WINDLASS_SHARE", "write");
    reads.run(build.iter().chain(&["--share", "off"])).success();
    assert_eq!(clones.shared_requests(""), 0);
    // Reading writes nothing.
    clones.machine().run(READ).success();
    assert_eq!(clones.shared_requests("PUT"), 0);
    assert!(clones.shared_requests("HEAD") > 0);
    clones.machine().file("windlass.rhai", writes).run(build.iter().chain(&["--share", "read"])).success();
    assert_eq!(clones.shared_requests("PUT"), 0);
    clones.machine().file("windlass.rhai", writes).run(build).success();
    assert_eq!(clones.shared_requests("PUT"), 3);
    let wrong = clones.machine().env("WINDLASS_SHARE", "always");
    wrong.run(build).exits(1).stderr_has("unknown sharing mode `always` in WINDLASS_SHARE");
    clones.machine().run(["build", "--share", "always"]).exits(2);
}

#[test]
fn sharing_costs_no_request_unless_it_is_requested() {
    let Some(clones) = Clones::start() else { return };
    let lines = |arguments: &[&str]| {
        let before = clones.requests();
        clones.machine().run(arguments).success();
        clones.requests() - before
    };
    let first = lines(&["build", "--builder", "oci"]);
    // The registry has the layers already; otherwise the requests are the same, with and without the setting.
    let plain = lines(&["build", "--builder", "oci"]);
    assert!(plain <= first);
    assert_eq!(lines(&["build", "--builder", "oci", "--share", "off"]), plain);
}

#[test]
fn forced_base_is_followed_on_other_machines() {
    let Some(clones) = Clones::start() else { return };
    let one = clones.machine();
    one.run(WRITE).success();
    let before = clones.digests(&["base", "app"], "v1");
    // Not reproducible: each build has another date in it.
    let other = clones.machine();
    one.write("base.Dockerfile", "FROM scratch\nCOPY base.txt /\nLABEL again=1\n");
    other.write("base.Dockerfile", "FROM scratch\nCOPY base.txt /\nLABEL again=1\n");
    one.run(WRITE).success();
    let after = clones.digests(&["base", "app"], "v1");
    assert!(before.iter().zip(&after).all(|(before, after)| before != after));
    decisions(&other, READ).iter().for_each(|line| assert!(line.contains("found in the registry"), "{line}"));
    let of_app = clones.registry().manifest(clones.repository("app"), "v1");
    let of_base = clones.registry().manifest(clones.repository("base"), "v1");
    assert_eq!(of_app["layers"][0], of_base["layers"][0], "no mixed pair");
    // A forced build is not looked up, and others find it from then on.
    let before = clones.shared_requests("HEAD");
    let lines = decisions(&one, &[WRITE, &["base", "--force", "base"]].concat());
    assert_eq!(lines, ["base build: forced"]);
    assert_eq!(clones.shared_requests("HEAD") - before, 1, "only before it is shared");
}

#[test]
fn platform_of_the_environment_names_another_build() {
    let Some(clones) = Clones::start() else { return };
    clones.machine().run(WRITE).success();
    let other = clones.machine().env("DOCKER_DEFAULT_PLATFORM", clones.foreign_platform());
    decisions(&other, READ).iter().for_each(|line| assert!(line.contains("build: never built"), "{line}"));
}

#[test]
fn index_of_several_platforms_is_tagged_as_it_is() {
    let Some(clones) = Clones::start() else { return };
    let platforms = "    docker: {platforms: [linux/amd64, linux/arm64]}\n";
    let (one, other) = (clones.machine_with(platforms), clones.machine_with(platforms));
    one.run(WRITE).success();
    let index = clones.digests(&["base"], "v1").remove(0);
    clones.registry().remove_tag(clones.repository("base"), "v1");
    let before = clones.proxy().count("PUT", "");
    let blobs = clones.proxy().count("", &format!("/v2/{}/blobs", clones.repository("base").path()));
    decisions(&other, READ).iter().for_each(|line| assert!(line.contains("found in the registry"), "{line}"));
    assert_eq!(clones.proxy().count("PUT", "") - before, 1);
    assert_eq!(clones.digests(&["base"], "v1"), [index]);
    // Layers do not travel; the configuration of a base image is read.
    let manifest = clones.registry().manifest(clones.repository("base"), "v1");
    assert_eq!(manifest["manifests"].as_array().map(Vec::len), Some(2));
    assert!(
        clones.proxy().count("", &format!("/v2/{}/blobs", clones.repository("base").path())) <= blobs + 1
    );
}

#[test]
fn random_tags_are_the_same_on_all_machines() {
    let Some(clones) = Clones::start() else { return };
    let tags = |project: &Project| {
        project.run(WRITE.iter().chain(&["--tag", "ci-#####"])).success();
    };
    for _ in 0..3 {
        tags(&clones.machine());
    }
    let mut all = clones.registry().tags(clones.repository("side"));
    all.retain(|tag| tag.starts_with("ci-"));
    assert_eq!(all.len(), 1, "{all:?}");
    // A plan shows the real tag.
    let plan: Value = {
        let output = clones.machine().run(["plan", "--json", "--share", "read", "--tag", "ci-#####"]);
        serde_json::from_str(&output.success().stdout).expect("a plan is JSON")
    };
    let shown = plan["images"].as_array().into_iter().flatten().find(|image| image["name"] == "side");
    assert_eq!(shown.expect("side")["tags"][0], format!("{}:{}", clones.repository("side"), all[0]));

    // A tag that names another image gets other characters.
    let other = clones.machine();
    clones.overwrite("side", &all[0]);
    tags(&other);
    let mut more = clones.registry().tags(clones.repository("side"));
    more.retain(|tag| tag.starts_with("ci-"));
    assert_eq!(more.len(), 2, "{more:?}");
}

#[test]
fn builds_from_before_sharing_and_interrupted_ones_are_shared_without_a_build() {
    let Some(clones) = Clones::start() else { return };
    let one = clones.machine();
    one.run(["build", "--builder", "oci"]).success();
    assert_eq!(clones.shared_requests(""), 0);
    let unchanged = ["app", "base", "side"].map(|image| format!("{image} skip: unchanged"));
    assert_eq!(decisions(&one, WRITE), unchanged);
    assert_eq!(clones.shared_requests("PUT"), 3);
    assert_eq!(decisions(&one, WRITE), unchanged);
    assert_eq!(clones.shared_requests("PUT"), 3, "once");
    decisions(&clones.machine(), READ)
        .iter()
        .for_each(|line| assert!(line.contains("found in the registry"), "{line}"));
}

#[test]
fn what_the_cache_key_does_not_determine_is_not_shared() {
    let Some(clones) = Clones::start() else { return };
    let dockerfile = "FROM scratch\nARG TOKEN\nENV USED=$TOKEN\nCOPY side.txt /\n";
    let secret = |project: Project| {
        project.write("side.Dockerfile", dockerfile);
        project.write(
            "devspace.yaml",
            clones.config_of("side", "    build: {docker: {options: {buildArgs: {TOKEN: }}}}\n"),
        );
        project.env("TOKEN", "hunter22")
    };
    let one = secret(clones.machine());
    let output = one.run(WRITE);
    output.success().stderr_has("not shared: the build argument `TOKEN` is secret").lacks("hunter22");
    assert_eq!(clones.shared_requests(""), 0);
    // With a secret, only machines that have it find the build.
    let one = one.env("WINDLASS_SHARE_SECRET", "open sesame");
    one.run(WRITE).success().lacks("sesame");
    assert_eq!(clones.shared_requests("PUT"), 1);
    let knows = secret(clones.machine()).env("WINDLASS_SHARE_SECRET", "open sesame");
    assert_eq!(decisions(&knows, READ), ["side skip: unchanged, found in the registry"]);
    let guesses = secret(clones.machine()).env("WINDLASS_SHARE_SECRET", "open barley");
    assert_eq!(decisions(&guesses, READ), ["side build: never built"]);

    let ignores = clones.machine();
    ignores.write("devspace.yaml", clones.config_of("side", "    rebuildStrategy: ignoreContextChanges\n"));
    ignores.run(WRITE).success().stderr_has("not shared: `rebuildStrategy` ignores its files");
}

#[test]
fn without_a_push_only_the_user_skips_what_another_machine_built() {
    let Some(clones) = Clones::start() else { return };
    clones.machine().run(WRITE).success();
    let by_script = clones.machine().file("windlass.rhai", "fn sharing(image) { \"write\" }\n");
    let before = clones.shared_requests("");
    let skip_push = ["build", "--builder", "oci", "--skip-push"];
    by_script.run(skip_push).success().stderr_has("never built here");
    assert_eq!(clones.shared_requests(""), before);

    let checks = clones.machine();
    let read = [&skip_push[..], &["--share", "read"]].concat();
    let (heads, puts) = (clones.asked(), clones.proxy().count("PUT", ""));
    decisions(&checks, &read)
        .iter()
        .for_each(|line| assert!(line.contains("found in the registry"), "{line}"));
    assert_eq!((clones.asked() - heads, clones.proxy().count("PUT", "") - puts), (3, 0));
    // It stays skipped, without a request.
    let requests = clones.requests();
    decisions(&checks, &read).iter().for_each(|line| assert!(line.ends_with("skip: unchanged"), "{line}"));
    assert_eq!(clones.requests(), requests);
    // An image that is wanted here is built.
    decisions(&checks, &skip_push).iter().for_each(|line| assert!(line.contains("build:"), "{line}"));
}

#[test]
fn docker_builds_on_the_shared_base_whatever_its_tag_names_here() {
    let Some(daemon) = Daemon::acquire() else { return };
    let Some(clones) = Clones::with_daemon(&daemon) else { return };
    clones.machine().run(WRITE).success();
    daemon.docker(["tag", &daemon.base(), &format!("{}:v1", clones.repository("base"))]);
    let other = clones.machine().daemon(&daemon);
    other.write("app.txt", "changed\n");
    let read = ["build", "--share", "read", "app"];
    assert_eq!(
        decisions(&other, &read),
        ["app build: never built", "base skip: unchanged, found in the registry"]
    );
    let app = format!("{}:v1", clones.repository("app"));
    assert_eq!(daemon.file(&app, "/base.txt"), "base\n");
    assert_eq!(daemon.try_file(&app, "/bin/busybox"), None);
    // Its own build is shared with the digest of that base.
    other.run(["build", "--share", "write", "app"]).success();
    let late = clones.machine();
    late.write("app.txt", "changed\n");
    decisions(&late, &[READ, &["app"]].concat())
        .iter()
        .for_each(|line| assert!(line.contains("found in the registry"), "{line}"));
}

#[test]
fn builds_of_docker_and_without_a_daemon_are_one() {
    let Some(daemon) = Daemon::acquire() else { return };
    let Some(clones) = Clones::with_daemon(&daemon) else { return };
    clones.machine().daemon(&daemon).run(["build", "--share", "write"]).success();
    let digests = clones.digests(&["base", "app", "side"], "v1");
    decisions(&clones.machine(), READ)
        .iter()
        .for_each(|line| assert!(line.contains("found in the registry"), "{line}"));
    assert_eq!(clones.digests(&["base", "app", "side"], "v1"), digests);
}

#[test]
fn why_looks_in_the_registry_as_well() {
    let Some(clones) = Clones::start() else { return };
    clones.machine().run(WRITE).success();
    let other = clones.machine();
    other.run(["why", "side", "--share", "read"]).success().stdout_has("unchanged, found in the registry");
    other.run(["why", "side"]).success().stdout_has("never built here");
}
