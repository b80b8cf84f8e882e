//! Tags and tag templates.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A tag: at most 128 characters of `[A-Za-z0-9_.-]`, not starting with `.` or `-` (distribution spec, "pulling
/// manifests").
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(String);

impl Tag {
    /// The tag as a string.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tag by which machines share the build `share`, 64 hex digits.
    pub(super) fn of_share(share: &str) -> Self {
        Self(format!("windlass-{share}"))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A string that is not a valid tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("`{text}` is not a valid tag: {reason}")]
#[diagnostic(code(image::tag), help("{}", help(text)))]
pub struct TagError {
    /// The rejected string.
    pub text: String,
    /// The reason.
    pub reason: String,
}

fn help(text: &str) -> &'static str {
    match text.contains("${") {
        true => "interpolate values in a backtick string: `v-${image.name}`",
        false => {
            "a tag has at most 128 letters, digits, `_`, `.` or `-`, and starts with a letter, digit or `_`"
        }
    }
}

impl FromStr for Tag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        let error = |reason: String| TagError { text: text.to_owned(), reason };
        if text.is_empty() {
            return Err(error("it is empty".into()));
        }
        if text.len() > 128 {
            return Err(error(format!("it has {} characters", text.chars().count())));
        }
        if let Some(bad) = text.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')))
        {
            return Err(error(format!("it contains `{bad}`")));
        }
        if text.starts_with(['.', '-']) {
            return Err(error(format!("it starts with `{}`", &text[..1])));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Tag {
    type Error = TagError;

    fn try_from(text: String) -> Result<Self, TagError> {
        text.parse()
    }
}

impl From<Tag> for String {
    fn from(tag: Tag) -> Self {
        tag.0
    }
}

/// A tag template: every `#` is replaced by a random letter or digit, as in DevSpace.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TagTemplate(String);

impl TagTemplate {
    /// The template of an image without configured tags: 5 random characters, as in DevSpace.
    pub fn random() -> Self {
        Self("#####".to_owned())
    }

    /// The template with its `#`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tag itself, if the template has no random characters.
    pub fn fixed(&self) -> Option<Tag> {
        self.0.parse().ok()
    }

    /// A tag in which every `#` is replaced by a character from `random`.
    pub fn fill(&self, mut random: impl FnMut() -> char) -> Tag {
        Tag(self.0.chars().map(|c| if c == '#' { random() } else { c }).collect())
    }
}

impl FromStr for TagTemplate {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        text.replace('#', "x").parse::<Tag>().map_err(|error| TagError { text: text.to_owned(), ..error })?;
        Ok(Self(text.to_owned()))
    }
}
