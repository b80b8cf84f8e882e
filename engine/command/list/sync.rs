//! `windlass list sync`.

use serde::Serialize;

use super::{Row, show};
use crate::command::cli::GlobalOptions;
use crate::command::exit_status::{ExitStatus, Failure};
use crate::command::load;
use crate::config::{ContainerSelection, Folder, Origin};

/// The additional help text.
pub(super) const HELP: &str = "\
Lists the synced directories of `dev` in file order, without contacting a cluster. `windlass
plan dev` also shows their files and what your scripts change.

Fields of --json:
  name          its name, or null
  local         the local path, relative to the project directory
  container     the path in the container; `.` is its working directory
  selection     the container: image, imageSelector, labels, container, namespace
  initial_sync  which side wins at the start: mirrorLocal, preferRemote, ...
  upload        whether files are uploaded
  download      whether files are downloaded
  excludes      excludePaths, without those of files and of one direction
  origin        file and line of the entry in devspace.yaml";

/// One synced directory.
#[derive(Serialize)]
struct Synced<'a> {
    name: Option<&'a str>,
    local: String,
    container: &'a str,
    selection: &'a ContainerSelection,
    initial_sync: &'static str,
    upload: bool,
    download: bool,
    #[serde(skip)]
    arrow: &'static str,
    excludes: Vec<&'a str>,
    origin: &'a Origin,
}

impl Row for Synced<'_> {
    const COLUMNS: &'static [&'static str] =
        &["local", "direction", "path", "container", "initial sync", "excludes"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.local.clone(),
            self.arrow.to_owned(),
            self.container.to_owned(),
            self.selection.to_string(),
            self.initial_sync.to_owned(),
            self.excludes.join(", "),
        ]
    }
}

/// Lists the synced directories in file order.
pub(super) fn list(global: &GlobalOptions, json: bool) -> Result<ExitStatus, Failure> {
    let loaded = load::load_outline(global)?;
    load::report(&loaded.warnings, global);
    let rows: Vec<_> = loaded.project.dev.folders.iter().map(row).collect();
    show(&rows, json, "the project syncs no directories")
}

fn row(folder: &Folder) -> Synced<'_> {
    Synced {
        name: folder.name.as_deref(),
        local: folder.local.display().to_string(),
        container: &folder.container,
        selection: &folder.selection,
        initial_sync: folder.initial.as_str(),
        upload: !folder.disable_upload,
        download: !folder.disable_download,
        arrow: folder.arrow(),
        excludes: folder.excludes.both.paths.iter().map(|exclude| exclude.text.as_str()).collect(),
        origin: &folder.origin,
    }
}
