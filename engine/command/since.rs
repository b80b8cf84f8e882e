//! `--since`: the images that another revision of the repository would build differently.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde::Serialize;

use super::PipelineOptions;
use super::dry_run::{DryRun, dry_run};
use super::exit_status::{ExitStatus, Failure};
use super::load::load_project;
use super::pipeline_run::PipelineCall;
use crate::cache_folder::cache_folder;
use crate::command::cli::GlobalOptions;
use crate::config::Loaded;
use crate::git::{MergeBase, RevisionError, Revisions, TreeCopy};
use crate::plan::{Difference, Plan};
use crate::plural::counted;
use crate::run::ShareMode;

/// The images that changed since a revision.
pub(super) struct Affected {
    /// The commit they were compared with; `None` without a common commit.
    pub(super) base: Option<String>,
    /// The number of images that were compared.
    pub(super) all: usize,
    /// The affected ones, base images first.
    pub(super) images: Vec<AffectedImage>,
    /// The names of images that the project no longer has.
    pub(super) removed: Vec<String>,
    /// The project, with its work tree.
    pub(super) loaded: Loaded,
    /// How the plan of the present files ended.
    pub(super) end: ExitStatus,
}

/// An image that changed.
#[derive(Serialize)]
pub(super) struct AffectedImage {
    /// Its name; `auth.api` for an image of a dependency.
    pub(super) image: String,
    /// The reason, as a phrase: `src/main.go changed`.
    pub(super) reason: String,
    /// The inputs that changed, if it was compared.
    changes: Vec<Difference>,
}

impl AffectedImage {
    fn new(image: &str, reason: impl Into<String>) -> Self {
        Self { image: image.to_owned(), reason: reason.into(), changes: Vec::new() }
    }
}

impl Affected {
    /// Compares the images of the project now, or `images` of them, with those at the newest common commit of
    /// `reference` and `HEAD`. Neither state is built. Both are planned in a directory of windlass, so that the same
    /// files have the same permissions, and ignored files are missing in both.
    ///
    /// # Errors
    /// If the configuration, a script or the command line is invalid, or git fails.
    pub(super) fn new(
        global: &GlobalOptions,
        options: &PipelineOptions,
        reference: &str,
        images: &[String],
    ) -> Result<Self, Failure> {
        let here = std::env::current_dir().unwrap_or_else(|_| ".".into());
        let project =
            match global.config.as_deref().and_then(|file| here.join(file).parent().map(PathBuf::from)) {
                Some(folder) if folder.is_dir() => folder,
                _ => here,
            };
        let cache = cache_folder(|name| std::env::var(name).ok());
        let revisions = Revisions::open(&project, reference, &cache).map_err(failure)?;
        let copy = revisions.copy();
        let of_copy = GlobalOptions { copy: Some(copy.clone()), ..global.clone() };
        // Also records the outputs of commands, which do not run again.
        let loaded = load_project(&of_copy)?;
        let Some(file) = copy.copy_of(&loaded.project.file) else {
            let folder = loaded.project.root.clone();
            return Err(failure(RevisionError::NoRepository { reference: reference.to_owned(), folder }));
        };
        let plan = |options: &PipelineOptions, images: &[String]| {
            Planned::new(global, options, (&loaded, &file), &copy, images)
        };
        let base = revisions.merge_base().map_err(failure)?;
        let present = revisions.present_tree().map_err(failure)?;
        revisions.check_out(&present).map_err(failure)?;
        if !file.is_file() {
            let reason = format!("git ignores {}", loaded.project.file.display());
            return Err(failure(RevisionError::Failed { reference: reference.to_owned(), reason }));
        }
        let now = plan(options, images)?;
        let (base, before, submodules) = match base {
            MergeBase::None(reason) => (None, Err(reason.to_owned()), Vec::new()),
            MergeBase::Commit(commit) => {
                let submodules = revisions.changed_submodules(&commit, &present).map_err(failure)?;
                // It may lack the requested images.
                let all = PipelineOptions { force: Vec::new(), force_build: false, ..options.clone() };
                revisions.check_out_commit(&commit).map_err(failure)?;
                let before = plan(&all, &[]).map_err(|failure| {
                    let text = failure.message();
                    format!("the project cannot be planned at {}: {text}", short(&commit))
                });
                (Some(commit), before, submodules)
            }
        };
        let names: Vec<_> = now.images();
        let affected = names.iter().filter_map(|name| match &before {
            Err(reason) => Some(Ok(AffectedImage::new(name, reason))),
            Ok(_) if !submodules.is_empty() => {
                let reason = format!("submodule {} changed", submodules.join(", "));
                Some(Ok(AffectedImage::new(name, reason)))
            }
            Ok(before) => now.compared(before, name).transpose(),
        });
        let affected = affected.collect::<Result<_, Failure>>()?;
        let removed = match images {
            [] => before.iter().flat_map(Planned::images).filter(|name| !names.contains(name)).collect(),
            _ => Vec::new(),
        };
        if let Ok(before) = before {
            before.dry_run.end_silently();
        }
        let all = names.len();
        Ok(Self { base, all, images: affected, removed, loaded, end: now.dry_run.end() })
    }

    /// The summary: `1 of 3 images affected since 1a2b3c4d`.
    pub(super) fn summary(&self) -> String {
        let since = match &self.base {
            Some(base) => format!(" since {}", short(base)),
            None => String::new(),
        };
        format!("{} of {} affected{since}", self.images.len(), counted(self.all, "image"))
    }
}

/// The dry run of one of the two states.
struct Planned {
    dry_run: DryRun,
    plans: IndexMap<String, Plan>,
}

impl Planned {
    /// Plans `file`, the copy of `loaded`, without records and without sharing.
    fn new(
        global: &GlobalOptions,
        options: &PipelineOptions,
        (loaded, file): (&Loaded, &Path),
        copy: &TreeCopy,
        images: &[String],
    ) -> Result<Self, Failure> {
        let in_copy = |path: &PathBuf| copy.copy_of(path).filter(|path| path.exists());
        // Warnings are those of the work tree, which are reported when it is built or planned.
        let global = GlobalOptions {
            copy: Some(copy.clone()),
            config: Some(file.to_owned()),
            silent: true,
            ..global.clone()
        };
        let options = PipelineOptions {
            share: Some(ShareMode::Off),
            check_registry: false,
            result: None,
            scripts: options
                .scripts
                .iter()
                .map(|path| in_copy(path).unwrap_or_else(|| path.clone()))
                .collect(),
            ..options.clone()
        };
        let mut copied = load_project(&global)?;
        for variable in &loaded.environment {
            if !copied.environment.iter().any(|(name, _)| *name == variable.0) {
                copied.environment.push(variable.clone());
            }
        }
        let mut dry_run = dry_run(&global, &options, copied, PipelineCall::build(images.to_vec()))?;
        let plans = std::mem::take(&mut dry_run.plans);
        // Files are read now, before those of another revision replace them.
        plans.values().try_for_each(|plan| plan.key().map(drop)).map_err(Failure::of_stage)?;
        dry_run.parts().iter().for_each(|part| part.run().save_caches());
        Ok(Self { dry_run, plans })
    }

    /// The names of its images, base images first.
    fn images(&self) -> Vec<String> {
        let parts = self.dry_run.parts();
        parts.iter().flat_map(|part| self.dry_run.images_of(part).map(|name| part.full(name))).collect()
    }

    /// The change of `image` since `before`, if any.
    fn compared(&self, before: &Self, image: &str) -> Result<Option<AffectedImage>, Failure> {
        // An image without a plan is disabled, or failed: that is reported at the end.
        let Some(plan) = self.plans.get(image) else { return Ok(None) };
        let Some(earlier) = before.plans.get(image) else {
            let reason = if before.images().iter().any(|name| name == image) {
                "it could not be built before"
            } else {
                "new"
            };
            return Ok(Some(AffectedImage::new(image, reason)));
        };
        if let Some(reason) = plan.always_built() {
            return Ok(Some(AffectedImage::new(image, reason)));
        }
        let changed = plan.changes_since(earlier).map_err(Failure::of_stage)?;
        Ok(changed.map(|(reason, changes)| AffectedImage { changes, ..AffectedImage::new(image, reason) }))
    }
}

/// A commit as git abbreviates it.
pub(super) fn short(commit: &str) -> &str {
    commit.get(..8).unwrap_or(commit)
}

fn failure(error: RevisionError) -> Failure {
    match error {
        RevisionError::Interrupted { .. } => Failure::interrupted(error),
        RevisionError::Failed { .. } => Failure::failed(error),
        error => Failure::wrong_use(error),
    }
}
