//! Variables: resolves `${NAME}`.

pub(crate) mod ask;
pub(crate) mod cache;
pub(crate) mod command;
pub(crate) mod definition;
mod expression;
mod predefined;
mod program;
mod provenance;
mod question;
mod reference;
mod resolver;
mod shell_line;
mod shell_quotes;
mod substitute;
pub(crate) mod terminal;
mod value;

pub(crate) use definition::Definitions;
pub(crate) use predefined::{Predefined, is_predefined};
pub use provenance::Provenance;
pub(crate) use reference::{Part, escape, parts};
pub(crate) use resolver::Resolver;
pub(crate) use shell_line::ShellLine;
pub(crate) use substitute::{is_evaluated, is_filled_late, substitute};
pub(crate) use value::Use;

/// Whether `text` contains a reference or an escaped one, or is an expression.
pub(crate) fn is_reference(text: &str) -> bool {
    expression::expression(text).is_some() || reference::parts(text).is_some()
}
