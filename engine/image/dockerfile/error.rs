//! Errors of Dockerfiles and of lookups in them.

use std::sync::Arc;

use miette::{NamedSource, SourceSpan};

use super::Dockerfile;
use super::source::Mistake;
use crate::suggestion::nearest;

/// An error of a Dockerfile.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
pub enum DockerfileError {
    /// An instruction that cannot be read, or a word of it that cannot be expanded.
    #[error("cannot read `{file}:{line}:{column}`: {reason}")]
    #[diagnostic(code(image::dockerfile::mistake))]
    Mistake {
        /// The path shown in messages.
        file: Arc<str>,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// The reason.
        reason: String,
        /// The text.
        #[source_code]
        source_code: Arc<NamedSource<Arc<str>>>,
        /// The instruction, or the word in it.
        #[label("here")]
        span: SourceSpan,
    },

    /// A Dockerfile without any `FROM`.
    #[error("cannot build `{file}`: it has no FROM")]
    #[diagnostic(code(image::dockerfile::no_targets), help("start it with `FROM` and a base image"))]
    NoTargets {
        /// The path shown in messages.
        file: String,
    },

    /// A build target that the Dockerfile does not have.
    #[error("cannot find the build target `{target}` in `{file}`")]
    #[diagnostic(code(image::dockerfile::unknown_target))]
    UnknownTarget {
        /// The path shown in messages.
        file: String,
        /// The requested name or number.
        target: String,
        /// The most similar name and all existing names.
        #[help]
        help: String,
    },

    /// An instruction to add that is not complete.
    #[error("cannot add `{instruction}` to `{file}`: {reason}")]
    #[diagnostic(
        code(image::dockerfile::instruction),
        help("use complete instructions, such as `RUN apk add curl`, in `appendDockerfileInstructions`")
    )]
    Instruction {
        /// The path shown in messages.
        file: String,
        /// The rejected instruction.
        instruction: String,
        /// The reason.
        reason: String,
    },

    /// The image has no command that the restart helper can start.
    #[error("cannot inject the restart helper into `{file}`: it has no ENTRYPOINT and no CMD to restart")]
    #[diagnostic(
        code(image::dockerfile::no_command),
        help("set `entrypoint` for the image in devspace.yaml: the entrypoint of the base image is unknown")
    )]
    NoCommand {
        /// The path shown in messages.
        file: String,
    },
}

impl DockerfileError {
    pub(super) fn at(file: &Arc<str>, text: &Arc<str>, Mistake { reason, range }: Mistake) -> Self {
        let before = text.get(..range.start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before[line_start..].trim_start_matches('\u{feff}').chars().count() + 1;
        Self::Mistake {
            file: file.clone(),
            line: before.matches('\n').count() + 1,
            column,
            reason,
            source_code: Arc::new(NamedSource::new(file, text.clone())),
            span: range.into(),
        }
    }

    pub(super) fn unknown_target(dockerfile: &Dockerfile, target: &str) -> Self {
        let names = || dockerfile.targets().iter().filter_map(|target| target.name());
        let list = names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let count = dockerfile.targets().len();
        let help = match (nearest(target, names()), list.is_empty()) {
            (Some(name), _) => format!("did you mean `{name}`? The build stages are {list}"),
            (None, false) => format!("the build stages are {list}"),
            (None, true) => format!(
                "its build stages have no names: use a number below {count}, or write `FROM ... AS {target}`"
            ),
        };
        Self::UnknownTarget { file: dockerfile.name().to_owned(), target: target.to_owned(), help }
    }
}
