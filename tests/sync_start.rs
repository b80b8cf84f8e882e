//! The start of `windlass sync`: strategies, exclude rules, links, names, clocks; in a container of a real node.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::json;
use tempfile::TempDir;

use crate::harness::{Output, SyncedPod, wait_for};

/// How long to wait for another program.
const LIMIT: Duration = Duration::from_secs(60);

/// Sets the time of a file to that many seconds before now; after now if it is negative.
fn set_age(path: &Path, seconds: i64) {
    let age = Duration::from_secs(seconds.unsigned_abs());
    let time = if seconds < 0 { SystemTime::now() + age } else { SystemTime::now() - age };
    File::options().write(true).open(path).and_then(|file| file.set_modified(time)).expect("a time");
}

/// Makes `src/NAME` and `/srv/app/NAME` equal once.
#[track_caller]
fn once(world: &SyncedPod, name: &str, strategy: &str) -> Output {
    let (here, there) = (format!("src/{name}"), format!("/srv/app/{name}"));
    let words = ["sync", "--pod", "web", "--local-path", &here, "--container-path", &there, "--no-watch"];
    let output = world.project.run(words.iter().chain(&["--initial-sync", strategy]));
    output.success();
    output
}

/// The copy of `name` in the trash.
fn in_trash(world: &SyncedPod, name: &str) -> Option<String> {
    let times = fs::read_dir(world.project.path(".windlass/trash")).ok()?;
    times.flatten().find_map(|time| fs::read_to_string(time.path().join(name)).ok())
}

#[test]
fn each_strategy_decides_about_files_of_only_one_side() {
    let Some(world) = SyncedPod::start("true", &json!({})) else { return };
    let project = &world.project;
    for name in ["mirror-local", "prefer-local", "mirror-remote"] {
        let path = project.write(format!("src/{name}/a"), "here");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).expect("a mode");
        set_age(&path, 5000);
        project.write(format!("src/{name}/c"), "only here");
        world.write(&format!("{name}/b"), "only there");
    }
    once(&world, "mirror-local", "mirrorLocal");
    assert_eq!(world.read("mirror-local/b"), None);
    once(&world, "prefer-local", "preferLocal");
    assert_eq!(project.read("src/prefer-local/b"), "only there");
    assert_eq!(world.read("prefer-local/c").as_deref(), Some("only here"));
    for name in ["mirror-local", "prefer-local"] {
        let [here, there] = [project.path(format!("src/{name}/a")), world.path(&format!("{name}/a"))]
            .map(|path| path.metadata().expect("a file"));
        assert_eq!((here.mode(), here.mtime(), here.len()), (there.mode(), there.mtime(), there.len()));
    }
    world.write("mirror-remote/a", "newer there");
    once(&world, "mirror-remote", "mirrorRemote");
    assert_eq!(project.read("src/mirror-remote/a"), "newer there");
    assert_eq!(project.read("src/mirror-remote/b"), "only there");
    assert!(!project.path("src/mirror-remote/c").exists());
    assert_eq!(in_trash(&world, "a").as_deref(), Some("here"));
    assert_eq!(in_trash(&world, "c").as_deref(), Some("only here"));
}

#[test]
fn files_installed_in_the_container_stay_and_files_that_differ_only_in_time_are_not_sent() {
    let Some(world) = SyncedPod::start("true", &json!({})) else { return };
    for index in 0..18_000 {
        world.write(&format!("node_modules/m{}/{index}", index % 300), "x");
    }
    world.project.write("src/a", "same");
    let there = world.write("a", "same");
    set_age(&there, 5000);
    let before = there.metadata().expect("a file");
    world.write("old", "x");
    let running = world.sync(&["--initial-sync", "mirrorLocal"]);
    running
        .wait_for_text("kept 18000 files that only the container has; to exclude them, add `/node_modules/`");
    assert_eq!(world.read("old"), None);
    assert_eq!(world.read("node_modules/m7/7").as_deref(), Some("x"));
    let after = there.metadata().expect("a file");
    assert_eq!((before.ino(), before.mtime()), (after.ino(), after.mtime()), "nothing was sent");
    // A mode is set without sending the file.
    let here = world.project.path("src/a");
    fs::set_permissions(here, fs::Permissions::from_mode(0o755)).expect("a mode");
    wait_for("the mode", LIMIT, || (there.metadata().ok()?.mode() & 0o777 == 0o755).then_some(()));
    assert_eq!(there.metadata().expect("a file").ino(), before.ino());
    let output = running.interrupt().all();
    assert_eq!(output.matches("only the container has").count(), 1, "{output}");
    assert!(!world.project.path("src/node_modules").exists());
}

#[test]
fn a_huge_directory_is_named() {
    let Some(world) = SyncedPod::start("true", &json!({})) else { return };
    world.project.write("src/a", "a");
    let folder = world.project.path("src/big");
    fs::create_dir(&folder).expect("created");
    for index in 0..=50_000 {
        File::create(folder.join(index.to_string())).expect("created");
    }
    let output = world.spawn(&["--no-watch", "--download-only"]).finish();
    output.success().stderr_says("`big` has 50001 files").stderr_says("add `/big/` to `excludePaths`");
}

#[test]
fn the_difference_of_the_clocks_is_taken_off() {
    // The tools of this machine, except for a clock that is fast.
    let tools = TempDir::with_prefix("windlass-").expect("a directory");
    let date = tools.path().join("date");
    fs::write(&date, "#!/bin/sh\nexec /usr/bin/date -d '+1 hour' \"$@\"\n").expect("written");
    fs::set_permissions(&date, fs::Permissions::from_mode(0o755)).expect("a mode");
    let Some(world) = SyncedPod::prepare("true", &json!({})) else { return };
    let mut world = world.with_directory(tools.path(), "/usr/local/sbin");
    for path in ["/usr/bin", "/usr/lib", "/usr/lib64", "/lib", "/lib64"] {
        if Path::new(path).is_dir() {
            world = world.with_directory(Path::new(path), path);
        }
    }
    world.create();
    for (name, here, there) in [("here", 100, 2000), ("there", 2000, 100)] {
        for folder in ["newest", "all"] {
            set_age(&world.project.write(format!("src/{folder}/{name}"), "here"), here);
            // In its own time.
            set_age(&world.write(&format!("{folder}/{name}"), "other"), there - 3600);
        }
    }
    let output = once(&world, "newest", "preferNewest");
    output.stderr_says("the container's clock is 1h ahead of the one of this machine");
    assert_eq!(world.read("newest/here").as_deref(), Some("here"));
    assert_eq!(world.project.read("src/newest/there"), "other");
    once(&world, "all", "keepAll").stderr_says("2 files differ and are kept on both sides until one changes");
    assert_eq!(world.read("all/here").as_deref(), Some("other"));
    assert_eq!(world.project.read("src/all/there"), "here");
}

#[test]
fn changes_win_over_deletions_and_a_new_pod_reverts_nothing() {
    let Some(world) = SyncedPod::start("true", &json!({})) else { return };
    let project = &world.project;
    for name in ["a", "b", "c"] {
        world.write(name, "image");
    }
    let start = ["--no-watch", "--initial-sync", "preferRemote"];
    world.spawn(&start).finish().success();
    assert_eq!(project.read("src/a"), "image");
    project.remove("src/a");
    world.write("a", "changed there");
    fs::remove_file(world.path("b")).expect("removed");
    project.write("src/c", "edited");
    let output = world.spawn(&start).finish();
    output
        .success()
        .stderr_says("`a` was deleted on this machine, but changed in the container: it is downloaded again");
    assert_eq!(project.read("src/a"), "changed there");
    assert!(!project.path("src/b").exists());
    assert_eq!(in_trash(&world, "b").as_deref(), Some("image"));
    assert_eq!(world.read("c").as_deref(), Some("edited"));
    // A new pod begins with the files of its image.
    world.delete();
    for name in ["a", "b", "c"] {
        fs::remove_file(world.path(name)).ok();
        world.write(name, "image");
    }
    world.create();
    let running = world.sync(&["--initial-sync", "preferRemote"]);
    world.wait_for_file("c", "edited");
    assert_eq!(project.read("src/c"), "edited");
    running.interrupt();
}

#[test]
fn exclude_rules_hold_in_their_direction() {
    let Some(world) = SyncedPod::start("true", &json!({})) else { return };
    let project = &world.project;
    project.write(
        "devspace.yaml",
        "version: v1beta9\ndev:\n  sync:\n  - labelSelector: {app: web}\n    localSubPath: src\n    containerPath: /srv/app\n    \
         excludePaths: ['log/', '!log/keep', '*.tmp']\n    uploadExcludePaths: ['*.pyc']\n    downloadExcludePaths: ['cache/']\n",
    );
    for name in ["log/keep", "log/drop", "cache/y", "moved/in"] {
        project.write(format!("src/{name}"), name);
    }
    for name in ["log/other", "x.pyc", "cache/x", "moved/x.tmp"] {
        world.write(name, name);
    }
    project.run(["sync", "--no-watch"]).success();
    let sent = world.path("cache/y").metadata().expect("it was uploaded").ino();
    let running = project.spawn(["sync"]);
    running.wait_for_text("in sync");
    assert_eq!(world.path("cache/y").metadata().expect("a file").ino(), sent, "it is uploaded once");
    assert_eq!((world.read("log/keep").is_some(), world.read("log/drop")), (true, None));
    // A file that must not be uploaded is not deleted in the container, and is downloaded when it changes.
    assert_eq!(world.read("x.pyc").as_deref(), Some("x.pyc"));
    world.write("x.pyc", "changed there");
    world.wait_here("x.pyc", "changed there");
    // A renamed directory moves, and excluded files stay.
    fs::rename(project.path("src/moved"), project.path("src/new")).expect("renamed");
    project.remove("src/log");
    world.wait_for_file("new/in", "moved/in");
    wait_for("the deletions", LIMIT, || {
        let gone = ["moved/in", "log/keep"].iter().all(|name| !world.path(name).exists());
        gone.then_some(())
    });
    running.interrupt();
    for name in ["log/other", "moved/x.tmp", "cache/x"] {
        assert_eq!(world.read(name).as_deref(), Some(name));
        assert!(!project.path(format!("src/{name}")).exists(), "{name}");
    }
}

#[test]
fn links_stay_links_only_inside_and_names_are_bytes() {
    let Some(world) = SyncedPod::start("true", &json!({})) else { return };
    let project = &world.project;
    let outside = TempDir::with_prefix("windlass-").expect("a directory");
    fs::write(outside.path().join("o"), "outside").expect("written");
    project.write("src/d/a", "a");
    project.write("src/through/f", "f");
    let link = |target: &Path, name: &str| symlink(target, project.path("src").join(name)).expect("a link");
    link(Path::new("d/a"), "inside");
    link(outside.path(), "leaving");
    link(Path::new(".."), "d/up");
    link(Path::new("nowhere"), "dangling");
    symlink(project.path("src"), outside.path().join("back")).expect("a link");
    fs::create_dir(world.path("real")).expect("created");
    symlink("real", world.path("through")).expect("a link");
    symlink("/etc/passwd", world.path("secret")).expect("a link");
    let names = ["$(x)", "-rf", "a b", "e\u{301}", "it's", "two\nlines"];
    for name in names {
        project.write(format!("src/{name}"), name);
    }
    let output = world.spawn(&["--no-watch"]).finish();
    output.success().stderr_says("`through` is a link in the container").stderr_says("two\\nlines");
    assert_eq!(fs::read_link(world.path("inside")).ok().as_deref(), Some(Path::new("d/a")));
    assert_eq!(fs::read_link(world.path("d/up")).ok().as_deref(), Some(Path::new("..")));
    assert!(fs::symlink_metadata(world.path("leaving")).expect("a copy").is_dir());
    assert_eq!(world.read("leaving/o").as_deref(), Some("outside"));
    assert_eq!(world.read("real/f").as_deref(), Some("f"));
    assert!(fs::symlink_metadata(world.path("dangling")).is_err());
    assert!(fs::symlink_metadata(project.path("src/secret")).is_err());
    // Once around, not for ever.
    assert!(!world.path("leaving/back/leaving/back/leaving").exists());
    for name in names {
        assert_eq!(world.read(name).as_deref(), (!name.contains('\n')).then_some(name));
    }
}

#[test]
fn a_change_in_a_replaced_container_is_kept() {
    let Some(world) = SyncedPod::start("true", &json!({})) else { return };
    for name in ["a", "b", "c"] {
        world.project.write(format!("src/{name}"), "one");
    }
    let running = world.sync(&[]);
    world.project.write("src/a", "two");
    world.wait_for_file("a", "two");
    running.interrupt();
    // In the volume of the pod, which outlives the container.
    world.write("a", "theirs");
    world.write("b", "theirs");
    world.project.remove("src/b");
    world.delete();
    world.create();
    let running = world.sync(&[]);
    world.wait_for_file("a", "two");
    world.wait_here("b", "theirs");
    running.wait_for_text("conflict in a: this machine wins");
    let kept = fs::read_dir(world.project.path(".windlass/conflicts")).expect("a directory").flatten();
    let kept: Vec<_> = kept.filter_map(|run| fs::read_to_string(run.path().join("a")).ok()).collect();
    assert_eq!(kept, ["theirs"]);
    let text = running.interrupt().all();
    assert!(!text.contains("conflict in c"), "{text}");
}
