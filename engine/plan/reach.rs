//! What an image is built from, as far as files are concerned.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::Plan;
use super::docker_build::DockerfileRecipe;
use super::plan::Recipe;
use crate::builder::{is_own_name, on_change_folders, on_change_matcher};
use crate::config::RebuildStrategy;
use crate::image::Selection;
use crate::image::context::{EntryKind, path_of, text_of_os};
use crate::run::Image;
use crate::watch::WatchRoot;

/// What an image was planned from. Unlike a plan, it does not lock the image.
#[derive(Clone)]
pub struct Reach {
    pub(super) image: Image,
    pub(super) recipe: Recipe,
    since: Instant,
}

impl Plan {
    /// What the image was planned from.
    pub fn reach(&self) -> Reach {
        let since = self.image.run().read_since(&self.seen);
        Reach { image: self.image.clone(), recipe: self.recipe.clone(), since }
    }
}

impl Reach {
    /// The moment from which on its files were read: of an earlier change, the plan knows.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// The ignore files that its build context has or may get.
    pub(super) fn ignore_files(&self, recipe: &DockerfileRecipe) -> Vec<PathBuf> {
        ignore_files(recipe.context.root(), &self.image.dockerfile_path())
    }

    /// The files whose changes may build the image: its Dockerfile and ignore file, and what it reads of its build
    /// context; or those of `onChange`. The paths are absolute.
    pub fn files(&self) -> Vec<PathBuf> {
        let below = |root: &Path, selection: &Selection| -> Vec<PathBuf> {
            let entries = selection.entries().iter();
            let entries = entries.filter(|entry| !matches!(entry.kind, EntryKind::Directory));
            entries.map(|entry| root.join(path_of(&entry.path))).filter(|path| path.exists()).collect()
        };
        let recipe = match &self.recipe {
            Recipe::Custom(files) => return below(&real(self.image.root()), files),
            Recipe::Dockerfile(recipe) => recipe,
        };
        let mut files = vec![real(&self.image.dockerfile_path())];
        files.extend(recipe.context.ignore_file().map(real));
        if self.image.config().rebuild_strategy != RebuildStrategy::IgnoreContextChanges {
            files.extend(below(recipe.context.root(), &recipe.selection));
        }
        files
    }

    /// The ignore file of its build context, and the line for it that leaves out `file`; `None` if the file is not in it.
    pub fn ignore_line(&self, file: &Path) -> Option<(PathBuf, String)> {
        let Recipe::Dockerfile(recipe) = &self.recipe else { return None };
        let root = recipe.context.root();
        let inside = file.strip_prefix(real(root)).ok()?;
        let ignore = recipe.context.ignore_file().map_or_else(|| root.join(".dockerignore"), Path::to_owned);
        Some((ignore, inside.to_str()?.to_owned()))
    }

    /// What to watch for changes of its files.
    pub fn roots(&self) -> Vec<WatchRoot> {
        let Recipe::Dockerfile(recipe) = &self.recipe else { return configured_roots(&self.image) };
        let mut files = self.ignore_files(recipe);
        files.push(real(&self.image.dockerfile_path()));
        let mut roots: Vec<_> = files.into_iter().map(WatchRoot::file).collect();
        if self.image.config().rebuild_strategy != RebuildStrategy::IgnoreContextChanges {
            let (recipe, root) = (recipe.clone(), recipe.context.root().to_owned());
            roots.push(WatchRoot::folder(root, move |path, is_folder| {
                recipe.context.may_read(path, is_folder, &recipe.reach)
                    || recipe.selection.get(path).is_some()
            }));
        }
        roots
    }
}

/// What to watch for changes of the files of `image` before it is planned: what `devspace.yaml` names.
pub fn configured_roots(image: &Image) -> Vec<WatchRoot> {
    let root = real(image.root());
    if let Some(custom) = &image.config().custom {
        let matches = on_change_matcher(&root, &custom.on_change);
        return on_change_folders(&root, &custom.on_change)
            .into_iter()
            .flat_map(|folder| {
                let (matches, base) = (matches.clone(), folder.clone());
                let matched = move |path: &str, is_folder: bool| {
                    let is_own = Path::new(path).file_name().is_some_and(is_own_name);
                    (is_folder && !is_own) || matches(&base.join(path))
                };
                [WatchRoot::file(folder.clone()), WatchRoot::folder(folder, matched)]
            })
            .collect();
    }
    let (context, dockerfile) = (real(&image.context_folder()), image.dockerfile_path());
    let mut roots: Vec<_> = ignore_files(&context, &dockerfile).into_iter().map(WatchRoot::file).collect();
    roots.push(WatchRoot::file(real(&dockerfile)));
    let opened = crate::image::Context::open(&image.run().forest(), &context, Some(&dockerfile)).ok();
    let own = real(&image.run().own_folder());
    let below = own.strip_prefix(&context).ok().map(|own| text_of_os(own.as_os_str()).into_owned());
    roots.push(WatchRoot::folder(context, move |path, is_folder| match &opened {
        Some(opened) => {
            opened.may_read(path, is_folder, &crate::image::dockerfile::ContextSources::Whole { why: None })
        }
        // It cannot be read yet. State directories are never part of it.
        None => path != ".windlass" && below.as_deref() != Some(path),
    }));
    roots
}

/// The ignore files that a build context in `root` has or may get.
fn ignore_files(root: &Path, dockerfile: &Path) -> Vec<PathBuf> {
    let mut beside = real(dockerfile).into_os_string();
    beside.push(".dockerignore");
    vec![root.join("devspace.dockerignore"), beside.into(), root.join(".dockerignore")]
}

/// `path` with symbolic links resolved as far as it exists.
pub(super) fn real(path: &Path) -> PathBuf {
    if let Ok(path) = path.canonicalize() {
        return path;
    }
    match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) => real(folder).join(name),
        _ => path.to_owned(),
    }
}
