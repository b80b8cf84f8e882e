//! What can go wrong while a program runs.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{is_bare, search_path};

/// What can go wrong while a program runs. Names the program, never its environment.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ProcessError {
    /// The run was cancelled.
    #[error("`{program}` was cancelled")]
    #[diagnostic(code(process::cancelled))]
    Cancelled {
        /// The program.
        program: String,
    },

    /// The folder to run in does not exist.
    #[error("cannot run `{program}` in `{}`: directory not found", directory.display())]
    #[diagnostic(code(process::no_directory))]
    Directory {
        /// The program.
        program: String,
        /// The folder.
        directory: PathBuf,
    },

    /// The user does not want the project to run programs.
    #[error("cannot run `{command}`: disabled by `--no-exec`")]
    #[diagnostic(code(process::forbidden), help("omit `--no-exec` if you trust this project"))]
    Forbidden {
        /// What should have run.
        command: String,
    },

    /// What the program should read cannot be read.
    #[error("cannot write to the stdin of `{program}`: {source}")]
    #[diagnostic(code(process::input))]
    Input {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },

    /// A signal ended the program.
    #[error("`{program}` was killed by signal {signal}{}", if *signal == 9 { " (out of memory?)" } else { "" })]
    #[diagnostic(code(process::killed))]
    Killed {
        /// The program.
        program: String,
        /// The signal's number.
        signal: i32,
    },

    /// The program exists, but may not be executed.
    #[error("cannot run `{program}`: it is not executable")]
    #[diagnostic(code(process::not_executable), help("make it executable: `chmod +x {program}`"))]
    NotExecutable {
        /// The program.
        program: String,
    },

    /// There is no such program.
    #[error("cannot run `{program}`: command not found")]
    #[diagnostic(code(process::not_found))]
    NotFound {
        /// The program.
        program: String,
        /// Where it was looked for.
        #[help]
        help: String,
    },

    /// It printed nothing for too long.
    #[error("`{program}` was stopped: no output for {} seconds", limit.as_secs())]
    #[diagnostic(code(process::silent))]
    Silent {
        /// The program.
        program: String,
        /// For how long it may say nothing.
        limit: Duration,
    },

    /// The system refused to start the program, for another reason.
    #[error("cannot run `{program}`: {source}")]
    #[diagnostic(code(process::start))]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },

    /// The program ran longer than it may.
    #[error("`{program}` timed out after {} seconds", limit.as_secs_f64())]
    #[diagnostic(code(process::timed_out))]
    TimedOut {
        /// The program.
        program: String,
        /// How long it was allowed to run.
        limit: Duration,
    },
}

impl ProcessError {
    /// Why starting `program` in `directory` failed with `source`.
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
                    format!("install it, or add its folder to PATH (now `{}`)", search_path())
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
