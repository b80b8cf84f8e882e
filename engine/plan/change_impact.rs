//! How a change of one file would affect an image.

use std::path::Path;

use super::docker_build::DockerfileRecipe;
use super::plan::{Plan, Recipe};
use super::watched_inputs::{WatchedInputs, real};
use crate::builder::is_on_change_file;
use crate::config::{ImageConfig, RebuildStrategy};
use crate::image::context::{PathStatus, text_of_os};
use crate::image::dockerfile::ContextSources;

/// How a change of one file would affect an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeImpact {
    /// Whether the image would be built.
    pub answer: Answer,
    /// The reason, as a phrase: `COPY src /app at line 4 reads it`.
    pub reason: String,
}

/// Whether an image would be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Yes.
    Yes,
    /// No.
    No,
    /// It depends on the content of the file.
    Maybe,
}

impl ChangeImpact {
    /// An answer with its reason.
    pub fn new(answer: Answer, reason: impl Into<String>) -> Self {
        Self { answer, reason: reason.into() }
    }
}

impl Plan {
    /// How a change of only the file at the absolute `path` would affect the image. Ignores its base images.
    pub fn if_changed(&self, path: &Path) -> ChangeImpact {
        let config = self.image.config();
        if config.rebuild_strategy == RebuildStrategy::Always {
            return ChangeImpact::new(Answer::Yes, "always built: `rebuildStrategy` is `always`");
        }
        if matches!(self.recipe, Recipe::Custom(_)) && on_change(config).is_empty() {
            return ChangeImpact::new(Answer::Yes, "always built: its custom command has no `onChange`");
        }
        self.reach().if_changed(path)
    }
}

/// The globs of `onChange`.
fn on_change(config: &ImageConfig) -> &[String] {
    config.custom.as_ref().map(|custom| custom.on_change.as_slice()).unwrap_or_default()
}

impl WatchedInputs {
    /// How a change of only the file at the absolute `path` affects the inputs of the image. Ignores its base images,
    /// and settings that always build it.
    pub fn if_changed(&self, path: &Path) -> ChangeImpact {
        match &self.recipe {
            Recipe::Dockerfile(recipe) => self.if_file_changed(recipe, path),
            Recipe::Custom(_) => {
                let root = self.image.root();
                let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
                match is_on_change_file(&root, on_change(self.image.config()), path) {
                    true => ChangeImpact::new(Answer::Yes, "matched by `onChange`"),
                    false => ChangeImpact::new(Answer::No, "not matched by `onChange`"),
                }
            }
        }
    }

    /// The command of the Dockerfile whose result depends on the file at the absolute `path`, because the file is copied by
    /// name for it: ``RUN npm ci` at line 4``.
    pub fn run_that_uses(&self, path: &Path) -> Option<String> {
        let Recipe::Dockerfile(recipe) = &self.recipe else { return None };
        let inside = path.strip_prefix(recipe.context.root()).ok()?.to_str()?;
        let found = recipe.dockerfile.inner.run_that_uses(inside)?;
        Some(format!("`{}` at line {}", shortened(found.text()), found.lines().0))
    }

    fn if_file_changed(&self, recipe: &DockerfileRecipe, path: &Path) -> ChangeImpact {
        let config = self.image.config();
        let is_same = |other: &Path| real(other) == path;
        if is_same(&self.image.dockerfile_path()) {
            return ChangeImpact::new(Answer::Yes, "this is its Dockerfile");
        }
        if self.ignore_files(recipe).iter().any(|file| is_same(file)) {
            return ChangeImpact::new(Answer::Maybe, "it selects the files of the build context");
        }
        let Ok(inside) = path.strip_prefix(recipe.context.root()) else {
            let folder = config.context.display();
            return ChangeImpact::new(Answer::No, format!("outside of its build context `{folder}`"));
        };
        if config.rebuild_strategy == RebuildStrategy::IgnoreContextChanges {
            return ChangeImpact::new(Answer::No, "`rebuildStrategy` is `ignoreContextChanges`");
        }
        let inside = &*text_of_os(inside.as_os_str());
        // The targets of symlinks are inputs too, and are part of the selection.
        let is_selected = || recipe.selection.get(inside).is_some();
        match recipe.context.standing(inside, &recipe.reach) {
            PathStatus::Counts(source) => ChangeImpact::new(Answer::Yes, recipe.reader(source.as_deref())),
            _ if is_selected() => {
                ChangeImpact::new(Answer::Yes, "a symbolic link that the Dockerfile reads leads to it")
            }
            PathStatus::Ignored { line, rule } => {
                let file = recipe.context.ignore_file().and_then(Path::file_name);
                let file = file.map(|name| name.to_string_lossy()).unwrap_or_default();
                ChangeImpact::new(
                    Answer::No,
                    match line {
                        Some(line) => format!("line {line} of {file} ignores it: `{rule}`"),
                        None => "this directory is reserved for windlass".to_owned(),
                    },
                )
            }
            PathStatus::Unread => {
                ChangeImpact::new(Answer::No, "no COPY, ADD or RUN --mount of its Dockerfile reads it")
            }
        }
    }
}

/// The first line of a command, and at most 60 characters of it.
fn shortened(command: &str) -> String {
    let line = command.lines().next().unwrap_or_default();
    match line.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line.to_owned(),
    }
}

impl DockerfileRecipe {
    /// The part of the Dockerfile that reads `source`; `None` for all files.
    fn reader(&self, source: Option<&str>) -> String {
        let Some(source) = source else {
            return match &self.reach {
                ContextSources::Whole { why: Some(why) } => {
                    format!("every file of the build context is an input: {why}")
                }
                ContextSources::Whole { why: None } => {
                    "its Dockerfile reads every file of the build context".to_owned()
                }
                ContextSources::Sources(_) => {
                    "its Dockerfile reads every file that `--exclude` does not name".to_owned()
                }
            };
        };
        let mut instructions = self.dockerfile.inner.instructions();
        let reads = |text: &str| {
            text.split([' ', '\t', '"', ',', '='])
                .any(|word| word.trim_start_matches("./").trim_matches('/') == source)
        };
        let found =
            instructions.find(|found| matches!(found.name(), "COPY" | "ADD" | "RUN") && reads(found.text()));
        match found {
            Some(found) => format!("{} of `{source}` at line {} reads it", found.name(), found.lines().0),
            None => format!("its Dockerfile reads `{source}`"),
        }
    }
}
