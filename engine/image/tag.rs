//! Tags, and the templates they are made from.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A tag: up to 128 characters of `[A-Za-z0-9_.-]`, not starting with `.` or `-` (distribution spec, "pulling manifests").
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(String);

impl Tag {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A text that cannot be a tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("`{text}` is not a valid tag: {reason}")]
#[diagnostic(code(image::tag), help("{}", help(text)))]
pub struct TagError {
    /// The refused text.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

fn help(text: &str) -> &'static str {
    match text.contains("${") {
        true => "values stand in texts between backticks: `v-${image.name}`",
        false => {
            "a tag has up to 128 letters, digits, `_`, `.` or `-`, and starts with a letter, digit or `_`"
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

/// A tag in which every `#` stands for one random letter or digit (spec image-building §4).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TagTemplate(String);

impl TagTemplate {
    /// The template of an image that names no tags: 5 random characters (seed, step 6).
    pub fn random() -> Self {
        Self("#####".to_owned())
    }

    /// The text with its `#`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tag itself, when nothing in it is random.
    pub fn fixed(&self) -> Option<Tag> {
        self.0.parse().ok()
    }

    /// A tag with every `#` replaced by what `random` yields.
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
