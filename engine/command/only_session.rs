//! One dev session in a project.

use std::path::Path;
use std::time::Duration;

use super::exit_status::Failure;
use crate::held_file::{HeldFile, Hold};

/// How long the other session may take to end.
const LIMIT: Duration = Duration::from_secs(20);

/// Another dev session runs in this project.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("another `windlass dev` runs in this project{}", process.map(|id| format!(": process {id}")).unwrap_or_default())]
#[diagnostic(
    code(dev::in_use),
    help("end it with Ctrl-C there, or take over from it with `windlass dev --steal`")
)]
struct InUse {
    process: Option<u32>,
}

/// Makes this the only dev session in the project in `root`, until the result is dropped; with `steals`, the other one is
/// interrupted. `None` where files cannot be written or locked.
///
/// # Errors
/// If there is another one.
pub(super) fn only_session(root: &Path, steals: bool) -> Result<Option<HeldFile>, Failure> {
    let Ok(folder) = crate::state::prepare(root) else { return Ok(None) };
    let path = folder.join("dev.lock");
    let hold = if steals { HeldFile::take_over(&path, LIMIT) } else { HeldFile::take(&path) };
    match hold {
        Ok(Hold::Acquired(held)) => Ok(Some(held)),
        Ok(Hold::HeldBy(process)) => Err(Failure::failed(InUse { process })),
        Err(_) => Ok(None),
    }
}
