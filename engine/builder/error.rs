//! Errors of image builds.

use miette::{Diagnostic as _, NamedSource, SourceSpan};

use super::docker::DaemonError;
use super::docker::TransportError;
use crate::cluster::ClusterError;
use crate::image::ReferenceError;
use crate::image::context::{Changed, shown};
use crate::image::dockerfile::DockerfileError;
use crate::oci::StoreError;
use crate::process::ProcessError;
use crate::registry::RegistryError;

/// An error that prevents an image from being built.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum BuildError {
    /// An argument of Docker that the builder does not support.
    #[error("cannot build `{image}` with {argument}{place}: {reason}")]
    #[diagnostic(code(stage::build::argument))]
    Argument {
        /// Name of the image.
        image: String,
        /// The argument: `` `--squash` of its `args` ``, or `` `secrets` ``.
        argument: Box<str>,
        /// Its location, in parentheses.
        place: Box<str>,
        /// Why the builder does not support it.
        reason: Box<str>,
        /// The hint.
        #[help]
        help: &'static str,
    },

    /// The run was cancelled.
    #[error("the build was cancelled")]
    #[diagnostic(code(run::cancelled))]
    Cancelled,

    /// A cluster operation failed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Cluster(#[from] ClusterError),

    /// A command-line builder failed.
    #[error("cannot build `{image}`: `{program}` failed with exit code {exit_code}")]
    #[diagnostic(code(stage::build::command_failed))]
    CommandFailed {
        /// Name of the image.
        image: String,
        /// The command, or the shell line.
        program: String,
        /// Its exit code.
        exit_code: i32,
        /// The last lines of its output, under a heading.
        #[help]
        output: Option<String>,
    },

    /// The daemon is unreachable, or the connection to it was lost.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Daemon(#[from] DaemonError),

    /// The Dockerfile cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Dockerfile(#[from] DockerfileError),

    /// An instruction that requires a daemon.
    #[error("cannot build `{image}` without a daemon: {reason}, at line {line} of {dockerfile_name}")]
    #[diagnostic(code(stage::build::needs_daemon), help("{help}"))]
    NeedsDaemon {
        /// Name of the image.
        image: String,
        /// Why it requires one: `it runs a command`.
        reason: String,
        /// The line number of the instruction, starting at 1.
        line: usize,
        /// The path of the Dockerfile.
        dockerfile_name: String,
        /// The Dockerfile.
        #[source_code]
        dockerfile: NamedSource<String>,
        /// The instruction in it.
        #[label("this instruction")]
        instruction: SourceSpan,
        /// How to provide a daemon.
        help: String,
    },

    /// A buildx builder is unavailable.
    #[error("cannot build `{image}`: builder `{builder}` is unavailable: {reason}")]
    #[diagnostic(code(stage::build::no_builder))]
    NoBuilder {
        /// Name of the image.
        image: String,
        /// Name of the builder.
        builder: String,
        /// Why.
        reason: String,
        /// The hint, or the last lines of its output.
        #[help]
        help: Option<String>,
    },

    /// buildx is not installed.
    #[error("cannot build `{image}` with BuildKit in the cluster: `{command}` is not installed")]
    #[diagnostic(
        code(stage::build::no_buildx),
        help(
            "install the Docker plugin buildx, remove `inCluster` to build with the BuildKit of the Docker daemon, or \
             build with `kaniko`"
        )
    )]
    NoBuildx {
        /// Name of the image.
        image: String,
        /// The command.
        command: String,
    },

    /// No command is configured for this system.
    #[error("cannot build `{image}`: {reason}")]
    #[diagnostic(
        code(stage::build::no_command),
        help("set `build.custom.command`, or add an entry for this system to `build.custom.commands`")
    )]
    NoCommand {
        /// Name of the image.
        image: String,
        /// The reason, as a phrase.
        reason: String,
    },

    /// The copy of the build context could not be created.
    #[error("cannot create a directory for the build context of `{image}`: {reason}")]
    #[diagnostic(
        code(stage::build::no_staging),
        help("free some disk space: the docker CLI reads the build context from a copy in `.windlass`")
    )]
    NoStaging {
        /// Name of the image.
        image: String,
        /// Why.
        reason: String,
    },

    /// An image that only the daemon holds cannot be saved from it.
    #[error("cannot save `{reference}` from the Docker daemon: {reason}")]
    #[diagnostic(
        code(stage::build::not_taken),
        help("push it to its registry, or build with the daemon: `--builder docker`")
    )]
    NotTaken {
        /// The image.
        reference: String,
        /// The reason.
        reason: String,
    },

    /// An invalid platform.
    #[error("invalid platform `{text}`")]
    #[diagnostic(code(stage::build::platform), help("write it as linux/amd64, linux/arm64 or linux/arm/v7"))]
    Platform {
        /// The platform as written.
        text: String,
    },

    /// A command-line builder could not be run.
    #[error("cannot build `{image}`: {source}")]
    #[diagnostic(code(stage::build::command))]
    Process {
        /// Name of the image.
        image: String,
        /// Why.
        source: ProcessError,
        /// The hint.
        #[help]
        help: Option<String>,
    },

    /// A step of the Dockerfile failed.
    #[error("`{step}` failed{}", exit_code.map_or_else(|| format!(": {reason}"), |code| format!(" with exit code {code}")))]
    #[diagnostic(code(stage::build::step_failed))]
    StepFailed {
        /// The step as the builder shows it: `[2/3] RUN make`, `Step 3/4 : RUN make`.
        step: String,
        /// The exit code of its command, if it has one.
        exit_code: Option<i64>,
        /// The message of the builder.
        reason: String,
        /// The last lines of its output, under a heading.
        #[help]
        output: Option<String>,
        /// The Dockerfile.
        #[source_code]
        dockerfile: NamedSource<String>,
        /// The instruction in it.
        #[label("this instruction")]
        instruction: Option<SourceSpan>,
    },

    /// The daemon rejected the build, or stopped it for another reason.
    #[error("the Docker daemon could not build `{image}`: {reason}")]
    #[diagnostic(code(stage::build::refused))]
    Refused {
        /// Name of the image.
        image: String,
        /// The message of the daemon.
        reason: String,
        /// The hint.
        #[help]
        help: Option<String>,
    },

    /// A base image cannot be pulled.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Registry(#[from] RegistryError),

    /// An invalid image reference.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Reference(#[from] ReferenceError),

    /// The image store cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Store(#[from] StoreError),

    /// A file of the build context changed while it was sent.
    #[error("cannot send `{path}` to the builder: {reason}")]
    #[diagnostic(
        code(stage::build::changed),
        help(
            "run the build again; if the file always changes, stop the process that writes to it, or exclude the file in \
             .dockerignore"
        )
    )]
    Changed {
        /// The path of the file in the context.
        path: String,
        /// The reason.
        reason: Changed,
    },

    /// A file of the build context could not be read when the builder requested it.
    #[error("cannot send `{path}` to the builder: {reason}")]
    #[diagnostic(code(stage::build::unreadable), help("make it readable, or exclude it in .dockerignore"))]
    Unreadable {
        /// The path of the file in the context.
        path: String,
        /// Why it could not be read.
        reason: String,
    },

    /// The daemon is unreachable, or the connection to it was lost.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Transport(#[from] TransportError),
}

impl BuildError {
    /// The error for the file `path` of the context, which could not be sent.
    pub(super) fn unsendable(path: &str, reason: &std::io::Error) -> Self {
        let path = shown(path).into_owned();
        match Changed::of(reason) {
            Some(reason) => Self::Changed { path, reason },
            None => Self::Unreadable { path, reason: reason.to_string() },
        }
    }

    /// The error for a command-line builder of `image` that could not be run.
    pub(crate) fn process(image: &str, source: ProcessError) -> Self {
        let help = source.help().map(|help| help.to_string());
        match source {
            ProcessError::Cancelled { .. } => Self::Cancelled,
            source => Self::Process { image: image.to_owned(), source, help },
        }
    }
}
