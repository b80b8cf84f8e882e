//! What a change of one file would mean for an image.

use std::path::Path;

use super::docker_build::DockerfileRecipe;
use super::plan::{Plan, Recipe};
use crate::config::RebuildStrategy;
use crate::image::context::{Standing, text_of_os};
use crate::image::dockerfile::Reach;

/// What a change of one file would mean for an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    /// Whether the image would be built.
    pub answer: Answer,
    /// Why, as a phrase: `COPY src /app at line 4 reads it`.
    pub reason: String,
}

/// Whether an image would be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It would.
    Yes,
    /// It would not.
    No,
    /// That depends on what the file would hold.
    Maybe,
}

impl Touch {
    /// An answer with its reason.
    pub fn new(answer: Answer, reason: impl Into<String>) -> Self {
        Self { answer, reason: reason.into() }
    }
}

impl Plan {
    /// What a change of the file at the absolute `path` would mean, when nothing else changed. Images it is built
    /// from are not looked at.
    pub fn if_changed(&self, path: &Path) -> Touch {
        let config = self.image.config();
        if config.rebuild_strategy == RebuildStrategy::Always {
            return Touch::new(Answer::Yes, "it is built every time: `rebuildStrategy` is `always`");
        }
        match &self.recipe {
            Recipe::Dockerfile(recipe) => self.if_file_changed(recipe, path),
            Recipe::Custom(_) if config.custom.as_ref().is_none_or(|custom| custom.on_change.is_empty()) => {
                Touch::new(Answer::Yes, "it is built every time: its custom command has no `onChange`")
            }
            Recipe::Custom(files) => {
                let root = self.image.root();
                let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
                let name = path.strip_prefix(root).unwrap_or(path);
                match name.to_str().and_then(|name| files.get(name)) {
                    Some(_) => Touch::new(Answer::Yes, "`onChange` names it"),
                    None => Touch::new(Answer::No, "`onChange` names no such file"),
                }
            }
        }
    }

    fn if_file_changed(&self, recipe: &DockerfileRecipe, path: &Path) -> Touch {
        let config = self.image.config();
        let is_same = |other: &Path| other.canonicalize().is_ok_and(|other| other == path);
        if is_same(&self.image.dockerfile_path()) {
            return Touch::new(Answer::Yes, "it is its Dockerfile");
        }
        if recipe.context.ignore_file().is_some_and(is_same) {
            return Touch::new(Answer::Maybe, "it says which files of the build context count");
        }
        let Ok(inside) = path.strip_prefix(recipe.context.root()) else {
            let folder = config.context.display();
            return Touch::new(Answer::No, format!("it is outside of its build context `{folder}`"));
        };
        if config.rebuild_strategy == RebuildStrategy::IgnoreContextChanges {
            return Touch::new(Answer::No, "`rebuildStrategy` is `ignoreContextChanges`");
        }
        let inside = &*text_of_os(inside.as_os_str());
        // What links lead to counts as well, and that the selection knows.
        let is_selected = || recipe.selection.get(inside).is_some();
        match recipe.context.standing(inside, &recipe.reach) {
            Standing::Counts(source) => Touch::new(Answer::Yes, recipe.reader(source.as_deref())),
            _ if is_selected() => {
                Touch::new(Answer::Yes, "a symbolic link that the Dockerfile reads leads to it")
            }
            Standing::Ignored { line, rule } => {
                let file = recipe.context.ignore_file().and_then(Path::file_name);
                let file = file.map(|name| name.to_string_lossy()).unwrap_or_default();
                Touch::new(
                    Answer::No,
                    match line {
                        Some(line) => format!("line {line} of {file} ignores it: `{rule}`"),
                        None => "windlass keeps that folder for itself".to_owned(),
                    },
                )
            }
            Standing::Unread => {
                Touch::new(Answer::No, "no COPY, ADD or RUN --mount of its Dockerfile reads it")
            }
        }
    }
}

impl DockerfileRecipe {
    /// What of the Dockerfile reads `source`; `None` for everything.
    fn reader(&self, source: Option<&str>) -> String {
        let Some(source) = source else {
            return match &self.reach {
                Reach::Whole { why: Some(why) } => format!("every file of the build context counts: {why}"),
                _ => "its Dockerfile reads every file of the build context".to_owned(),
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
