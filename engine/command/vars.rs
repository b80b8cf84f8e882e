//! `windlass set var` and `windlass reset vars`: saved answers.

use super::exit_status::{ExitStatus, Failure};
use super::load::{self, load_options};
use crate::command::cli::GlobalOptions;
use crate::config::{AnswerError, record, remove};

/// The options of `windlass set`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  windlass set var TIER=staging")]
pub struct SetArgs {
    /// The subject to set.
    #[command(subcommand)]
    subject: SetSubject,
}

/// The subjects that can be set.
#[derive(Debug, clap::Subcommand)]
enum SetSubject {
    /// Save the answer to the prompt for a variable
    #[command(
        visible_alias = "vars",
        after_help = "\
The answer is saved in .windlass/vars.json, which only you can read. It is used unless
--var, the environment or .env sets the variable. Passwords are never saved: export
them, or pass --var.

Examples:
  windlass set var TIER=staging
  windlass set var TIER=staging REGION=eu"
    )]
    Var {
        /// Name and value; several are saved all or none
        #[arg(value_name = "NAME=VALUE", required = true)]
        answers: Vec<String>,
    },
}

/// The options of `windlass reset`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  windlass reset vars TIER")]
pub struct ResetArgs {
    /// The subject to reset.
    #[command(subcommand)]
    subject: ResetSubject,
}

/// The subjects that can be reset.
#[derive(Debug, clap::Subcommand)]
enum ResetSubject {
    /// Delete the saved answers of variables
    #[command(
        visible_alias = "var",
        after_help = "\
Windlass prompts again for these variables when they are needed.

Examples:
  windlass reset vars          delete all answers
  windlass reset vars TIER     delete only this answer"
    )]
    Vars {
        /// Variables whose answers to delete [default: all]
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
}

/// Saves answers for variables.
///
/// # Errors
/// If the configuration is invalid, or an answer is invalid for its variable.
pub fn set(global: &GlobalOptions, args: &SetArgs) -> Result<ExitStatus, Failure> {
    let SetSubject::Var { answers } = &args.subject;
    let answers: Vec<_> = answers.iter().enumerate().map(assignment).collect::<Result<_, _>>()?;
    let overridden = record(&load_options(global), &answers).map_err(failure)?;
    if !global.silent {
        let names: Vec<_> = answers.iter().map(|(name, _)| name.as_str()).collect();
        eprintln!("saved {}", names.join(", "));
        for (name, source) in overridden {
            eprintln!("{name} is also set by the {source}, which takes precedence");
        }
    }
    Ok(ExitStatus::Done)
}

/// Deletes answers for variables.
///
/// # Errors
/// If no project is found, or the answers cannot be written.
pub fn reset(global: &GlobalOptions, args: &ResetArgs) -> Result<ExitStatus, Failure> {
    let ResetSubject::Vars { names } = &args.subject;
    let forgotten = remove(&load_options(global), names).map_err(failure)?;
    if global.silent {
        return Ok(ExitStatus::Done);
    }
    match forgotten.as_slice() {
        [] if names.is_empty() => eprintln!("no saved answers"),
        [] => {}
        forgotten => eprintln!("deleted {}", forgotten.join(", ")),
    }
    for name in names.iter().filter(|name| !forgotten.contains(name)) {
        eprintln!("no saved answer for {name}");
    }
    Ok(ExitStatus::Done)
}

fn failure(error: AnswerError) -> Failure {
    match error {
        AnswerError::Config(error) => load::failure(error),
        AnswerError::Unwritable { .. } => Failure::failed(error),
        error => Failure::wrong_use(error),
    }
}

/// An argument is not `NAME=VALUE`. The message does not repeat it, because it may be a secret.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot set variable number {number}: it has no `=`")]
#[diagnostic(code(vars::form), help("write `windlass set var NAME=VALUE`"))]
struct NoAssignment {
    number: usize,
}

fn assignment((index, text): (usize, &String)) -> Result<(String, String), Failure> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err(Failure::wrong_use(NoAssignment { number: index + 1 })),
    }
}
