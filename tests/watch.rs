//! `build --watch`: builds again after each change, and only then.

use std::fs;
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::harness::{Project, Running, leave_out_always, wait_for};

const WATCH: [&str; 5] = ["build", "--watch", "--skip-push", "--builder", "oci"];

/// Two images that need no daemon: `api` is made from `src`, `web` from `web`.
fn project() -> Project {
    Project::new()
        .file("devspace.yaml", config(""))
        .file("Dockerfile", "FROM scratch\nCOPY src /src\n")
        .file("web.Dockerfile", "FROM scratch\nCOPY web /web\n")
        .file("src/a", "one")
        .file("web/b", "one")
}

fn config(more: &str) -> String {
    format!(
        "version: v1beta9\nimages:\n  api:\n    image: registry.test/api\n  web:\n    image: registry.test/web\n    \
         dockerfile: web.Dockerfile\n{more}"
    )
}

/// The output so far.
fn text(running: &Running) -> String {
    let (stdout, stderr) = running.output_so_far();
    format!("{stdout}{stderr}")
}

/// Waits until windlass has waited for changes `times` times, and returns the output so far.
#[track_caller]
fn wait_for_idle(running: &Running, times: usize) -> String {
    wait_for_count(running, "watching ", times)
}

#[track_caller]
fn wait_for_count(running: &Running, part: &str, times: usize) -> String {
    let end = std::time::Instant::now() + Duration::from_secs(60);
    wait_for(&format!("{times} of `{part}`"), Duration::from_secs(61), || {
        let text = text(running);
        assert!(std::time::Instant::now() < end, "no {times} of `{part}` in:\n{text}");
        (text.matches(part).count() >= times).then_some(text)
    })
}

#[test]
fn a_save_builds_the_images_that_read_the_file_and_a_touch_builds_nothing() {
    let project = project().file("notes", "an unused file");
    let running = project.spawn(WATCH);
    let text = wait_for_idle(&running, 1);
    assert!(text.contains("watching 5 files"), "{text}");

    project.write("src/a", "two");
    let text = wait_for_idle(&running, 2);
    assert!(text.contains("changed: src/a -> api\n"), "{text}");
    assert_eq!(text.matches("web | built").count(), 1, "{text}");
    assert_eq!(text.matches("api | built").count(), 2, "{text}");

    // None of these is a change: the next one that is reported is the last.
    project.write("src/a", "two");
    let file = fs::File::options().write(true).open(project.path("web/b")).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    project.write("notes", "new");
    project.write("web/c", "new");
    let text = wait_for_idle(&running, 3);
    assert!(text.contains("changed: web/c -> web\n"), "{text}");
    assert_eq!(text.matches("changed: ").count(), 2, "{text}");
    running.interrupt();
    // The builds are recorded; watching ended with the process.
    project.run(["build", "--skip-push", "--builder", "oci"]).success().stderr_has("2 skipped");
}

#[test]
fn a_warning_of_every_pass_is_shown_once_until_it_changes() {
    let warning = |text: &str| format!("fn before_build(project) {{ warn(\"the disk is {text}\"); }}\n");
    let project = project().file("windlass.rhai", warning("slow"));
    let running = project.spawn(WATCH);
    wait_for_idle(&running, 1);
    project.write("src/a", "two");
    wait_for_idle(&running, 2);
    project.write("windlass.rhai", warning("full"));
    wait_for_idle(&running, 3);
    project.write("src/a", "three");
    wait_for_idle(&running, 4);
    let text = running.interrupt().all();
    for warning in ["the disk is slow", "the disk is full"] {
        assert_eq!(text.matches(warning).count(), 1, "{text}");
    }
    assert_eq!(text.matches("api | built").count(), 3, "{text}");
}

#[test]
fn an_atomic_save_and_a_checkout_are_one_change_each() {
    let project = project();
    let git = |words: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]);
        let output = git.args(words).current_dir(project.path("")).output().expect("git runs");
        assert!(output.status.success(), "{output:?}");
    };
    git(&["init", "--quiet"]);
    project.write(".gitignore", ".windlass\n");
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "one"]);
    git(&["checkout", "--quiet", "-b", "other"]);
    for number in 0..300 {
        project.write(format!("src/many/{number:03}"), "x");
    }
    fs::remove_file(project.path("src/a")).unwrap();
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "two"]);
    git(&["checkout", "--quiet", "main"]);

    let running = project.spawn(WATCH);
    wait_for_idle(&running, 1);
    git(&["checkout", "--quiet", "other"]);
    let text = wait_for_idle(&running, 2);
    // 300 new files, their directory, and a deleted file.
    assert!(text.contains("changed: src/a, src/many, src/many/000 and 299 more -> api\n"), "{text}");
    assert_eq!(text.matches("changed: ").count(), 1, "{text}");

    project.write("web/.b.tmp", "two");
    fs::rename(project.path("web/.b.tmp"), project.path("web/b")).unwrap();
    let text = wait_for_idle(&running, 3);
    assert!(text.contains("changed: web/b -> web\n"), "{text}");
    running.interrupt();
}

#[test]
fn a_failure_is_shown_once_and_repaired_by_the_next_save() {
    let project = project();
    let running = project.spawn(WATCH);
    wait_for_idle(&running, 1);
    let good = project.read("Dockerfile");
    project.write("Dockerfile", format!("{good}COPY missing /\n"));
    let text = wait_for_idle(&running, 2);
    assert!(text.contains("changed: Dockerfile -> api\n"), "{text}");
    assert!(text.contains("missing"), "{text}");
    let shown = |text: &str| text.matches("help:").count();
    let before = shown(&text);
    assert!(before > 0, "{text}");
    // The same failure again: its line, but not its explanation.
    project.write("src/a", "two");
    let text = wait_for_idle(&running, 3);
    assert_eq!((text.matches("api | failed").count(), shown(&text)), (2, before), "{text}");
    project.write("Dockerfile", good);
    let text = wait_for_idle(&running, 4);
    assert_eq!(text.matches("api | built").count(), 2, "{text}");
    running.interrupt();
}

#[test]
fn a_failure_of_the_first_pass_ends_it_without_a_terminal() {
    let project = project().file("Dockerfile", "FROM scratch\nCOPY missing /\n");
    project.run(WATCH).exits(1);
    project.write("devspace.yaml", "version: v1beta9\nimages: 3\n");
    project.run(WATCH).exits(2);
}

#[test]
fn configuration_and_scripts_are_read_again_and_invalid_ones_have_no_effect() {
    let project = project();
    let running = project.spawn(WATCH);
    wait_for_idle(&running, 1);
    project.write("devspace.yaml", config("  more: {image: registry.test/more, imagee: x}\n"));
    let text = wait_for_count(&running, "imagee", 1);
    assert!(text.contains("changed: devspace.yaml\n"), "{text}");
    // The old one is in force.
    project.write("src/a", "two");
    let text = wait_for_count(&running, "changed: src/a -> api\n", 1);
    assert!(!text.contains("more | "), "{text}");
    wait_for_count(&running, "api | built", 2);
    project
        .write("devspace.yaml", config("  more: {image: registry.test/more, dockerfile: web.Dockerfile}\n"));
    wait_for_count(&running, "more | built", 1);
    // A script that was not there before.
    project.write("windlass.rhai", "fn tags(image) { [\"scripted\"] }\n");
    let text = wait_for_count(&running, "registry.test/more:scripted", 1);
    assert!(text.contains("changed: windlass.rhai\n"), "{text}");
    running.interrupt();
}

#[test]
fn a_hook_that_writes_into_the_context_does_not_build_for_ever() {
    let hooks = "hooks:\n- {command: ./generate, when: {after: {images: all}}}\n";
    let project = project()
        .file("devspace.yaml", config(hooks))
        .executable("generate", "#!/bin/sh\ndate +%s%N > src/generated\n");
    let running = project.spawn(WATCH);
    let text = wait_for_count(&running, "paused: ", 1);
    let name = "paused: `src/generated` changes in every build, because `";
    assert!(text.contains(name) && text.contains("generate` writes it"), "{text}");
    assert!(text.contains("Add the line `src/generated` to `.dockerignore`"), "{text}");
    assert_eq!(text.matches("api | built").count(), 2, "{text}");
    // A change by another process builds.
    project.write("web/b", "two");
    wait_for_count(&running, "changed: web/b -> web\n", 1);
    running.interrupt();
}

#[test]
fn files_that_a_hook_writes_before_the_build_are_part_of_it() {
    let hooks = "hooks:\n- {command: ./generate, when: {before: {images: all}}}\n";
    let project = project()
        .file("devspace.yaml", config(hooks))
        .executable("generate", "#!/bin/sh\necho generated > src/generated\n");
    let running = project.spawn(WATCH);
    wait_for_idle(&running, 1);
    project.write("web/b", "two");
    let text = wait_for_count(&running, "changed: web/b -> web\n", 1);
    assert!(!text.contains("paused"), "{text}");
    assert_eq!(text.matches("api | built").count(), 1, "{text}");
    running.interrupt();
}

#[test]
fn the_last_save_wins_over_a_running_build() {
    // The build waits until the file `go` exists.
    let script = "#!/bin/sh\necho \"begin $(cat src/a)\"\nwhile ! test -e go; do sleep 0.05; done\necho \"end $(cat src/a)\"\n";
    let custom = "  slow:\n    image: registry.test/slow\n    build: {custom: {command: ./slow, onChange: ['src/**']}}\n";
    let project = project()
        .file("devspace.yaml", format!("version: v1beta9\nimages:\n{custom}"))
        .executable("slow", script);
    let running = project.spawn(["build", "--watch", "--skip-push"]);
    wait_for_count(&running, "begin one", 1);
    project.write("src/a", "two");
    wait_for_count(&running, "begin two", 1);
    project.write("src/a", "three");
    wait_for_count(&running, "begin three", 1);
    project.write("go", "");
    let text = wait_for_idle(&running, 1);
    assert_eq!(text.matches("src/a changed: building it again").count(), 2, "{text}");
    assert!(text.contains("end three") && !text.contains("end one") && !text.contains("end two"), "{text}");
    assert_eq!(text.matches("slow | built").count(), 1, "{text}");
    running.interrupt();
}

#[test]
fn ctrl_c_ends_a_running_build_too() {
    let custom = "  slow:\n    image: registry.test/slow\n    build: {custom: {command: ./slow, onChange: ['src/**']}}\n";
    let project = project()
        .file("devspace.yaml", format!("version: v1beta9\nimages:\n{custom}"))
        .executable("slow", "#!/bin/sh\necho begin\nsleep 1000\n");
    let running = project.spawn(["build", "--watch", "--skip-push"]);
    wait_for_count(&running, "begin", 1);
    // Its output is closed only when the sleep has ended too.
    running.interrupt();
}

#[test]
fn events_are_json_for_programs() {
    let project = project();
    let running = project.spawn(WATCH.iter().chain(&["--progress", "json"]));
    wait_for_count(&running, "\"type\":\"watching\"", 1);
    project.write("src/a", "two");
    let text = wait_for_count(&running, "\"type\":\"watching\"", 2);
    assert!(text.contains("\"type\":\"files_changed\",\"files\":[\"src/a\"],\"images\":[\"api\"]"), "{text}");
    running.interrupt();
}

#[test]
fn keys_pause_explain_build_and_end() {
    let project = project().file("Dockerfile", "FROM scratch\nCOPY missing /\n");
    let mut terminal = project.terminal(WATCH);
    // In a terminal, a failure of the first pass does not end it.
    terminal.wait_for_text("b build, p pause").wait_for_text("watching ");
    project.write("Dockerfile", "FROM scratch\nCOPY src /src\n");
    terminal.wait_for_text("changed: Dockerfile -> api");
    terminal.wait_for_text("built registry.test/api");
    terminal.type_text("p").wait_for_text("paused: ");
    project.write("src/a", "two");
    terminal.type_text("?").wait_for_text("api: built: ");
    assert!(!terminal.transcript().contains("src/a"), "{}", terminal.transcript());
    terminal.type_text("p").wait_for_text("resumed").wait_for_text("changed: src/a -> api");
    terminal.type_text("q");
    let (status, transcript) = terminal.finish();
    assert!(status.success(), "{status:?} {transcript}");
}

#[test]
fn beyond_the_limits_of_the_system_it_compares_with_the_disk() {
    for (limit, allowed, told) in [
        ("max_inotify_watches", 1, "directories: the limit `fs.inotify.max_user_watches` is "),
        ("max_inotify_instances", 0, "the limit `fs.inotify.max_user_instances` is "),
    ] {
        let project = project().file("src/deep/c", "one");
        // A separate user namespace, which may watch less.
        let script = format!(
            "echo {allowed} >/proc/sys/user/{limit} && exec \"$0\" build --watch --skip-push --builder oci"
        );
        let user = ["--user", "--map-root-user", "sh", "-c"];
        if project.run_program("unshare", user.iter().chain(&["true"])).code() != Some(0) {
            return leave_out_always("a system in which every user may make a user namespace");
        }
        let windlass = env!("CARGO_BIN_EXE_windlass");
        let running = project.spawn_program("unshare", user.iter().chain(&[script.as_str(), windlass]));
        let text = wait_for_idle(&running, 1);
        assert!(text.contains(told) && text.contains("sudo sysctl fs.inotify."), "{text}");
        project.write("src/deep/c", "two");
        let text = wait_for_count(&running, "changed: src/deep/c -> api\n", 1);
        assert_eq!(text.matches("sudo sysctl").count(), 1, "{text}");
        running.interrupt();
    }
}

/// Draws a number below `end`.
fn draw(state: &mut u64, end: u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state % end
}

/// Changes a file or directory of the project at random.
fn edit(project: &Project, random: &mut u64, step: usize) {
    let folders = ["src", "src/deep", "web", "lib"];
    let place = |random: &mut u64| {
        let folder = folders[draw(random, 4) as usize];
        project.path(format!("{folder}/{}", draw(random, 4)))
    };
    let (one, other) = (place(random), place(random));
    fs::create_dir_all(one.parent().unwrap()).unwrap();
    fs::create_dir_all(other.parent().unwrap()).unwrap();
    // The existing entry may be of any kind: then the edit is a different one, or none.
    match draw(random, 12) {
        0..=3 => drop(fs::write(&one, format!("{step}"))),
        4 => drop(fs::remove_file(&one)),
        5 => drop(fs::rename(&one, &other)),
        6 => drop(fs::rename(project.path("src/deep"), project.path("lib/deep"))),
        7 => drop(std::os::unix::fs::symlink("0", &one)),
        8 => {
            let mode = if draw(random, 2) == 0 { 0o755 } else { 0o600 };
            drop(fs::set_permissions(&one, std::os::unix::fs::PermissionsExt::from_mode(mode)));
        }
        9 => drop(fs::write(project.path(".dockerignore"), format!("lib/{}\n", draw(random, 4)))),
        10 => {
            let more = ["", "COPY lib /lib\n", "COPY web/* /web/\n"][draw(random, 3) as usize];
            drop(fs::write(project.path("Dockerfile"), format!("FROM scratch\nCOPY src /src\n{more}")));
        }
        _ => {
            // In the way that editors save.
            fs::write(project.path("src/.swap"), format!("{step}")).unwrap();
            drop(fs::rename(project.path("src/.swap"), &one));
            drop(fs::remove_file(project.path("src/.swap")));
        }
    }
}

#[test]
fn after_any_edits_everything_is_built_as_a_new_run_would_build_it() {
    let custom = "  own:\n    image: registry.test/own\n    build:\n      custom: {command: 'true', onChange: [src, 'lib/*']}\n";
    let project = project().file("devspace.yaml", config(custom)).file("lib/0", "").file("web/0", "");
    project.write("web.Dockerfile", "FROM scratch\nCOPY . /all\n");
    let running =
        project.spawn(["build", "--watch", "--skip-push", "--builder", "oci", "--progress", "json"]);
    let idle = "\"type\":\"watching\"";
    wait_for_count(&running, idle, 1);
    let mut random = 0x5eed;
    for round in 0..15 {
        for step in 0..=draw(&mut random, 3) as usize {
            edit(&project, &mut random, round * 10 + step);
        }
        project.write("src/last", format!("{round}"));
        // It is part of every image: once it is built, all earlier edits are built too.
        wait_for("a pass of the last file", Duration::from_secs(60), || {
            let text = text(&running);
            let (_, after) = text.rsplit_once("src/last\"")?;
            let passes = text.matches("src/last\"").count();
            (passes > round && after.contains(idle)).then_some(())
        });
        let again = project.run(["build", "--skip-push", "--builder", "oci"]);
        assert!(again.all().contains("3 skipped"), "round {round}: {}\n{}", again.all(), text(&running));
    }
    running.interrupt();
}

#[test]
fn a_file_that_is_written_without_a_change_builds_nothing_even_after_the_first_build() {
    let custom = "  own:\n    image: registry.test/own\n    build:\n      custom: {command: 'true', onChange: [src]}\n";
    let project = project().file("devspace.yaml", config(custom));
    let running = project.spawn(WATCH);
    wait_for_idle(&running, 1);
    let again = |text: &str| {
        project.write("src/a", text);
        let file = fs::File::options().write(true).open(project.path("src/a")).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    };
    again("one");
    // It is written again before it differs, and while it differs from what was built.
    project.write("web/b", "two");
    let text = wait_for_idle(&running, 2);
    assert_eq!(text.matches("changed: ").count(), 1, "{text}");
    assert!(text.contains("changed: web/b -> web\n"), "{text}");
    again("two");
    let text = wait_for_idle(&running, 3);
    assert!(text.contains("changed: src/a -> api, own\n"), "{text}");
    again("two");
    project.write("web/b", "three");
    let text = wait_for_idle(&running, 4);
    assert_eq!(text.matches("changed: ").count(), 3, "{text}");
    // Touched files are sent as they are now.
    project.write("src/b", "new");
    let text = wait_for_idle(&running, 5);
    assert!(text.contains("changed: src/b -> api, own\n") && !text.contains("building again"), "{text}");
    running.interrupt();
}
