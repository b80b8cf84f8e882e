//! What can go wrong while an image is built.

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

/// What keeps an image from being built.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum BuildError {
    /// One of `args` that the builder cannot honor.
    #[error("cannot build `{image}` with `{argument}` of its `args`{place}: {reason}")]
    #[diagnostic(code(stage::build::argument))]
    Argument {
        /// Name of the image.
        image: String,
        /// The argument.
        argument: Box<str>,
        /// Where it stands, in parentheses.
        place: Box<str>,
        /// Why the builder cannot honor it.
        reason: Box<str>,
        /// What to do.
        #[help]
        help: &'static str,
    },

    /// The run was cancelled.
    #[error("the build was cancelled")]
    #[diagnostic(code(run::cancelled))]
    Cancelled,

    /// The cluster does not do what a build needs.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Cluster(#[from] ClusterError),

    /// A command-line builder ended with an error.
    #[error("cannot build `{image}`: `{program}` failed with exit code {exit_code}")]
    #[diagnostic(code(stage::build::command_failed))]
    CommandFailed {
        /// Name of the image.
        image: String,
        /// The program, or the shell line.
        program: String,
        /// Its exit code.
        exit_code: i32,
        /// The last lines of its output, under a heading.
        #[help]
        output: Option<String>,
    },

    /// The daemon is not there, or went away.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Daemon(#[from] DaemonError),

    /// The Dockerfile cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Dockerfile(#[from] DockerfileError),

    /// An instruction that cannot be carried out without a daemon.
    #[error("cannot build `{image}` without a daemon: {reason}, at line {line} of {dockerfile_name}")]
    #[diagnostic(code(stage::build::needs_daemon), help("{help}"))]
    NeedsDaemon {
        /// Name of the image.
        image: String,
        /// Why it needs one: `it runs a command`.
        reason: String,
        /// The line of the instruction, from 1.
        line: usize,
        /// The path of the Dockerfile.
        dockerfile_name: String,
        /// The Dockerfile.
        #[source_code]
        dockerfile: NamedSource<String>,
        /// The instruction in it.
        #[label("this instruction")]
        instruction: SourceSpan,
        /// The ways to get a daemon.
        help: String,
    },

    /// A builder of buildx cannot be had.
    #[error("cannot build `{image}`: the builder `{builder}` cannot be had: {reason}")]
    #[diagnostic(code(stage::build::no_builder))]
    NoBuilder {
        /// Name of the image.
        image: String,
        /// Name of the builder.
        builder: String,
        /// Why.
        reason: String,
        /// What to do, or the last lines of its output.
        #[help]
        help: Option<String>,
    },

    /// There is no buildx.
    #[error("cannot build `{image}` with BuildKit in the cluster: there is no `{command}`")]
    #[diagnostic(
        code(stage::build::no_buildx),
        help(
            "install docker's plugin buildx; or leave `inCluster` out, then the docker daemon's own BuildKit builds; or \
             build with `kaniko`, which needs no program"
        )
    )]
    NoBuildx {
        /// Name of the image.
        image: String,
        /// The command.
        command: String,
    },

    /// There is nothing to run.
    #[error("cannot build `{image}`: {reason}")]
    #[diagnostic(
        code(stage::build::no_command),
        help("set `build.custom.command`, or add an entry for this system to `build.custom.commands`")
    )]
    NoCommand {
        /// Name of the image.
        image: String,
        /// What is missing.
        reason: String,
    },

    /// There is no place for a copy of the context.
    #[error("cannot make a folder for the context of `{image}`: {reason}")]
    #[diagnostic(
        code(stage::build::no_staging),
        help("the docker CLI reads the context from a copy in `.windlass`: free some space there")
    )]
    NoStaging {
        /// Name of the image.
        image: String,
        /// Why.
        reason: String,
    },

    /// An image that only the daemon has cannot be taken from it.
    #[error("cannot take `{reference}` from the docker daemon: {reason}")]
    #[diagnostic(
        code(stage::build::not_taken),
        help("push it to its registry, or let the daemon build from it: `--builder docker`")
    )]
    NotTaken {
        /// The image.
        reference: String,
        /// What went wrong.
        reason: String,
    },

    /// A text that names no platform.
    #[error("`{text}` is no platform")]
    #[diagnostic(code(stage::build::platform), help("write it as linux/amd64, linux/arm64 or linux/arm/v7"))]
    Platform {
        /// The text.
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
        /// What to do.
        #[help]
        help: Option<String>,
    },

    /// A step of the Dockerfile failed.
    #[error("`{step}` failed{}", exit_code.map_or_else(|| format!(": {reason}"), |code| format!(" with exit code {code}")))]
    #[diagnostic(code(stage::build::step_failed))]
    StepFailed {
        /// The step as the builder shows it: `[2/3] RUN make`, `Step 3/4 : RUN make`.
        step: String,
        /// The exit code of its command, when it had one.
        exit_code: Option<i64>,
        /// What the builder said.
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

    /// The daemon refused the build or broke it off for another reason.
    #[error("the docker daemon could not build `{image}`: {reason}")]
    #[diagnostic(code(stage::build::refused))]
    Refused {
        /// Name of the image.
        image: String,
        /// What the daemon said.
        reason: String,
        /// What to do.
        #[help]
        help: Option<String>,
    },

    /// A base image that cannot be had.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Registry(#[from] RegistryError),

    /// A name that is no reference of an image.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Reference(#[from] ReferenceError),

    /// The store of images cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Store(#[from] StoreError),

    /// A file of the build context changed while it was on its way.
    #[error("cannot send `{path}` to the builder: {reason}")]
    #[diagnostic(
        code(stage::build::changed),
        help(
            "run the build again; if it always changes, stop what writes to it or exclude it with a line in \
             .dockerignore"
        )
    )]
    Changed {
        /// The file, as the context names it.
        path: String,
        /// What happened to it.
        reason: Changed,
    },

    /// A file of the build context could not be read when the builder asked for it.
    #[error("cannot send `{path}` to the builder: {reason}")]
    #[diagnostic(
        code(stage::build::unreadable),
        help("give yourself the right to read it, or exclude it with a line in .dockerignore")
    )]
    Unreadable {
        /// The file, as the context names it.
        path: String,
        /// Why it could not be read.
        reason: String,
    },

    /// The daemon could not be reached, or went away.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Transport(#[from] TransportError),
}

impl BuildError {
    /// The file `path` of the context could not be sent.
    pub(super) fn unsendable(path: &str, reason: &std::io::Error) -> Self {
        let path = shown(path).into_owned();
        match Changed::of(reason) {
            Some(reason) => Self::Changed { path, reason },
            None => Self::Unreadable { path, reason: reason.to_string() },
        }
    }

    /// A command-line builder of `image` could not be run.
    pub(crate) fn process(image: &str, source: ProcessError) -> Self {
        let help = source.help().map(|help| help.to_string());
        match source {
            ProcessError::Cancelled { .. } => Self::Cancelled,
            source => Self::Process { image: image.to_owned(), source, help },
        }
    }
}
