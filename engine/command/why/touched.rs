//! Which images a change of a file would rebuild.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::command::dry_run::DryRun;
use crate::plan::{Answer, Touch};

/// What a change of one file would do. The fields are an interface for programs: they may be added to, never renamed.
#[derive(Serialize)]
pub(super) struct Touched {
    /// The file, relative to the project where it is in there.
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

/// What a change of each of `files` would do to the images that are asked for.
pub(super) fn answers(dry_run: &DryRun, files: &[PathBuf], is_asked: &dyn Fn(&str) -> bool) -> Vec<Touched> {
    let root = dry_run.run.project.root.canonicalize().unwrap_or_else(|_| dry_run.run.project.root.clone());
    let answer = |file: &PathBuf| {
        let shown = file.strip_prefix(&root).unwrap_or(file).display().to_string();
        let mut images = of_file(dry_run, file);
        images.retain(|image| is_asked(&image.name));
        Touched { file: shown, images }
    };
    files.iter().map(answer).collect()
}

fn of_file(dry_run: &DryRun, file: &Path) -> Vec<Image> {
    let run = &dry_run.run;
    let mut known: HashMap<&str, Answer> = HashMap::new();
    let mut images = Vec::new();
    for name in run.selected() {
        let touch = match dry_run.plans.get(name) {
            _ if is_pipeline(dry_run, file) => Touch::new(Answer::Maybe, "it says how images are built"),
            Some(plan) => plan.if_changed(file),
            None => Touch::new(Answer::No, "the pipeline does not plan it"),
        };
        let base = |answer| run.needs(name).find(|need| known.get(need) == Some(&answer));
        let touch = match touch.answer {
            Answer::Yes => touch,
            answer => match (base(Answer::Yes), base(Answer::Maybe)) {
                (Some(base), _) => Touch::new(Answer::Yes, format!("its base `{base}` would be built")),
                (None, Some(base)) if answer == Answer::No => {
                    Touch::new(Answer::Maybe, format!("its base `{base}` may be built"))
                }
                _ => touch,
            },
        };
        known.insert(name, touch.answer);
        images.push(Image { name: name.clone(), rebuilds: touch.answer, reason: touch.reason });
    }
    images
}

/// Whether `file` is the configuration or a script.
fn is_pipeline(dry_run: &DryRun, file: &Path) -> bool {
    let is_same = |path: &Path| path.canonicalize().is_ok_and(|path| path == file);
    let scripts = dry_run.run.pipeline().into_iter().flat_map(|pipeline| pipeline.files());
    file.extension().is_some_and(|extension| extension == "rhai")
        || is_same(&dry_run.run.project.file)
        || scripts.filter_map(|script| script.path.as_deref()).any(is_same)
}

/// The answers for people.
pub(super) fn text(answers: &[Touched]) -> String {
    let mut text = String::new();
    for Touched { file, images } in answers {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "if {file} changes:");
        let width = images.iter().map(|image| image.name.chars().count()).max().unwrap_or(0);
        for Image { name, rebuilds, reason } in images {
            let rebuilds = match rebuilds {
                Answer::Yes => "is built",
                Answer::No => "stays",
                Answer::Maybe => "may be built",
            };
            let _ = writeln!(text, "  {name:width$} {rebuilds}: {reason}");
        }
    }
    text
}
