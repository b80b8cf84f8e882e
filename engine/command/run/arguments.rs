//! The command line of a pipeline, generated from its signature at run time.

use std::ffi::OsString;

use clap::builder::{PossibleValuesParser, TypedValueParser, ValueParser};
use clap::{Arg, ArgAction, ArgMatches, Args, CommandFactory, FromArgMatches};
use rhai::{Array, Dynamic};
use serde_json::Value;

use crate::command::cli::{Cli, GlobalOptions};
use crate::script::{Parameter, ParameterKind, Signature};

/// A parsed command line.
pub struct Parsed<O> {
    /// The options of every command, at any position.
    pub global: GlobalOptions,
    /// The options of every pipeline, at any position.
    pub options: O,
    /// The arguments of the pipeline after the project.
    pub arguments: Vec<Dynamic>,
}

/// A parameter conflicts with a built-in option.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("parameter `{parameter}` of `{pipeline}` conflicts with the built-in option `--{flag}`")]
#[diagnostic(
    code(run::option_taken),
    help("rename the parameter, or remove its default to make it a positional argument")
)]
pub struct OptionTaken {
    parameter: String,
    pipeline: String,
    flag: String,
}

/// The command line of a pipeline is not valid, or requests help.
#[derive(Debug)]
pub enum InvalidArguments {
    /// An error or a help request of clap.
    Clap(clap::Error),
    /// A parameter of the pipeline conflicts with an option of windlass.
    Taken(OptionTaken),
}

/// Parses the whole command line of windlass for the pipeline `signature`; its command `verb` has the options `O`.
///
/// # Errors
/// [`InvalidArguments`].
pub fn parse<O: Args>(
    verb: &str,
    signature: &Signature,
    words: impl IntoIterator<Item = OsString>,
) -> Result<Parsed<O>, InvalidArguments> {
    let whole = whole_command::<O>(verb);
    for parameter in signature.parameters.iter().filter(|parameter| is_flag(parameter)) {
        let flag = flag_of(parameter);
        let of_verb = whole.find_subcommand(verb).into_iter().flat_map(clap::Command::get_arguments);
        let mut taken = whole.get_arguments().chain(of_verb);
        if flag == "help" || taken.any(|option| option.get_long() == Some(&flag)) {
            let (parameter, pipeline) = (parameter.name.clone(), signature.name.clone());
            return Err(InvalidArguments::Taken(OptionTaken { parameter, pipeline, flag }));
        }
    }
    let whole = whole.mut_subcommand(verb, |command| command.subcommand(of_pipeline(signature)));
    let parsed = whole.try_get_matches_from(words).and_then(|matches| read(verb, signature, &matches));
    parsed.map_err(InvalidArguments::Clap)
}

/// The command of windlass, in which the options of `verb` can also follow the name of a pipeline.
fn whole_command<O: Args>(verb: &str) -> clap::Command {
    let usage = format!("windlass {verb} [OPTIONS] <NAME>");
    Cli::command().mut_subcommand(verb, |command| {
        // Its positional arguments are those of the pipeline.
        let plain = clap::Command::new(command.get_name().to_owned()).disable_help_subcommand(true);
        O::augment_args(plain)
            .override_usage(usage)
            .mut_args(|option| option.global(true).help_heading("Options of every pipeline"))
    })
}

fn read<O: Args>(verb: &str, signature: &Signature, matches: &ArgMatches) -> Result<Parsed<O>, clap::Error> {
    let of_verb = matches.subcommand_matches(verb).unwrap_or(matches);
    let own = of_verb.subcommand_matches(&signature.name).unwrap_or(of_verb);
    Ok(Parsed {
        global: GlobalOptions::from_arg_matches(own)?,
        options: O::from_arg_matches(own)?,
        arguments: signature.parameters.iter().map(|parameter| value(parameter, own)).collect(),
    })
}

/// The command of one pipeline.
fn of_pipeline(signature: &Signature) -> clap::Command {
    let command = clap::Command::new(signature.name.clone())
        .about(signature.documentation.clone())
        .disable_version_flag(true);
    let required = signature.parameters.iter().filter(|parameter| !is_flag(parameter)).map(positional);
    let optional = signature.parameters.iter().filter(|parameter| is_flag(parameter)).map(flag);
    command.args(required).args(optional)
}

/// Whether the parameter is an option: it has a default.
fn is_flag(parameter: &Parameter) -> bool {
    parameter.default.is_some()
}

/// The option of a parameter: `dry_run` is `--dry-run`, and a boolean that defaults to `true` is `--no-...`.
fn flag_of(parameter: &Parameter) -> String {
    let name = parameter.name.replace('_', "-");
    if parameter.default == Some(Value::Bool(true)) { format!("no-{name}") } else { name }
}

/// The ID of a parameter among clap's arguments; no built-in option has such an ID.
fn id_of(parameter: &Parameter) -> String {
    format!("parameter {}", parameter.name)
}

fn base(parameter: &Parameter) -> Arg {
    let argument = Arg::new(id_of(parameter)).value_name(parameter.name.to_uppercase());
    argument.help(parameter.documentation.clone()).value_parser(parser(&parameter.kind))
}

fn positional(parameter: &Parameter) -> Arg {
    let argument = base(parameter).required(true);
    match parameter.kind {
        ParameterKind::List => argument.num_args(1..),
        ParameterKind::Int | ParameterKind::Float => argument.allow_negative_numbers(true),
        _ => argument,
    }
}

fn flag(parameter: &Parameter) -> Arg {
    let argument = base(parameter).long(flag_of(parameter));
    match &parameter.default {
        Some(Value::Bool(is_on)) => {
            let off = if *is_on { "Disable: " } else { "" };
            let help = format!("{off}{}", parameter.documentation);
            Arg::new(id_of(parameter)).long(flag_of(parameter)).help(help).action(ArgAction::SetTrue)
        }
        Some(Value::Array(items)) => {
            let items = items.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect::<Vec<_>>();
            let repeat = if parameter.documentation.is_empty() { "(repeatable)" } else { " (repeatable)" };
            let help = format!("{}{repeat}", parameter.documentation.trim_end_matches('.'));
            argument.help(help).action(ArgAction::Append).default_values(items)
        }
        Some(Value::String(text)) => argument.default_value(text.clone()),
        Some(other) => argument.default_value(other.to_string()).allow_negative_numbers(true),
        None => argument,
    }
}

fn parser(kind: &ParameterKind) -> ValueParser {
    match kind {
        ParameterKind::Int => ValueParser::new(|text: &str| {
            text.parse::<i64>().map_err(|_| "expected a whole number such as 8080")
        }),
        ParameterKind::Float => {
            ValueParser::new(|text: &str| text.parse::<f64>().map_err(|_| "expected a number such as 0.5"))
        }
        ParameterKind::Choice { values } => PossibleValuesParser::new(values).map(|value| value).into(),
        ParameterKind::String | ParameterKind::List | ParameterKind::Bool => ValueParser::string(),
    }
}

/// The value of a parameter for scripts.
fn value(parameter: &Parameter, matches: &ArgMatches) -> Dynamic {
    let id = id_of(parameter);
    match &parameter.kind {
        ParameterKind::Int => matches.get_one::<i64>(&id).copied().map_or(Dynamic::UNIT, Dynamic::from),
        ParameterKind::Float => matches.get_one::<f64>(&id).copied().map_or(Dynamic::UNIT, Dynamic::from),
        ParameterKind::Bool => {
            (matches.get_flag(&id) != (parameter.default == Some(Value::Bool(true)))).into()
        }
        ParameterKind::List => {
            let items = matches.get_many::<String>(&id).into_iter().flatten();
            items.cloned().map(Dynamic::from).collect::<Array>().into()
        }
        ParameterKind::String | ParameterKind::Choice { .. } => {
            matches.get_one::<String>(&id).cloned().map_or(Dynamic::UNIT, Dynamic::from)
        }
    }
}
