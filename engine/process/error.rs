//! Errors of commands.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{is_bare, search_path};

/// Why a command failed to run. Contains the command, never its environment.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ProcessError {
    /// The run was cancelled.
    #[error("`{program}` was cancelled")]
    #[diagnostic(code(process::cancelled))]
    Cancelled {
        /// The command.
        program: String,
    },

    /// The working directory does not exist.
    #[error("cannot run `{program}` in `{}`: directory not found", directory.display())]
    #[diagnostic(code(process::no_directory))]
    Directory {
        /// The command.
        program: String,
        /// The directory.
        directory: PathBuf,
    },

    /// The user has disabled the commands of the project.
    #[error("cannot run `{command}`: disabled by `--no-exec`")]
    #[diagnostic(code(process::forbidden), help("omit `--no-exec` if you trust this project"))]
    Forbidden {
        /// The command line.
        command: String,
    },

    /// The source of the command's stdin cannot be read.
    #[error("cannot write to the stdin of `{program}`: {source}")]
    #[diagnostic(code(process::input))]
    Input {
        /// The command.
        program: String,
        /// The reason.
        source: io::Error,
    },

    /// The command was killed by a signal.
    #[error("`{program}` was killed by signal {signal}{}", if *signal == 9 { " (out of memory?)" } else { "" })]
    #[diagnostic(code(process::killed))]
    Killed {
        /// The command.
        program: String,
        /// The signal number.
        signal: i32,
    },

    /// The command exists but is not executable.
    #[error("cannot run `{program}`: it is not executable")]
    #[diagnostic(code(process::not_executable), help("make it executable: `chmod +x {program}`"))]
    NotExecutable {
        /// The command.
        program: String,
    },

    /// The command does not exist.
    #[error("cannot run `{program}`: command not found")]
    #[diagnostic(code(process::not_found))]
    NotFound {
        /// The command.
        program: String,
        /// The hint, with the searched path.
        #[help]
        help: String,
    },

    /// It printed nothing within the timeout.
    #[error("`{program}` was stopped: no output for {} seconds", limit.as_secs())]
    #[diagnostic(code(process::silent))]
    Silent {
        /// The command.
        program: String,
        /// The timeout without output.
        limit: Duration,
    },

    /// The system failed to start the command for another reason.
    #[error("cannot run `{program}`: {source}")]
    #[diagnostic(code(process::start))]
    Start {
        /// The command.
        program: String,
        /// The reason.
        source: io::Error,
    },

    /// The command exceeded the timeout.
    #[error("`{program}` timed out after {} seconds", limit.as_secs_f64())]
    #[diagnostic(code(process::timed_out))]
    TimedOut {
        /// The command.
        program: String,
        /// The timeout.
        limit: Duration,
    },
}

impl ProcessError {
    /// The error for `program` in `directory`, whose start failed with `source`.
    pub(super) fn of_spawn(program: &str, directory: Option<&Path>, source: io::Error) -> Self {
        let program = program.to_owned();
        if let Some(directory) = directory.filter(|directory| !directory.is_dir()) {
            return Self::Directory { program, directory: directory.to_owned() };
        }
        match source.kind() {
            io::ErrorKind::PermissionDenied => Self::NotExecutable { program },
            io::ErrorKind::NotFound => {
                let path = directory.map_or_else(|| (&program).into(), |folder| folder.join(&program));
                let help = if is_bare(&program) {
                    format!("install it, or add its directory to PATH (now `{}`)", search_path())
                } else if path.exists() {
                    "check the interpreter in its first line: the file exists, but the interpreter does not"
                        .to_owned()
                } else {
                    format!("check the path: it resolves to `{}`", path.display())
                };
                Self::NotFound { program, help }
            }
            _ => Self::Start { program, source },
        }
    }
}
