//! Comparisons, kept entries and refusals.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::sync::Arc;

use super::shell::{Container, SHELLS, entry, upload};
use crate::sync::{
    Connector, DownloadOutcome, Expected, Kind, PathOutcome, Pruned, RelativePath, Remote as _, RemoteError,
    Tier, Wire, WireOptions,
};

fn path(text: &str) -> RelativePath {
    RelativePath::new(text).unwrap()
}

/// The entry of a container at `path`, as a scan returns it.
fn expected(container: &Container, path: &str) -> Expected {
    Expected::Entry(entry(&container.there().join(path)))
}

#[tokio::test(flavor = "multi_thread")]
async fn unexpected_entries_stay() {
    for shell in SHELLS {
        let container = Container::new(shell);
        let there = container.there();
        for name in ["same", "other", "gone", "kept"] {
            fs::write(there.join(name), "old").unwrap();
        }
        let before: Vec<_> = ["same", "other", "gone", "kept"].map(|name| expected(&container, name)).into();
        let wire = container.connect().await;
        fs::write(there.join("other"), "changed there").unwrap();
        fs::write(there.join("appeared"), "there").unwrap();
        fs::remove_file(there.join("gone")).unwrap();
        // Changed permissions do not change the content.
        fs::set_permissions(there.join("same"), fs::Permissions::from_mode(0o755)).unwrap();

        let uploads = vec![
            container.file("same", "new", before[0].clone()),
            container.file("other", "new", before[1].clone()),
            container.file("gone", "new", before[2].clone()),
            container.file("appeared", "new", Expected::Nothing),
            container.file("unknown", "new", Expected::Unknown),
            container.file("no/such/folder", "new", Expected::Nothing),
            container.file("changed", "new", Expected::Nothing),
        ];
        fs::write(container.here().join("changed"), "newer").unwrap();
        let outcomes = wire.upload(uploads).await.unwrap();
        let shown = outcomes.iter().map(|outcome| match outcome {
            PathOutcome::Done(Some(_)) => "done",
            PathOutcome::Done(None) => "done?",
            PathOutcome::ChangedHere => "here",
            PathOutcome::ChangedThere => "there",
            PathOutcome::Failed(error) => panic!("{shell}: {error}"),
        });
        let shown: Vec<_> = shown.collect();
        assert_eq!(shown, ["done", "there", "there", "there", "done", "there", "here"], "{shell}");
        let read = |name: &str| fs::read_to_string(there.join(name)).ok();
        assert_eq!(read("same").as_deref(), Some("new"), "{shell}");
        assert_eq!(read("other").as_deref(), Some("changed there"), "{shell}");
        assert_eq!((read("gone"), read("appeared").as_deref()), (None, Some("there")), "{shell}");
        // The mode of before is kept, although the file is a new one.
        assert_eq!(fs::metadata(there.join("same")).unwrap().mode() & 0o777, 0o644, "{shell}");

        let deletions = [
            (path("same"), before[0].clone()),
            (path("kept"), before[3].clone()),
            (path("gone"), before[2].clone()),
        ];
        let outcomes = wire.delete(&deletions).await.unwrap();
        assert!(matches!(
            outcomes[..],
            [PathOutcome::ChangedThere, PathOutcome::Done(None), PathOutcome::Done(None)]
        ));
        assert_eq!((read("same").is_some(), read("kept")), (true, None), "{shell}");

        let stage = tempfile::tempdir().unwrap();
        let Expected::Entry(old) = before[1].clone() else { unreachable!() };
        let copies = wire.download(&[(path("other"), old)], stage.path()).await.unwrap();
        assert!(matches!(copies[..], [DownloadOutcome::ChangedThere]), "{shell}: {copies:?}");
        wire.close().await;
        assert!(!there.join(".windlass-stage").exists(), "{shell}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn directories_keep_other_entries_and_links_are_written_through() {
    for shell in SHELLS {
        let container = Container::new(shell);
        let there = container.there();
        fs::create_dir_all(there.join("folder/inner")).unwrap();
        fs::write(there.join("folder/secret"), "").unwrap();
        fs::create_dir(there.join("real")).unwrap();
        symlink("real", there.join("linked")).unwrap();
        let wire = container.connect().await;
        let deletions = ["folder", "folder/inner"].map(|name| (path(name), expected(&container, name)));
        let outcomes = wire.delete(&deletions).await.unwrap();
        assert!(
            matches!(outcomes[..], [PathOutcome::Failed(_), PathOutcome::Done(None)]),
            "{shell}: {outcomes:?}"
        );
        assert!(there.join("folder/secret").exists());

        let uploads = vec![container.file("linked/a", "through", Expected::Nothing)];
        wire.upload(uploads).await.unwrap();
        assert_eq!(fs::read_to_string(there.join("real/a")).unwrap(), "through", "{shell}");
        let scan = wire.scan(&[Pruned::Path(path("folder"))], &BTreeMap::new()).await.unwrap();
        let names: Vec<_> = scan.entries.keys().map(RelativePath::as_str).collect();
        assert_eq!(names, ["linked", "real", "real/a"], "{shell}");
        assert_eq!(scan.entries["linked"].kind, Kind::Link("real".into()));

        let modes = [(path("real/a"), 0o640), (path("nothing"), 0o600)];
        let outcomes = wire.set_modes(&modes).await.unwrap();
        assert!(matches!(&outcomes[0], PathOutcome::Done(Some(entry)) if entry.mode == 0o640), "{shell}");
        assert!(matches!(outcomes[1], PathOutcome::ChangedThere), "{shell}: {outcomes:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_cannot_be_synced_are_reported() {
    for shell in SHELLS {
        let container = Container::new(shell);
        fs::write(container.there().join("line\ns 81a4 0 0 1 1 feed"), "").unwrap();
        fs::write(container.there().join("line"), "").unwrap();
        let name = std::os::unix::ffi::OsStrExt::from_bytes(b"not\xffutf");
        fs::write(container.there().join::<&std::ffi::OsStr>(name), "").unwrap();
        std::os::unix::net::UnixListener::bind(container.there().join("socket")).unwrap();
        let scan = container.connect().await.scan(&[], &BTreeMap::new()).await.unwrap();
        let names: Vec<_> = scan.entries.keys().map(RelativePath::as_str).collect();
        assert_eq!((names, scan.gap), (vec!["line"], None), "{shell}");
        assert_eq!(scan.unusable.len(), 2, "{shell}: {:?}", scan.unusable);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_without_tools_gets_files_all_the_same() {
    // The shell of busybox has all of its tools inside.
    for shell in ["dash", "bash"] {
        for (missing, tier) in [("stat", Tier::NoScans), ("find", Tier::NoScans), ("tar", Tier::NoArchives)] {
            let container = Container::without(shell, &[missing]);
            fs::write(container.there().join("old"), "old").unwrap();
            let old = expected(&container, "old");
            let wire = container.connect().await;
            assert_eq!((wire.facts().tier, wire.facts().missing.join(" ")), (tier, missing.to_owned()));
            symlink("old", container.here().join("link")).unwrap();
            fs::create_dir(container.here().join("-d")).unwrap();
            let uploads = vec![
                container.file("old", "new", old),
                container.file("empty", "", Expected::Nothing),
                upload(&container.here(), "-d", Expected::Nothing),
                container.file("-d/$(x)", [0, 10, 13, 255], Expected::Nothing),
                upload(&container.here(), "link", Expected::Nothing),
            ];
            let time = uploads[3].entry.mtime / 1_000_000_000;
            for outcome in wire.upload(uploads).await.unwrap() {
                assert!(matches!(outcome, PathOutcome::Done(_)), "{shell} without {missing}: {outcome:?}");
            }
            let there = container.there();
            assert_eq!(fs::read_to_string(there.join("link")).unwrap(), "new", "{shell} without {missing}");
            assert_eq!(fs::read(there.join("-d/$(x)")).unwrap(), [0, 10, 13, 255]);
            assert_eq!(fs::metadata(there.join("-d/$(x)")).unwrap().mtime(), time);
            assert!(
                matches!(wire.scan(&[], &BTreeMap::new()).await, Err(RemoteError::MissingTool { .. }))
                    == (tier > Tier::Full)
            );
            let deletions = ["old", "empty", "-d/$(x)", "-d"].map(|name| (path(name), Expected::Unknown));
            wire.delete(&deletions).await.unwrap();
            assert!(!there.join("-d").exists() && !there.join("old").exists(), "{shell} without {missing}");
            wire.close().await;
            assert_eq!(fs::read_dir(&there).unwrap().count(), 1, "{shell} without {missing}");
        }
        let container = Container::without(shell, &["mv"]);
        let refused = Wire::connect(Arc::clone(&container) as Arc<dyn Connector>, container.options()).await;
        assert!(matches!(refused, Err(RemoteError::MissingTool { tool, .. }) if tool == "mv"), "{shell}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn large_files_go_in_pieces_and_let_others_pass() {
    let container = Container::new("busybox");
    let mut options = container.options();
    // A piece is the data of 4 seconds.
    options.upload_limit = Some(100_000);
    let wire = Wire::connect(Arc::clone(&container) as Arc<dyn Connector>, options).await.unwrap();
    let content: Vec<u8> = (0..500_000_u32).map(|n| n.wrapping_mul(n) as u8).collect();
    let large = container.file("large", &content, Expected::Nothing);
    let small = container.file("small", "small", Expected::Nothing);
    let done_first = tokio::select! {
        biased;
        outcomes = wire.upload(vec![large.clone()]) => panic!("the large file was first: {outcomes:?}"),
        outcomes = async {
            // The first piece is under way.
            while !container.there().join(".windlass-stage/0").exists() {
                tokio::task::yield_now().await;
            }
            wire.upload(vec![small]).await
        } => outcomes.unwrap(),
    };
    assert!(matches!(done_first[..], [PathOutcome::Done(Some(_))]));
    assert!(!container.there().join("large").exists());
    wire.close().await;

    let wire = container.connect().await;
    let content: Vec<u8> = (0..20_000_000_u32).map(|n| n.wrapping_mul(n) as u8).collect();
    let large = container.file("large", &content, Expected::Nothing);
    let outcomes = wire.upload(vec![large]).await.unwrap();
    let PathOutcome::Done(Some(entry)) = &outcomes[0] else { panic!("{outcomes:?}") };
    assert_eq!(entry.digest, Some(crate::image::Digest::of(&content).into()));
    assert!(fs::read(container.there().join("large")).unwrap() == content);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_files_arrive() {
    for shell in SHELLS {
        let container = Container::new(shell);
        let mut uploads = Vec::new();
        for folder in 0..20 {
            let name = format!("folder {folder}");
            fs::create_dir(container.here().join(&name)).unwrap();
            uploads.push(upload(&container.here(), &name, Expected::Nothing));
            for file in 0..100 {
                uploads.push(container.file(&format!("{name}/{file}"), file.to_string(), Expected::Nothing));
            }
        }
        let wire = container.connect().await;
        let outcomes = wire.upload(uploads).await.unwrap();
        assert!(outcomes.iter().all(|outcome| matches!(outcome, PathOutcome::Done(Some(_)))), "{shell}");
        let scan = wire.scan(&[Pruned::Name("folder 7".to_owned())], &BTreeMap::new()).await.unwrap();
        assert_eq!((scan.entries.len(), scan.gap), (19 * 101, None), "{shell}");
        let again = scan.entries.iter().filter(|(_, entry)| entry.kind == Kind::File);
        let again =
            again.map(|(path, entry)| container.file(path.as_str(), "new", Expected::Entry(entry.clone())));
        let outcomes = wire.upload(again.collect()).await.unwrap();
        assert!(outcomes.iter().all(|outcome| matches!(outcome, PathOutcome::Done(Some(_)))), "{shell}");
        assert_eq!(fs::read_to_string(container.there().join("folder 3/99")).unwrap(), "new");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_session_syncs_a_directory() {
    for shell in SHELLS {
        let container = Container::new(shell);
        let first = container.connect().await;
        first.upload(vec![container.file("a", "", Expected::Nothing)]).await.unwrap();
        assert!(container.mark().exists(), "{shell}: no mark for the restart helper");
        let other = WireOptions { owner: "ada, process 7".to_owned(), ..container.options() };
        let connector = || Arc::clone(&container) as Arc<dyn Connector>;
        let refused = Wire::connect(connector(), other.clone()).await.err();
        assert!(matches!(refused, Some(RemoteError::Busy { owner, .. }) if owner == "a test"), "{shell}");
        // The same session takes over from a connection that hangs.
        let again = container.connect().await;
        let lost = first.upload(vec![container.file("b", "", Expected::Nothing)]).await.unwrap_err();
        assert!(lost.ends_connection(), "{shell}: {lost}");
        again.upload(vec![container.file("b", "", Expected::Nothing)]).await.unwrap();
        // After a kill without cleaning up, the next session cleans up.
        let pid = fs::read_to_string(container.there().join(".windlass-stage/owner")).unwrap();
        let pid: i32 = pid.lines().next().unwrap().parse().unwrap();
        fs::write(container.there().join(".windlass-stage/left"), "").unwrap();
        rustix::process::kill_process(
            rustix::process::Pid::from_raw(pid).unwrap(),
            rustix::process::Signal::KILL,
        )
        .unwrap();
        let gone = again.upload(vec![container.file("c", "", Expected::Nothing)]).await.unwrap_err();
        assert!(matches!(gone, RemoteError::Gone { .. }), "{shell}: {gone}");
        let third = Wire::connect(connector(), other).await.unwrap();
        // Another one takes over with the option.
        let thief = WireOptions { steals: true, ..container.options() };
        let thief = Wire::connect(connector(), thief).await.unwrap();
        let gone = third.upload(vec![container.file("c", "", Expected::Nothing)]).await.unwrap_err();
        assert!(matches!(gone, RemoteError::Gone { .. }), "{shell}: {gone}");
        let third = thief;
        assert!(!container.there().join(".windlass-stage/left").exists(), "{shell}");
        third.close().await;
        assert!(!container.there().join(".windlass-stage").exists(), "{shell}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_directory_is_not_created_again() {
    for shell in SHELLS {
        let container = Container::new(shell);
        let wire = container.connect().await;
        wire.scan(&[], &BTreeMap::new()).await.unwrap();
        fs::remove_dir_all(container.there()).unwrap();
        let scan = wire.scan(&[], &BTreeMap::new()).await.unwrap();
        assert_eq!((scan.root, scan.entries.len(), scan.gap), (None, 0, None), "{shell}");
        let error = wire.upload(vec![container.file("a", "a", Expected::Nothing)]).await.unwrap_err();
        assert!(matches!(error, RemoteError::Root { .. }), "{shell}: {error}");
        assert!(!container.there().exists(), "{shell}");
        wire.close().await;
        // The next connection makes it.
        container.connect().await;
        assert!(container.there().exists(), "{shell}");
    }
}
