//! `windlass verify`: whether a checkout makes an image in the registry, for people and for CI.

use serde_json::{Value, json};

use crate::harness::{Daemon, Fault, Output, Project};
use crate::sharing_world::{Clones, WRITE};

fn verify(project: &Project, image: &str) -> Output {
    project.run(["verify", image])
}

#[test]
fn verify_tells_the_image_of_this_checkout_from_others() {
    let Some(clones) = Clones::start() else { return };
    let one = clones.machine();
    one.run(WRITE.iter().chain(&["--tag", "v1,1.0"])).success();
    let repository = clones.repository("side");
    let first = clones.digests(&["side"], "v1").remove(0);
    let same = |reference: &str| format!("{repository}{reference} is what these inputs were built to\n");

    // On the machine that built it, and on one that did not: by tag, digest, repository, and as a base image.
    for project in [&one, &clones.machine()] {
        verify(project, "side").success().stdout_is(same(":v1"));
        verify(project, "side:1.0").success().stdout_is(same(":1.0"));
        verify(project, &format!("side@{first}")).success().stdout_is(same(&format!("@{first}")));
        verify(project, &format!("{repository}:1.0")).success().stdout_is(same(":1.0"));
        verify(project, "app").success().stdout_has("is what these inputs were built to");
    }

    // Another version of the inputs was released as 2.0.
    let two = clones.machine();
    two.write("side.txt", "second\n");
    two.run(WRITE.iter().chain(&["--tag", "2.0", "side"])).success();
    let other = verify(&clones.machine(), "side:2.0");
    other.exits(1).stdout_is(format!(
        "{repository}:2.0 is another image: these inputs were built to {first}\n  ~ file         side.txt\n"
    ));
    // Inputs that nobody has built, with what differs.
    let changed = clones.machine();
    changed.write("side.txt", "third\n");
    let output = verify(&changed, "side:1.0");
    output.exits(1).stdout_has("nobody shared a build of these inputs (for linux/");
    output.stdout_has("  ~ file         side.txt\n");
    verify(&clones.machine(), "side:3.0")
        .exits(1)
        .stdout_is(format!("{repository}:3.0 does not exist in the registry\n"));
    // A base image that would be built.
    changed.write("base.txt", "changed\n");
    verify(&changed, "app")
        .exits(1)
        .stdout_has("nobody shared a build of these inputs (its base `base` is not built)");
}

#[test]
fn verify_writes_and_builds_nothing() {
    let Some(clones) = Clones::start() else { return };
    clones.machine().run(WRITE).success();
    let writes = || ["PUT", "POST", "PATCH", "DELETE"].map(|method| clones.proxy().count(method, ""));
    let before = writes();
    let other = clones.machine().env("WINDLASS_SHARE", "off");
    verify(&other, "app").success();
    assert_eq!(writes(), before);
    assert!(!other.path(".windlass/images").exists());
}

#[test]
fn images_of_docker_are_verified_as_well() {
    let Some(daemon) = Daemon::acquire() else { return };
    let Some(clones) = Clones::with_daemon(&daemon) else { return };
    clones.machine().daemon(&daemon).run(["build", "--share", "write"]).success();
    verify(&clones.machine().daemon(&daemon), "app")
        .success()
        .stdout_has("is what these inputs were built to");
    // Without a daemon, the platform of this machine counts.
    verify(&clones.machine(), "app").success();
    let foreign = clones.machine().env("DOCKER_DEFAULT_PLATFORM", clones.foreign_platform());
    verify(&foreign, "side").exits(1).stdout_has(format!("(for {})", clones.foreign_platform()));
}

#[test]
fn verify_prints_json_and_points_out_uncommitted_changes() {
    let Some(clones) = Clones::start() else { return };
    let one = clones.machine();
    let git = |arguments: &[&str]| {
        let who = ["-c", "user.name=windlass", "-c", "user.email=windlass@example.com"];
        one.run_program("git", who.iter().chain(arguments)).success();
    };
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message", "first"]);
    one.run(WRITE).success();
    let json = |code: i32| {
        let output = one.run(["verify", "side", "--json"]);
        serde_json::from_str::<Value>(&output.exits(code).stdout).expect("JSON")
    };
    let digest = json!(clones.digests(&["side"], "v1")[0]);
    let same = json(0);
    assert_eq!(
        (&same["result"], &same["digest"], &same["expected"], &same["dirty"]),
        (&json!("same"), &digest, &digest, &json!(false))
    );
    one.write("side.txt", "changed\n");
    let changed = json(1);
    assert_eq!(
        (&changed["result"], &changed["digest"], &changed["expected"], &changed["dirty"]),
        (&json!("not_shared"), &digest, &Value::Null, &json!(true))
    );
    assert_eq!(changed["changes"], json!([{ "change": "changed", "input": "file", "name": "side.txt" }]));
    verify(&one, "side").exits(1).stdout_has("note: the checkout has uncommitted changes\n");
}

#[test]
fn what_cannot_be_determined_is_neither_equal_nor_different() {
    let Some(clones) = Clones::start() else { return };
    clones.machine().run(WRITE).success();
    let project = clones.machine();
    verify(&project, "nothing").exits(2);
    verify(&project, "side:not/a tag").exits(2);
    verify(&project, "side@sha256:12").exits(2);
    let random = clones.machine();
    random.write("devspace.yaml", clones.config_of("side", "").replace("tags: [v1]", "tags: ['v-#####']"));
    verify(&random, "side").exits(2).stderr_has("image `side` has no fixed tag");
    let ignores = clones.machine();
    ignores.write("devspace.yaml", clones.config_of("side", "    rebuildStrategy: ignoreContextChanges\n"));
    verify(&ignores, "side")
        .exits(2)
        .stdout_has("cannot verify")
        .stdout_has("`rebuildStrategy` ignores its files");
    // A registry that does not respond.
    for status in [403, 500] {
        let prefix = format!("/v2/{}/manifests/", clones.repository("side").path());
        clones.proxy().fault(usize::MAX, "", &prefix, Fault::Status(status));
        verify(&clones.machine(), "side").exits(2).stdout_has("cannot verify").lacks("nobody shared");
    }
}
