//! Gives other commands access to the cluster.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::{ClusterAccess, ClusterError, Kubeconfig, kubeconfig};
use crate::image::Digest;

/// `KUBECONFIG` for a command that has no option for the context and accepts only one file. A copy that was made for it
/// is removed with this value, unless another windlass process uses the same copy.
#[derive(Debug)]
pub struct ChildKubeconfig {
    variable: Option<String>,
    _copy: Option<Copy>,
}

/// A kubeconfig with one context and its credentials.
#[derive(Debug)]
struct Copy {
    path: PathBuf,
    /// Shared by all processes that use the file.
    lock: File,
}

impl ChildKubeconfig {
    /// The value of `KUBECONFIG`; `None` if the command finds the cluster without it. The path is absolute, and the
    /// same in each run with the same context and kubeconfig because the command may store it.
    pub fn variable(&self) -> Option<&str> {
        self.variable.as_deref()
    }

    fn of(variable: Option<String>) -> Self {
        Self { variable, _copy: None }
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // Another process with the lock removes it; without lock support, no other process is known.
        if matches!(self.lock.try_lock(), Ok(()) | Err(TryLockError::Error(_))) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl ClusterAccess {
    /// Gives another command access to the cluster: with the user's kubeconfig if it is one file with the right current
    /// context, otherwise with a copy of only that context in the directory `folder`, which only the user can read.
    ///
    /// # Errors
    /// [`ClusterError`] if the kubeconfig is invalid, or [`ClusterError::NoCopy`] if the copy cannot be written.
    pub fn lend_kubeconfig(&self, folder: &Path) -> Result<ChildKubeconfig, ClusterError> {
        let Some(kubeconfig) = self.kubeconfig()? else { return Ok(ChildKubeconfig::of(None)) };
        let context = self.context()?.ok_or(ClusterError::NoCluster)?;
        let listed = kubeconfig::listed(&|name| self.options().variable(name));
        let absolute: Vec<_> =
            listed.iter().map(|path| std::path::absolute(path).unwrap_or(path.clone())).collect();
        if kubeconfig.current_context() == Some(&context.name) {
            match absolute.as_slice() {
                [] => return Ok(ChildKubeconfig::of(None)),
                [only] => return Ok(ChildKubeconfig::of(only.to_str().map(str::to_owned))),
                _ => {}
            }
        }
        let copy = write_copy(folder, &absolute, kubeconfig, &context.name);
        let copy = copy.map_err(|error| ClusterError::NoCopy {
            context: context.name.clone(),
            folder: folder.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(ChildKubeconfig { variable: Some(copy.path.display().to_string()), _copy: Some(copy) })
    }
}

/// Copies the context `name` of `kubeconfig`, which was read from `sources`, into the directory `folder`.
fn write_copy(folder: &Path, sources: &[PathBuf], kubeconfig: &Kubeconfig, name: &str) -> io::Result<Copy> {
    // Context names may be invalid as file names.
    let hex = Digest::of(format!("{name}\0{sources:?}")).hex();
    let folder = std::path::absolute(folder)?;
    let path = folder.join(format!("windlass-context-{}.json", hex.get(..16).unwrap_or(&hex)));
    crate::own_file::create_folder(&folder)?;
    let lock = crate::own_file::create(&path.with_extension("lock"))?;
    match lock.lock_shared() {
        Err(error) if error.kind() != io::ErrorKind::Unsupported => return Err(error),
        _ => {}
    }
    let copy = Copy { path, lock };
    // Temporary files are created with mode 0600, which a rename keeps.
    let mut file = tempfile::NamedTempFile::new_in(&folder)?;
    file.write_all(serde_json::to_string(&kubeconfig.only(name).into_inner())?.as_bytes())?;
    file.persist(&copy.path).map_err(|error| error.error)?;
    Ok(copy)
}
