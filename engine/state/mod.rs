//! The records that windlass keeps between runs, in the project's state directory `.windlass/`, and the lock file of base
//! images.

mod base_identity;
mod base_lock;
mod bases;
mod built_for;
mod context_copy;
mod folder;
mod image_lock;
mod images;
mod instructions;
mod known_functions;
mod progress;
mod releases;
#[cfg(test)]
pub(crate) mod sample;
mod shared_inputs;
mod target;

pub use base_identity::BaseIdentity;
pub use base_lock::{BaseLock, LockWriteError, LockedBase};
pub use bases::{BaseDigest, BaseMemory, BasePlace};
pub use built_for::BuiltFor;
pub use context_copy::{ContextCopy, FileVersion};
pub use image_lock::{ImageLock, LockAttempt};
pub use images::{ImageStore, Record, RecordedInputs};
pub use instructions::InstructionChange;
pub use known_functions::{FunctionStore, KnownFunctions};
pub use progress::Progress;
pub use releases::{ReleasePlace, ReleaseRecord, ReleaseStore};
pub use shared_inputs::SharedInputs;
pub use target::{ClusterTarget, TargetStore};

/// The state directory of the project in `root`: created if it does not exist, with a `.gitignore` that excludes it.
///
/// # Errors
/// If it cannot be created.
pub fn prepare(root: &std::path::Path) -> std::io::Result<std::path::PathBuf> {
    let folder = root.join(".windlass");
    images::prepare_folder(&folder)?;
    Ok(folder)
}
