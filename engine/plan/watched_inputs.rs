//! The files among the inputs of an image.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::Plan;
use super::docker_build::DockerfileRecipe;
use super::plan::Recipe;
use crate::builder::{is_own_name, on_change_folders, on_change_matcher};
use crate::config::RebuildStrategy;
use crate::image::Selection;
use crate::image::context::{Entry, EntryKind, FileNow, KeptFiles, path_of, text_of_os};
use crate::image::dockerfile::ContextSources;
use crate::run::{Image, RunError};
use crate::watch::WatchRoot;

/// The inputs of the plan of an image. Unlike a plan, it does not lock the image.
#[derive(Clone)]
pub struct WatchedInputs {
    pub(super) image: Image,
    pub(super) recipe: Recipe,
    since: Instant,
    is_followed: OnceLock<bool>,
}

impl Plan {
    /// The inputs of the plan.
    pub fn reach(&self) -> WatchedInputs {
        let read = || self.image.run().read_since(&self.seen);
        let since = self.files().kept_since().unwrap_or_else(read);
        let recipe = match &self.recipe {
            // It may be kept for long, and the directories of the context may be large.
            Recipe::Dockerfile(recipe) => {
                let context = recipe.context.unread();
                Recipe::Dockerfile(Arc::new(DockerfileRecipe { context, ..DockerfileRecipe::clone(recipe) }))
            }
            custom @ Recipe::Custom(_) => custom.clone(),
        };
        WatchedInputs { image: self.image.clone(), recipe, since, is_followed: OnceLock::new() }
    }
}

impl WatchedInputs {
    /// The moment from which on its files were read: the plan includes earlier changes. If they were
    /// [kept](WatchedInputs::is_kept), it also includes the changes that were listed.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Whether its files were kept from an earlier plan, without a walk.
    pub fn is_kept(&self) -> bool {
        self.recipe.files().kept_since().is_some()
    }

    /// Its files for the next plan, after `changed`: the absolute paths of everything that changed since.
    pub fn keep(&self, changed: Vec<PathBuf>) -> KeptFiles {
        let source = match &self.recipe {
            Recipe::Custom(_) => None,
            Recipe::Dockerfile(recipe) => Some((recipe.context.clone(), recipe.reach.clone())),
        };
        let (selection, since) = (self.recipe.files().clone(), self.since);
        KeptFiles { selection, source, root: self.root(), changed, since }
    }

    /// Hashes its files, unless they were hashed before.
    ///
    /// # Errors
    /// If one of them cannot be read.
    pub fn hash(&self) -> Result<(), RunError> {
        self.image.run().hash(self.recipe.files(), &self.root(), |_, _| {}).map(drop)
    }

    /// Whether a file that was written or touched is as it was when the image was planned.
    pub fn is_as_planned(&self, file: &FileNow) -> bool {
        self.recipe.files().is_as_selected(&self.root(), file)
    }

    /// The directory that the paths of its files are relative to, with symbolic links resolved.
    fn root(&self) -> PathBuf {
        match &self.recipe {
            Recipe::Custom(_) => real(self.image.root()),
            Recipe::Dockerfile(recipe) => recipe.context.root().to_owned(),
        }
    }

    /// Whether every change of the files that it reads is in its [roots](WatchedInputs::roots).
    pub fn is_followed(&self) -> bool {
        // With links, it takes a look at every file.
        *self.is_followed.get_or_init(|| match &self.recipe {
            Recipe::Custom(_) => true,
            Recipe::Dockerfile(recipe) => {
                self.image.config().rebuild_strategy != RebuildStrategy::IgnoreContextChanges
                    && (self.is_kept() || recipe.is_all_named())
            }
        })
    }

    /// Whether `other`, of the same image and configuration, selects its files as this one does.
    pub fn reads_as(&self, other: &Self) -> bool {
        match (&self.recipe, &other.recipe) {
            (Recipe::Custom(_), Recipe::Custom(_)) => true,
            (Recipe::Dockerfile(one), Recipe::Dockerfile(other)) => {
                one.reach == other.reach && one.context.has_rules_of(&other.context)
            }
            _ => false,
        }
    }

    /// The ignore files that its build context has or may get.
    pub(super) fn ignore_files(&self, recipe: &DockerfileRecipe) -> Vec<PathBuf> {
        ignore_files(recipe.context.root(), &self.image.dockerfile_path())
    }

    /// The files whose changes may build the image: its Dockerfile and ignore file, and the files that it reads of its
    /// build context; or those of `onChange`. The paths are absolute.
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

    /// The ignore file of its build context, and the line for it that excludes `file`; `None` if the file is not in it.
    pub fn ignore_line(&self, file: &Path) -> Option<(PathBuf, String)> {
        let Recipe::Dockerfile(recipe) = &self.recipe else { return None };
        let root = recipe.context.root();
        let inside = file.strip_prefix(real(root)).ok()?;
        let ignore = recipe.context.ignore_file().map_or_else(|| root.join(".dockerignore"), Path::to_owned);
        Some((ignore, inside.to_str()?.to_owned()))
    }

    /// What to watch for changes of its files. Files of the build context are not read for it: whether a written file is
    /// another one, [`WatchedInputs::is_as_planned`] tells.
    pub fn roots(&self) -> Vec<WatchRoot> {
        let Recipe::Dockerfile(recipe) = &self.recipe else { return configured_roots(&self.image) };
        let mut files = self.ignore_files(recipe);
        files.push(real(&self.image.dockerfile_path()));
        let mut roots: Vec<_> = files.into_iter().map(WatchRoot::file).collect();
        if self.image.config().rebuild_strategy != RebuildStrategy::IgnoreContextChanges {
            let (root, context, reach) =
                (recipe.context.root().to_owned(), recipe.context.clone(), recipe.reach.clone());
            // Looks up only the files that no path of the Dockerfile names.
            let linked = (!self.is_followed()).then(|| recipe.selection.clone());
            let filter = move |path: &str, is_folder| {
                context.may_read(path, is_folder, &reach)
                    || linked.as_ref().is_some_and(|linked| linked.get(path).is_some())
            };
            roots.push(WatchRoot::folder(root, filter).without_contents());
        }
        roots
    }
}

impl DockerfileRecipe {
    /// Whether the Dockerfile names all files of the selection or directories above them. A directory that only a
    /// symbolic link leads to is not watched for new files.
    fn is_all_named(&self) -> bool {
        let entries = self.selection.entries();
        let has_links = || entries.iter().any(|entry| matches!(entry.kind, EntryKind::Symlink { .. }));
        let is_named = |entry: &Entry| {
            let is_folder = matches!(entry.kind, EntryKind::Directory);
            self.context.may_read(&entry.path, is_folder, &self.reach)
        };
        matches!(self.reach, ContextSources::Whole { .. }) || !has_links() || entries.iter().all(is_named)
    }
}

/// The paths to watch for changes of the files of `image` before it is planned: those that `devspace.yaml` names.
pub fn configured_roots(image: &Image) -> Vec<WatchRoot> {
    let root = real(image.root());
    if let Some(custom) = &image.config().custom {
        return glob_roots(&root, &custom.on_change).map(WatchRoot::without_contents).collect();
    }
    let (context, dockerfile) = (real(&image.context_folder()), image.dockerfile_path());
    let mut roots: Vec<_> = ignore_files(&context, &dockerfile).into_iter().map(WatchRoot::file).collect();
    roots.push(WatchRoot::file(real(&dockerfile)));
    let opened = crate::image::Context::open(&image.run().forest(), &context, Some(&dockerfile)).ok();
    let own = real(&image.run().own_folder());
    let below = own.strip_prefix(&context).ok().map(|own| text_of_os(own.as_os_str()).into_owned());
    let filter = move |path: &str, is_folder| match &opened {
        Some(opened) => opened.may_read(path, is_folder, &ContextSources::Whole { why: None }),
        // It cannot be read yet. State directories are never part of it.
        None => path != ".windlass" && below.as_deref() != Some(path),
    };
    roots.push(WatchRoot::folder(context, filter).without_contents());
    roots
}

/// What to watch for changes of the files that `globs` (relative to `root`) match.
pub fn glob_roots(root: &Path, globs: &[String]) -> impl Iterator<Item = WatchRoot> + use<> {
    let matches = on_change_matcher(root, globs);
    on_change_folders(root, globs).into_iter().flat_map(move |folder| {
        let (matches, base) = (matches.clone(), folder.clone());
        let matched = move |path: &str, is_folder: bool| {
            let is_own = Path::new(path).file_name().is_some_and(is_own_name);
            (is_folder && !is_own) || matches(&base.join(path))
        };
        [WatchRoot::file(folder.clone()), WatchRoot::folder(folder, matched)]
    })
}

/// The ignore files that a build context in `root` has or may get.
fn ignore_files(root: &Path, dockerfile: &Path) -> Vec<PathBuf> {
    let mut beside = real(dockerfile).into_os_string();
    beside.push(".dockerignore");
    vec![root.join("devspace.dockerignore"), beside.into(), root.join(".dockerignore")]
}

/// `path` with symbolic links resolved in its existing part.
pub(super) fn real(path: &Path) -> PathBuf {
    if let Ok(path) = path.canonicalize() {
        return path;
    }
    match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) => real(folder).join(name),
        _ => path.to_owned(),
    }
}
