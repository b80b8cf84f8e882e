//! Tests that cannot run because this machine lacks something.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

static LEFT_OUT: AtomicUsize = AtomicUsize::new(0);

/// Skips the running test because `what` is missing: prints one line, and counts it.
///
/// The line bypasses the capture of test output. If `WINDLASS_TEST_LEFT_OUT` names a file, the line is also appended
///
/// # Panics
/// If `WINDLASS_TEST_REQUIRE_DOCKER` is set: then no test may be skipped.
pub fn leave_out(what: &str) {
    assert!(std::env::var_os("WINDLASS_TEST_REQUIRE_DOCKER").is_none(), "missing: {what}");
    note(what);
}

/// Like [`leave_out`] for requirements that even a machine with everything installed may lack: never a failure.
pub fn leave_out_always(what: &str) {
    note(what);
}

fn note(what: &str) {
    let count = LEFT_OUT.fetch_add(1, Ordering::Relaxed) + 1;
    let thread = std::thread::current();
    let line = format!("skipped {}: {what} ({count} so far)\n", thread.name().unwrap_or("a test"));
    let _ = std::io::stderr().write_all(line.as_bytes());
    if let Some(file) = std::env::var_os("WINDLASS_TEST_LEFT_OUT") {
        let log = OpenOptions::new().create(true).append(true).open(file);
        let _ = log.and_then(|mut log| log.write_all(line.as_bytes()));
    }
}
