//! An image that could be built.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::dockerfiles::context_of;
use crate::image::Repository;

/// An image that could be built. Paths are relative to the project directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Candidate {
    /// Its key in `images`.
    pub name: String,
    /// Registry and repository.
    pub repository: String,
    /// The Dockerfile.
    pub dockerfile: PathBuf,
    /// The directory of the build context; empty for the project directory.
    pub context: PathBuf,
    /// The build target.
    pub target: Option<String>,
    /// Build arguments; for `None`, the value comes from the environment.
    pub build_args: IndexMap<String, Option<String>>,
    /// Whether it is selected by default.
    pub is_suggested: bool,
}

impl Candidate {
    /// The image of a Dockerfile, named after the distinguishing part of the file name or after the directory.
    pub fn of_dockerfile(root: &Path, dockerfile: &Path) -> Self {
        let dockerfile = dockerfile.strip_prefix(".").unwrap_or(dockerfile);
        let file = dockerfile.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let special = file.strip_prefix("Dockerfile.").or_else(|| file.strip_suffix(".Dockerfile"));
        let folder = dockerfile.parent().and_then(Path::file_name).or_else(|| root.file_name());
        let folder = folder.map(|name| name.to_string_lossy().into_owned());
        let name = special.map(ToOwned::to_owned).or(folder).unwrap_or_default();
        Self {
            name: Some(identifier(&name)).filter(|name| !name.is_empty()).unwrap_or_else(|| "app".to_owned()),
            context: context_of(root, dockerfile),
            dockerfile: dockerfile.to_owned(),
            is_suggested: true,
            ..Self::default()
        }
    }

    /// Sets its repository if it has none: below `prefix`, or `prefix` itself if the image `is_only` one.
    pub fn suggest_repository(&mut self, root: &Path, prefix: Option<&str>, is_only: bool) {
        if !self.repository.is_empty() {
            return;
        }
        let folder = root.file_name().map(|name| identifier(&name.to_string_lossy())).unwrap_or_default();
        let suggested = match prefix {
            Some(prefix) if is_only => prefix.to_owned(),
            Some(prefix) => format!("{prefix}/{}", self.name),
            None if is_only || folder.is_empty() => self.name.clone(),
            None => format!("{folder}/{}", self.name),
        };
        let is_fit = suggested.parse::<Repository>().is_ok();
        self.repository = if is_fit { suggested } else { self.name.clone() };
    }
}

/// `text` in lower case, with `-` instead of characters that are invalid in names.
pub fn identifier(text: &str) -> String {
    let fit = |char: char| if char.is_ascii_alphanumeric() { char.to_ascii_lowercase() } else { '-' };
    let fitting: String = text.chars().map(fit).collect();
    fitting.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

/// Renames candidates with the same name: with the directory of their Dockerfile, otherwise with numbers.
pub fn make_names_unique(candidates: &mut [Candidate]) {
    for place in 1..candidates.len() {
        let (before, rest) = candidates.split_at_mut(place);
        let Some(candidate) = rest.first_mut() else { return };
        let is_taken = |name: &str| before.iter().any(|other| other.name == name);
        if !is_taken(&candidate.name) {
            continue;
        }
        let folder = candidate.dockerfile.parent().map(|folder| identifier(&folder.to_string_lossy()));
        let with_folder =
            folder.filter(|folder| !folder.is_empty()).map(|folder| format!("{folder}-{}", candidate.name));
        let numbered = (2..).map(|number| format!("{}-{number}", candidate.name));
        let free = with_folder.into_iter().chain(numbered).find(|name| !is_taken(name));
        candidate.name = free.unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_named_for_their_differences() {
        let name = |path: &str| Candidate::of_dockerfile(Path::new("/home/My Shop"), Path::new(path)).name;
        assert_eq!(name("Dockerfile"), "my-shop");
        assert_eq!(name("./services/API/Dockerfile"), "api");
        assert_eq!(name("Dockerfile.worker"), "worker");
        assert_eq!(name("deploy/web.Dockerfile"), "web");
    }

    #[test]
    fn names_are_made_unique() {
        let mut candidates: Vec<_> = ["a/Dockerfile.web", "b/Dockerfile.web", "b/web.Dockerfile"]
            .map(|path| Candidate::of_dockerfile(Path::new("/x"), Path::new(path)))
            .into();
        make_names_unique(&mut candidates);
        let names: Vec<_> = candidates.iter().map(|candidate| candidate.name.as_str()).collect();
        assert_eq!(names, ["web", "b-web", "web-2"]);
    }
}
