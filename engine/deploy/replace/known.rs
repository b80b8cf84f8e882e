//! The known images of a run.

use std::collections::HashMap;

use super::known_image::{KnownImage, KnownReference};
use super::written::{Written, last_component, split};
use crate::image::{ImageReference, Repository};
use crate::suggestion::nearest;

/// No reference is longer: host, repository, tag and digest at their limits.
pub(super) const LONGEST_REFERENCE: usize = 1024;

/// The known images of a run, with their references.
#[derive(Debug, Clone, Default)]
pub struct KnownImages {
    images: Vec<KnownImage>,
    by_repository: HashMap<Repository, Vec<usize>>,
    /// The paths by their last component. Almost no string ends in one of them, and comparing is much faster than
    /// parsing.
    paths: HashMap<String, Vec<String>>,
}

impl KnownImages {
    /// The image called `name`: of the project, `auth.srv` of the dependency `auth`.
    pub fn get(&self, name: &str) -> Option<&KnownImage> {
        let own = self.images.iter().find(|image| image.dependency.is_none() && image.name == name);
        own.or_else(|| {
            self.images.iter().find(|image| image.dependency.is_some() && image.full_name() == name)
        })
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &KnownImage> {
        self.images.iter()
    }

    /// The image `name` of the dependency `dependency`.
    pub(super) fn of_dependency(&self, dependency: &str, name: &str) -> Option<&KnownImage> {
        self.images.iter().find(|image| image.dependency.as_deref() == Some(dependency) && image.name == name)
    }

    /// The name nearest to `name` as a hint, or all names.
    pub fn suggestion(&self, name: &str) -> String {
        let names: Vec<_> = self.images.iter().map(KnownImage::full_name).collect();
        match nearest(name, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => "this project has no images".to_owned(),
            None => format!("images: {}", names.join(", ")),
        }
    }

    /// Parses `text`, if it refers to the repository of a known image.
    pub(super) fn find<'t>(&self, text: &'t str) -> Option<Written<'_, 't>> {
        if text.len() > LONGEST_REFERENCE {
            return None;
        }
        let (repository, tag, digest) = split(text);
        let paths = self.paths.get(last_component(repository))?;
        if !paths.iter().any(|path| repository.ends_with(path.as_str())) {
            return None;
        }
        let reference: ImageReference = text.parse().ok()?;
        let candidates = self.by_repository.get(&reference.repository)?;
        Some(Written { candidates, repository, tag, digest })
    }

    /// The images that `written` may refer to.
    pub(super) fn candidates(&self, written: &Written<'_, '_>) -> Vec<&KnownImage> {
        written.candidates.iter().map(|index| &self.images[*index]).collect()
    }

    /// The image that `written` refers to, with `tag` as its tag.
    ///
    /// # Errors
    /// The names of the images, if there are several and the tag does not decide.
    pub(super) fn choose(
        &self,
        written: &Written<'_, '_>,
        tag: Option<&str>,
    ) -> Result<&KnownImage, Vec<String>> {
        if let [index] = written.candidates {
            return Ok(&self.images[*index]);
        }
        let all = self.candidates(written);
        let is_decided = |images: &[&KnownImage]| match images {
            [first, rest @ ..] => rest.iter().all(|image| image.reference == first.reference),
            [] => false,
        };
        let fits = |fits: &dyn Fn(&KnownImage) -> bool| -> Vec<_> {
            all.iter().copied().filter(|image| fits(image)).collect()
        };
        let is_managed = |image: &KnownImage| !matches!(image.reference, KnownReference::Unmanaged { .. });
        let by_tag = tag.map(|tag| {
            let is_current = |image: &KnownImage| image.tag().is_some_and(|current| current.as_str() == tag);
            [fits(&is_current), fits(&|image| image.fits(tag))]
        });
        // A disabled image with the repository of the one that replaces it is common, and not ambiguous.
        let choices = by_tag.into_iter().flatten().chain([fits(&is_managed), all.clone()]);
        let chosen =
            choices.into_iter().find(|images| is_decided(images)).and_then(|images| images.first().copied());
        let names = || {
            let managed = fits(&is_managed);
            let named = if managed.is_empty() { &all } else { &managed };
            named.iter().map(|image| image.full_name()).collect()
        };
        chosen.ok_or_else(names)
    }
}

/// Images of dependencies count only in repositories that no image of the project has.
impl FromIterator<KnownImage> for KnownImages {
    fn from_iter<I: IntoIterator<Item = KnownImage>>(images: I) -> Self {
        let images: Vec<_> = images.into_iter().collect();
        let mut by_repository: HashMap<Repository, Vec<usize>> = HashMap::new();
        for (index, image) in images.iter().enumerate() {
            by_repository.entry(image.repository.clone()).or_default().push(index);
        }
        for indexes in by_repository.values_mut() {
            if indexes.iter().any(|index| images[*index].dependency.is_none()) {
                indexes.retain(|index| images[*index].dependency.is_none());
            }
        }
        let mut paths: HashMap<String, Vec<String>> = HashMap::new();
        for repository in by_repository.keys() {
            let path = repository.path();
            // Official images are rarely written with `library/`.
            let path = path.strip_prefix("library/").unwrap_or(path);
            paths.entry(last_component(path).to_owned()).or_default().push(path.to_owned());
        }
        Self { images, by_repository, paths }
    }
}
