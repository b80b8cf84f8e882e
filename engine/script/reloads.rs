//! The reaction of a dev session to a change of files.

use std::path::PathBuf;
use std::sync::Arc;

use rhai::Dynamic;

use super::{Execution, ScriptError, affected};
use crate::builder::is_on_change_file;
use crate::config::Folder;
use crate::dev::Coverage;
use crate::lock::lock;
use crate::plan::{Answer, ChangeImpact};
use crate::run::{Image, ImageChange};

/// The rules that decide which images a change builds.
pub struct ReloadRules {
    /// Whether every image follows its files, not only those of `autoReload`.
    pub follows_all: bool,
    coverage: Coverage,
}

/// The reaction of a dev session to a change of an image's inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reload {
    /// It builds the image.
    Build,
    /// It reports the image as stale.
    Report,
    /// Nothing: syncs upload the files to the containers.
    Nothing,
}

/// The reaction of a dev session to a change, for all images.
pub struct AfterChange {
    /// The images that it builds.
    pub builds: Vec<String>,
    /// The images that it only reports as stale.
    pub reports: Vec<String>,
}

impl Execution {
    /// The reaction of a dev session to a change of `files` (absolute, resolved; none if unknown): the function
    /// `reloads` decides. With `follows_all`, every image follows its files. `direct` returns the impact of the change
    /// on one image, ignoring its base images.
    ///
    /// # Errors
    /// Those of the script.
    pub fn after_change(
        self: &Arc<Self>,
        files: &[PathBuf],
        follows_all: bool,
        direct: impl Fn(&Arc<Self>, &str) -> ChangeImpact,
    ) -> Result<AfterChange, Arc<ScriptError>> {
        let folders = lock(&self.wanted).folders.clone();
        let rules = self.reload_rules(files, follows_all, &folders);
        let mut after = AfterChange { builds: Vec::new(), reports: Vec::new() };
        let affected = affected(&self.parts(), |part| part.run.selected().to_vec(), direct);
        for (name, impact) in affected.into_iter().filter(|(_, impact)| impact.answer != Answer::No) {
            match self.reload(&rules, &name, &impact.reason, files)? {
                Reload::Build => after.builds.push(name),
                Reload::Report => after.reports.push(name),
                Reload::Nothing => {}
            }
        }
        Ok(after)
    }

    /// The rules for a change of `files` while `folders` are synced. With `follows_all`, or if `autoReload` names one
    /// of the files, every image follows its files.
    pub fn reload_rules(&self, files: &[PathBuf], follows_all: bool, folders: &[Folder]) -> ReloadRules {
        let project = &self.run.project;
        let globs: Vec<_> = project.dev.auto_reload.paths.iter().map(|path| path.text.clone()).collect();
        let is_named = |file: &PathBuf| is_on_change_file(&project.root, &globs, file);
        ReloadRules {
            follows_all: follows_all || files.iter().any(is_named),
            coverage: Coverage::new(&project.root, folders),
        }
    }

    /// The reaction of a session to a change of `files`, which affects `image` because of `reason`.
    ///
    /// # Errors
    /// As for [`Execution::reloads`].
    pub fn reload(
        self: &Arc<Self>,
        rules: &ReloadRules,
        image: &str,
        reason: &str,
        files: &[PathBuf],
    ) -> Result<Reload, Arc<ScriptError>> {
        let project = &self.run.project;
        let change = ImageChange {
            files: files.iter().map(|file| file.display().to_string()).collect(),
            reason: reason.to_owned(),
            is_automatic: rules.follows_all
                || project.dev.auto_reload.images.iter().any(|name| name == image),
            is_covered: !files.is_empty() && files.iter().all(|file| rules.coverage.covers(image, file)),
        };
        Ok(match self.reloads(image, &change)? {
            true => Reload::Build,
            false if change.is_covered => Reload::Nothing,
            false => Reload::Report,
        })
    }

    /// Whether the function `reloads` of the pipeline builds `image` after `change`. An image that is not one of the
    /// project, but of a dependency, is built if that is automatic: with those that need it.
    ///
    /// # Errors
    /// That of the script, or if it returns anything but `true` or `false`.
    pub fn reloads(self: &Arc<Self>, image: &str, change: &ImageChange) -> Result<bool, Arc<ScriptError>> {
        let Some(config) = self.run.project.images.get(image) else { return Ok(change.is_automatic) };
        let arguments = vec![Dynamic::from(Image::new(&self.run, config)), Dynamic::from(change.clone())];
        let value = self.call_function("reloads", arguments)?;
        value.as_bool().map_err(|found| {
            Arc::new(ScriptError::wrong_result(&self.pipeline, "reloads", "true or false", found))
        })
    }
}
