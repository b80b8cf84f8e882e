//! The images that a change of files affects.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Execution;
use crate::dependency::refers_to;
use crate::image::context::FileNow;
use crate::plan::{Answer, ChangeImpact};
use crate::process::Purpose;
use crate::run::{Run, foreign_base};
use crate::watch::ChangedFile;

/// How a change affects the images of `parts` (dependencies first), with their full names. `images` are those of a
/// part, base images first; `direct` is the answer for one image, without its bases.
pub fn affected(
    parts: &[Arc<Execution>],
    images: impl Fn(&Arc<Execution>) -> Vec<String>,
    direct: impl Fn(&Arc<Execution>, &str) -> ChangeImpact,
) -> Vec<(String, ChangeImpact)> {
    let mut known: HashMap<String, Answer> = HashMap::new();
    let mut found = Vec::new();
    for part in parts {
        let run = &*part.run;
        for image in images(part) {
            let bases = bases(run, &image);
            let base = |answer| bases.iter().find(|base| known.get(*base) == Some(&answer));
            let named = || {
                let built = |name: &str| known.get(name).is_some_and(|answer| *answer != Answer::No);
                dependency_images(run, &image).into_iter().find(|name| built(name))
            };
            let impact = direct(part, &image);
            let impact = match impact.answer {
                Answer::Yes => impact,
                answer => match (base(Answer::Yes), base(Answer::Maybe), named()) {
                    (Some(base), ..) => {
                        ChangeImpact::new(Answer::Yes, format!("its base `{base}` would be built"))
                    }
                    (None, Some(base), _) if answer == Answer::No => {
                        ChangeImpact::new(Answer::Maybe, format!("its base `{base}` may be built"))
                    }
                    (None, None, Some(named)) if answer == Answer::No => ChangeImpact::new(
                        Answer::Maybe,
                        format!("it refers to `{named}`, whose tag may change"),
                    ),
                    _ => impact,
                },
            };
            let name = run.links().full_name(&image);
            known.insert(name.clone(), impact.answer);
            found.push((name, impact));
        }
    }
    found
}

/// The base images of one image of `run`, including those of dependencies.
pub fn bases(run: &Run, image: &str) -> Vec<String> {
    let own = run.needs(image).map(|need| run.links().full_name(need));
    let others = run.other_bases(image).iter();
    own.chain(others.filter_map(|base| Some(foreign_base(run, base)?.name))).collect()
}

/// The images of dependencies that `image` refers to, with their names in this run: `auth.api`.
fn dependency_images(run: &Run, image: &str) -> Vec<String> {
    let Some(config) = run.project.images.get(image) else { return Vec::new() };
    let named = |(name, dependency): &(String, Arc<Run>)| {
        let images = dependency.selected().iter();
        let named = images.filter(|image| refers_to(config, name, Some(image)));
        named.map(|image| dependency.links().full_name(image)).collect::<Vec<_>>()
    };
    run.links().dependencies.iter().flat_map(named).collect()
}

impl Execution {
    /// Restarts the builds of images that read one of `files`, unless a command of this run wrote it. Other builds
    /// continue.
    pub fn restart_builds(self: &Arc<Self>, files: &[ChangedFile], shown: impl Fn(&Path) -> String) {
        let files: Vec<_> = files.iter().map(|file| (file, FileNow::at(file.path.clone()))).collect();
        for part in self.parts() {
            let (run, writes) = (&part.run, &part.run.session.host.writes);
            for image in run.selected() {
                let Some(reach) = part.reach(image) else { continue };
                let cause = files.iter().find(|(file, now)| {
                    file.at > reach.since()
                        && reach.if_changed(&file.path).answer == Answer::Yes
                        && !reach.is_as_planned(now)
                        // A hook writes files for the image that is built after it.
                        && writes.writer_at(file.at).is_none_or(|one| one.purpose == Purpose::CustomBuild)
                });
                if let Some((file, _)) = cause {
                    run.progress.restarts.restart(image, &shown(&file.path));
                }
            }
        }
    }

    /// The scripts of the project and those that they import, whether they exist or not.
    pub fn script_files(&self) -> Vec<PathBuf> {
        let root = &self.run.project.root;
        let profiles = self.run.project.profiles.iter().map(|profile| format!("windlass.{profile}.rhai"));
        let names = std::iter::once("windlass.rhai".to_owned()).chain(profiles);
        let mut files: Vec<_> = names.map(|name| root.join(name)).collect();
        let mut open = self.pipeline.files().to_vec();
        while let Some(file) = open.pop() {
            // Built-in scripts import built-in modules only.
            let Some(path) = file.path.clone() else { continue };
            if !files.contains(&path)
                || self.pipeline.files().iter().any(|layer| layer.path.as_ref() == Some(&path))
            {
                let imports = imports(&file.text).into_iter();
                let found =
                    imports.filter_map(|import| super::resolver::find(root, Some(&file.name), &import));
                open.extend(
                    found.filter(|found| found.path.as_ref().is_some_and(|path| !files.contains(path))),
                );
            }
            if !files.contains(&path) {
                files.push(path);
            }
        }
        files
    }
}

/// The modules that a script imports by a constant name.
fn imports(text: &str) -> Vec<String> {
    let mut rest = text;
    let mut found = Vec::new();
    while let Some((_, after)) = rest.split_once("import") {
        rest = after;
        if let Some(name) = after.trim_start().strip_prefix('"').and_then(|name| name.split('"').next()) {
            found.push(name.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #[test]
    fn imports_are_found() {
        let text = "import \"std/tags\" as tags;\nimport  \"./lib/own\";\nlet imported = name;";
        assert_eq!(super::imports(text), ["std/tags", "./lib/own"]);
    }
}
