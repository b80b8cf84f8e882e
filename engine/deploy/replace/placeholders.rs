//! `image(NAME)`, `tag(NAME)` and `${runtime.images.NAME}`.

use super::error::ReplaceError;
use super::hint::Hint;
use super::known::KnownImages;
use super::known_image::{KnownImage, KnownReference};
use super::options::ReplaceOptions;
use super::place::Place;
use super::replacer::{Replacer, Target};
use super::report::ReplaceReport;

/// The start of a runtime variable.
const VARIABLE: &str = "${runtime.";

/// The part of a reference that replaces a placeholder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    Repository,
    Tag,
}

/// A placeholder: its text, its part and the name in it.
struct Placeholder<'t> {
    text: &'t str,
    part: Part,
    name: &'t str,
}

/// Resolves the runtime variables in `text`, for example an inline manifest that is called `place`.
///
/// # Errors
/// [`ReplaceError`] for an unknown variable or image, and for an image without a tag.
pub fn fill_runtime_variables(
    text: &str,
    place: &str,
    images: &KnownImages,
) -> Result<(String, ReplaceReport), ReplaceError> {
    let options = ReplaceOptions::default();
    let mut replacer = Replacer::new(images, &options);
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(VARIABLE) {
        filled.push_str(&rest[..start]);
        let (resolved, used) = match variable_at(&rest[start..]) {
            Some(variable) => (replacer.variable_value(variable, &Place::Values(place))?, variable.len()),
            None => (VARIABLE.to_owned(), VARIABLE.len()),
        };
        filled.push_str(&resolved);
        rest = &rest[start + used..];
    }
    filled.push_str(rest);
    Ok((filled, replacer.report))
}

/// `text` with resolved placeholders; `None` if it has none. An unknown image is an error if `is_strict`, otherwise a
/// hint.
pub(super) fn resolve(
    replacer: &mut Replacer<'_>,
    text: &str,
    place: &Place<'_>,
    is_strict: bool,
) -> Result<Option<String>, ReplaceError> {
    if !["image(", "tag(", VARIABLE].iter().any(|start| text.contains(start)) {
        return Ok(None);
    }
    let mut resolved = String::with_capacity(text.len());
    let mut rest = text;
    let mut previous = None;
    let mut is_changed = false;
    while let Some(character) = rest.chars().next() {
        let is_word_start =
            !previous.is_some_and(|previous: char| previous.is_alphanumeric() || previous == '_');
        let (value, length) = if let Some(variable) = variable_at(rest) {
            (Some(replacer.variable_value(variable, place)?), variable.len())
        } else if let Some(helper) = helper_at(rest).filter(|_| is_word_start) {
            (replacer.helper_value(&helper, place, is_strict)?, helper.text.len())
        } else {
            (None, character.len_utf8())
        };
        let (before, after) = rest.split_at(length);
        is_changed |= value.is_some();
        resolved.push_str(value.as_deref().unwrap_or(before));
        previous = before.chars().next_back();
        rest = after;
    }
    Ok(is_changed.then_some(resolved))
}

/// Whether `text` is nothing but `image(NAME)`.
pub(super) fn is_repository_only(text: &str) -> bool {
    let text = text.trim();
    helper_at(text).is_some_and(|helper| helper.text.len() == text.len() && helper.part == Part::Repository)
        || variable_at(text).is_some_and(|variable| variable.len() == text.len() && text.ends_with(".image}"))
}

/// The runtime variable at the start of `text`.
fn variable_at(text: &str) -> Option<&str> {
    let rest = text.strip_prefix(VARIABLE)?;
    let end = rest.find(['}', '{', '$', '\n']).filter(|end| rest[*end..].starts_with('}'))?;
    Some(&text[..VARIABLE.len() + end + 1])
}

/// The `image(NAME)` or `tag(NAME)` at the start of `text`, with or without quotes around the name.
fn helper_at(text: &str) -> Option<Placeholder<'_>> {
    let helpers = [("image(", Part::Repository), ("tag(", Part::Tag)];
    let (part, rest) = helpers.iter().find_map(|(start, part)| Some((*part, text.strip_prefix(start)?)))?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':');
    // Any other content of the parentheses is text or code that only looks similar.
    let end = rest.find(|c| !is_name(c) && !matches!(c, ' ' | '"' | '\''))?;
    let inner = rest[..end].trim();
    let unquoted = |quote| inner.strip_prefix(quote)?.strip_suffix(quote);
    let name = unquoted('"').or_else(|| unquoted('\'')).unwrap_or(inner);
    let is_complete = rest[end..].starts_with(')') && !name.is_empty() && name.chars().all(is_name);
    is_complete.then(|| Placeholder { text: &text[..text.len() - rest.len() + end + 1], part, name })
}

impl<'a> Replacer<'a> {
    fn variable_value(&mut self, variable: &str, place: &Place<'_>) -> Result<String, ReplaceError> {
        let inner =
            variable.strip_prefix(VARIABLE).and_then(|rest| rest.strip_suffix('}')).unwrap_or_default();
        let unknown =
            || ReplaceError::UnknownVariable { variable: inner.to_owned(), place: place.to_string() };
        let (dependency, name) = match inner.strip_prefix("dependencies.") {
            Some(rest) => rest.split_once(".images.").map(|(name, image)| (Some(name), image)),
            None => inner.strip_prefix("images.").map(|image| (None, image)),
        }
        .ok_or_else(unknown)?;
        let images = self.images;
        let find = |name: &str| match dependency {
            Some(dependency) => images.of_dependency(dependency, name),
            None => images.get(name),
        };
        // An image may be called `api.tag`, which then is not the tag of `api`.
        let parts = [("", Part::Whole), (".image", Part::Repository), (".tag", Part::Tag)];
        let found = parts.iter().find_map(|(suffix, part)| Some((find(name.strip_suffix(suffix)?)?, *part)));
        let Some((image, part)) = found else {
            let name = name.strip_suffix(".image").or_else(|| name.strip_suffix(".tag")).unwrap_or(name);
            let name =
                dependency.map_or_else(|| name.to_owned(), |dependency| format!("{dependency}.{name}"));
            return Err(self.unknown_image(&name, place));
        };
        self.part(image, &Placeholder { text: variable, part, name }, place)
    }

    /// The value of `helper`; `None` if it is kept.
    fn helper_value(
        &mut self,
        helper: &Placeholder<'_>,
        place: &Place<'_>,
        is_strict: bool,
    ) -> Result<Option<String>, ReplaceError> {
        let images = self.images;
        if let Some(image) = images.get(helper.name) {
            return self.part(image, helper, place).map(Some);
        }
        // As in DevSpace, a repository identifies the image too.
        if let Some(written) = images.find(helper.name) {
            let image =
                images.choose(&written, written.tag).map_err(|names| ReplaceError::AmbiguousImage {
                    reference: helper.text.to_owned(),
                    names,
                    place: place.to_string(),
                })?;
            return self.part(image, helper, place).map(Some);
        }
        if is_strict {
            return Err(self.unknown_image(helper.name, place));
        }
        self.report.hints.push(Hint::UnknownImage {
            placeholder: helper.text.to_owned(),
            place: place.to_string(),
            help: images.suggestion(helper.name),
        });
        Ok(None)
    }

    /// The value of `placeholder`, which refers to `image`.
    fn part(
        &mut self,
        image: &KnownImage,
        placeholder: &Placeholder<'_>,
        place: &Place<'_>,
    ) -> Result<String, ReplaceError> {
        let (name, place) = (image.full_name(), || place.to_string());
        self.report.used.insert(name.clone());
        let repository = image.repository.to_string();
        match (&image.reference, placeholder.part) {
            (KnownReference::NeverBuilt, _) => Err(ReplaceError::NeverBuilt { image: name, place: place() }),
            (_, Part::Repository) => Ok(repository),
            (KnownReference::Tagged { tag, .. }, Part::Tag) => Ok(tag.to_string()),
            (KnownReference::Tagged { tag, digest }, Part::Whole) => {
                Ok(Target { image, tag, digest: digest.as_ref() }.reference(&repository))
            }
            (KnownReference::Unmanaged { reason }, Part::Tag | Part::Whole) => Err(ReplaceError::NoTag {
                placeholder: placeholder.text.to_owned(),
                image: name,
                reason: reason.clone(),
                place: place(),
            }),
        }
    }

    fn unknown_image(&self, name: &str, place: &Place<'_>) -> ReplaceError {
        let help = self.images.suggestion(name);
        ReplaceError::UnknownImage { image: name.to_owned(), place: place.to_string(), help }
    }
}
