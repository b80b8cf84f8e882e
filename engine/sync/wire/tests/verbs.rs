//! Every verb, in every shell.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use super::shell::{Container, SHELLS, entry, upload};
use crate::sync::{
    DownloadOutcome, Expected, Kind, PathOutcome, RelativePath, Remote as _, Scan, SyncEntry, Tier,
};

/// Names that shells, `tar` and options may misunderstand.
const HOSTILE: [&str; 22] = [
    "a b",
    " a",
    "a ",
    "-rf",
    "--help",
    "$(touch x)",
    "`touch y`",
    "'",
    "\"",
    "a'b\"c",
    "*",
    "?",
    "[a]",
    "\\n",
    "\\",
    "a\\\\b",
    "#",
    "~",
    "..c",
    ".d",
    "e\u{301}\u{141}\u{3042}",
    "a\tb\r",
];

#[track_caller]
fn done(outcome: &PathOutcome) -> Option<&SyncEntry> {
    match outcome {
        PathOutcome::Done(entry) => entry.as_ref(),
        other => panic!("{other:?}"),
    }
}

/// Checks that both sides have the same directories, files and links, with modes and times in seconds.
#[track_caller]
fn assert_equal(here: &Path, there: &Scan, context: &str) {
    fn walk(folder: &Path, prefix: &str, list: &mut Vec<String>) {
        for found in fs::read_dir(folder).unwrap().map(|found| found.unwrap()) {
            let name = format!("{prefix}{}", found.file_name().to_str().unwrap());
            let entry = entry(&found.path());
            if entry.kind == Kind::Directory {
                walk(&found.path(), &format!("{name}/"), list);
            }
            list.push(shown(&name, &entry));
        }
    }
    fn shown(name: &str, entry: &SyncEntry) -> String {
        match &entry.kind {
            Kind::File => {
                let seconds = entry.mtime.div_euclid(1_000_000_000);
                format!("{name}: {:o} {} {seconds}", entry.mode, entry.size)
            }
            Kind::Directory => format!("{name}/ {:o}", entry.mode),
            Kind::Link(target) => format!("{name} -> {target}"),
        }
    }
    let mut expected = Vec::new();
    walk(here, "", &mut expected);
    expected.sort();
    let mut actual: Vec<_> = there.entries.iter().map(|(path, entry)| shown(path.as_str(), entry)).collect();
    actual.sort();
    assert_eq!(there.gap, None, "{context}");
    assert_eq!(actual, expected, "{context}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_is_uploaded_scanned_downloaded_and_deleted() {
    for shell in SHELLS {
        let container = Container::new(shell);
        let (here, there) = (container.here(), container.there());
        let binary: Vec<u8> = (0..200_000_u32).map(|n| (n.wrapping_mul(n) >> 7) as u8).collect();
        let long = "n".repeat(251);
        let deep = format!("{}/{}/file", "d".repeat(120), "e".repeat(120));
        for name in HOSTILE {
            container.file(&format!("{name}/{name}"), name, Expected::Nothing);
        }
        container.file("binary", &binary, Expected::Nothing);
        container.file("empty", "", Expected::Nothing);
        container.file(&long, "long", Expected::Nothing);
        container.file(&deep, "deep", Expected::Nothing);
        container.file("run.sh", "#!/bin/sh", Expected::Nothing);
        fs::set_permissions(here.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(here.join("private")).unwrap();
        fs::set_permissions(here.join("private"), fs::Permissions::from_mode(0o700)).unwrap();
        symlink("run.sh", here.join("link")).unwrap();
        symlink(format!("private/{}", "x".repeat(150)), here.join("long link")).unwrap();

        let wire = container.connect().await;
        assert_eq!(wire.facts().tier, Tier::Full, "{shell}");
        assert_eq!((wire.facts().clock_ahead, wire.facts().missing.len()), (0, 0), "{shell}");
        let uploads: Vec<_> =
            tree(&here).into_iter().map(|path| upload(&here, &path, Expected::Nothing)).collect();
        let outcomes = wire.upload(uploads.clone()).await.unwrap();
        let scan = wire.scan(&[], &BTreeMap::new()).await.unwrap();
        assert_equal(&here, &scan, shell);
        assert!(scan.root.as_ref().is_some_and(|root| root.kind == Kind::Directory));
        assert_eq!(fs::read(there.join("binary")).unwrap(), binary);
        // The entry of an upload equals that of a scan, and has the digest of the sent content.
        let files = uploads.iter().map(|upload| &upload.path).cloned().collect::<Vec<_>>();
        for (path, outcome) in files.iter().zip(&outcomes) {
            let Some(entry) = done(outcome) else { panic!("{shell}: {path} is unknown") };
            let scanned = &scan.entries[path];
            // Writing a file into a directory changes the directory.
            let mtime = if entry.kind == Kind::Directory { scanned.mtime } else { entry.mtime };
            let entry = SyncEntry { digest: None, mtime, ..entry.clone() };
            assert_eq!(&entry, scanned, "{shell}: {path}");
        }
        let is_file = |path: &&RelativePath| scan.entries[*path].kind == Kind::File;
        let only_files: Vec<_> = files.iter().filter(is_file).cloned().collect();
        let digests = wire.digests(&only_files).await.unwrap();
        assert_eq!(digests.len(), only_files.len(), "{shell}");
        for (path, digest) in digests {
            let place = files.iter().position(|other| *other == path).unwrap();
            assert_eq!(done(&outcomes[place]).unwrap().digest, Some(digest.into()), "{shell}: {path}");
        }

        let stage = tempfile::tempdir().unwrap();
        let downloads = scan.entries.iter().filter(|(_, entry)| entry.kind != Kind::Directory);
        let downloads: Vec<_> = downloads.map(|(path, entry)| (path.clone(), entry.clone())).collect();
        let copies = wire.download(&downloads, stage.path()).await.unwrap();
        for ((path, entry), copy) in downloads.iter().zip(copies) {
            match (copy, &entry.kind) {
                (DownloadOutcome::File { copy, digest }, Kind::File) => {
                    let content = fs::read(path.within(&here)).unwrap();
                    assert_eq!(fs::read(copy).unwrap(), content, "{shell}: {path}");
                    assert_eq!(digest, crate::image::Digest::of(content));
                }
                (DownloadOutcome::Link, Kind::Link(_)) => {}
                (other, _) => panic!("{shell}: {path}: {other:?}"),
            }
        }

        let deletions = scan.entries.into_iter().map(|(path, entry)| (path, Expected::Entry(entry)));
        let deletions: Vec<_> = deletions.collect();
        wire.delete(&deletions).await.unwrap().iter().for_each(|outcome| assert_eq!(done(outcome), None));
        assert_eq!(wire.scan(&[], &BTreeMap::new()).await.unwrap().entries.len(), 0, "{shell}");
        wire.close().await;
        assert_eq!(tree(&there), Vec::<String>::new(), "{shell}: the stage is left");
    }
}

/// The paths below `folder`, parents first.
fn tree(folder: &Path) -> Vec<String> {
    let mut list = Vec::new();
    let mut left = vec![String::new()];
    while let Some(prefix) = left.pop() {
        for found in fs::read_dir(folder.join(&prefix)).unwrap().map(|found| found.unwrap()) {
            let name = format!("{prefix}{}", found.file_name().to_str().unwrap());
            if found.file_type().unwrap().is_dir() {
                left.push(format!("{name}/"));
            }
            list.push(name);
        }
    }
    list.sort();
    list
}
