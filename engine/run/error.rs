//! Errors of a whole run.

use super::{RuntimeVariableError, UnknownShareMode};
use crate::error::Cancelled;
use crate::graph::GraphError;
use crate::image::context::ContextError;
use crate::image::dockerfile::DockerfileError;

/// Errors of a whole run.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
pub enum RunError {
    /// Cancelled by the user, or because of another failure.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Cancelled(#[from] Cancelled),

    /// A file of a build context cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Context(#[from] ContextError),

    /// Images failed; each was reported separately.
    #[error("{failed} of {all} images failed")]
    #[diagnostic(code(run::failed))]
    Failed {
        /// The number of failed images.
        failed: usize,
        /// The number of all images.
        all: usize,
    },

    /// Deployments failed; each was reported separately.
    #[error("{failed} of {all} deployments failed")]
    #[diagnostic(code(run::failed))]
    FailedDeployments {
        /// The number of failed deployments.
        failed: usize,
        /// The number of all deployments.
        all: usize,
    },

    /// A Dockerfile cannot be read.
    #[error("cannot read the Dockerfile `{path}`: {reason}")]
    #[diagnostic(code(stage::load_dockerfile::unreadable))]
    DockerfileUnreadable {
        /// The configured path.
        path: String,
        /// The reason.
        reason: String,
        /// The hint, with the origin of the path.
        #[help]
        help: String,
    },

    /// A Dockerfile is invalid.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Dockerfile(#[from] DockerfileError),

    /// An unknown sharing mode.
    #[error(transparent)]
    #[diagnostic(transparent)]
    ShareMode(#[from] UnknownShareMode),

    /// A build argument has no value.
    #[error("the build argument `{name}` of `{image}` has no value")]
    #[diagnostic(
        code(stage::build_args::unset),
        help("set it in devspace.yaml, or set the environment variable `{name}`")
    )]
    BuildArgUnset {
        /// Name of the argument.
        name: String,
        /// Name of the image.
        image: String,
    },

    /// A runtime variable has no value.
    #[error(transparent)]
    #[diagnostic(transparent)]
    RuntimeVariable(#[from] RuntimeVariableError),

    /// The restart helper cannot be read.
    #[error("cannot read the restart helper `{path}`: {reason}")]
    #[diagnostic(
        code(stage::restart_helper::unreadable),
        help("set `restartHelperPath` to a file, relative to the project directory")
    )]
    RestartHelper {
        /// The configured path.
        path: String,
        /// The reason.
        reason: String,
    },

    /// The images cannot be ordered.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Graph(#[from] GraphError),
}
