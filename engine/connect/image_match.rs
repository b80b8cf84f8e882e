//! The image that a container runs.

use crate::image::{ImageReference, ReferenceError, Repository, Tag};

/// An image by which containers are selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageMatch {
    /// Its name in the project, otherwise its reference, for messages.
    pub name: String,
    /// Its repository.
    pub repository: Repository,
    /// The tag of its last build, if it is known.
    pub tag: Option<Tag>,
    /// Whether containers with other tags do not match.
    pub is_exact: bool,
    /// The tags of other images in the same repository, which do not match.
    pub foreign: Vec<Tag>,
}

/// How well the image of a container matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ImageFit {
    /// It is the last build, if that is known.
    Current,
    /// It is another build of the image.
    Other,
}

impl ImageMatch {
    /// The image with the reference `text`; without a tag, any tag matches.
    ///
    /// # Errors
    /// [`ReferenceError`].
    pub fn of_reference(text: &str) -> Result<Self, ReferenceError> {
        let reference: ImageReference = text.parse()?;
        Ok(Self {
            name: text.to_owned(),
            repository: reference.repository,
            is_exact: reference.tag.is_some(),
            tag: reference.tag,
            foreign: Vec::new(),
        })
    }

    /// How the image `text` of a container matches; `None` if it does not.
    pub(super) fn fit(&self, text: &str) -> Option<ImageFit> {
        let reference: ImageReference = text.parse().ok()?;
        if reference.repository != self.repository {
            return None;
        }
        match (&self.tag, &reference.tag) {
            (None, Some(tag)) | (Some(_), Some(tag)) if self.foreign.contains(tag) => None,
            (None, _) => Some(ImageFit::Current),
            (Some(wanted), Some(tag)) if wanted == tag => Some(ImageFit::Current),
            _ => (!self.is_exact).then_some(ImageFit::Other),
        }
    }

    /// The reference, with its tag if that is known.
    pub(super) fn reference(&self) -> String {
        match &self.tag {
            Some(tag) => format!("{}:{tag}", self.repository),
            None => self.repository.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_match_by_repository_and_the_last_tag_is_current() {
        let tag = |text: &str| text.parse::<Tag>().expect("a tag");
        let any = ImageMatch::of_reference("reg:5000/acme/api").expect("a reference");
        assert_eq!(any.fit("reg:5000/acme/api:1"), Some(ImageFit::Current));
        assert_eq!(any.fit("reg:5000/acme/api2:1"), None);
        assert_eq!(any.fit("not an image"), None);
        let one = ImageMatch::of_reference("docker.io/library/nginx:1").expect("a reference");
        assert_eq!(one.fit("nginx:1"), Some(ImageFit::Current));
        assert_eq!([one.fit("nginx:2"), one.fit("nginx")], [None, None]);
        let built = ImageMatch { tag: Some(tag("b")), foreign: vec![tag("x")], ..any };
        assert_eq!(built.fit("reg:5000/acme/api:b"), Some(ImageFit::Current));
        assert_eq!(built.fit("reg:5000/acme/api:a"), Some(ImageFit::Other));
        assert_eq!(built.fit("reg:5000/acme/api"), Some(ImageFit::Other));
        assert_eq!(built.fit("reg:5000/acme/api:x"), None);
    }
}
