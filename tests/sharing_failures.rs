//! What registries do to shared builds: trouble costs one line and no build, and the first build of the same inputs stays.

use crate::harness::{Daemon, Fault, Output, Project, Signal};
use crate::sharing_world::{Clones, READ, WRITE, decisions};

const IMAGES: [&str; 3] = ["base", "app", "side"];

/// Applies `fault` to requests with `method` for the tags of shared builds.
fn disturb(clones: &Clones, times: usize, method: &str, fault: Fault) {
    for image in IMAGES {
        let prefix = format!("/v2/{}/manifests/windlass-", clones.repository(image).path());
        clones.proxy().fault(times, method, &prefix, fault);
    }
}

/// The number of lines with `text`.
fn lines_with(output: &Output, text: &str) -> usize {
    output.stderr.lines().filter(|line| line.contains(text)).count()
}

#[test]
fn registry_that_does_not_tell_costs_one_line_and_is_left_alone() {
    for (fault, requests) in
        [(Fault::Status(401), 1), (Fault::Status(403), 1), (Fault::Status(500), 2), (Fault::Hold, 2)]
    {
        let Some(clones) = Clones::start() else { return };
        clones.machine().run(WRITE).success();
        disturb(&clones, usize::MAX, "", fault);
        let before = clones.shared_requests("");
        // One image at a time, so that nothing is on its way when the first one fails.
        let output = clones.machine().run(READ.iter().chain(&["--build-sequential"]));
        output.success();
        assert_eq!(lines_with(&output, "builds of others are not looked up in"), 1, "{fault:?}\n{output}");
        assert_eq!(clones.shared_requests("") - before, requests, "{fault:?}\n{output}");
        assert_eq!(lines_with(&output, "building: never built"), 3, "{fault:?}\n{output}");
    }
}

#[test]
fn busy_registry_gets_the_time_that_it_asks_for() {
    let Some(clones) = Clones::start() else { return };
    clones.machine().run(WRITE).success();
    disturb(&clones, 1, "HEAD", Fault::Busy { status: 429, seconds: 1, as_date: false });
    decisions(&clones.machine(), READ)
        .iter()
        .for_each(|line| assert!(line.contains("found in the registry"), "{line}"));
}

#[test]
fn registry_without_head_is_asked_by_get() {
    let Some(clones) = Clones::start() else { return };
    clones.machine().run(WRITE).success();
    disturb(&clones, usize::MAX, "HEAD", Fault::Status(405));
    decisions(&clones.machine(), READ)
        .iter()
        .for_each(|line| assert!(line.contains("found in the registry"), "{line}"));
}

#[test]
fn missing_right_to_share_costs_one_line() {
    let Some(clones) = Clones::start() else { return };
    disturb(&clones, usize::MAX, "PUT", Fault::Status(403));
    let output = clones.machine().run(WRITE.iter().chain(&["--build-sequential"]));
    output.success();
    assert_eq!(lines_with(&output, "builds are not shared in"), 1, "{output}");
    assert_eq!(clones.shared_requests("PUT"), 1, "{output}");
    assert_eq!(clones.digests(&IMAGES, "v1").len(), 3, "all are pushed");
}

/// A pipeline whose builds of the same inputs are other images.
const ANNOTATES: &str = "import \"scripts/build\" as base;\n\
    fn publish(image, built) { base::publish(image, built.annotate(#{ \"run\": env(\"RUN\", \"1\") })) }\n";

#[test]
fn forced_build_takes_the_place_of_the_first_one_unless_tags_are_immutable() {
    let forced = [WRITE, &["side", "--force", "side"]].concat();
    for status in [None, Some(409), Some(412)] {
        let Some(clones) = Clones::start() else { return };
        clones.machine().run(WRITE).success();
        let first = clones.shared_tags("side");
        if let Some(status) = status {
            disturb(&clones, usize::MAX, "PUT", Fault::Status(status));
        }
        let one = clones.machine().file("windlass.rhai", ANNOTATES).env("RUN", "2");
        let output = one.run(&forced);
        output.success();
        let kept = lines_with(&output, "the registry keeps the first build of these inputs");
        assert_eq!(kept == 1, status.is_some(), "{output}");
        let shared = clones.shared_tags("side");
        assert_eq!(shared == first, status.is_some(), "{output}");
        // Other machines use what the tag names.
        let found = "side skip: unchanged, found in the registry";
        assert_eq!(decisions(&clones.machine(), &[READ, &["side"]].concat()), [found]);
        assert_eq!(clones.digests(&["side"], "v1"), [shared[0].1.clone()]);
    }
}

/// A pipeline that lets another machine build everything at some time.
fn meanwhile(step: &str, other: &Project) -> String {
    let program = env!("CARGO_BIN_EXE_windlass");
    let folder = other.path("");
    let (home, words) = (other.home(), WRITE.join(" "));
    let run =
        format!("sh(`cd '{}' && HOME='{}' '{program}' {words} side`);", folder.display(), home.display());
    match step {
        "before" => format!("fn before_image(image) {{ if image.name == \"side\" {{ {run} }} }}\n"),
        _ => format!(
            "import \"scripts/build\" as base;\nfn publish(image, built) {{\n    let result = base::publish(image, built);\n    if \
             image.name == \"side\" {{ {run} }}\n    result\n}}\n"
        ),
    }
}

#[test]
fn build_that_another_machine_finished_first_is_used() {
    let Some(daemon) = Daemon::acquire() else { return };
    for builder in ["oci", "docker"] {
        let Some(clones) = Clones::with_daemon(&daemon) else { return };
        let other = clones.machine();
        other.write("windlass.rhai", ANNOTATES);
        let one = clones.machine().daemon(&daemon).file("windlass.rhai", meanwhile("before", &other));
        let output = one.run(["build", "--builder", builder, "--share", "write", "side"]);
        output.success().stderr_has("another run built it meanwhile");
        let shared = clones.shared_tags("side");
        assert_eq!(shared.len(), 1);
        assert_eq!(clones.digests(&["side"], "v1"), [shared[0].1.clone()], "its tag names that build");
        assert_eq!(decisions(&one, &[READ, &["side"]].concat()), ["side skip: unchanged"]);
    }
}

#[test]
fn the_first_to_share_stays() {
    let Some(clones) = Clones::start() else { return };
    let other = clones.machine();
    other.write("windlass.rhai", ANNOTATES);
    let one = clones.machine().file("windlass.rhai", meanwhile("after", &other));
    one.run(WRITE.iter().chain(&["side"])).success();
    let shared = clones.shared_tags("side");
    assert_eq!(shared.len(), 1);
    // The other machine was first to share, and the last to push.
    assert_eq!(clones.digests(&["side"], "v1"), [shared[0].1.clone()]);
}

#[test]
fn killed_before_it_is_shared_a_build_is_shared_by_the_next_run() {
    let Some(clones) = Clones::start() else { return };
    disturb(&clones, 1, "PUT", Fault::Hold);
    let one = clones.machine();
    let build = [WRITE, &["side"]].concat();
    let running = one.spawn(&build);
    let prefix = format!("/v2/{}/manifests/windlass-", clones.repository("side").path());
    clones.proxy().wait_for_request("PUT", &prefix);
    running.signal(Signal::Kill);
    drop(running);
    assert_eq!(clones.shared_tags("side"), []);
    decisions(&one, &build).iter().for_each(|line| assert!(!line.contains("build:"), "{line}"));
    assert_eq!(clones.shared_tags("side").len(), 1);
}

#[test]
fn images_of_custom_commands_are_shared_by_their_first_tag() {
    let Some(daemon) = Daemon::acquire() else { return };
    let Some(clones) = Clones::with_daemon(&daemon) else { return };
    let script = "#!/bin/sh\nset -e\ndate +%N > side.txt.made\necho ran >> runs\n\
        docker build --quiet --tag \"$1\" --file made.Dockerfile . > /dev/null\ndocker push --quiet \"$1\" > /dev/null\n";
    let machine = || {
        let project = clones.machine().daemon(&daemon).executable("make", script);
        let project = project.file("made.Dockerfile", "FROM scratch\nCOPY side.txt.made /\n");
        project.write(
            "devspace.yaml",
            clones.config_of(
                "side",
                "    build: {custom: {command: './make', args: [], onChange: [side.txt]}}\n",
            ),
        );
        project
    };
    let (one, other, late) = (machine(), machine(), machine());
    let (write, read) = (["build", "--share", "write"], ["build", "--share", "read"]);
    one.run(write).success();
    let first = clones.shared_tags("side");
    assert_eq!(first.len(), 1);
    assert_eq!(clones.digests(&["side"], "v1"), [first[0].1.clone()]);
    assert_eq!(decisions(&other, &read), ["side skip: unchanged, found in the registry"]);
    assert!(!other.path("runs").exists());
    // A command that runs nevertheless pushes another image; the first one stays shared.
    late.run(["build"]).success();
    late.run(write).success();
    assert_eq!(clones.shared_tags("side"), first);
    assert_eq!(decisions(&machine(), &read), ["side skip: unchanged, found in the registry"]);
    assert_eq!(clones.digests(&["side"], "v1"), [first[0].1.clone()], "its tag is put back");
}
