//! The name in everything that this test run creates.

use std::sync::LazyLock;

/// A path component in every repository of this run, so that `tests/run` can remove the images that a killed test left
/// in the daemon.
pub fn run_name() -> &'static str {
    static NAME: LazyLock<String> = LazyLock::new(|| {
        std::env::var("WINDLASS_TEST_RUN").unwrap_or_else(|_| {
            format!("windlass-test-{}-{:06x}", std::process::id(), fastrand::u32(..1 << 24))
        })
    });
    &NAME
}
