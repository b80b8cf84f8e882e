//! Failures of `windlass sync`, and many changes at the same time, in containers of a real node.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use serde_json::json;

use crate::harness::{Mounted, SyncedPod, leave_out_always, wait_for};

/// How long to wait for another program.
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn of_many_saves_the_last_one_arrives_and_never_a_mixture() {
    let script = "while :; do n=$(sort -u /srv/app/a 2>/dev/null | wc -l); [ \"$n\" -le 1 ] || echo mixture >/srv/mixed; \
                  done & true";
    let Some(world) = SyncedPod::start(script, &json!({})) else { return };
    let text = |save: usize| format!("save {save}\n").repeat(20_000);
    let path = world.project.write("src/a", text(0));
    let running = world.sync(&[]);
    for save in 1..=50 {
        // As editors save.
        let new = world.project.write("src/.a.new", text(save));
        fs::rename(new, &path).expect("renamed");
        std::thread::sleep(Duration::from_millis(20));
    }
    world.wait_for_file("a", &text(50));
    let output = running.interrupt().all();
    assert_eq!(world.read("../mixed"), None);
    assert!(!output.contains(".a.new"), "{output}");
}

#[test]
fn a_save_of_vim_is_an_upload_of_the_file_alone() {
    let script = "(until test -e /srv/app/a; do :; done; while test -e /srv/app/a; do :; done; echo lost >/srv/lost) & true";
    let Some(world) = SyncedPod::start(script, &json!({})) else { return };
    let path = world.project.write("src/a", "one");
    let running = world.sync(&["--verbose"]);
    let beside = |name: &str| world.project.path("src").join(name);
    // `backupcopy=no` renames the file to its backup and writes a new one; `backupcopy=yes` copies it and writes in
    // place.
    for (text, renames) in [("two", true), ("three", false), ("four", true)] {
        let [swap, probe, backup] = [".a.swp", "4913", "a~"].map(beside);
        fs::write(&swap, "swap").expect("written");
        fs::write(&probe, "").expect("written");
        fs::remove_file(&probe).expect("removed");
        if renames { fs::rename(&path, &backup) } else { fs::copy(&path, &backup).map(drop) }
            .expect("a backup");
        fs::write(&path, text).expect("written");
        fs::remove_file(&backup).expect("removed");
        fs::remove_file(&swap).expect("removed");
        world.wait_for_file("a", text);
    }
    let output = running.interrupt().all();
    for name in [".a.swp", "4913", "a~", "deleted"] {
        assert!(!output.contains(name), "{name}: {output}");
    }
    assert_eq!(world.read("../lost"), None, "the container always has the file");
}

#[test]
fn a_checkout_arrives_whole() {
    let Some(world) = SyncedPod::start("true", &json!({})) else { return };
    let git = |words: &[&str]| {
        let identity = ["-C", "src", "-c", "user.name=n", "-c", "user.email=e@x"];
        world.project.run_program("git", identity.iter().chain(words)).success();
    };
    git(&["init", "--quiet", "--initial-branch", "one"]);
    for index in 0..1000 {
        world.project.write(format!("src/{}/{index}", index % 20), format!("one {index}"));
    }
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "one"]);
    git(&["checkout", "--quiet", "-b", "two"]);
    for index in 0..1000 {
        match index % 20 {
            0 => world.project.remove(format!("src/0/{index}")),
            _ => _ = world.project.write(format!("src/{}/{index}", index % 20), format!("two {index}")),
        }
    }
    git(&["commit", "--quiet", "--all", "-m", "two"]);
    git(&["checkout", "--quiet", "one"]);
    let running = world.sync(&["--exclude", ".git"]);
    git(&["checkout", "--quiet", "two"]);
    wait_for("the checkout in the container", LIMIT, || {
        (0..1000)
            .all(|index| {
                let expected = (index % 20 != 0).then(|| format!("two {index}"));
                world.read(&format!("{}/{index}", index % 20)) == expected
            })
            .then_some(())
    });
    assert!(!world.path("0").exists());
    running.interrupt();
    assert!(!world.project.path(".windlass/trash").exists(), "nothing here was replaced");
}

#[test]
fn an_emptied_directory_deletes_nothing_on_the_other_side() {
    let Some(world) = SyncedPod::start("true", &json!({})) else { return };
    for name in ["a", "b/c"] {
        world.project.write(format!("src/{name}"), name);
    }
    let running = world.sync(&[]);
    // Here.
    fs::rename(world.project.path("src"), world.project.path("away")).expect("renamed");
    running.wait_for_text("does not exist: nothing is deleted in the container");
    fs::create_dir(world.project.path("src")).expect("created");
    fs::remove_dir(world.project.path("src")).expect("removed");
    fs::rename(world.project.path("away"), world.project.path("src")).expect("renamed");
    world.project.write("src/a", "new");
    world.wait_for_file("a", "new");
    assert_eq!(world.read("b/c").as_deref(), Some("b/c"));
    // In the container.
    world.run("rm -rf /srv/app/a /srv/app/b");
    running.wait_for_text("in the container is empty now: nothing is deleted on this machine");
    assert_eq!(world.project.read("src/b/c"), "b/c");
    running.interrupt();
}

#[test]
fn a_file_that_must_not_be_written_is_reported_once_with_a_hint() {
    let Some(world) = SyncedPod::start("true", &json!({ "securityContext": { "runAsUser": 1000 } })) else {
        return;
    };
    fs::create_dir(world.path("theirs")).expect("created");
    world.project.write("src/ours", "one");
    let running = world.sync(&[]);
    world.project.write("src/theirs/a", "a");
    running.wait_for_text("(it belongs to 0:0 with mode 755)").wait_for_text("set `fsGroup`");
    // The others continue.
    world.project.write("src/ours", "two");
    world.wait_for_file("ours", "two");
    fs::set_permissions(world.path("theirs"), fs::Permissions::from_mode(0o777)).expect("a mode");
    world.project.write("src/theirs/a", "b");
    world.wait_for_file("theirs/a", "b");
    let output = running.interrupt().all();
    assert_eq!(output.matches("set `fsGroup`").count(), 1, "{output}");
}

#[test]
fn a_read_only_file_system_is_reported_once_with_a_hint() {
    let fixed = tempfile::tempdir().expect("a directory");
    let read_only = json!({ "securityContext": { "readOnlyRootFilesystem": true } });
    let Some(world) = SyncedPod::prepare("true", &read_only) else { return };
    fs::create_dir(world.path("fixed")).expect("created");
    let world = world.with_directory(fixed.path(), "/srv/app/fixed");
    world.create();
    world.project.write("src/ours", "one");
    let running = world.sync(&[]);
    world.project.write("src/fixed/a", "a");
    running.wait_for_text("cannot write `/srv/app/fixed` in the container: the file system is read-only");
    running.wait_for_text("mount an `emptyDir` at that path");
    // The others continue.
    world.project.write("src/ours", "two");
    world.wait_for_file("ours", "two");
    let output = running.interrupt().all();
    assert_eq!(output.matches("the file system is read-only").count(), 1, "{output}");
    // The one of the container itself.
    let words = ["sync", "--pod", "web", "--local-path", "src", "--container-path", "/opt/app"];
    let output = world.project.run(words);
    output.exits(1).stderr_has("sync::read_only").stderr_says("unset `readOnlyRootFilesystem`");
}

#[test]
fn on_a_full_disk_the_old_file_stays_whole_and_the_next_change_is_another_attempt() {
    let Some(world) = SyncedPod::prepare("true", &json!({})) else { return };
    let Some(_disk) = Mounted::in_memory(&world.path(""), "256k") else {
        return leave_out_always("a user who must not mount file systems");
    };
    world.create();
    world.project.write("src/a", "old");
    world.project.write("src/b", "old");
    let running = world.sync(&[]);
    world.project.write("src/a", "x".repeat(300_000));
    running.wait_for_text("no space left on device (").wait_for_text("free space in the container");
    assert_eq!(world.read("a").as_deref(), Some("old"));
    // The others continue, and no leftover file fills the disk.
    world.project.write("src/b", "new");
    world.wait_for_file("b", "new");
    world.project.write("src/c", "y".repeat(200_000));
    world.wait_for_file("c", &"y".repeat(200_000));
    assert_eq!(world.run("find /srv/app/.windlass-stage -type f -size +1"), "");
    world.project.write("src/a", "small");
    world.wait_for_file("a", "small");
    let output = running.interrupt().all();
    assert_eq!(output.matches("no space left on device").count(), 1, "{output}");
    assert!(!world.path(".windlass-stage").exists());
}

#[test]
fn a_small_save_overtakes_a_large_file_and_a_kill_leaves_no_half_file() {
    let Some(world) = SyncedPod::start("true", &json!({})) else { return };
    let config = |more: &str| {
        format!(
            "version: v1beta9\ndev:\n  sync: [{{labelSelector: {{app: web}}, localSubPath: src, containerPath: \
             /srv/app{more}}}]\n"
        )
    };
    world.project.write("devspace.yaml", config(", bandwidthLimits: {upload: 200}"));
    world.project.write("src/small", "one");
    let running = world.project.spawn(["sync"]);
    running.wait_for_text("in sync");
    let big = "big\n".repeat(10_000_000);
    world.project.write("src/big", &big);
    wait_for("the beginning of the large file", LIMIT, || {
        let text = world.run("find /srv/app/.windlass-stage -type f -size +100");
        (!text.is_empty()).then_some(())
    });
    world.project.write("src/small", "two");
    world.wait_for_file("small", "two");
    assert_eq!(world.read("big"), None);
    running.signal(crate::harness::Signal::Kill);
    running.finish_alone();
    assert_eq!(world.read("big"), None);
    world.project.write("devspace.yaml", config(""));
    world.project.run(["sync", "--no-watch"]).success();
    assert!(world.read("big").is_some_and(|text| text == big));
    assert!(!world.path(".windlass-stage").exists());
}

#[test]
fn edits_on_both_sides_of_a_lost_connection_all_count() {
    let Some(world) = SyncedPod::start("true", &json!({})) else { return };
    let relay = crate::harness::Relay::start(world.cluster.server().trim_start_matches("https://"));
    let project = world.cluster.project_behind(&relay);
    for index in 0..13 {
        project.write(format!("src/{index}"), "one");
    }
    let words = ["sync", "--pod", "web", "--local-path", "src", "--container-path", "/srv/app"];
    let running = project.spawn(words);
    running.wait_for_text("in sync");
    relay.die();
    running.wait_for_text("trying again");
    for index in 0..10 {
        project.write(format!("src/{index}"), "changed here");
    }
    project.remove("src/9");
    for index in 10..13 {
        world.write(&index.to_string(), "changed there");
    }
    relay.recover();
    for index in 0..9 {
        world.wait_for_file(&index.to_string(), "changed here");
    }
    for index in 10..13 {
        let path = format!("src/{index}");
        wait_for(&path, LIMIT, || (project.read(&path) == "changed there").then_some(()));
    }
    wait_for("the deletion", LIMIT, || (!world.path("9").exists()).then_some(()));
    running.interrupt();
}

#[test]
fn another_session_with_the_directory_is_named_and_ends_only_on_request() {
    let Some(world) = SyncedPod::start("true", &json!({})) else { return };
    world.project.write("src/a", "first");
    let first = world.sync(&[]);
    // Here, in the same project.
    let output = world.spawn(&[]).finish();
    output.exits(1).stderr_has("sync::in_use").stderr_says(format!("(process {})", first.pid()));
    // In another project, or on another machine.
    let other = world.cluster.project().file("src/b", "second");
    let words = ["sync", "--pod", "web", "--local-path", "src", "--container-path", "/srv/app"];
    let output = other.run(words);
    output.exits(1).stderr_has("sync::busy").stderr_says(format!("(process {})", first.pid()));
    output.stderr_says("--steal");
    let second = other.spawn(words.iter().chain(&["--steal"]));
    second.wait_for_text("in sync");
    world.wait_for_file("b", "second");
    first.wait_for_text(&format!("(process {})", second.pid()));
    // The first one continues when it can.
    second.interrupt();
    world.project.write("src/a", "third");
    world.wait_for_file("a", "third");
    first.interrupt();
}

#[test]
fn one_of_two_projects_downloads_into_a_directory() {
    let Some(world) = SyncedPod::start("mkdir -p /srv/other", &json!({})) else { return };
    world.project.write("src/a", "here");
    let first = world.sync(&[]);
    // The other project of the same user has the directory under another name.
    let other = world.cluster.project().env("HOME", world.project.home());
    let link = other.path("link");
    std::os::unix::fs::symlink(world.project.path("src"), &link).expect("a link");
    let words = ["sync", "--pod", "web", "--local-path", "link", "--container-path", "/srv/other"];
    let second = other.spawn(words);
    second.wait_for_text("in sync");
    world.wait_for_file("../other/a", "here");
    second
        .wait_for_text(&format!("nothing is downloaded, because another windlass (process {})", first.pid()));
    world.write("../other/b", "there");
    world.project.write("src/c", "here");
    world.wait_for_file("../other/c", "here");
    assert!(!world.project.path("src/b").exists(), "it was downloaded");
    second.interrupt();
    // The claim ends with its session: the next one downloads.
    first.interrupt();
    let third = other.spawn(words);
    world.wait_here("b", "there");
    third.interrupt();
}

#[test]
fn a_full_disk_here_keeps_the_old_file_too() {
    let Some(world) = SyncedPod::start("true", &json!({})) else { return };
    let Some(_disk) = Mounted::in_memory(&world.project.path("src"), "256k") else {
        return leave_out_always("a user who must not mount file systems");
    };
    world.project.write("src/a", "old");
    let running = world.sync(&[]);
    world.write("a", "x".repeat(400_000));
    running.wait_for_text("No space left on device");
    assert_eq!(world.project.read("src/a"), "old");
    world.write("a", "small");
    world.wait_here("a", "small");
    let output = running.interrupt().all();
    assert_eq!(output.matches("No space left on device").count(), 1, "{output}");
}
