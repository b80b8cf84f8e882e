//! The kustomize command for tests.

use std::path::PathBuf;

use super::leave_out_always;

/// The path of kustomize, if `WINDLASS_TEST_KUSTOMIZE` is set. Otherwise, the running test is skipped.
pub fn kustomize() -> Option<PathBuf> {
    let found = std::env::var_os("WINDLASS_TEST_KUSTOMIZE").map(PathBuf::from);
    if found.is_none() {
        leave_out_always("kustomize: set WINDLASS_TEST_KUSTOMIZE");
    }
    found
}
