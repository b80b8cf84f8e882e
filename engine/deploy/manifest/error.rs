//! Errors of manifests.

use std::io;

use super::ManifestProblem;
use crate::plural::counted;
use crate::process::ProcessError;

/// Why the manifests of a deployment cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ManifestError {
    /// A URL cannot be read.
    #[error("cannot load manifest `{url}`: {reason}")]
    #[diagnostic(code(deploy::fetch), help("check the URL, or save the manifest in the project"))]
    Fetch {
        /// The URL, without credentials.
        url: String,
        /// The reason, as a phrase.
        reason: String,
    },

    /// The manifests have one problem.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Problem(Box<ManifestProblem>),

    /// The manifests have several problems.
    #[error("cannot use the manifests: {}", count(problems.len()))]
    #[diagnostic(code(deploy::invalid_manifests))]
    Invalid {
        /// The problems, at most [`Self::MAX_PROBLEMS`].
        #[related]
        problems: Vec<ManifestProblem>,
    },

    /// A patch has an invalid operation, path or value, or cannot be applied to an object.
    #[error("cannot apply patch {number} of the manifests: {reason}")]
    #[diagnostic(code(deploy::invalid_patch))]
    InvalidPatch {
        /// Its number in `patches`, from 1.
        number: usize,
        /// The reason, as a phrase.
        reason: String,
        /// The hint.
        #[help]
        help: Option<String>,
    },

    /// A pattern is malformed.
    #[error("invalid pattern `{pattern}`: a `[` is not closed, or a `\\` is last")]
    #[diagnostic(code(deploy::invalid_pattern), help("escape a literal `[` as `\\[`"))]
    InvalidPattern {
        /// The pattern.
        pattern: String,
    },

    /// Kustomize failed.
    #[error("cannot build `{directory}` with `{program}`: exit code {exit_code}")]
    #[diagnostic(code(deploy::kustomize))]
    Kustomize {
        /// The directory or URL.
        directory: String,
        /// The command.
        program: String,
        /// Its exit code.
        exit_code: i32,
        /// The end of its output.
        #[help]
        help: Option<String>,
    },

    /// Kustomize is not installed.
    #[error("cannot build `{directory}`: `kustomize` and `{kubectl}` are not installed")]
    #[diagnostic(
        code(deploy::no_kustomize),
        help("install kustomize or kubectl, or set `kustomizeBinaryPath`")
    )]
    NoKustomize {
        /// The directory or URL.
        directory: String,
        /// The path or name of kubectl.
        kubectl: String,
    },

    /// A directory has no kustomization.
    #[error("cannot build `{directory}`: it has no `kustomization.yaml`")]
    #[diagnostic(code(deploy::no_kustomization))]
    NoKustomization {
        /// The directory.
        directory: String,
        /// The hint.
        #[help]
        help: String,
    },

    /// A directory has no manifests.
    #[error("cannot load manifests from `{directory}`: it has no `.yaml`, `.yml` or `.json` files")]
    #[diagnostic(code(deploy::no_manifests))]
    NoManifests {
        /// The directory, as configured.
        directory: String,
        /// The hint.
        #[help]
        help: Option<String>,
    },

    /// A pattern matches no file.
    #[error("cannot load manifests: no file matches `{pattern}`")]
    #[diagnostic(code(deploy::no_match))]
    NoMatch {
        /// The pattern.
        pattern: String,
        /// The hint.
        #[help]
        help: Option<String>,
    },

    /// A file or directory does not exist.
    #[error("cannot load manifest `{path}`: not found")]
    #[diagnostic(code(deploy::manifest_not_found))]
    NotFound {
        /// The path, as configured.
        path: String,
        /// The hint.
        #[help]
        help: String,
    },

    /// A program cannot be run.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Process(#[from] ProcessError),

    /// The manifests are too large.
    #[error("cannot load the manifests: {what} is larger than {limit} MiB")]
    #[diagnostic(code(deploy::too_large), help("split the deployment"))]
    TooLarge {
        /// The object of the limit, as a phrase.
        what: String,
        /// The limit in MiB.
        limit: usize,
    },

    /// A pattern searches too many directories.
    #[error("cannot load manifests: `{pattern}` searches more than {limit} files")]
    #[diagnostic(code(deploy::too_many_files), help("begin the pattern with a directory"))]
    TooManyFiles {
        /// The pattern.
        pattern: String,
        /// The limit.
        limit: usize,
    },

    /// A patch matches no object.
    #[error("cannot apply patch {number} of the manifests: no object matches {target}")]
    #[diagnostic(code(deploy::unmatched_patch))]
    UnmatchedPatch {
        /// Its number in `patches`, from 1.
        number: usize,
        /// Its target, as a phrase.
        target: String,
        /// The near misses.
        #[help]
        help: Option<String>,
    },

    /// A file cannot be read.
    #[error("cannot load manifest `{path}`: {source}")]
    #[diagnostic(code(deploy::unreadable_manifest))]
    Unreadable {
        /// The path, as displayed.
        path: String,
        /// The cause.
        source: io::Error,
    },
}

impl ManifestError {
    /// The maximum number of problems in [`Self::Invalid`].
    pub const MAX_PROBLEMS: usize = 100;

    /// Fails with the first of `problems`, if there are any.
    pub(super) fn check(problems: impl IntoIterator<Item = ManifestProblem>) -> Result<(), Self> {
        let mut problems: Vec<_> = problems.into_iter().take(Self::MAX_PROBLEMS).collect();
        match problems.len() {
            0 => Ok(()),
            1 => Err(Self::Problem(Box::new(problems.remove(0)))),
            _ => Err(Self::Invalid { problems }),
        }
    }
}

fn count(problems: usize) -> String {
    let least = if problems == ManifestError::MAX_PROBLEMS { "at least " } else { "" };
    format!("{least}{}", counted(problems, "problem"))
}
