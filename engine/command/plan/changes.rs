//! The effects that a change of each class of files would have in a dev session.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use crate::builder::on_change_files;
use crate::command::dry_run::DryRun;
use crate::dev::{Coverage, FolderFiles};
use crate::lock::lock;
use crate::plan::{Answer, ChangeImpact};
use crate::plural::counted;
use crate::rollout::deployment_inputs;
use crate::script::{Execution, ScriptError};

/// The number of files of a class that JSON names, and that text names.
const NAMED: (usize, usize) = (10, 3);

/// The effects of a changed file.
#[derive(Serialize)]
pub(super) struct ChangeView {
    /// Instead of files: all inputs of this image that no directory syncs, because the plan did not list them.
    #[serde(skip_serializing_if = "Option::is_none")]
    inputs_of: Option<String>,
    /// The number of files of this class.
    count: usize,
    /// The first of them, relative to the project directory if they are in it; a directory counts with all that is in
    /// it.
    files: Vec<String>,
    /// The synced directories that upload it to containers: `app -> /app`.
    syncs: Vec<String>,
    /// The images that are built.
    builds: Vec<String>,
    /// The deployments that are deployed.
    deploys: Vec<String>,
    /// The images and deployments that are reported as stale.
    reports: Vec<String>,
    /// Whether the configuration and the scripts are read again.
    reloads: bool,
}

/// The properties that a group of files shares.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Class {
    /// The directories that upload them.
    folders: Vec<usize>,
    /// The images that read them.
    images: Vec<String>,
    /// Whether `autoReload.paths` names them.
    is_named: bool,
}

/// The classes of files, and the effects of their changes: the function `reloads` of the project decides. With
/// `follows_all`, every image and deployment follows its files. The files of synced directories are `folder_files`.
///
/// # Errors
/// Those of the script.
pub(super) fn changes(
    dry_run: &DryRun,
    follows_all: bool,
    folder_files: &[FolderFiles],
) -> Result<Vec<ChangeView>, Arc<ScriptError>> {
    let execution = &dry_run.execution;
    let project = &execution.run.project;
    let folders = lock(&execution.wanted).folders.clone();
    let coverage = Coverage::new(&project.root, &folders);
    let session = SessionPlan { dry_run, coverage: &coverage, follows_all };
    let mut views = Vec::new();
    for (class, files) in session.classes(folder_files) {
        let mut view = session.change(&class, &files)?;
        let names = class.folders.iter().filter_map(|folder| folders.get(*folder));
        view.syncs = names.map(ToString::to_string).collect();
        if view.does_something() {
            views.push(view);
        }
    }
    // Without a build at the start, no inputs are known.
    for image in execution.run.selected().iter().filter(|image| !dry_run.plans.contains_key(*image)) {
        let class = Class { folders: Vec::new(), images: vec![image.clone()], is_named: false };
        let view = ChangeView { inputs_of: Some(image.clone()), ..session.change(&class, &[])? };
        if view.does_something() {
            views.push(view);
        }
    }
    for deployment in project.deployments.values() {
        let mut view = ChangeView::of(&deployment_inputs(&project.root, deployment), &project.root);
        let is_automatic = follows_all || project.dev.auto_reload.deployments.contains(&deployment.name);
        let names = if is_automatic { &mut view.deploys } else { &mut view.reports };
        names.push(deployment.name.clone());
        if view.count > 0 {
            views.push(view);
        }
    }
    let scripts = dry_run.parts().into_iter().flat_map(|part| part.execution.script_files());
    let settings: BTreeSet<_> =
        dry_run.files.iter().cloned().chain(scripts).filter(|file| file.exists()).collect();
    let settings: Vec<_> = settings.into_iter().collect();
    views.push(ChangeView { reloads: true, ..ChangeView::of(&settings, &project.root) });
    Ok(views)
}

/// A dev session that is planned.
struct SessionPlan<'a> {
    dry_run: &'a DryRun,
    coverage: &'a Coverage,
    follows_all: bool,
}

impl SessionPlan<'_> {
    /// All files that images read or that are synced, grouped by their common properties.
    fn classes(&self, folder_files: &[FolderFiles]) -> Vec<(Class, Vec<PathBuf>)> {
        let run = &self.dry_run.execution.run;
        let mut readers: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
        for (image, plan) in &self.dry_run.plans {
            for file in plan.reach().files() {
                readers.entry(file).or_default().push(image.clone());
            }
        }
        for path in folder_files.iter().flat_map(|contents| &contents.paths) {
            readers.entry(path.clone()).or_default();
        }
        let globs: Vec<_> = run.project.dev.auto_reload.paths.iter().map(|path| path.text.clone()).collect();
        // A pattern that cannot be read has no files.
        let named = on_change_files(&run.project.root, &globs, &run.own_folder()).unwrap_or_default();
        let named: BTreeSet<_> = named.into_iter().collect();
        for path in &named {
            readers.entry(path.clone()).or_default();
        }
        let mut classes: BTreeMap<Class, Vec<PathBuf>> = BTreeMap::new();
        for (file, mut images) in readers {
            images.dedup();
            let folders = self.coverage.folders_of(&file);
            let class = Class { folders, images, is_named: named.contains(&file) };
            classes.entry(class).or_default().push(file);
        }
        classes.into_iter().rev().collect()
    }

    /// The effects of a change of `files` on images and deployments.
    fn change(&self, class: &Class, files: &[PathBuf]) -> Result<ChangeView, Arc<ScriptError>> {
        let execution = &self.dry_run.execution;
        let project = &execution.run.project;
        let mut view = ChangeView::of(files, &project.root);
        let direct = |part: &Arc<Execution>, image: &str| {
            let is_read = class.images.contains(&part.run.links().full_name(image));
            let answer = if is_read { Answer::Yes } else { Answer::No };
            ChangeImpact::new(answer, "its files changed")
        };
        // A class behaves like any of its files.
        let sample = files.get(..1).unwrap_or_default();
        let after = execution.after_change(sample, self.follows_all || class.is_named, direct)?;
        (view.builds, view.reports) = (after.builds, after.reports);
        for rollout in execution.rollouts() {
            let used = rollout.deployment().report().used;
            if view.builds.iter().any(|image| used.contains(image)) {
                view.deploys.push(rollout.deployment().name().to_owned());
            }
        }
        if class.is_named && view.deploys.is_empty() {
            view.deploys = project.deployments.keys().cloned().collect();
        }
        Ok(view)
    }
}

impl ChangeView {
    /// `files` of the project in `root`, whose changes do nothing yet.
    fn of(files: &[PathBuf], root: &Path) -> Self {
        let real = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        let shown = |file: &PathBuf| {
            let inside = file.strip_prefix(&real).or_else(|_| file.strip_prefix(root)).unwrap_or(file);
            if inside.as_os_str().is_empty() { ".".to_owned() } else { inside.display().to_string() }
        };
        Self {
            inputs_of: None,
            count: files.len(),
            files: files.iter().take(NAMED.0).map(shown).collect(),
            syncs: Vec::new(),
            builds: Vec::new(),
            deploys: Vec::new(),
            reports: Vec::new(),
            reloads: false,
        }
    }

    fn does_something(&self) -> bool {
        let Self { syncs, builds, deploys, reports, .. } = self;
        self.reloads || [syncs, builds, deploys, reports].iter().any(|list| !list.is_empty())
    }

    /// The line for people, of a session that connects or only builds.
    pub(super) fn write(&self, text: &mut String, connects: bool) {
        let mut files: Vec<_> = self.files.iter().take(NAMED.1).cloned().collect();
        if self.count > files.len() {
            files.push(counted(self.count - files.len(), "more file"));
        }
        files.extend(self.inputs_of.iter().map(|image| format!("other inputs of {image}")));
        let mut effects = Vec::new();
        if !self.syncs.is_empty() {
            effects.push(if self.builds.is_empty() { "synced without a build" } else { "synced" }.to_owned());
        }
        let mut list = |verb: &str, names: &[String]| {
            if !names.is_empty() {
                effects.push(format!("{verb} {}", names.join(", ")));
            }
        };
        list("builds", &self.builds);
        list("deploys", &self.deploys);
        if !self.reports.is_empty() {
            effects.push(format!("only reports {} as stale", self.reports.join(", ")));
        }
        if self.reloads {
            let done = if connects { "built, deployed and connected" } else { "built" };
            effects.push(format!("read again, then all differences are {done}"));
        }
        // Writing to a string cannot fail.
        let _ = writeln!(text, "change  | {}: {}", files.join(", "), effects.join("; "));
    }
}
