//! The minimum that any check of a whole context must do.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;
use std::time::Instant;

use ignore::{WalkBuilder, WalkState};

use super::measure::Cost;

/// Walks `context` in parallel, excludes the matches of its ignore files of this name, and reads the metadata of each
/// entry. Returns the cost and the number of entries.
pub fn walk(context: &Path, ignore_file: Option<&str>) -> (Cost, usize) {
    let seen = AtomicUsize::new(0);
    let start = Instant::now();
    let mut walk = WalkBuilder::new(context);
    if let Some(name) = ignore_file {
        walk.add_custom_ignore_filename(name);
    }
    walk.standard_filters(false)
        .threads(available_parallelism().map_or(1, usize::from))
        .build_parallel()
        .run(|| {
            Box::new(|entry| {
                let entry = entry.expect("the corpus can be walked");
                std::hint::black_box(entry.path().symlink_metadata().expect("an entry has metadata"));
                seen.fetch_add(1, Ordering::Relaxed);
                WalkState::Continue
            })
        });
    (Cost { wall: start.elapsed(), ..Cost::default() }, seen.into_inner())
}
