//! The helm commands for tests.

use std::path::PathBuf;

use super::leave_out_always;

/// The paths of helm 3 and 4, if `WINDLASS_TEST_HELM3` and `WINDLASS_TEST_HELM4` are set. Without any, the running
/// test is skipped.
pub fn helms() -> Vec<PathBuf> {
    let variables = ["WINDLASS_TEST_HELM3", "WINDLASS_TEST_HELM4"];
    let found: Vec<_> = variables.iter().filter_map(std::env::var_os).map(PathBuf::from).collect();
    if found.is_empty() {
        leave_out_always("helm: set WINDLASS_TEST_HELM3 or WINDLASS_TEST_HELM4");
    }
    found
}
