//! Entries of the lock file that no image uses.

use std::collections::BTreeSet;
use std::path::Path;

use miette::{NamedSource, SourceSpan};

use crate::state::BaseLock;

/// An entry of the lock file that no image uses.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("`windlass.lock` has {reference}, which no image is built from")]
#[diagnostic(code(base_lock::unused), help("remove its lines"))]
pub(super) struct UnusedBase {
    reference: String,
    #[source_code]
    text: NamedSource<String>,
    #[label]
    entry: SourceSpan,
}

/// The entries of the lock file of the project in `root` other than `used`, which are complete references.
pub(super) fn unused_bases(root: &Path, used: &BTreeSet<String>) -> Vec<UnusedBase> {
    let lock = BaseLock::new(root, false);
    let Ok(Some(entries)) = lock.entries() else { return Vec::new() };
    let file = lock.path().display().to_string();
    let text = crate::input_file::read_text(lock.path()).unwrap_or_default();
    let unused = entries.into_keys().filter(|reference| !used.contains(reference));
    let finding = |reference: String| {
        let place = text.find(&format!("{reference}:"));
        UnusedBase {
            entry: place.map_or((0, 0), |place| (place, reference.len())).into(),
            text: NamedSource::new(&file, text.clone()),
            reference,
        }
    };
    unused.map(finding).collect()
}
