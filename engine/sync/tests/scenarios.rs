//! The required results for the situations that a synced directory can be in.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use super::super::folder::Reason;
use super::super::{
    ContainerKey, ExcludePatterns, FolderKey, FolderOptions, LocalChange, NoHooks, RelativePath, Remote,
    RemoteError, SyncedFolder,
};
use super::container::Container;
use crate::config::InitialSync as Strategy;
use crate::event::{Event, Events, SyncChange};
use crate::held_file::{HeldFile, Hold};

/// The time of the tests: long after the times of all files, and standing still.
fn clock() -> i128 {
    1_000_000 * 1_000_000_000
}

/// A directory on this machine, one in a container, and the reports.
struct World {
    here: tempfile::TempDir,
    state: tempfile::TempDir,
    there: Arc<Container>,
    remote: Arc<dyn Remote>,
    folder: Option<SyncedFolder>,
    told: Arc<Mutex<Vec<String>>>,
    key: ContainerKey,
    settings: Box<dyn Fn(FolderOptions) -> FolderOptions>,
}

impl World {
    fn new(strategy: Strategy) -> Self {
        Self::with(Container::new(), move |options| FolderOptions { strategy, ..options })
    }

    fn with(container: Container, settings: impl Fn(FolderOptions) -> FolderOptions + 'static) -> Self {
        let there = Arc::new(container);
        Self {
            here: tempfile::tempdir().expect("a directory"),
            state: tempfile::tempdir().expect("a directory"),
            remote: there.clone(),
            there,
            folder: None,
            told: Arc::default(),
            key: ContainerKey { pod_uid: "pod".to_owned(), container_id: "1".to_owned() },
            settings: Box::new(settings),
        }
    }

    fn write(&self, path: &str, text: &str, seconds: u64) {
        let on_disk = self.here.path().join(path);
        fs::create_dir_all(on_disk.parent().expect("a parent")).expect("created");
        fs::write(&on_disk, text).expect("written");
        let file = fs::File::options().write(true).open(&on_disk).expect("opened");
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).expect("a time");
    }

    fn read(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.here.path().join(path)).ok()
    }

    fn remove(&self, path: &str) {
        let path = self.here.path().join(path);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.expect("removed");
    }

    /// The copies in the trash or the conflicts with this name.
    fn kept(&self, folder: &str, name: &str) -> Option<String> {
        let times = fs::read_dir(self.state.path().join(folder)).ok()?;
        times.flatten().find_map(|time| fs::read_to_string(time.path().join(name)).ok())
    }

    async fn start(&mut self) {
        self.folder = None;
        let told = self.told.clone();
        let events = Events::new(move |event| {
            let text = match event {
                Event::Notice { message, .. } => message,
                Event::Sync { change: SyncChange::Halted { reason }, .. } => format!("halted: {reason}"),
                Event::Sync { change: SyncChange::Conflict { path, outcome }, .. } => {
                    format!("{path}: {outcome}")
                }
                _ => return,
            };
            told.lock().expect("no panic").push(text);
        });
        let options = FolderOptions {
            name: "here -> there".to_owned(),
            key: FolderKey {
                context: "c".to_owned(),
                namespace: "n".to_owned(),
                target: "t".to_owned(),
                here: self.here.path().to_owned(),
                there: "/app".to_owned(),
            },
            state_folder: self.state.path().to_owned(),
            claim_folder: self.state.path().join("claims"),
            strategy: Strategy::MirrorLocal,
            exclude: ExcludePatterns::default(),
            upload_exclude: ExcludePatterns::default(),
            download_exclude: ExcludePatterns::default(),
            disable_upload: false,
            disable_download: false,
            ignores_case: false,
            names_all: false,
        };
        let options = (self.settings)(options);
        let mut folder = SyncedFolder::open(options, Arc::new(NoHooks), events, clock).expect("opened");
        folder.connect(&self.remote, &self.key).await.expect("connected");
        self.folder = Some(folder);
    }

    fn folder(&mut self) -> &mut SyncedFolder {
        self.folder.as_mut().expect("started")
    }

    /// The effect of a watcher's report.
    async fn saved(&mut self, paths: &[&str]) {
        let paths: BTreeSet<_> = paths.iter().map(|path| RelativePath::new(path).expect("a path")).collect();
        let remote = self.remote.clone();
        self.folder().local_pass(&remote, &paths).await.expect("passed");
    }

    async fn scan(&mut self) {
        let remote = self.remote.clone();
        // A scan alone does nothing that the comparison of both sides would not do.
        self.folder().scan_pass(&remote).await.expect("passed");
        self.folder().full_pass(&remote, Reason::Change).await.expect("passed");
    }

    fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.told.lock().expect("no panic"))
    }
}

fn told_about(world: &World, text: &str) {
    let told = world.told();
    assert!(told.iter().any(|line| line.contains(text)), "{text}: {told:?}");
}

#[tokio::test]
async fn s01_mirror_local_deletes_there_and_prefer_local_downloads() {
    for (strategy, there, here) in
        [(Strategy::MirrorLocal, None, None), (Strategy::PreferLocal, Some("b"), Some("b"))]
    {
        let mut world = World::new(strategy);
        world.write("a", "a", 1000);
        world.there.write("b", "b", 1000);
        world.start().await;
        assert_eq!(world.there.read("a").as_deref(), Some("a"));
        assert_eq!((world.there.read("b").as_deref(), world.read("b").as_deref()), (there, here));
        assert_eq!(world.there.mtime("a"), Some(1000 * 1_000_000_000));
    }
}

#[tokio::test]
async fn s02_the_clocks_difference_is_taken_off_and_keep_all_keeps() {
    let hour = 3600 * 1_000_000_000;
    for (strategy, newer, expected) in [
        (Strategy::PreferNewest, 5000, ("here", "here")),
        (Strategy::PreferNewest, 9000, ("other", "other")),
        (Strategy::KeepAll, 9000, ("here", "other")),
    ] {
        let container = Container::new().with_clock(hour);
        let mut world = World::with(container, move |options| FolderOptions { strategy, ..options });
        world.write("a", "here", 2000);
        // One hour fast: 5000 is 1400, and 9000 is 5400.
        world.there.write("a", "other", newer);
        world.start().await;
        assert_eq!((&*world.read("a").unwrap(), &*world.there.read("a").unwrap()), expected);
        if strategy == Strategy::KeepAll {
            told_about(&world, "differ and are kept");
        }
    }
}

#[tokio::test]
async fn s03_mirror_local_keeps_files_installed_in_the_container() {
    let mut world = World::new(Strategy::MirrorLocal);
    world.write("a", "a", 1000);
    for number in 0..300 {
        world.there.write(&format!("node_modules/m{number}/x"), "x", 1000);
    }
    world.there.write("old", "x", 1000);
    world.start().await;
    assert_eq!(world.there.read("node_modules/m7/x").as_deref(), Some("x"));
    assert_eq!(world.there.read("old"), None);
    assert!(world.read("node_modules/m7/x").is_none());
    told_about(&world, "kept 300 files that only the container has");
    world.scan().await;
    assert!(world.read("node_modules/m7/x").is_none(), "a kept file is not a change");
}

#[tokio::test]
async fn s04_mirror_remote_moves_replaced_files_to_the_trash() {
    let mut world = World::new(Strategy::MirrorRemote);
    world.write("a", "old", 1000);
    world.write("c", "mine", 1000);
    world.there.write("a", "newer", 1000);
    world.there.write("b", "b", 1000);
    world.start().await;
    let read = |name| world.read(name);
    assert_eq!((read("a"), read("b"), read("c")), (Some("newer".into()), Some("b".into()), None));
    assert_eq!(world.kept("trash", "a").as_deref(), Some("old"));
    assert_eq!(world.kept("trash", "c").as_deref(), Some("mine"));
}

#[tokio::test]
async fn s05_files_that_differ_only_in_time_are_not_sent() {
    let mut world = World::new(Strategy::MirrorLocal);
    world.write("a", "same", 1000);
    world.there.write("a", "same", 2000);
    world.start().await;
    assert_eq!(world.there.calls(), [""; 0]);
    world.write("a", "same", 3000);
    world.saved(&["a"]).await;
    assert_eq!(world.there.calls(), [""; 0], "a touch is not a change");
}

#[tokio::test]
async fn s06_an_atomic_save_is_one_upload() {
    let mut world = World::new(Strategy::MirrorLocal);
    world.write("a", "one", 1000);
    world.start().await;
    world.there.calls();
    world.write("tmp", "two!", 2000);
    fs::rename(world.here.path().join("tmp"), world.here.path().join("a")).expect("renamed");
    world.saved(&["a", "tmp"]).await;
    assert_eq!(world.there.calls(), ["upload a"]);
    assert_eq!(world.there.read("a").as_deref(), Some("two!"));
}

#[tokio::test]
async fn s08_a_checkout_is_one_run_and_many_deletions_need_a_second_look() {
    let mut world = World::new(Strategy::MirrorLocal);
    for number in 0..100 {
        world.write(&format!("src/f{number}"), "one", 1000);
    }
    world.start().await;
    world.there.calls();
    for number in 0..100 {
        match number < 20 {
            true => world.remove(&format!("src/f{number}")),
            false => world.write(&format!("src/f{number}"), "two!", 2000),
        }
    }
    world.saved(&["src"]).await;
    assert_eq!(world.there.calls().len(), 100);
    assert_eq!(world.there.paths().len(), 81);
    for number in 20..60 {
        world.remove(&format!("src/f{number}"));
    }
    world.saved(&["src"]).await;
    assert_eq!(world.there.paths().len(), 81, "half of all files: not at once");
}

#[tokio::test]
async fn s09_a_renamed_directory_moves_and_excluded_children_stay() {
    let mut world = World::with(Container::new(), |options| FolderOptions {
        exclude: ExcludePatterns::new(["*.log"]),
        ..options
    });
    world.write("old/a", "a", 1000);
    world.start().await;
    world.there.write("old/x.log", "log", 1000);
    fs::rename(world.here.path().join("old"), world.here.path().join("new")).expect("renamed");
    world.saved(&["old", "new"]).await;
    assert_eq!(world.there.paths(), ["new", "new/a", "old", "old/x.log"]);
    world.scan().await;
    assert!(!world.here.path().join("old").exists(), "what stays there does not come back");
}

#[tokio::test]
async fn s10_remote_changes_are_downloaded_and_conflicts_are_kept() {
    let mut world = World::new(Strategy::MirrorLocal);
    world.write("a", "a", 1000);
    world.write("b", "b", 1000);
    world.start().await;
    world.there.calls();
    world.there.write("a", "there", 2000);
    world.write("b", "mine", 2000);
    world.there.write("b", "theirs", 2000);
    world.scan().await;
    assert_eq!(world.read("a").as_deref(), Some("there"));
    assert_eq!((world.read("b"), world.there.read("b")), (Some("mine".into()), Some("mine".into())));
    assert_eq!(world.kept("conflicts", "b").as_deref(), Some("theirs"));
    told_about(&world, "b: this machine wins");
    world.there.calls();
    world.saved(&["a", "b"]).await;
    world.scan().await;
    assert_eq!(world.there.calls(), [""; 0], "no echo");
}

#[tokio::test]
async fn s11_changes_win_over_deletions() {
    let mut world = World::new(Strategy::MirrorLocal);
    world.write("a", "a", 1000);
    world.write("b", "b", 1000);
    world.write("c", "c", 1000);
    world.start().await;
    world.remove("a");
    world.there.write("a", "changed", 2000);
    world.there.remove("b");
    world.scan().await;
    assert_eq!(world.read("a").as_deref(), Some("changed"));
    assert_eq!((world.read("b"), world.kept("trash", "b").as_deref()), (None, Some("b")));
    told_about(&world, "`a` was deleted on this machine, but changed in the container");
}

#[tokio::test]
async fn s12_s13_a_new_container_gets_all_uploaded_files() {
    for strategy in
        [Strategy::MirrorLocal, Strategy::PreferRemote, Strategy::MirrorRemote, Strategy::PreferNewest]
    {
        let mut world = World::new(strategy);
        world.there.write("a", "image", 1000);
        world.there.write("b", "image", 1000);
        if strategy == Strategy::MirrorLocal {
            world.write("a", "image", 1000);
            world.write("b", "image", 1000);
        }
        world.start().await;
        world.write("a", "edited", 2000);
        world.remove("b");
        world.saved(&["a", "b"]).await;
        assert_eq!(world.there.read("b"), None, "{strategy:?}");
        // The image's files are back, and newer.
        world.there.clear();
        world.there.write("a", "image", 9000);
        world.there.write("b", "image", 9000);
        world.key.container_id = "2".to_owned();
        world.start().await;
        assert_eq!(world.read("a").as_deref(), Some("edited"), "{strategy:?}");
        assert_eq!(world.there.read("a").as_deref(), Some("edited"), "{strategy:?}");
        assert_eq!((world.read("b"), world.there.read("b")), (None, None), "{strategy:?}");
    }
}

#[tokio::test]
async fn s13_a_new_empty_container_deletes_nothing_here() {
    let mut world = World::new(Strategy::MirrorLocal);
    world.write("a", "a", 1000);
    world.write("b", "b", 1000);
    world.start().await;
    world.there.clear();
    world.key.container_id = "2".to_owned();
    world.start().await;
    world.start().await;
    for name in ["a", "b"] {
        assert_eq!(
            (world.read(name).as_deref(), world.there.read(name).as_deref()),
            (Some(name), Some(name))
        );
    }
}

#[tokio::test]
async fn s14_after_a_lost_connection_both_sides_changes_count() {
    let mut world = World::new(Strategy::MirrorRemote);
    for name in ["a", "b", "c"] {
        world.there.write(name, name, 1000);
    }
    world.start().await;
    world.there.cut(true);
    world.write("a", "mine", 2000);
    let (remote, path) = (world.remote.clone(), RelativePath::new("a").unwrap());
    let lost = world.folder().local_pass(&remote, &BTreeSet::from([path])).await;
    assert!(matches!(lost, Err(RemoteError::Lost { .. })));
    world.there.cut(false);
    world.there.write("b", "theirs", 2000);
    world.write("d", "new", 2000);
    world.start().await;
    assert_eq!(world.there.read("a").as_deref(), Some("mine"));
    assert_eq!(world.read("b").as_deref(), Some("theirs"));
    assert_eq!(world.there.read("d").as_deref(), Some("new"));
}

#[tokio::test]
async fn s15_an_emptied_side_or_a_scan_with_gaps_deletes_nothing() {
    let mut world = World::new(Strategy::MirrorLocal);
    world.write("a", "a", 1000);
    world.write("b/c", "c", 1000);
    world.start().await;
    let files = world.there.paths();
    // The container's side.
    world.there.clear();
    world.scan().await;
    assert_eq!(world.read("b/c").as_deref(), Some("c"));
    told_about(&world, "is empty now");
    for path in &files {
        if world.here.path().join(path).is_file() {
            world.there.write(path, &world.read(path).unwrap(), 1000);
        }
    }
    world.scan().await;
    // A scan that was killed.
    world.there.set_gap(Some("find was killed"));
    world.there.remove("a");
    world.scan().await;
    assert_eq!(world.read("a").as_deref(), Some("a"));
    world.there.set_gap(None);
    world.there.write("a", "a", 1000);
    world.scan().await;
    // This side.
    world.remove("a");
    world.remove("b");
    world.saved(&["a", "b"]).await;
    world.scan().await;
    assert_eq!(world.there.paths(), files);
    fs::remove_dir_all(world.here.path()).expect("removed");
    world.scan().await;
    assert_eq!(world.there.paths(), files);
}

#[tokio::test]
async fn s16_excluded_directories_stay_and_included_files_move() {
    let mut world = World::with(Container::new(), |options| FolderOptions {
        exclude: ExcludePatterns::new(["log/", "!log/keep"]),
        ..options
    });
    world.write("log/keep", "keep", 1000);
    world.write("log/drop", "drop", 1000);
    world.write("z", "z", 1000);
    world.start().await;
    world.there.write("log/other", "other", 1000);
    assert_eq!(world.there.paths(), ["log", "log/keep", "log/other", "z"]);
    world.remove("log");
    world.saved(&["log"]).await;
    assert_eq!(world.there.paths(), ["log", "log/other", "z"]);
}

#[tokio::test]
async fn s17_upload_excludes_are_not_deleted_in_the_container_and_are_downloaded() {
    let mut world = World::with(Container::new(), |options| FolderOptions {
        upload_exclude: ExcludePatterns::new(["*.pyc"]),
        ..options
    });
    world.write("a", "a", 1000);
    world.there.write("x.pyc", "one", 1000);
    world.start().await;
    assert_eq!(world.there.read("x.pyc").as_deref(), Some("one"));
    assert_eq!(world.read("x.pyc"), None);
    world.there.write("x.pyc", "two!", 2000);
    world.scan().await;
    assert_eq!(world.read("x.pyc").as_deref(), Some("two!"));
}

#[tokio::test]
async fn s18_download_excludes_are_uploaded_once_and_not_deleted() {
    let mut world = World::with(Container::new(), |options| FolderOptions {
        download_exclude: ExcludePatterns::new(["cache/"]),
        ..options
    });
    world.write("cache/y", "y", 1000);
    world.there.write("cache/x", "x", 1000);
    world.start().await;
    world.start().await;
    assert_eq!(world.there.calls(), ["upload cache/y"]);
    assert_eq!((world.read("cache/x"), world.there.read("cache/x").as_deref()), (None, Some("x")));
}

#[cfg(unix)]
#[tokio::test]
async fn s19_links_stay_links_only_inside() {
    use std::os::unix::fs::symlink;
    let mut world = World::new(Strategy::PreferLocal);
    let outside = tempfile::tempdir().expect("a directory");
    fs::write(outside.path().join("o"), "outside").expect("written");
    world.write("d/a", "a", 1000);
    world.write("through/f", "f", 1000);
    let at = |name: &str| world.here.path().join(name);
    symlink("d/a", at("inside")).expect("a link");
    symlink(outside.path(), at("leaving")).expect("a link");
    symlink("..", at("d/up")).expect("a link");
    symlink(world.here.path(), outside.path().join("back")).expect("a link");
    symlink("nowhere", at("dangling")).expect("a link");
    world.there.link("through", "/srv");
    world.there.link("secret", "/etc/shadow");
    world.start().await;
    let paths = world.there.paths();
    assert_eq!(world.there.read("leaving/o").as_deref(), Some("outside"));
    assert_eq!(world.there.read("inside").as_deref(), Some(""));
    assert!(paths.contains(&"through/f".to_owned()), "{paths:?}");
    assert!(!paths.contains(&"dangling".to_owned()));
    assert!(fs::symlink_metadata(world.here.path().join("secret")).is_err());
    told_about(&world, "is a link in the container");
    world.scan().await;
    assert_eq!(world.read("through/f").as_deref(), Some("f"), "what no scan sees is not deleted");
}

#[tokio::test]
async fn s20_s21_a_failure_is_reported_once_and_retried_at_a_change() {
    let mut world = World::new(Strategy::MirrorLocal);
    world.write("a", "a", 1000);
    world.start().await;
    world.there.fail_with(Some(RemoteError::DiskFull { path: "/app/a".to_owned(), usage: None }));
    world.write("a", "two!", 2000);
    world.saved(&["a"]).await;
    assert_eq!(world.there.read("a").as_deref(), Some("a"));
    told_about(&world, "no space left");
    world.scan().await;
    world.scan().await;
    assert_eq!(world.told(), [""; 0]);
    world.there.fail_with(None);
    world.write("a", "three", 3000);
    world.saved(&["a"]).await;
    assert_eq!(world.there.read("a").as_deref(), Some("three"));
}

#[cfg(unix)]
#[tokio::test]
async fn s22_a_mode_is_set_without_data() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut world = World::new(Strategy::MirrorLocal);
    world.write("a", "a", 1000);
    let set = |mode| fs::set_permissions(world.here.path().join("a"), fs::Permissions::from_mode(mode));
    set(0o644).expect("a mode");
    world.start().await;
    world.there.calls();
    let set = |mode| fs::set_permissions(world.here.path().join("a"), fs::Permissions::from_mode(mode));
    set(0o755).expect("a mode");
    world.saved(&["a"]).await;
    assert_eq!((world.there.calls(), world.there.mode("a")), (vec!["mode a".to_owned()], Some(0o755)));
}

#[cfg(unix)]
#[tokio::test]
async fn s23_all_names_but_those_with_a_line_feed_are_synced() {
    let mut world = World::new(Strategy::MirrorLocal);
    let names = ["$(x)", "-rf", "a b", "e\u{301}", "it's"];
    for name in names {
        world.write(name, name, 1000);
    }
    world.write("two\nlines", "x", 1000);
    world.start().await;
    assert_eq!(world.there.paths(), names);
    told_about(&world, "two\\nlines");
}

#[tokio::test]
async fn s24_names_that_differ_only_in_case_overwrite_nothing() {
    let mut world = World::with(Container::new(), |options| FolderOptions {
        strategy: Strategy::PreferLocal,
        ignores_case: true,
        ..options
    });
    world.there.write("A.txt", "upper", 1000);
    world.there.write("a.txt", "lower", 1000);
    world.start().await;
    assert_eq!((world.read("A.txt").as_deref(), world.read("a.txt")), (Some("upper"), None));
    told_about(&world, "a.txt: another file has this name");
}

#[tokio::test]
async fn s25_a_small_save_overtakes_a_long_upload() {
    let mut world = World::new(Strategy::MirrorLocal);
    world.write("a", "a", 1000);
    world.start().await;
    world.there.calls();
    world.write("big", "big", 2000);
    world.write("small", "small", 2000);
    let (sender, changes) = tokio::sync::mpsc::unbounded_channel();
    let small = RelativePath::new("small").expect("a path");
    sender.send(LocalChange::Paths(BTreeSet::from([small]))).expect("received");
    world.folder().changes = Some(changes);
    let there = world.there.clone();
    let gate = there.gate.acquire().await.expect("it is open");
    let release = async {
        while there.read("small").is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop(gate);
    };
    tokio::join!(world.saved(&["big"]), release);
    assert_eq!(world.there.calls(), ["upload small", "upload big"]);
}

#[tokio::test]
async fn s27_leftovers_of_a_killed_run_are_removed() {
    let mut world = World::new(Strategy::MirrorLocal);
    world.write("a", "a", 1000);
    world.write(".windlass-stage/half", "hal", 1000);
    world.start().await;
    assert_eq!(world.there.paths(), ["a"]);
    assert!(!Path::exists(&world.here.path().join(".windlass-stage")));
}

#[tokio::test]
async fn files_that_other_sessions_are_writing_stay() {
    let mut world = World::new(Strategy::MirrorLocal);
    let states = world.state.path().join("sync");
    fs::create_dir_all(&states).expect("created");
    let lock = |name: &str| match HeldFile::take(&states.join(format!("{name}.lock"))) {
        Ok(Hold::Acquired(held)) => held,
        hold => panic!("{hold:?}"),
    };
    let _running = lock("running");
    drop(lock("killed"));
    // Nothing is known of the session of another project.
    for name in ["running", "killed", "unknown"] {
        world.write(&format!(".windlass-stage/{name}/half"), "hal", 1000);
    }
    world.there.write("a", "a", 1000);
    world.settings = Box::new(|options| FolderOptions { strategy: Strategy::PreferLocal, ..options });
    world.start().await;
    assert_eq!(world.read("a").as_deref(), Some("a"));
    let left = fs::read_dir(world.here.path().join(".windlass-stage")).expect("a directory").flatten();
    let left: BTreeSet<_> = left.filter_map(|item| item.file_name().into_string().ok()).collect();
    assert_eq!(left, ["running", "unknown"].map(str::to_owned).into());
}

#[tokio::test]
async fn of_two_sessions_in_one_directory_one_downloads_whatever_their_projects() {
    let mut world = World::new(Strategy::PreferLocal);
    world.start().await;
    world.folder = None;
    let states = fs::read_dir(world.state.path().join("claims")).expect("a directory").flatten();
    let mut paths = states.map(|item| item.path());
    let claim = paths.find(|path| path.to_string_lossy().contains("/downloads-")).expect("a claim");
    // Another process has it.
    let held = fs::File::options().write(true).open(&claim).expect("opened");
    held.lock().expect("a lock");
    fs::write(&claim, "1").expect("written");
    world.write("a", "a", 1000);
    world.there.write("b", "b", 1000);
    world.start().await;
    told_about(&world, "nothing is downloaded, because another windlass (process 1) downloads");
    assert_eq!((world.there.read("a").as_deref(), world.there.read("b").as_deref()), (Some("a"), Some("b")));
    assert_eq!(world.read("b"), None);
    drop(held);
    world.start().await;
    assert_eq!(world.read("b").as_deref(), Some("b"));
}
