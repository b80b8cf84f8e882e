//! The images that a change of a file would rebuild.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use crate::command::dry_run::{DryRun, Part};
use crate::plan::{Answer, ChangeImpact};
use crate::script::{Execution, affected};

/// The effect of a change of one file. The fields are an interface for programs: new ones may be added, but none
/// renamed.
#[derive(Serialize)]
pub(super) struct ImpactReport {
    /// The file, relative to the project if it is inside.
    file: String,
    images: Vec<Image>,
}

#[derive(Serialize)]
struct Image {
    name: String,
    /// `yes`, `no` or `maybe`.
    rebuilds: Answer,
    reason: String,
}

/// The effect of a change of each of `files` on the selected images.
pub(super) fn answers(
    dry_run: &DryRun,
    files: &[PathBuf],
    is_asked: &dyn Fn(&str) -> bool,
) -> Vec<ImpactReport> {
    let root = real(&dry_run.execution.run.project.root);
    let answer = |file: &PathBuf| {
        let shown = file.strip_prefix(&root).unwrap_or(file).display().to_string();
        let mut images = of_file(dry_run, file);
        images.retain(|image| is_asked(&image.name));
        ImpactReport { file: shown, images }
    };
    files.iter().map(answer).collect()
}

fn of_file(dry_run: &DryRun, file: &Path) -> Vec<Image> {
    let parts = dry_run.parts();
    let owner = parts.iter().filter(|part| file.starts_with(real(&part.run().project.root)));
    let owner = owner.max_by_key(|part| real(&part.run().project.root).components().count());
    let is_script = |part: &Part| {
        file.extension().is_some_and(|extension| extension == "rhai")
            && owner.is_some_and(|owner| owner.name() == part.name())
    };
    let part_of =
        |execution: &Arc<Execution>| parts.iter().find(|part| Arc::ptr_eq(&part.execution, execution));
    let images = |execution: &Arc<Execution>| {
        part_of(execution).map(|part| dry_run.images_of(part).cloned().collect()).unwrap_or_default()
    };
    let direct = |execution: &Arc<Execution>, image: &str| {
        let is_pipeline = part_of(execution).is_some_and(|part| is_script(part) || is_pipeline(part, file));
        match dry_run.plans.get(&execution.run.links().full_name(image)) {
            _ if is_pipeline => ChangeImpact::new(Answer::Maybe, "it defines how images are built"),
            Some(plan) => plan.if_changed(file),
            None => ChangeImpact::new(Answer::No, "not planned by the pipeline"),
        }
    };
    let executions: Vec<_> = parts.iter().map(|part| Arc::clone(&part.execution)).collect();
    let found = affected(&executions, images, direct).into_iter();
    found.map(|(name, impact)| Image { name, rebuilds: impact.answer, reason: impact.reason }).collect()
}

/// Whether `file` is the configuration of a project, or one of its scripts.
fn is_pipeline(part: &Part, file: &Path) -> bool {
    let is_same = |path: &Path| path.canonicalize().is_ok_and(|path| path == file);
    let scripts = part.execution.pipeline.files().iter();
    is_same(&part.run().project.file) || scripts.filter_map(|script| script.path.as_deref()).any(is_same)
}

/// The canonical path of a directory.
fn real(folder: &Path) -> PathBuf {
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
}

/// The answers as text.
pub(super) fn text(answers: &[ImpactReport]) -> String {
    let mut text = String::new();
    for ImpactReport { file, images } in answers {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "if {file} changes:");
        let width = images.iter().map(|image| image.name.chars().count()).max().unwrap_or(0);
        for Image { name, rebuilds, reason } in images {
            let rebuilds = match rebuilds {
                Answer::Yes => "is built",
                Answer::No => "is skipped",
                Answer::Maybe => "may be built",
            };
            let _ = writeln!(text, "  {name:width$} {rebuilds}: {reason}");
        }
    }
    text
}
