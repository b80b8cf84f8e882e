//! The watcher on a real directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tempfile::TempDir;

use super::poller::Poller;
use super::source::{Raw, Source, Wake};
use super::watcher::{WatchEvent, Watcher};
use super::{FileChangeKind, WatchRoot};

/// A watched directory.
struct Test {
    folder: TempDir,
    watcher: Watcher,
    events: Receiver<WatchEvent>,
}

impl Test {
    /// Watches a directory with `files`, but not its `skipped` and `*.log`.
    fn new(files: &[&str]) -> Self {
        let folder = with_files(files);
        let (send, events) = channel();
        let report = move |event| send.send(event).unwrap_or_default();
        let roots = vec![WatchRoot::file(folder.path().to_owned()), root(folder.path())];
        let watcher = Watcher::start(roots, report).unwrap();
        let test = Self { folder, watcher, events };
        assert!(matches!(test.next(), WatchEvent::Ready { .. }));
        test
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, content: &str) -> &Self {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        fs::write(self.path(path), content).unwrap();
        self
    }

    fn next(&self) -> WatchEvent {
        self.events.recv_timeout(Duration::from_secs(20)).expect("an event")
    }

    /// The next change consists of these files, in any order, as `+new`, `~changed`, `-deleted`.
    #[track_caller]
    fn changes(&self, expected: &[&str]) -> &Self {
        let WatchEvent::Changed(files) = self.next() else { panic!("no change") };
        let mut names: Vec<_> = files
            .iter()
            .map(|file| {
                let name = file.path.strip_prefix(self.folder.path()).unwrap().display();
                let sign = match file.kind {
                    FileChangeKind::Created => '+',
                    FileChangeKind::Changed => '~',
                    FileChangeKind::Deleted => '-',
                };
                format!("{sign}{name}")
            })
            .collect();
        names.sort();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(names, expected);
        self
    }
}

fn with_files(files: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file).unwrap();
    }
    folder
}

fn root(folder: &Path) -> WatchRoot {
    WatchRoot::folder(folder.to_owned(), |path, _| path != "skipped" && !path.ends_with(".log"))
}

#[test]
fn saves_are_reported_and_saves_without_change_are_not() {
    let test = Test::new(&["a", "src/b"]);
    test.write("a", "new").changes(&["~a"]);
    // Neither of the first two is a change: only the third is reported.
    test.write("src/b", "src/b").write("c.log", "x").write("src/c", "new").changes(&["+src/c"]);
    fs::remove_file(test.path("src/c")).unwrap();
    test.changes(&["-src/c"]);
}

#[test]
fn an_atomic_save_is_one_change_of_one_file() {
    let test = Test::new(&["a"]);
    // As vim does, with a backup; and as others do, with a file that is renamed over it.
    fs::rename(test.path("a"), test.path("a~")).unwrap();
    test.write("a", "new");
    fs::remove_file(test.path("a~")).unwrap();
    test.changes(&["~a"]);
    test.write(".a.tmp", "newer");
    fs::rename(test.path(".a.tmp"), test.path("a")).unwrap();
    test.changes(&["~a"]);
}

#[test]
fn a_new_directory_is_watched_with_everything_in_it() {
    let test = Test::new(&["a"]);
    test.write("new/deep/b", "b").write("skipped/c", "c").changes(&["+new", "+new/deep", "+new/deep/b"]);
    test.write("new/deep/b", "other").changes(&["~new/deep/b"]);
    fs::rename(test.path("new"), test.path("moved")).unwrap();
    test.changes(&["-new", "-new/deep", "-new/deep/b", "+moved", "+moved/deep", "+moved/deep/b"]);
    test.write("moved/deep/b", "again").changes(&["~moved/deep/b"]);
    fs::remove_dir_all(test.path("moved")).unwrap();
    test.changes(&["-moved", "-moved/deep", "-moved/deep/b"]);
}

#[test]
fn a_checkout_is_one_change() {
    let test = Test::new(&["a", "b", ".git/HEAD"]);
    test.watcher
        .set_roots(vec![WatchRoot::folder(test.folder.path().to_owned(), |path, _| path != ".git")], None);
    assert!(matches!(test.next(), WatchEvent::Ready { .. }));
    test.write(".git/index.lock", "").write("a", "1");
    // Longer than any wait without the lock: no change is reported before the lock is removed.
    assert!(test.events.recv_timeout(Duration::from_millis(900)).is_err());
    test.write("b", "1");
    fs::remove_file(test.path(".git/index.lock")).unwrap();
    test.changes(&["~a", "~b"]);
}

#[test]
fn other_roots_keep_the_known_state() {
    let test = Test::new(&["a", "other/b"]);
    let other = WatchRoot::file(test.path("other/b"));
    test.watcher.set_roots(vec![other, WatchRoot::folder(test.path("missing/deep"), |_, _| true)], None);
    assert_eq!(test.next(), WatchEvent::Ready { generation: 2, files: 1, folders: 2, has_events: true });
    test.write("a", "new").write("other/c", "c").write("other/b", "new").changes(&["~other/b"]);
    // A root that is created later is watched from then on.
    test.write("missing/deep/x", "x").changes(&["+missing/deep", "+missing/deep/x"]);
}

#[test]
fn the_same_roots_again_are_not_read_again() {
    let test = Test::new(&["a"]);
    let roots = vec![root(test.folder.path()), WatchRoot::file(test.path("missing"))];
    test.watcher.set_roots(roots.clone(), None);
    let ready = |generation| WatchEvent::Ready { generation, files: 1, folders: 1, has_events: true };
    assert_eq!(test.next(), ready(2));
    // No event reports a change before `since`: the read includes it.
    test.watcher.set_roots(roots.into_iter().rev().collect(), None);
    assert_eq!(test.next(), ready(3));
    test.write("a", "new").write("b", "new").changes(&["~a", "+b"]);
}

/// A source that allows one directory.
struct Limited {
    inner: Poller,
    is_used: AtomicBool,
}

impl Source for Limited {
    fn watch(&self, _: &Path) -> std::io::Result<()> {
        match self.is_used.swap(true, Ordering::Relaxed) {
            #[cfg(target_os = "linux")]
            true => Err(rustix::io::Errno::NOSPC.into()),
            _ => Ok(()),
        }
    }

    fn remove(&mut self, _: &Path) {}

    fn wait(&mut self, limit: Duration) -> Vec<Raw> {
        self.inner.wait(limit)
    }

    fn wake(&self) -> Wake {
        self.inner.wake()
    }

    fn has_events(&self) -> bool {
        true
    }
}

#[test]
#[cfg(target_os = "linux")]
fn beyond_the_limit_it_reports_once_and_compares_with_the_disk() {
    let folder = with_files(&["a", "b/c", "d/e"]);
    let (send, events) = channel();
    let report = move |event| send.send(event).unwrap_or_default();
    let source = Box::new(Limited { inner: Poller::default(), is_used: AtomicBool::new(false) });
    let _watcher = Watcher::start_on(source, None, vec![root(folder.path())], report).unwrap();
    let next = || events.recv_timeout(Duration::from_secs(20)).expect("an event");
    let WatchEvent::Warning(warning) = next() else { panic!("no warning") };
    assert!(
        warning.starts_with("cannot watch 3 directories: the limit `fs.inotify.max_user_watches`"),
        "{warning}"
    );
    assert_eq!(next(), WatchEvent::Ready { generation: 1, files: 3, folders: 3, has_events: false });
    fs::write(folder.path().join("d/e"), "new").unwrap();
    let WatchEvent::Changed(files) = next() else { panic!("no change") };
    assert_eq!(files[0].path, folder.path().join("d/e"));
}

/// A source whose first wait loses events.
struct Overflowing(Poller, bool);

impl Source for Overflowing {
    fn watch(&self, _: &Path) -> std::io::Result<()> {
        Ok(())
    }

    fn remove(&mut self, _: &Path) {}

    fn wait(&mut self, limit: Duration) -> Vec<Raw> {
        if std::mem::replace(&mut self.1, false) {
            return vec![Raw::Overflow];
        }
        // The test wakes it instead of an event.
        let woken = self.0.wait(limit);
        self.1 = !limit.is_zero();
        woken
    }

    fn wake(&self) -> Wake {
        self.0.wake()
    }

    fn has_events(&self) -> bool {
        true
    }
}

#[test]
fn after_lost_events_the_tree_is_compared_with_the_disk() {
    let folder = with_files(&["a", "b"]);
    let (send, events) = channel();
    let report = move |event| send.send(event).unwrap_or_default();
    let source = Box::new(Overflowing(Poller::default(), false));
    let wake = source.wake();
    let _watcher = Watcher::start_on(source, None, vec![root(folder.path())], report).unwrap();
    let next = || events.recv_timeout(Duration::from_secs(20)).expect("an event");
    assert!(matches!(next(), WatchEvent::Ready { .. }));
    fs::write(folder.path().join("a"), "new").unwrap();
    fs::remove_file(folder.path().join("b")).unwrap();
    wake();
    let mut names = Vec::new();
    while names.len() < 2 {
        let WatchEvent::Changed(files) = next() else { continue };
        names.extend(files.into_iter().map(|file| file.path.file_name().unwrap().to_owned()));
    }
    names.sort();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn a_file_is_compared_by_content_if_one_of_its_roots_says_so() {
    let folder = with_files(&["a", "both/b"]);
    let (send, events) = channel();
    let report = move |event| send.send(event).unwrap_or_default();
    let both = WatchRoot::everything(folder.path().join("both"));
    let _watcher = Watcher::start(vec![both, root(folder.path()).without_contents()], report).unwrap();
    let next = || events.recv_timeout(Duration::from_secs(20)).expect("an event");
    assert!(matches!(next(), WatchEvent::Ready { .. }));
    // Both are written as they are.
    fs::write(folder.path().join("both/b"), "both/b").unwrap();
    fs::write(folder.path().join("a"), "a").unwrap();
    let WatchEvent::Changed(files) = next() else { panic!("no change") };
    let names: Vec<_> = files.iter().map(|file| file.path.file_name().unwrap()).collect();
    assert_eq!(names, ["a"]);
}
