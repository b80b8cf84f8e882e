//! `windlass set var` and `windlass reset vars`: the answers that are kept.

use super::exit_status::{ExitStatus, Failure};
use super::load::{self, load_options};
use crate::cli::GlobalOptions;
use crate::config::{AnswerError, forget, remember};

/// The options of `windlass set`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  windlass set var TIER=staging")]
pub struct SetArgs {
    /// What to set.
    #[command(subcommand)]
    subject: SetSubject,
}

/// What can be set.
#[derive(Debug, clap::Subcommand)]
enum SetSubject {
    /// Answer the question of a variable before it is asked
    #[command(
        visible_alias = "vars",
        after_help = "\
The answer is kept in .windlass/vars.json, readable for you alone, and used where
neither --var nor the environment nor .env has the variable. Passwords are never
kept: export them, or pass --var.

Examples:
  windlass set var TIER=staging
  windlass set var TIER=staging REGION=eu"
    )]
    Var {
        /// Name and value; several are kept together or not at all
        #[arg(value_name = "NAME=VALUE", required = true)]
        answers: Vec<String>,
    },
}

/// The options of `windlass reset`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  windlass reset vars TIER")]
pub struct ResetArgs {
    /// What to reset.
    #[command(subcommand)]
    subject: ResetSubject,
}

/// What can be reset.
#[derive(Debug, clap::Subcommand)]
enum ResetSubject {
    /// Forget the answers given to questions of variables
    #[command(
        visible_alias = "var",
        after_help = "\
Variables whose answers are forgotten are asked for again when they are needed.

Examples:
  windlass reset vars          all of them
  windlass reset vars TIER     only this one"
    )]
    Vars {
        /// Variables whose answers to forget [default: all]
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
}

/// Keeps answers for variables.
///
/// # Errors
/// When the configuration is wrong, or a variable cannot have the answer.
pub fn set(global: &GlobalOptions, args: &SetArgs) -> Result<ExitStatus, Failure> {
    let SetSubject::Var { answers } = &args.subject;
    let answers: Vec<_> = answers.iter().enumerate().map(assignment).collect::<Result<_, _>>()?;
    let overridden = remember(&load_options(global), &answers).map_err(failure)?;
    if !global.silent {
        let names: Vec<_> = answers.iter().map(|(name, _)| name.as_str()).collect();
        eprintln!("remembered {}", names.join(", "));
        for (name, source) in overridden {
            eprintln!("{name} is also set by the {source}, which wins");
        }
    }
    Ok(ExitStatus::Done)
}

/// Forgets answers for variables.
///
/// # Errors
/// When there is no project, or the answers cannot be written.
pub fn reset(global: &GlobalOptions, args: &ResetArgs) -> Result<ExitStatus, Failure> {
    let ResetSubject::Vars { names } = &args.subject;
    let forgotten = forget(&load_options(global), names).map_err(failure)?;
    if global.silent {
        return Ok(ExitStatus::Done);
    }
    match forgotten.as_slice() {
        [] if names.is_empty() => eprintln!("no answers were kept"),
        [] => {}
        forgotten => eprintln!("forgot {}", forgotten.join(", ")),
    }
    for name in names.iter().filter(|name| !forgotten.contains(name)) {
        eprintln!("no answer was kept for {name}");
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

/// What is to be set is not `NAME=VALUE`. It is not repeated: it may be a secret.
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
