//! A scan finds any uploaded tree.

use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::shell::{Container, SHELLS, upload};
use crate::sync::{Expected, Kind, PathOutcome, RelativePath, Remote as _};

/// Paths of files with short names of characters that mean something somewhere, and their content.
fn trees() -> impl Strategy<Value = BTreeMap<String, Vec<u8>>> {
    let name = proptest::string::string_regex("[-a.* $'\"\\\\`~\u{301}\u{141}]{1,4}").unwrap();
    let path = proptest::collection::vec(name, 1..4).prop_map(|names| names.join("/"));
    proptest::collection::btree_map(path, proptest::collection::vec(any::<u8>(), 0..40), 1..8)
}

#[test]
fn a_scan_finds_any_uploaded_tree() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut runner = TestRunner::new(Config { failure_persistence: None, cases: 12, ..Config::default() });
    let checked = runner.run(&trees(), |tree| {
        for shell in SHELLS {
            let container = Container::new(shell);
            let mut expected = BTreeMap::new();
            let mut uploads = Vec::new();
            for (path, content) in &tree {
                let Some(path) = RelativePath::new(path) else { continue };
                let full = path.within(&container.here());
                // A file may be where another one needs a directory.
                if fs::create_dir_all(full.parent().unwrap()).is_err() || full.is_dir() {
                    continue;
                }
                let mut parent = path.parent();
                while let Some(folder) = parent {
                    if expected.insert(folder.clone(), None).is_none() {
                        uploads.push(upload(&container.here(), folder.as_str(), Expected::Nothing));
                    }
                    parent = folder.parent();
                }
                uploads.push(container.file(path.as_str(), content, Expected::Nothing));
                expected.insert(path, Some(content.clone()));
            }
            let scan = runtime.block_on(async {
                let wire = container.connect().await;
                for outcome in wire.upload(uploads).await.unwrap() {
                    assert!(matches!(outcome, PathOutcome::Done(Some(_))), "{shell}: {outcome:?}");
                }
                let scan = wire.scan(&[], &std::collections::BTreeMap::new()).await.unwrap();
                wire.close().await;
                scan
            });
            let content = |path: &RelativePath| fs::read(path.within(&container.there())).unwrap();
            let found = scan
                .entries
                .iter()
                .map(|(path, entry)| (path.clone(), (entry.kind == Kind::File).then(|| content(path))));
            prop_assert_eq!((found.collect::<BTreeMap<_, _>>(), scan.gap), (expected, None), "{}", shell);
        }
        Ok(())
    });
    checked.unwrap();
}
