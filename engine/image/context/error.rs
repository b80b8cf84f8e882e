//! Errors of build contexts.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use miette::{NamedSource, SourceSpan};

/// Why a build context cannot be read.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
pub enum ContextError {
    /// A pattern of the ignore file is malformed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    BadPattern(Box<BadPattern>),

    /// A file kept changing while it was hashed.
    #[error("cannot hash `{}`: it changed while read", .path.display())]
    #[diagnostic(
        code(image::context::changing),
        help("stop the process that writes to it, or exclude it with a line in `.dockerignore`")
    )]
    Changing {
        /// The file.
        path: PathBuf,
    },

    /// The directory does not exist.
    #[error("cannot find the build context `{}`", .path.display())]
    #[diagnostic(
        code(image::context::missing),
        help("set `context` of the image to an existing directory, relative to devspace.yaml")
    )]
    Missing {
        /// The directory.
        path: PathBuf,
    },

    /// The path is not a directory.
    #[error("cannot use `{}` as a build context: it is not a directory", .path.display())]
    #[diagnostic(
        code(image::context::not_a_folder),
        help("set `context` of the image to the directory that contains its files")
    )]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },

    /// A file or directory that is not excluded cannot be read.
    #[error("cannot read `{}`: {reason}", .path.display())]
    #[diagnostic(
        code(image::context::unreadable),
        help("make it readable, or exclude it with a line in `.dockerignore`")
    )]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// The error of the operating system.
        reason: Arc<io::Error>,
    },
}

impl ContextError {
    pub(super) fn unreadable(path: impl Into<PathBuf>, reason: impl Into<Arc<io::Error>>) -> Self {
        Self::Unreadable { path: path.into(), reason: reason.into() }
    }
}

/// A malformed pattern of an ignore file.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("cannot read `{file}`: line {line}, column {column}: `{pattern}` is not a valid pattern")]
#[diagnostic(
    code(image::context::bad_pattern),
    help("close every `[`, write a pattern after `!`, and escape a literal `[` or `\\` with `\\`")
)]
pub struct BadPattern {
    /// The ignore file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters, from 1.
    pub column: usize,
    /// The pattern as written.
    pub pattern: String,
    /// The content of the file.
    #[source_code]
    pub text: NamedSource<String>,
    /// The position of the pattern in it, in bytes.
    #[label("this pattern")]
    pub span: SourceSpan,
}
