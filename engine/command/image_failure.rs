//! The failure of one image or deployment among several.

use std::fmt;

use miette::{Diagnostic, LabeledSpan, Severity, SourceCode};

use crate::script::ScriptError;

/// The error of an image, with its name in front if the message does not contain it.
#[derive(Debug)]
pub struct ImageFailure<'a> {
    /// The name of the image or deployment, or of the dependency if its whole pipeline failed.
    pub image: &'a str,
    /// The directory of its dependency.
    pub folder: Option<&'a str>,
    /// The error.
    pub error: &'a ScriptError,
}

impl fmt::Display for ImageFailure<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self.error.to_string();
        match self.folder {
            Some(folder) => write!(formatter, "{} (in {folder}): ", self.image)?,
            None if message.contains(&format!("`{}`", self.image)) => {}
            None if message.starts_with(&format!("cannot deploy {}", self.image)) => {}
            None => write!(formatter, "{}: ", self.image)?,
        }
        formatter.write_str(&message)
    }
}

impl std::error::Error for ImageFailure<'_> {}

impl Diagnostic for ImageFailure<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.error.code()
    }

    fn severity(&self) -> Option<Severity> {
        self.error.severity()
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.error.help()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.error.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.error.labels()
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        self.error.related()
    }
}
