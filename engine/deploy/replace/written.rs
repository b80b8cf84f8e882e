//! Image references as users write them.

/// An image reference as it is written, whose repository is that of a known image.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written<'k, 't> {
    /// The indexes of the known images with this repository; never empty.
    pub candidates: &'k [usize],
    /// The repository in the user's spelling.
    pub repository: &'t str,
    /// The tag.
    pub tag: Option<&'t str>,
    /// The digest.
    pub digest: Option<&'t str>,
}

/// The parts of a reference: repository, tag and digest. They are not checked.
pub(super) fn split(text: &str) -> (&str, Option<&str>, Option<&str>) {
    let (name, digest) = match text.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (text, None),
    };
    // A `:` before the last `/` is that of a port.
    let last = name.rfind('/').map_or(0, |slash| slash + 1);
    match name[last..].split_once(':') {
        Some((component, tag)) => (&name[..last + component.len()], Some(tag), digest),
        None => (name, None, digest),
    }
}

/// The last component of a repository: `api` of `ghcr.io/acme/api`.
pub(super) fn last_component(repository: &str) -> &str {
    repository.rsplit('/').next().unwrap_or(repository)
}

/// Whether `text` names a registry. Such a string is an image reference, and not a word such as `app` or
/// a path such as `acme/api`.
pub(super) fn names_registry(text: &str) -> bool {
    text.split_once('/').is_some_and(|(first, _)| {
        // A `:` at the end is that of a URL.
        first == "localhost" || (first.contains(['.', ':']) && !first.ends_with(':'))
    })
}

/// Whether `text` looks more like an image reference than like a word.
pub(super) fn is_more_than_word(text: &str) -> bool {
    text.contains('/')
}
