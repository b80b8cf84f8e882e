//! The functions of the default pipelines that a project has seen.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::images::{decode, prepare_folder, write_atomically};

/// The version of the file; another one is not used.
const VERSION: u32 = 1;

/// The functions of the default pipelines that a project has seen, in `.windlass/functions.json`: a later version of
/// windlass may have more of them.
pub struct FunctionStore {
    folder: PathBuf,
    writes: bool,
}

#[derive(Serialize, Deserialize)]
struct FunctionFile {
    version: u32,
    functions: Vec<String>,
}

impl FunctionStore {
    /// The store of the project in `root`; if not `writes`, nothing is ever written to it.
    pub fn new(root: &Path, writes: bool) -> Self {
        Self { folder: root.join(".windlass"), writes }
    }

    /// The signatures of the functions, such as `tags(image)`; `None` if none were recorded.
    pub fn read(&self) -> Option<Vec<String>> {
        let bytes = crate::input_file::read_up_to(&self.path(), crate::input_file::KEPT).ok()?;
        decode::<FunctionFile>(&bytes, VERSION).ok().map(|file| file.functions)
    }

    /// Whether the project has records of builds.
    pub fn has_builds(&self) -> bool {
        self.folder.join("images").is_dir()
    }

    /// Records the functions.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, functions: Vec<String>) -> io::Result<()> {
        if !self.writes || self.read().as_ref() == Some(&functions) {
            return Ok(());
        }
        let file = serde_json::to_vec_pretty(&FunctionFile { version: VERSION, functions })?;
        prepare_folder(&self.folder)?;
        write_atomically(&self.path(), &file)
    }

    fn path(&self) -> PathBuf {
        self.folder.join("functions.json")
    }
}
