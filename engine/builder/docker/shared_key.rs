//! The key of the copy that BuildKit compares a build context with.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::builder::BuildRequest;
use crate::image::context::{Entry, EntryKind};

/// The key of the files that BuildKit compares ours with: `copy` is the one that it has from earlier builds of the
/// same image of the same project. Images that share a context directory send different parts of it, so each image
/// has its own copy.
///
/// BuildKit updates the permission bits of a directory that is otherwise unchanged, but keeps using results made from
/// the old directory (fsutil: `DiskWriter`). So the bits are part of the key: those that most directories have, and
/// every directory that has others.
pub(super) fn shared_key(request: &BuildRequest, copy: &str) -> String {
    let mut hash = Sha256::new();
    let mut word = |word: &[u8]| {
        hash.update((word.len() as u64).to_le_bytes());
        hash.update(word);
    };
    word(copy.as_bytes());
    let entries = request.context.entries().iter();
    let folders: Vec<&Entry> = entries.filter(|entry| matches!(entry.kind, EntryKind::Directory)).collect();
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    folders.iter().for_each(|folder| *counts.entry(folder.mode).or_default() += 1);
    let usual = counts.into_iter().max_by_key(|(mode, count)| (*count, Reverse(*mode))).map(|(mode, _)| mode);
    for folder in folders.iter().filter(|folder| Some(folder.mode) != usual) {
        word(folder.path.as_bytes());
        word(&folder.mode.to_le_bytes());
    }
    word(&usual.unwrap_or_default().to_le_bytes());
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::image::{Dockerfile, Selection};

    fn key(copy: &str, folders: &[(&str, u32)]) -> String {
        let entry = |(path, mode): &(&str, u32)| {
            Entry::new(*path, EntryKind::Directory, *mode, SystemTime::UNIX_EPOCH)
        };
        let request = BuildRequest::new(
            "api",
            Dockerfile::parse("Dockerfile", "FROM scratch\n").expect("parsed"),
            Selection::from_entries(folders.iter().map(entry).collect()),
            "/project",
        );
        shared_key(&request, copy)
    }

    #[test]
    fn only_bits_of_existing_directories_change_the_key() {
        let before = key("one", &[("a", 0o755), ("b", 0o755)]);
        assert_eq!(key("one", &[("a", 0o755), ("b", 0o755), ("c", 0o755)]), before, "a new directory");
        for (copy, folders) in [
            ("two", [("a", 0o755), ("b", 0o755)]),
            ("one", [("a", 0o700), ("b", 0o755)]),
            ("one", [("a", 0o755), ("b", 0o700)]),
            ("one", [("a", 0o700), ("b", 0o700)]),
        ] {
            assert_ne!(key(copy, &folders), before, "{copy} {folders:?}");
        }
        let one = key("one", &[("a", 0o700), ("b", 0o755)]);
        assert_ne!(one, key("one", &[("a", 0o755), ("b", 0o700)]));
    }
}
