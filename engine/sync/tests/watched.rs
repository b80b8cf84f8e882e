//! The changed paths that a watcher reports.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use super::super::changes::{Changes, LocalChange};
use super::super::{ExcludePatterns, LocalFolder, watch_changes};
use crate::event::Events;

/// A watched directory `here` next to a directory `out`.
struct Watched {
    temp: TempDir,
    changes: Changes,
}

impl Watched {
    /// `here` has `prepare`d files.
    async fn new(prepare: impl FnOnce(PathBuf, PathBuf)) -> Self {
        let temp = tempfile::tempdir().expect("a directory");
        let real = temp.path().canonicalize().expect("a real path");
        for folder in ["here/src", "here/skipped", "out/deep"] {
            fs::create_dir_all(real.join(folder)).expect("created");
        }
        prepare(real.join("here"), real.join("out"));
        let local = LocalFolder::new(real.join("here"), ExcludePatterns::new(["skipped"]));
        let changes = watch_changes(local, &Events::none()).await.expect("watched");
        Self { temp, changes }
    }

    fn write(&self, path: &str) {
        let path = self.temp.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("created");
        fs::write(path, "text").expect("written");
    }

    /// All paths that are named until `last` is; `.` means everything.
    async fn named(&mut self, last: &str) -> BTreeSet<String> {
        let mut named = BTreeSet::new();
        while !named.contains(last) {
            let next = tokio::time::timeout(Duration::from_secs(60), self.changes.recv()).await;
            match next.unwrap_or_else(|_| panic!("`{last}` is not named: {named:?}")).expect("a change") {
                LocalChange::Everything => _ = named.insert(".".to_owned()),
                LocalChange::Paths(paths) => named.extend(paths.iter().map(ToString::to_string)),
            }
        }
        named
    }
}

#[tokio::test]
async fn saves_are_named_and_excluded_files_are_not() {
    let mut watched = Watched::new(|_, _| {}).await;
    watched.write("here/skipped/a");
    watched.write("here/.windlass/b");
    watched.write("here/src/c");
    assert_eq!(watched.named("src/c").await, BTreeSet::from(["src/c".to_owned()]));
    // A new directory includes its content.
    watched.write("here/new/deep/d");
    let named = watched.named("new").await;
    assert!(!named.contains("new/deep/d"), "{named:?}");
    watched.write("here/new/deep/e");
    watched.named("new/deep/e").await;
}

#[tokio::test]
async fn changes_behind_followed_links_are_named_by_the_link() {
    let prepare = |here: PathBuf, out: PathBuf| {
        symlink(&out, here.join("src/folder")).expect("a link");
        symlink("../out/file", here.join("file")).expect("a link");
    };
    let mut watched = Watched::new(prepare).await;
    // They are named once when they are watched.
    let named = watched.named("file").await;
    assert!(named.contains("src/folder"), "{named:?}");
    watched.write("out/deep/a");
    watched.named("src/folder/deep/a").await;
    // It was dangling until now. It is in the other link too.
    watched.write("out/file");
    let named = watched.named("file").await;
    assert!(named.contains("src/folder/file"), "{named:?}");
    // A new link, and one that leads elsewhere now.
    watched.write("elsewhere/a");
    symlink("../../elsewhere", watched.temp.path().join("here/src/other")).expect("a link");
    watched.named("src/other").await;
    watched.write("elsewhere/b");
    watched.named("src/other/b").await;
    let file = watched.temp.path().join("here/file");
    fs::remove_file(&file).expect("removed");
    symlink("../elsewhere/a", &file).expect("a link");
    watched.named("file").await;
    watched.write("elsewhere/a");
    watched.named("file").await;
}

#[tokio::test]
async fn a_directory_that_goes_and_comes_back_is_seen() {
    let mut watched = Watched::new(|here, _| fs::write(here.join("src/a"), "a").expect("written")).await;
    fs::rename(watched.temp.path().join("here"), watched.temp.path().join("away")).expect("renamed");
    watched.named(".").await;
    watched.write("here/src/b");
    watched.named(".").await;
    watched.write("here/src/c");
    watched.named("src/c").await;
}
