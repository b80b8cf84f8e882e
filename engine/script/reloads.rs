//! What a dev session does with the images after a change.

use std::path::PathBuf;
use std::sync::Arc;

use rhai::Dynamic;

use super::{Execution, ScriptError, affected};
use crate::builder::is_on_change_file;
use crate::dev::Coverage;
use crate::lock::lock;
use crate::plan::{Answer, ChangeImpact};
use crate::run::{Image, ImageChange};

/// What a dev session does with the images after a change.
pub struct AfterChange {
    /// The images that it builds.
    pub builds: Vec<String>,
    /// The images that it only reports as stale.
    pub reports: Vec<String>,
}

impl Execution {
    /// What a dev session does after a change of `files` (absolute, resolved; if they are not known, none): the function
    /// `reloads` decides. With `follows_all`, every image follows its files. `direct` is what the change means for one
    /// image, without its bases.
    ///
    /// # Errors
    /// Those of the script.
    pub fn after_change(
        self: &Arc<Self>,
        files: &[PathBuf],
        follows_all: bool,
        direct: impl Fn(&Arc<Self>, &str) -> ChangeImpact,
    ) -> Result<AfterChange, Arc<ScriptError>> {
        let project = &self.run.project;
        let auto_reload = &project.dev.auto_reload;
        let coverage = Coverage::new(&project.root, &lock(&self.wanted).folders);
        let globs: Vec<_> = auto_reload.paths.iter().map(|path| path.text.clone()).collect();
        let follows_all =
            follows_all || files.iter().any(|file| is_on_change_file(&project.root, &globs, file));
        let mut after = AfterChange { builds: Vec::new(), reports: Vec::new() };
        let affected = affected(&self.parts(), |part| part.run.selected().to_vec(), direct);
        for (name, impact) in affected.into_iter().filter(|(_, impact)| impact.answer != Answer::No) {
            let change = ImageChange {
                files: files.iter().map(|file| file.display().to_string()).collect(),
                reason: impact.reason,
                is_automatic: follows_all || auto_reload.images.contains(&name),
                is_covered: !files.is_empty() && files.iter().all(|file| coverage.covers(&name, file)),
            };
            if self.reloads(&name, &change)? {
                after.builds.push(name);
            } else if !change.is_covered {
                after.reports.push(name);
            }
        }
        Ok(after)
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
