//! Tests of contexts on a real disk.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::{Duration, Instant, SystemTime};

use futures_util::StreamExt as _;
use proptest::prelude::*;

use super::*;
use crate::image::dockerfile::ContextSource;
use crate::image::{Digest, StatIndex};

/// A temporary directory: `a/b` is a file, `a/` a directory, `a -> b` a symlink, `a=text` a file with content,
/// `a*` an executable.
fn folder(items: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a directory");
    for item in items {
        let (path, rest) = item.split_once([' ', '=']).unwrap_or((item, ""));
        let place = folder.path().join(path.trim_end_matches('*'));
        fs::create_dir_all(place.parent().expect("a parent")).expect("made");
        if let Some(target) = rest.strip_prefix("-> ") {
            symlink(target, place).expect("linked");
        } else if path.ends_with('/') {
            fs::create_dir_all(place).expect("made");
        } else {
            fs::write(&place, rest).expect("written");
            let mode = if path.ends_with('*') { 0o755 } else { 0o644 };
            fs::set_permissions(&place, fs::Permissions::from_mode(mode)).expect("set");
        }
    }
    folder
}

fn open(folder: &tempfile::TempDir) -> Context {
    Context::open(&Forest::new(), folder.path(), None).expect("a context")
}

fn whole() -> ContextSources {
    ContextSources::Whole { why: None }
}

fn sources(sources: &[&str]) -> ContextSources {
    ContextSources::Sources(sources.iter().map(|&source| source.into()).collect())
}

fn select(folder: &tempfile::TempDir, reach: &ContextSources) -> Selection {
    open(folder).select(reach, &|_| ()).expect("a selection")
}

fn paths(selection: &Selection) -> Vec<&str> {
    selection.entries().iter().map(|entry| &*entry.path).collect()
}

fn digest(folder: &tempfile::TempDir) -> ContextDigest {
    select(folder, &whole()).digest(&StatIndex::in_memory(), &|_, _| {}).expect("a digest")
}

fn check(items: &[&str], reach: &ContextSources, expected: &[&str]) {
    assert_eq!(paths(&select(&folder(items), reach)), expected, "{items:?} {reach:?}");
}

#[test]
fn a_whole_context_is_sorted_and_obeys_its_ignore_file() {
    check(
        &[".dockerignore=d\nx/*\n!x/y\n!e/keep\ne\n!z/**/keep\nz", "d/1", "x/1", "x/y/2", "a/", "a-b", "z/1"],
        &whole(),
        &[".dockerignore", "a", "a-b", "x", "x/y", "x/y/2"],
    );
    check(
        &[".dockerignore=*\n!**/keep", "a/b/keep", "a/c/drop", "keep"],
        &whole(),
        &["a", "a/b", "a/b/keep", "keep"],
    );
}

#[test]
fn the_first_ignore_file_counts_alone() {
    let folder =
        folder(&["devspace.dockerignore=a", ".dockerignore=b", "Dockerfile.dockerignore=c", "a", "b", "c"]);
    let opened = |dockerfile: &str| {
        let dockerfile = folder.path().join(dockerfile);
        Context::open(&Forest::new(), folder.path(), Some(&dockerfile)).expect("a context")
    };
    let ignore_file = |context: &Context| {
        let name = context.ignore_file().and_then(Path::file_name);
        name.map(|name| name.to_string_lossy().into_owned())
    };
    assert_eq!(ignore_file(&opened("Dockerfile")).as_deref(), Some("devspace.dockerignore"));
    fs::remove_file(folder.path().join("devspace.dockerignore")).expect("removed");
    assert_eq!(ignore_file(&opened("Dockerfile")).as_deref(), Some("Dockerfile.dockerignore"));
    assert_eq!(ignore_file(&opened("other/Dockerfile")).as_deref(), Some(".dockerignore"));
    fs::remove_file(folder.path().join(".dockerignore")).expect("removed");
    assert_eq!(ignore_file(&opened("other")), None);
}

#[test]
fn sources_include_their_files_and_the_directories_above() {
    let tree = ["src/a.go", "src/b.txt", "src/sub/c.go", "src/sub/empty/", "other/d", "e", "src-2/f"];
    check(&tree, &sources(&["src/*.go"]), &["src", "src/a.go"]);
    check(&tree, &sources(&["*/sub"]), &["src", "src/sub", "src/sub/c.go", "src/sub/empty"]);
    check(&tree, &sources(&["e", "s[a-r]c/b.txt"]), &["e", "src", "src/b.txt"]);
    check(&tree, &sources(&["missing/x", "other/d/e"]), &[]);
    check(&tree, &sources(&["src?2"]), &["src-2", "src-2/f"]);
    check(&tree, &sources(&[]), &[]);
    check(&["a[1]", "a1"], &sources(&["a[1]"]), &["a1", "a[1]"]);
}

#[test]
fn excluded_files_are_not_selected() {
    let source = |path: &str, exclude: &[&str]| ContextSource {
        path: path.to_owned(),
        exclude: exclude.iter().map(ToString::to_string).collect(),
    };
    let tree = ["a.md", "src/a.go", "src/docs/b.md", "src/docs/c.go", "src/empty/"];
    let check = |found: Vec<ContextSource>, expected: &[&str]| {
        check(&tree, &ContextSources::Sources(found), expected);
    };
    check(vec![source("", &["**/*.md", "src/docs"])], &["src", "src/a.go", "src/empty"]);
    check(vec![source("src", &["docs"])], &["src", "src/a.go", "src/empty"]);
    check(
        vec![source("src", &["docs", "!docs/c.go", "empty"])],
        &["src", "src/a.go", "src/docs", "src/docs/c.go"],
    );
    // A file counts if another source reads it, or if it is a source itself.
    check(
        vec![source("src", &["docs"]), source("src/docs/b.md", &[])],
        &["src", "src/a.go", "src/docs", "src/docs/b.md", "src/empty"],
    );
    check(vec![source("*.md", &["*.md"])], &["a.md"]);
    // A directory with nothing else in it is still created.
    check(vec![source("src/docs", &["*"])], &["src", "src/docs"]);
}

#[test]
fn sources_obey_ignore_rules() {
    let tree = [".dockerignore=src/*\n!src/keep\n", "src/keep/1", "src/drop/1"];
    check(&tree, &sources(&["src"]), &["src", "src/keep", "src/keep/1"]);
    check(&tree, &sources(&["src/drop"]), &[]);
    check(&tree, &sources(&["src/keep/1"]), &["src", "src/keep", "src/keep/1"]);
}

#[test]
fn symlinks_of_a_source_are_followed_inside_the_context() {
    let tree = [
        "real/x/1",
        "real/y",
        "dir -> real",
        "up/link -> ../real/x",
        "abs -> /real/y",
        "out -> ../../real/y",
    ];
    check(&tree, &sources(&["dir/y"]), &["dir", "real", "real/y"]);
    check(&tree, &sources(&["dir"]), &["dir", "real", "real/x", "real/x/1", "real/y"]);
    check(&tree, &sources(&["up/link/1"]), &["real", "real/x", "real/x/1", "up", "up/link"]);
    check(&tree, &sources(&["abs"]), &["abs", "real", "real/y"]);
    check(&tree, &sources(&["out"]), &["out", "real", "real/y"]);
    check(&tree, &sources(&["u*/l*"]), &["real", "real/x", "real/x/1", "up", "up/link"]);
    check(&["a/link -> ../b", "b"], &sources(&["a"]), &["a", "a/link"]);
}

#[test]
fn symlink_loops_end() {
    check(&["a -> b", "b -> a"], &sources(&["a"]), &["a", "b"]);
    check(&["a -> a/x"], &sources(&["a", "a/b"]), &["a"]);
    check(&["d/self -> .", "d/f"], &sources(&["d/*/*/*/f"]), &["d", "d/f", "d/self"]);
}

#[test]
fn only_directories_on_the_path_are_opened() {
    let folder = folder(&["a/b/c/1", "a/x/2", "y/3", ".dockerignore=y"]);
    let context = open(&folder);
    context.select(&sources(&["a/b"]), &|_| ()).expect("a selection");
    assert_eq!(context.inner.tree.opened(), 4, "the root, a, a/b, a/b/c");
    context.select(&whole(), &|_| ()).expect("a selection");
    assert_eq!(context.inner.tree.opened(), 5, "a/x too, the excluded y never");
}

#[test]
fn images_share_the_files_that_were_read() {
    let folder = folder(&["a/1", "b/2"]);
    let forest = Forest::new();
    let reaches = [whole(), sources(&["a"]), sources(&["b"])];
    std::thread::scope(|scope| {
        for reach in reaches.iter().cycle().take(12) {
            let (forest, path) = (&forest, folder.path());
            scope.spawn(move || {
                Context::open(forest, path, None).and_then(|context| context.select(reach, &|_| ()))
            });
        }
    });
    let context = Context::open(&forest, folder.path(), None).expect("a context");
    assert_eq!(context.inner.tree.opened(), 3);
}

#[test]
fn a_large_tree_is_walked_completely_with_progress() {
    let folder = tempfile::tempdir().expect("a directory");
    for number in 0..210 {
        let below = folder.path().join(format!("{number:03}"));
        fs::create_dir(&below).expect("made");
        for file in 0..100 {
            fs::write(below.join(format!("{file:02}")), "").expect("written");
        }
    }
    let told = std::sync::atomic::AtomicU64::new(0);
    let report = |count| told.store(count, std::sync::atomic::Ordering::Relaxed);
    let selection = open(&folder).select(&whole(), &report).expect("a selection");
    assert_eq!((selection.files(), selection.entries().len()), (21_000, 21_210));
    assert!(selection.entries().is_sorted_by(|one, other| name::order(&one.path, &other.path).is_lt()));
    assert!(told.into_inner() >= 20_000);
}

#[test]
fn a_wrong_directory_is_named() {
    let folder = folder(&["file"]);
    let error =
        |path: &str| Context::open(&Forest::new(), &folder.path().join(path), None).expect_err("no context");
    assert!(matches!(error("missing"), ContextError::Missing { .. }));
    assert!(matches!(error("file"), ContextError::NotAFolder { .. }));
    assert!(matches!(error("file/x"), ContextError::NotAFolder { .. }));
}

#[test]
fn entries_without_content_are_skipped() {
    let folder = folder(&["ok"]);
    std::os::unix::net::UnixListener::bind(folder.path().join("socket")).expect("bound");
    assert_eq!(paths(&select(&folder, &whole())), ["ok"]);
    let pipe = std::process::Command::new("mkfifo").arg(folder.path().join("pipe")).status();
    assert!(pipe.expect("mkfifo").success());
    let selection = select(&folder, &whole());
    assert_eq!((paths(&selection), &*selection.left_out()[0]), (vec!["ok"], "pipe"));
}

#[test]
fn names_that_are_not_utf8_are_kept() {
    use std::os::unix::ffi::OsStrExt as _;
    let bytes = std::ffi::OsStr::from_bytes;
    let folder = folder(&["ok", "\u{a000}"]);
    fs::create_dir(folder.path().join(bytes(b"d\xff"))).expect("made");
    fs::write(folder.path().join(bytes(b"d\xff/\xe9")), "1").expect("written");
    std::os::unix::fs::symlink(bytes(b"d\xff/\xe9"), folder.path().join("link")).expect("linked");
    let selection = select(&folder, &whole());
    let names: Vec<_> = selection.entries().iter().map(|entry| bytes_of(&entry.path)).collect();
    // In the order of the bytes: the character starts with a greater one.
    assert_eq!(names, [b"d\xff".as_slice(), b"d\xff/\xe9", b"link", b"ok", "\u{a000}".as_bytes()]);
    let before = digest(&folder);
    assert_eq!(select(&folder, &sources(&["link"])).entries().len(), 3, "links lead to them");
    assert_eq!(select(&folder, &sources(&["d?/?"])).entries().len(), 2, "patterns match them");
    fs::write(folder.path().join(bytes(b"d\xff/\xe9")), "22").expect("written");
    assert_eq!(shown(&digest(&folder).changes_since(&before)[0].path), "d\\xFF/\\xE9");
    fs::write(folder.path().join(".dockerignore"), b"d\xff/\xe9\n.dockerignore\nlin*").expect("written");
    assert_eq!(select(&folder, &whole()).entries().len(), 3);
}

#[test]
fn a_vanished_file_is_an_error_and_not_a_smaller_digest() {
    let folder = folder(&["a", "b=1"]);
    let selection = select(&folder, &whole());
    fs::remove_file(folder.path().join("b")).expect("removed");
    let error = selection.digest(&StatIndex::in_memory(), &|_, _| {}).expect_err("unreadable");
    assert!(error.to_string().contains("/b`: "), "{error}");
}

#[test]
fn a_file_changed_since_it_was_selected_is_hashed_as_it_is() {
    let folder = folder(&["b=1"]);
    let selection = select(&folder, &whole());
    fs::write(folder.path().join("b"), "longer").expect("written");
    let index = StatIndex::in_memory();
    assert_eq!(selection.digest(&index, &|_, _| {}).expect("a digest"), digest(&folder));
}

#[test]
fn changes_of_an_image_change_the_digest() {
    let base = ["a=plumless", "run*=x", "link -> a", "dir/f=1", "empty/"];
    let with = |from: &str, to: &'static str| base.map(|item| if item == from { to } else { item });
    let before = digest(&folder(&base));
    assert_eq!(before, digest(&folder(&base)), "same tree elsewhere");
    for (items, changed, kind) in [
        // Both have the CRC-32 4ddb0c25.
        (with("a=plumless", "a=buckeroo"), "a", ChangeKind::Changed),
        (with("run*=x", "run=x"), "run", ChangeKind::Changed),
        (with("link -> a", "link -> dir"), "link", ChangeKind::Changed),
        (with("link -> a", "link=a"), "link", ChangeKind::Changed),
        (with("empty/", "empty/e"), "empty/e", ChangeKind::Added),
        (with("empty/", "run2"), "empty", ChangeKind::Removed),
        (with("dir/f=1", "dir/g=1"), "dir/f", ChangeKind::Removed),
    ] {
        let after = digest(&folder(&items));
        assert_ne!(before.digest(), after.digest(), "{items:?}");
        let changes = after.changes_since(&before);
        assert_eq!((&*changes[0].path, changes[0].kind), (changed, kind));
    }
}

#[test]
fn every_permission_bit_changes_the_digest() {
    let folder = folder(&["a=1", "dir/b=2", "link -> a"]);
    let before = digest(&folder);
    for (path, old) in [("a", 0o644), ("dir", 0o755)] {
        let place = folder.path().join(path);
        fs::set_permissions(&place, fs::Permissions::from_mode(old)).expect("set");
        let as_it_was = digest(&folder);
        // The owner can read it with any of these.
        for bit in [0o1, 0o10, 0o20, 0o40, 0o200, 0o1000, 0o2000, 0o4000] {
            fs::set_permissions(&place, fs::Permissions::from_mode(old ^ bit)).expect("set");
            let after = digest(&folder);
            if fs::metadata(&place).expect("there").permissions().mode() & 0o7777 == old {
                continue;
            }
            assert_ne!(after.digest(), as_it_was.digest(), "{path} {bit:o}");
            let changes = after.changes_since(&as_it_was);
            assert_eq!(changes, [Change { path: path.into(), kind: ChangeKind::Changed }]);
        }
        fs::set_permissions(&place, fs::Permissions::from_mode(old)).expect("set");
    }
    assert_eq!(digest(&folder), before);
}

#[test]
fn other_changes_do_not_change_the_digest() {
    let folder = folder(&["a=1", "b/c=2", ".dockerignore=x"]);
    let before = digest(&folder);
    let file = fs::File::open(folder.path().join("a")).expect("opened");
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(77)).expect("set");
    fs::create_dir(folder.path().join("x")).expect("made");
    fs::create_dir(folder.path().join(".windlass")).expect("made");
    assert_eq!(before, digest(&folder));
}

#[test]
fn a_digest_survives_its_compact_form() {
    let digest = digest(&folder(&["a/é", "a/è", "a/éa=1", "b -> a", "c/"]));
    assert_eq!(ContextDigest::from_bytes(&digest.to_bytes()).as_ref(), Some(&digest));
    let bytes = digest.to_bytes();
    assert_eq!(ContextDigest::from_bytes(&bytes[..bytes.len() - 1]), None);
    assert_eq!(ContextDigest::from_bytes(b"\x02"), None);
    let older = [&[1], &bytes[1..]].concat();
    assert_eq!(ContextDigest::from_bytes(&older), None, "fingerprints of another version");
}

#[test]
fn the_archive_keeps_modes_times_links_and_long_names() {
    let long = format!("{0}/{0}/{0}", "n".repeat(80));
    let target = format!("./{}//", "t".repeat(120));
    let folder = folder(&["run*=x", &format!("{long}=1"), &format!("link -> {target}"), "b -> ./a//b/"]);
    let file = fs::File::open(folder.path().join("run")).expect("opened");
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_millis(77_500)).expect("set");
    let selection = select(&folder, &whole()).with_file("added", 0o600, vec![7; 70_000]);
    let entries = unpack(&selection);
    assert_eq!(entries["run"], ("0 100755 77 0:0".to_owned(), b"x".to_vec()));
    assert_eq!(entries[&long].1, b"1");
    assert_eq!(entries["link"].1, target.as_bytes());
    assert_eq!(entries["b"].1, b"./a//b/");
    assert_eq!(entries["added"], ("0 100600 0 0:0".to_owned(), vec![7; 70_000]));
}

/// Entries of the archive by path: type, mode, mtime and owner; content or link target.
fn unpack(selection: &Selection) -> BTreeMap<String, (String, Vec<u8>)> {
    let mut archive = Vec::new();
    selection.write_tar(&mut archive, |_| ()).expect("an archive");
    let mut entries = BTreeMap::new();
    for entry in tar::Archive::new(&archive[..]).entries().expect("entries") {
        let mut entry = entry.expect("an entry");
        let header = entry.header();
        let kind = char::from(header.entry_type().as_byte());
        let mode = header.mode().expect("a mode") | if kind == '0' { 0o100_000 } else { 0 };
        let owner = (header.uid().expect("a user"), header.gid().expect("a group"));
        let told = format!("{kind} {mode:o} {} {}:{}", header.mtime().expect("a time"), owner.0, owner.1);
        let path = String::from_utf8(entry.path_bytes().into_owned()).expect("UTF-8");
        let mut content = entry.link_name_bytes().map(|name| name.into_owned()).unwrap_or_default();
        entry.read_to_end(&mut content).expect("content");
        entries.insert(path.trim_end_matches('/').to_owned(), (told, content));
    }
    entries
}

#[tokio::test]
async fn the_stream_is_the_archive_in_blocks() {
    let big = "x".repeat(3_000_001);
    let folder = folder(&[&format!("big={big}"), "empty", "z=1"]);
    let selection = select(&folder, &whole());
    let mut archive = Vec::new();
    selection.write_tar(&mut archive, |_| ()).expect("an archive");
    let done = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let report = done.clone();
    let mut stream = selection
        .tar_stream(Arc::default(), move |bytes| report.store(bytes, std::sync::atomic::Ordering::Relaxed));
    let mut streamed = Vec::new();
    while let Some(block) = stream.next().await {
        streamed.extend_from_slice(&block.expect("a block"));
    }
    assert!(streamed == archive);
    assert_eq!(done.load(std::sync::atomic::Ordering::Relaxed), 3_000_002);
}

#[test]
fn a_file_that_changed_since_is_sent_as_it_is() {
    let folder = folder(&["f=123456", "g=x"]);
    let selection = select(&folder, &whole());
    for content in ["12345678", "123", ""] {
        fs::write(folder.path().join("f"), content).expect("written");
        let entries = unpack(&selection);
        assert_eq!(entries["f"].1, content.as_bytes());
        assert_eq!(entries["g"].1, b"x", "the archive is whole");
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_is_never_half_of_each() {
    let edits: [fn(&Path); 4] = [
        |path| fs::write(path, "longer than it was").expect("written"),
        |path| fs::write(path, "1").expect("written"),
        |path| {
            fs::write(path, "654321").expect("written");
            // Makes the time independent of the clock.
            let file = fs::File::open(path).expect("opened");
            file.set_modified(SystemTime::UNIX_EPOCH).expect("set");
        },
        |path| {
            fs::File::options()
                .append(true)
                .open(path)
                .and_then(|mut file| file.write_all(b"7"))
                .expect("written")
        },
    ];
    for edit in edits {
        for read_before in [0, 3, 6] {
            let folder = folder(&["f=123456"]);
            let selection = select(&folder, &whole());
            let (sent, entry) = (SentFiles::default(), selection.get("f").expect("it exists"));
            let mut file = sent.open(entry).expect("opened");
            let mut buffer = [0; 16];
            if read_before > 0 {
                assert_eq!(file.read(&mut buffer[..read_before]).expect("read"), read_before);
            }
            edit(&folder.path().join("f"));
            let rest = loop {
                match file.read(&mut buffer) {
                    Ok(0) => break file.finish().map(drop),
                    Ok(_) => {}
                    Err(error) => break Err(error),
                }
            };
            assert_eq!(Changed::of(&rest.expect_err("an error")), Some(Changed::Meanwhile));
            assert_eq!(sent.get("f"), None, "nothing is recorded");
        }
    }
}

#[tokio::test]
async fn a_removed_file_ends_the_archive_with_its_name() {
    let folder = folder(&["f=123456"]);
    let selection = select(&folder, &whole());
    fs::remove_file(folder.path().join("f")).expect("removed");
    let blocks: Vec<_> = selection.tar_stream(Arc::default(), |_| ()).collect().await;
    let error = blocks.last().and_then(|block| block.as_ref().err()).expect("an error");
    let unsendable = Unsendable::of(error).expect("it names the file");
    assert_eq!((&*unsendable.path, Changed::of(&unsendable.reason)), ("f", Some(Changed::Gone)));
}

#[test]
fn a_listed_file_is_sent_only_unchanged() {
    let folder = folder(&["f=123456"]);
    let selection = select(&folder, &whole());
    let (sent, entry) = (SentFiles::default(), selection.get("f").expect("it exists"));
    assert!(sent.open(entry).and_then(SentFile::into_selected).is_ok() && entry.open().is_ok());
    fs::write(folder.path().join("f"), "1234567").expect("written");
    let file = sent.open(entry).expect("it exists");
    assert!(file.into_selected().is_err() && entry.open().is_err());
}

#[test]
fn a_file_that_was_not_sent_counts_as_it_was_hashed() {
    let folder = folder(&["a=1", "b=2"]);
    let selection = select(&folder, &whole());
    let index = Arc::new(StatIndex::in_memory());
    let before = selection.digest(&index, &|_, _| {}).expect("a digest");
    // A daemon that has both files requests neither.
    fs::write(folder.path().join("a"), "3").expect("written");
    index.look_again();
    assert_eq!(selection.digest_as_sent(&SentFiles::new(index)).expect("a digest"), before);
}

#[test]
fn a_context_is_opened_again_with_its_ignore_file() {
    let folder = folder(&["a", "b", ".dockerignore=a"]);
    let forest = Forest::new();
    let context = Context::open(&forest, folder.path(), None).expect("a context");
    assert_eq!(paths(&context.select(&whole(), &|_| ()).expect("a selection")), [".dockerignore", "b"]);
    fs::write(folder.path().join(".dockerignore"), "b").expect("written");
    fs::write(folder.path().join("c"), "").expect("written");
    let again = context.open_again(&Forest::new()).expect("a context");
    assert_eq!(paths(&again.select(&whole(), &|_| ()).expect("a selection")), [".dockerignore", "a", "c"]);
    assert_eq!(context.forest().as_ptr(), Arc::as_ptr(&forest));
    assert_ne!(again.forest().as_ptr(), Arc::as_ptr(&forest));
}

#[tokio::test]
async fn a_file_that_changes_during_the_upload_counts_as_it_was_sent() {
    let folder = folder(&["a=1", "b=2"]);
    let selection = select(&folder, &whole());
    let before = digest(&folder);
    let sent = Arc::new(SentFiles::new(StatIndex::in_memory().into()));
    let blocks: Vec<_> = selection.tar_stream(sent.clone(), |_| ()).collect().await;
    assert!(blocks.iter().all(Result::is_ok));

    fs::write(folder.path().join("a"), "3").expect("written");
    fs::remove_file(folder.path().join("b")).expect("removed");
    assert_eq!(selection.digest_as_sent(&sent).expect("nothing is read again"), before);
    assert_ne!(digest(&folder).digest(), before.digest());
}

#[tokio::test]
async fn files_read_while_they_were_sent_are_not_read_again() {
    let folder = folder(&["a=1"]);
    let selection = select(&folder, &whole());
    let index = Arc::new(StatIndex::in_memory());
    let sent = Arc::new(SentFiles::new(index.clone()));
    let _: Vec<_> = selection.tar_stream(sent, |_| ()).collect().await;
    let stamp = selection.get("a").and_then(|entry| entry.stamp).expect("a stamp");
    assert_eq!(index.get(&stamp), Some(Digest::of("1")));

    // Other content with the stamp of the selection does not count as the selected content.
    let changed = Arc::new(StatIndex::in_memory());
    fs::write(folder.path().join("a"), "2").expect("written");
    let sent = Arc::new(SentFiles::new(changed.clone()));
    let _: Vec<_> = selection.tar_stream(sent, |_| ()).collect().await;
    assert_eq!(changed.get(&stamp), None);
}

/// Random trees: paths of a few short names, each a directory, file, executable or symlink.
fn trees() -> impl Strategy<Value = BTreeMap<String, (u8, Vec<u8>)>> {
    let name = "[ab.é-]{1,2}".prop_filter("no dots alone", |name| name != "." && name != "..");
    let path = prop::collection::vec(name, 1..4).prop_map(|names| names.join("/"));
    prop::collection::btree_map(path, (0..4u8, prop::collection::vec(any::<u8>(), 0..600)), 0..12)
}

fn make(tree: &BTreeMap<String, (u8, Vec<u8>)>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a directory");
    for (path, (kind, content)) in tree {
        let path = folder.path().join(path);
        // A path through a file or link is skipped; both copies skip the same paths.
        if fs::create_dir_all(path.parent().expect("a parent")).is_err() || path.symlink_metadata().is_ok() {
            continue;
        }
        match kind {
            0 => fs::create_dir(path).expect("made"),
            1 => symlink(format!("t{}", content.len()), path).expect("linked"),
            kind => {
                fs::write(&path, content).expect("written");
                let mode = if *kind == 2 { 0o755 } else { 0o644 };
                fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
            }
        }
    }
    folder
}

/// The files of `folder` that are kept from `before` after changes of these paths.
fn keep(folder: &tempfile::TempDir, before: &Context, changed: &[&str]) -> Option<Selection> {
    let selection = before.select(&whole(), &|_| ()).expect("a selection");
    let root = before.root().to_owned();
    let changed = changed.iter().map(|path| root.join(path)).collect();
    let source = Some((before.clone(), whole()));
    KeptFiles { selection, source, root, changed, since: Instant::now() }.of_context(&open(folder), &whole())
}

#[test]
fn kept_files_are_those_of_a_walk_as_long_as_only_their_contents_and_modes_change() {
    let items = ["a/b=1", "a/c=1", "a/link -> b", "d/", "e=1"];
    let check = |is_kept: bool, changed: &[&str], change: &dyn Fn(&Path)| {
        let folder = folder(&items);
        let before = open(&folder);
        let selection = before.select(&whole(), &|_| ()).expect("a selection");
        selection.digest(&StatIndex::in_memory(), &|_, _| {}).expect("a digest");
        change(folder.path());
        let Some(kept) = keep(&folder, &before, changed) else { return assert!(!is_kept, "{changed:?}") };
        assert!(is_kept, "{changed:?}");
        assert!(kept.kept_since().is_some());
        let walked = select(&folder, &whole());
        let state = |selection: &Selection| -> Vec<_> {
            let entries = selection.entries().iter();
            entries.map(|entry| (entry.path.clone(), entry.mode, entry.size(), entry.modified)).collect()
        };
        assert_eq!(state(&kept), state(&walked), "{changed:?}");
        let kept = kept.digest(&StatIndex::in_memory(), &|_, _| {}).expect("a digest");
        assert_eq!(kept, digest(&folder), "{changed:?}");
    };
    check(true, &[], &|_| {});
    check(true, &["a/b"], &|root| fs::write(root.join("a/b"), "2").expect("written"));
    check(true, &["a/b", "e"], &|root| {
        // As editors save: the directory is written too.
        fs::write(root.join("a/new"), "longer").expect("written");
        fs::rename(root.join("a/new"), root.join("a/b")).expect("renamed");
        fs::set_permissions(root.join("e"), fs::Permissions::from_mode(0o755)).expect("set");
    });
    check(false, &["a/new"], &|root| fs::write(root.join("a/new"), "1").expect("written"));
    check(false, &["e"], &|root| fs::remove_file(root.join("e")).expect("removed"));
    check(false, &["a/link"], &|root| {
        fs::remove_file(root.join("a/link")).expect("removed");
        symlink("c", root.join("a/link")).expect("linked");
    });
    check(false, &["e"], &|root| {
        fs::remove_file(root.join("e")).expect("removed");
        fs::create_dir(root.join("e")).expect("made");
    });
    check(false, &["d"], &|root| {
        fs::set_permissions(root.join("d"), fs::Permissions::from_mode(0o700)).expect("set");
    });
    // The ignore file is part of the context, but has other rules now.
    check(false, &[], &|root| fs::write(root.join(".dockerignore"), "a").expect("written"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn an_archive_unpacks_to_the_same_tree(tree in trees()) {
        let original = make(&tree);
        let mut archive = Vec::new();
        select(&original, &whole()).write_tar(&mut archive, |_| ()).expect("an archive");
        let copy = tempfile::tempdir().expect("a directory");
        tar::Archive::new(&archive[..]).unpack(copy.path()).expect("unpacked");
        prop_assert_eq!(digest(&original), digest(&copy));
    }

    #[test]
    fn an_index_never_changes_a_digest(tree in trees(), edit in any::<u8>()) {
        let folder = make(&tree);
        let kept = tempfile::tempdir().expect("a directory");
        let open_index = || StatIndex::open(kept.path(), folder.path()).0;
        let index = open_index();
        let selection = select(&folder, &whole());
        prop_assert_eq!(selection.digest(&index, &|_, _| {}).expect("a digest"), digest(&folder));
        index.save().expect("saved");
        for entry in selection.entries() {
            if let EntryKind::File { content: Content::Disk(file), size } = &entry.kind {
                // Same size, at the same time: only the rule against racily clean entries can detect it.
                fs::write(file.path(), vec![edit; *size as usize]).expect("written");
            }
        }
        let indexed = select(&folder, &whole()).digest(&open_index(), &|_, _| {}).expect("a digest");
        prop_assert_eq!(indexed, digest(&folder));
    }

    #[test]
    fn pruning_equals_asking_for_every_path(
        tree in trees(),
        lines in prop::collection::vec("!?[ab*]{1,2}(/[ab*?]{1,2}){0,2}", 0..6),
    ) {
        let folder = make(&tree);
        let everything = select(&folder, &whole());
        let all = paths(&everything);
        let rules = lines.join("\n");
        let out = excluded("rules", rules.as_bytes(), &all).expect("valid rules");
        let keeps = |path: &str| !out.contains(&path);
        let expected: Vec<&str> = all
            .iter()
            .copied()
            .filter(|path| all.iter().any(|other| keeps(other) && (other == path || is_below(other, path))))
            .collect();
        let ignore_file = tempfile::tempdir().expect("a directory");
        let dockerfile = ignore_file.path().join("d");
        fs::write(ignore_file.path().join("d.dockerignore"), &rules).expect("written");
        let context = Context::open(&Forest::new(), folder.path(), Some(&dockerfile)).expect("a context");
        let selection = context.select(&whole(), &|_| ()).expect("a selection");
        prop_assert_eq!(paths(&selection), expected, "{}", rules);
    }
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}
